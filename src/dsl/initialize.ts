/** Initial values of parameters, from a seed: the same bytes on every machine, whatever the order of the parameters. */
import { InternalError } from "../ir/diagnostic.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { normalsOf } from "../random/normal.ts";
import { type Key, keyOf } from "../random/philox.ts";
import { normalProbability, normalQuantile } from "../random/quantile.ts";
import { chunk, uniformsOf } from "../random/stream.ts";
import type { Init, Nonlinearity } from "./init.ts";
import type { Parameter } from "./trace.ts";

/** The values of all parameters by name, each drawn from a generator of its own, keyed by the seed and its name. */
export function initialize(parameters: readonly Pick<Parameter, "name" | "value" | "init">[], seed: number): Map<string, TensorData> {
  return new Map(parameters.map(({ name, value, init }) => [name, draw(init, value.type.shape.map(numeric(name)), keyOf(seed, name))]));
}
const numeric =
  (name: string) =>
  (dim: number | string): number => {
    if (typeof dim === "number") return dim;
    throw new InternalError(`parameter "${name}" has the symbolic size ${dim}`);
  };

/** A float32 tensor of elements drawn from a distribution. */
export function draw(init: Init, shape: readonly number[], key: Key): TensorData {
  const n = shape.reduce((product, d) => product * d, 1);
  return { dtype: "float32", shape, data: elements(init, shape, n, key) };
}
function elements(init: Init, shape: readonly number[], n: number, key: Key): Float32Array {
  const { fanIn, fanOut } = fans(shape);
  switch (init.kind) {
    case "constant":
      return new Float32Array(n).fill(init.value);
    case "uniform":
      return uniform(n, init.low, init.high, key);
    case "normal":
      return normal(n, init.mean, init.std, key);
    case "truncNormal":
      return truncNormal(n, init, key);
    case "kaiming": {
      const std = gain(init.nonlinearity, init.negativeSlope) / Math.sqrt(Math.max(init.mode === "fanIn" ? fanIn : fanOut, 1));
      return spread(init.shape, n, std, key);
    }
    case "xavier":
      return spread(init.shape, n, init.gain * Math.sqrt(2 / Math.max(fanIn + fanOut, 1)), key);
    case "orthogonal":
      return orthogonal(n, shape[0] ?? 1, init.gain, key);
  }
}

/** The inputs of one output and the outputs of one input, as PyTorch counts them: weights are [out, in, ...kernel]. */
function fans(shape: readonly number[]): { readonly fanIn: number; readonly fanOut: number } {
  const [out = 1, input = 1, ...kernel] = shape;
  const taps = kernel.reduce((product, k) => product * k, 1);
  return { fanIn: input * taps, fanOut: out * taps };
}
/** torch.nn.init.calculate_gain. */
function gain(nonlinearity: Nonlinearity, negativeSlope: number): number {
  const gains: Readonly<Record<Nonlinearity, number>> = {
    linear: 1,
    sigmoid: 1,
    tanh: 5 / 3,
    relu: Math.SQRT2,
    leakyRelu: Math.sqrt(2 / (1 + negativeSlope * negativeSlope)),
    selu: 3 / 4,
  };
  return gains[nonlinearity];
}

/** Mean 0 and the given deviation: uniform within sqrt(3) deviations, or normal. */
const spread = (shape: "uniform" | "normal", n: number, std: number, key: Key): Float32Array =>
  shape === "normal" ? normal(n, 0, std, key) : uniform(n, -Math.sqrt(3) * std, Math.sqrt(3) * std, key);

const uniform = (n: number, low: number, high: number, key: Key): Float32Array => uniformsOf(key, low, high)(new Float32Array(n));
const normal = (n: number, mean: number, std: number, key: Key): Float32Array => normalsOf(key, mean, std)(new Float32Array(n));
function truncNormal(n: number, init: Extract<Init, { kind: "truncNormal" }>, key: Key): Float32Array {
  const { mean, std, low, high } = init;
  const [a, b] = [(low - mean) / std, (high - mean) / std];
  // At least a third of all numbers lies within half a deviation of the mean: it is soon that enough of them are within the bounds.
  return a < -0.5 && b > 0.5 ? redrawn(n, init, key) : between(n, a, b, (z) => clamp(mean + std * z, low, high), key);
}
const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);
/** Normal numbers, those outside the bounds left out. */
function redrawn(n: number, { mean, std, low, high }: Extract<Init, { kind: "truncNormal" }>, key: Key): Float32Array {
  const out = new Float32Array(n);
  const fill = normalsOf(key, mean, std);
  const values = new Float64Array(chunk);
  let count = 0;
  while (count < n) {
    fill(values);
    for (let k = 0; k < chunk && count < n; k++) {
      const x = values[k] ?? 0;
      if (x >= low && x <= high) out[count++] = x;
    }
  }
  return out;
}
/** Standard normal numbers between a and b, by the inverse of the distribution. */
function between(n: number, a: number, b: number, scaled: (z: number) => number, key: Key): Float32Array {
  // Far above the mean, probabilities crowd at 1: draw from the mirror image, where they are near 0 and exact.
  const sign = a + b > 0 ? -1 : 1;
  const [p, q] = (sign < 0 ? [-b, -a] : [a, b]).map(normalProbability);
  const probabilities = uniformsOf(key, p, q)(new Float64Array(n));
  return Float32Array.from(probabilities, (u) => scaled(sign * normalQuantile(clamp(u, 2 ** -300, 1 - 2 ** -53))));
}

/** Rows (columns, where those are fewer) made orthonormal by Gram and Schmidt, twice for accuracy, then scaled. */
function orthogonal(n: number, rows: number, scale: number, key: Key): Float32Array {
  const columns = rows === 0 ? 0 : n / rows;
  const tall = rows > columns;
  const [count, length] = tall ? [columns, rows] : [rows, columns];
  const random = normalsOf(key)(new Float64Array(n));
  const vectors = Array.from({ length: count }, (_, v) => random.subarray(v * length, (v + 1) * length));
  vectors.forEach((vector, v) => {
    for (let pass = 0; pass < 2; pass++) for (const earlier of vectors.slice(0, v)) subtract(vector, earlier, dot(vector, earlier));
    const norm = Math.sqrt(dot(vector, vector));
    for (let i = 0; i < length; i++) vector[i] = (vector[i] ?? 0) / norm;
  });
  return Float32Array.from({ length: n }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    return scale * ((tall ? vectors[column]?.[row] : vectors[row]?.[column]) ?? 0);
  });
}
function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
function subtract(target: Float64Array, other: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] ?? 0) - factor * (other[i] ?? 0);
}
