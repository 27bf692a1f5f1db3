/** Tensors with some of their channels. */
import { dtypes } from "../../ir/dtype.ts";
import { arrayOf, bytesOf, type TensorData } from "../../ir/tensor-data.ts";
import { elementsOf } from "../tensor-elements.ts";

/** A tensor with the positions along an axis that are listed, in that order. */
export function takeAlong(tensor: TensorData, axis: number, positions: readonly number[]): TensorData {
  const { shape, dtype } = tensor;
  const length = shape[axis] ?? 1;
  const outer = shape.slice(0, axis).reduce((n, d) => n * d, 1);
  const run = shape.slice(axis + 1).reduce((n, d) => n * d, 1) * dtypes[dtype].size;
  const source = bytesOf(tensor);
  const out = new Uint8Array(outer * positions.length * run);
  for (let o = 0, at = 0; o < outer; o++) {
    for (const p of positions) {
      const start = (o * length + p) * run;
      out.set(source.subarray(start, start + run), at);
      at += run;
    }
  }
  return { dtype, shape: shape.map((d, i) => (i === axis ? positions.length : d)), data: arrayOf(dtype, out) };
}
/** For each position along an axis what a tensor holds there, NaN where that is more than one number. */
export function uniformAlong(tensor: TensorData, axis: number): readonly number[] {
  const { shape } = tensor;
  const length = shape[axis] ?? 1;
  const inner = shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  const elements = elementsOf(tensor);
  const first = Array.from({ length }, (_, c) => elements[c * inner] ?? Number.NaN);
  for (let i = 0; i < elements.length; i++) {
    const c = Math.floor(i / inner) % length;
    if (elements[i] !== first[c]) first[c] = Number.NaN;
  }
  return first;
}
