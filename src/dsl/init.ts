/** How parameters begin: PyTorch's torch.nn.init, as data. `initialize` in initialize.ts turns it into numbers. */

/** Which of a weight's fans scales its variance: the inputs of an output, or the outputs of an input. */
export type FanMode = "fanIn" | "fanOut";
/** The function behind a layer, which decides the gain. */
export type Nonlinearity = "linear" | "sigmoid" | "tanh" | "relu" | "leakyRelu" | "selu";

/** The distribution that a parameter's elements are drawn from. */
export type Init =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | { readonly kind: "normal"; readonly mean: number; readonly std: number }
  | { readonly kind: "truncNormal"; readonly mean: number; readonly std: number; readonly low: number; readonly high: number }
  | {
      readonly kind: "kaiming";
      readonly shape: "uniform" | "normal";
      readonly mode: FanMode;
      readonly nonlinearity: Nonlinearity;
      readonly negativeSlope: number;
    }
  | { readonly kind: "xavier"; readonly shape: "uniform" | "normal"; readonly gain: number }
  | { readonly kind: "orthogonal"; readonly gain: number };

/** What the fields of an Init have to be, by its kind: "number", or one of several texts. */
const fields: {
  readonly [K in Init["kind"]]: { readonly [F in Exclude<keyof Extract<Init, { kind: K }>, "kind">]: "number" | readonly string[] };
} = {
  constant: { value: "number" },
  uniform: { low: "number", high: "number" },
  normal: { mean: "number", std: "number" },
  truncNormal: { mean: "number", std: "number", low: "number", high: "number" },
  kaiming: {
    shape: ["uniform", "normal"],
    mode: ["fanIn", "fanOut"],
    nonlinearity: ["linear", "sigmoid", "tanh", "relu", "leakyRelu", "selu"],
    negativeSlope: "number",
  },
  xavier: { shape: ["uniform", "normal"], gain: "number" },
  orthogonal: { gain: "number" },
};
/** True for what the functions of this file make of arguments that are right. */
export function isInit(x: unknown): x is Init {
  if (typeof x !== "object" || x === null) return false;
  const given = new Map<string, unknown>(Object.entries(x));
  const wanted = Object.entries(fields).find(([kind]) => kind === given.get("kind"))?.[1];
  if (wanted === undefined) return false;
  return Object.entries<"number" | readonly string[]>(wanted).every(([name, kind]) => {
    const value = given.get(name);
    return kind === "number" ? Number.isFinite(value) : typeof value === "string" && kind.includes(value);
  });
}

/** What a layer with a weight and a bias takes in place of its own initialisation. */
export interface LayerInit {
  readonly weight?: Init;
  readonly bias?: Init;
}

/** Every element is `value`. */
export const constant = (value: number): Init => ({ kind: "constant", value });
/** Every element is 0. */
export const zeros = (): Init => constant(0);
/** Every element is 1. */
export const ones = (): Init => constant(1);
/** Uniform between low and high; 0 and 1 as in torch.nn.init.uniform_. */
export const uniform = (low = 0, high = 1): Init => ({ kind: "uniform", low, high });
/** Normal, as torch.nn.init.normal_. */
export const normal = (options: { readonly mean?: number; readonly std?: number } = {}): Init => ({
  kind: "normal",
  mean: options.mean ?? 0,
  std: options.std ?? 1,
});
/** Normal, redrawn outside [low, high], as torch.nn.init.trunc_normal_: the bounds are values, not multiples of std. */
export const truncNormal = (
  options: { readonly mean?: number; readonly std?: number; readonly low?: number; readonly high?: number } = {},
): Init => ({ kind: "truncNormal", mean: options.mean ?? 0, std: options.std ?? 1, low: options.low ?? -2, high: options.high ?? 2 });

/** The options of He initialisation; `negativeSlope` is that of leakyRelu. */
export interface KaimingOptions {
  readonly mode?: FanMode;
  readonly nonlinearity?: Nonlinearity;
  readonly negativeSlope?: number;
}
const kaiming = (shape: "uniform" | "normal", options: KaimingOptions): Init => ({
  kind: "kaiming",
  shape,
  mode: options.mode ?? "fanIn",
  nonlinearity: options.nonlinearity ?? "leakyRelu",
  negativeSlope: options.negativeSlope ?? 0,
});
/** Uniform with the variance gain^2 / fan (He et al. 2015, arXiv:1502.01852), as torch.nn.init.kaiming_uniform_. */
export const kaimingUniform = (options: KaimingOptions = {}): Init => kaiming("uniform", options);
/** Normal with the variance gain^2 / fan, as torch.nn.init.kaiming_normal_. */
export const kaimingNormal = (options: KaimingOptions = {}): Init => kaiming("normal", options);
/** Uniform with the variance 2 gain^2 / (fanIn + fanOut) (Glorot and Bengio 2010), as torch.nn.init.xavier_uniform_. */
export const xavierUniform = (gain = 1): Init => ({ kind: "xavier", shape: "uniform", gain });
/** Normal with the variance 2 gain^2 / (fanIn + fanOut), as torch.nn.init.xavier_normal_. */
export const xavierNormal = (gain = 1): Init => ({ kind: "xavier", shape: "normal", gain });
/** Orthonormal rows, or columns where those are fewer (Saxe et al. 2013, arXiv:1312.6120), as torch.nn.init.orthogonal_. */
export const orthogonal = (gain = 1): Init => ({ kind: "orthogonal", gain });

/** The weights of PyTorch's convolutions and linear layers: kaiming uniform with a = sqrt(5). */
export const defaultWeight: Init = kaimingUniform({ negativeSlope: Math.sqrt(5) });
/** Their biases: uniform within 1 / sqrt(fanIn). */
export const defaultBias = (fanIn: number): Init => (fanIn > 0 ? uniform(-1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn)) : zeros());
