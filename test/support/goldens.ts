/** The reference figures in ../shared/goldens: the formula that fills every tensor, and the comparison of digests. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect } from "vitest";
import type { TensorData } from "../../src/ir/tensor-data.ts";

const folder = resolve(import.meta.dirname, "../../../shared/goldens");
/** Why the tests of the goldens cannot run here, or null. Under CI absence is a failure, not a reason. */
export const goldensMissing: string | null = existsSync(folder) || process.env["CI"] !== undefined ? null : `${folder} is absent`;

/** A reference file, such as "training/simple_cnn_sgd". */
export const golden = (name: string): unknown => JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8"));

/** What is recorded of a tensor. */
export interface Digest {
  readonly shape: readonly number[];
  readonly first: readonly number[];
  readonly sum: number;
  readonly l2: number;
  readonly max: number;
  readonly min: number;
}
/** A row of a state_dict: name, shape, and the kind that decides its scale. */
export type StateRow = readonly [
  name: string,
  shape: readonly number[],
  kind: "weight" | "bias" | "running_mean" | "norm_weight" | "running_var",
];

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});
const crc32 = (text: string): number =>
  ~Buffer.from(text, "utf8").reduce((c, byte) => (c >>> 8) ^ (table[(c ^ byte) & 255] ?? 0), 0xffffffff) >>> 0;

/** Element i of hash_uniform(seed, n) of the goldens' README: a float64 in [-1, 1). */
function hashUniformAt(seed: number, i: number): number {
  let x = (Math.imul(i, 0x9e3779b1) + seed) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  x = (x ^ (x >>> 16)) >>> 0;
  return x / 2 ** 31 - 1;
}
/** hash_uniform(crc32(seed), n), scaled and shifted, rounded to float32. Plain loops: the largest models have 138 million elements. */
function hashUniform(seedText: string, n: number, scale: number, offset: number): Float32Array {
  const seed = crc32(seedText);
  const out = new Float32Array(n);
  for (let i = 0; i < n; i++) out[i] = offset + hashUniformAt(seed, i) * scale;
  return out;
}
const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The float32 tensor that the formula gives for a name and kind. */
export function goldenTensor([name, shape, kind]: StateRow): TensorData {
  const fanIn = shape.length > 1 ? count(shape.slice(1)) : (shape[0] ?? 1);
  const scale = { weight: Math.sqrt(3 / fanIn) * Math.sqrt(2), bias: 0.1, running_mean: 0.1, norm_weight: 0.1, running_var: 0.5 }[kind];
  const offset = kind === "norm_weight" || kind === "running_var" ? 1 : 0;
  return { dtype: "float32", shape, data: hashUniform(name, count(shape), scale, offset) };
}
/** All tensors of a state_dict by name. */
export const goldenState = (rows: readonly StateRow[]): Map<string, TensorData> => new Map(rows.map((row) => [row[0], goldenTensor(row)]));

/** A float32 input from its seed text. */
export const goldenInput = (seed: string, shape: readonly number[]): TensorData => ({
  dtype: "float32",
  shape,
  data: hashUniform(seed, count(shape), 1, 0),
});

/** int64 class numbers from a seed text. */
export function goldenLabels(seed: string, shape: readonly number[], classes: number): TensorData {
  const hashed = crc32(seed);
  const label = (i: number): number => Math.min(Math.floor(((hashUniformAt(hashed, i) + 1) / 2) * classes), classes - 1);
  const labels = Array.from({ length: count(shape) }, (_, i) => BigInt(label(i)));
  return { dtype: "int64", shape, data: BigInt64Array.from(labels) };
}

/** How far a tensor may be from its digest. */
export interface DigestTolerance {
  /** The share of the norm by which the norm may differ. */
  readonly norm: number;
  /** The share of the largest element by which each element may differ, since single elements may nearly cancel. */
  readonly element: number;
  /** What is noise for every element, whatever their size; 1e-7 when absent. */
  readonly noise?: number;
}
/** Expects a tensor to have a digest. */
export function expectDigest(name: string, tensor: TensorData, digest: Digest, { norm, element, noise = 1e-7 }: DigestTolerance): void {
  const data = Float64Array.from(tensor.data as Float32Array);
  const l2 = Math.hypot(...chunked(data));
  const scale = Math.max(Math.abs(digest.max), Math.abs(digest.min));
  expect(tensor.shape, name).toEqual(digest.shape);
  const within = (got: number, wanted: number, allowed: number, what: string): void =>
    expect(Math.abs(got - wanted), `${what} is ${got} against ${wanted}`).toBeLessThanOrEqual(allowed);
  within(l2, digest.l2, norm * digest.l2 + noise * Math.sqrt(data.length), `${name}: l2`);
  digest.first.forEach((wanted, i) => {
    within(data[i] ?? Number.NaN, wanted, element * scale + noise, `${name}[${i}]`);
  });
}
/** Norms of pieces: hypot takes its arguments on the stack. */
const chunked = (data: Float64Array): readonly number[] =>
  Array.from({ length: Math.ceil(data.length / 4096) }, (_, i) => Math.hypot(...data.subarray(i * 4096, (i + 1) * 4096)));
