/** What changed between the weights of two graphs. */
import { isFloat } from "../../ir/dtype.ts";
import type { Graph, TensorType, Value } from "../../ir/graph.ts";
import { bytesOf, numbersOf, type TensorData } from "../../ir/tensor-data.ts";
import type { NodePairs } from "./match-nodes.ts";

/** A weight that differs. */
export interface WeightChange {
  readonly kind: "added" | "removed" | "reshaped" | "changed" | "renamed";
  /** Null on the side that lacks it. */
  readonly before: (TensorType & { readonly name: string }) | null;
  readonly after: (TensorType & { readonly name: string }) | null;
  /** Of the elements of one that is changed; null for other kinds. */
  readonly difference: Difference | null;
}
/** How far two tensors of one shape are apart. */
export interface Difference {
  /** The largest |after - before|; Infinity where one is NaN or infinite and the other is not. */
  readonly absolute: number;
  /** That, as a part of the largest |before|; Infinity where all of those are 0. */
  readonly relative: number;
  /** The position of the first element that is so far apart. */
  readonly at: number;
}

/** Compares the initializers of two graphs: pairs by name, and then by what paired nodes read in the same position. */
export function compareWeights(
  before: Graph,
  after: Graph,
  pairs: NodePairs,
): { readonly weights: readonly WeightChange[]; readonly sameWeights: number } {
  const matched = pairWeights(before, after, pairs);
  const taken = new Set(matched.values());
  const weights: WeightChange[] = [];
  let sameWeights = 0;
  for (const [value, data] of before.initializers) {
    const other = matched.get(value);
    const found = other === undefined ? undefined : after.initializers.get(other);
    if (other === undefined || found === undefined) {
      weights.push({ kind: "removed", before: tensorOf(value, data), after: null, difference: null });
      continue;
    }
    const sides = { before: tensorOf(value, data), after: tensorOf(other, found) };
    if (data.shape.join() !== found.shape.join()) weights.push({ kind: "reshaped", ...sides, difference: null });
    else if (!isSame(data, found)) weights.push({ kind: "changed", ...sides, difference: differenceOf(data, found) });
    else if (value.name !== other.name) weights.push({ kind: "renamed", ...sides, difference: null });
    else sameWeights++;
  }
  for (const [value, data] of after.initializers)
    if (!taken.has(value)) weights.push({ kind: "added", before: null, after: tensorOf(value, data), difference: null });
  return { weights, sameWeights };
}
const tensorOf = ({ name }: Value, { dtype, shape }: TensorData) => ({ name, dtype, shape });

function pairWeights(before: Graph, after: Graph, nodes: NodePairs): ReadonlyMap<Value, Value> {
  const byName = new Map([...after.initializers.keys()].map((value) => [value.name, value]));
  const pairs = new Map<Value, Value>();
  const taken = new Set<Value>();
  const join = (a: Value, b: Value | undefined): void => {
    if (b === undefined || pairs.has(a) || taken.has(b)) return;
    pairs.set(a, b);
    taken.add(b);
  };
  for (const value of before.initializers.keys()) join(value, byName.get(value.name));
  for (const [node, other] of nodes) {
    node.inputs.forEach((value, slot) => {
      const candidate = other.inputs[slot];
      if (value === null || candidate === null || candidate === undefined) return;
      if (before.initializers.has(value) && after.initializers.has(candidate)) join(value, candidate);
    });
  }
  return pairs;
}

function isSame(a: TensorData, b: TensorData): boolean {
  if (a.dtype !== b.dtype) return false;
  if (!ArrayBuffer.isView(a.data) || !ArrayBuffer.isView(b.data)) return JSON.stringify(a.data) === JSON.stringify(b.data);
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

/** How far two tensors with as many elements are apart; null where they hold texts. */
export function differenceOf(before: TensorData, after: TensorData): Difference | null {
  const [x, y] = [elements(before), elements(after)];
  if (x === null || y === null) return null;
  let [absolute, largest, at] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [was, is] = [Number(x[i]), Number(y[i])];
    if (Number.isFinite(was)) largest = Math.max(largest, Math.abs(was));
    if (Object.is(was, is)) continue;
    const apart = Number.isFinite(was) && Number.isFinite(is) ? Math.abs(is - was) : Number.POSITIVE_INFINITY;
    if (apart > absolute) [absolute, at] = [apart, i];
  }
  return { absolute, relative: absolute === 0 ? 0 : absolute / largest, at };
}
/** The elements; those of half precision as numbers, others as they lie: a copy of numbers would be twice the size of large weights. */
function elements(tensor: TensorData): ArrayLike<number | bigint> | null {
  const { dtype, data } = tensor;
  if (!ArrayBuffer.isView(data)) return null;
  return isFloat(dtype) && dtype !== "float32" && dtype !== "float64" ? numbersOf(tensor) : data;
}
