/** How many arguments the functions of the language take: the type checker counts them, and JavaScript does not. */
import type { Fault } from "./trace.ts";

const taking: Readonly<Record<number, readonly string[]>> = {
  1: [
    ...["relu", "relu6", "silu", "sigmoid", "tanh", "hardSigmoid", "hardSwish", "identity"],
    ...["neg", "abs", "sqrt", "exp", "log", "reciprocal"],
  ],
  2: [
    ...["leakyRelu", "elu", "gelu", "softplus", "prelu", "softmax", "logSoftmax", "dropout"],
    ...["add", "sub", "mul", "div", "pow", "maximum", "minimum", "clamp", "cast", "matmul", "linear", "embedding"],
    ...["conv1d", "conv2d", "conv3d", "convTranspose1d", "convTranspose2d", "convTranspose3d"],
    ...["avgPool1d", "avgPool2d", "avgPool3d", "maxPool1d", "maxPool2d", "maxPool3d"],
    ...["adaptiveAvgPool1d", "adaptiveAvgPool2d", "adaptiveMaxPool2d", "interpolate", "upsample", "pixelShuffle", "pixelUnshuffle"],
    ...["batchNorm1d", "batchNorm2d", "batchNorm3d", "layerNorm", "groupNorm", "instanceNorm2d"],
    ...["concat", "stack", "permute", "reshape", "view", "expand", "squeeze", "unsqueeze", "expectShape"],
  ],
  3: [
    "flatten",
    "mean",
    "sum",
    "amax",
    "amin",
    "split",
    "chunk",
    "transpose",
    "select",
    "slice",
    "pad",
    "parameter",
    "buffer",
    "expectTarget",
  ],
  4: ["multiHeadAttention", "repeat"],
};
const counts: ReadonlyMap<string, number> = new Map(
  Object.entries(taking).flatMap(([count, names]) => names.map((name) => [name, Number(count)] as const)),
);

/** That a function is given more arguments than it takes, or null. */
export function argumentsFault(label: string, given: ArrayLike<unknown>): Fault | null {
  const most = counts.get(label) ?? Number.POSITIVE_INFINITY;
  if (given.length <= most || isCallback(given, most)) return null;
  const help = "lists go into brackets, options into braces; what is behind the last has no effect";
  return { code: "too-many-arguments", text: `there are ${given.length} arguments, but ${label} takes ${most}`, help };
}
/** Functions to which something may be given besides the tensor, but need not be. */
const content: ReadonlySet<string> = new Set([
  ...[
    "leakyRelu",
    "elu",
    "gelu",
    "softplus",
    "prelu",
    "dropout",
    "batchNorm1d",
    "batchNorm2d",
    "batchNorm3d",
    "layerNorm",
    "instanceNorm2d",
  ],
  ...["stack", "flatten", "mean", "sum", "amax", "amin"],
]);
/** That a function of a `pipe`, its index-th, must be given more than the tensor, or null. */
export function moreFault(label: string, index: number): Fault | null {
  if (content.has(label) || (counts.get(label) ?? 1) === 1) return null;
  const text = `function ${index} takes more than a tensor: write (x) => f(x, ...)`;
  return { code: "too-few-arguments", text, help: `write (x) => ${label}(x, ...), or layers.${label}(...) where there is one` };
}
/** True where `map` or `reduce` calls the function: they give the index and the array besides. */
function isCallback(given: ArrayLike<unknown>, most: number): boolean {
  const [element, index, array] = [given[most - 1], given[most], given[most + 1]];
  return given.length === most + 2 && Array.isArray(array) && array[Number(index)] === element;
}
