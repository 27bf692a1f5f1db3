/** The gradient of Gather: rows of the cotangent, added up where they were taken from. */
import type { GraphBuilder } from "../builder.ts";
import { formulas, shapeValue } from "../formulas.ts";
import type { Value } from "../graph.ts";
import { numbersIn } from "./call-inputs.ts";
import { filledLike } from "./reshape-like.ts";
import { unslice } from "./slice-gradient.ts";

/** Up to this many rows a product with the one-hot matrix beats a scatter, which is not threaded. */
const smallTable = 64;

/** The cotangent of x, given that of x taken at indices along an axis. */
export function gatherGrad(b: GraphBuilder, dy: Value, x: Value, indices: Value, axis: number): Value {
  const rows = rowsOf(b, dy, x, indices, axis);
  const numbers = numbersIn(indices);
  const step = numbers === null ? null : stepOf(numbers);
  if (numbers !== null && step !== null) {
    return unslice(b, rows, x, { axes: [axis], starts: b.constant("int64", numbers.slice(0, 1)), steps: [step] });
  }
  const list = indices.type.shape.length === 1 ? indices : formulas(b).reshape(indices, [-1]);
  const size = x.type.shape[axis];
  // onnxruntime has OneHot for few element types.
  const table = x.type.dtype === "float32" && axis === 0 && x.type.shape.length === 2 && typeof size === "number" && size <= smallTable;
  return table ? oneHotProduct(b, rows, list, size) : scatterAdd(b, rows, x, list, axis);
}

/** The constant distance of indices in arithmetic progression, all from one side; null when they are not. A single index has step 1. */
function stepOf(numbers: readonly number[]): number | null {
  const [first, second] = numbers;
  if (first === undefined) return null;
  const step = second === undefined ? 1 : second - first;
  const regular = step !== 0 && numbers.every((n, i) => n === first + i * step && n < 0 === first < 0);
  return regular ? step : null;
}

/** dY with the axes of the indices made one. */
function rowsOf(b: GraphBuilder, dy: Value, x: Value, indices: Value, axis: number): Value {
  const rank = indices.type.shape.length;
  if (rank === 1) return dy;
  if (rank === 0) return b.add("Unsqueeze", [dy, b.constant("int64", [axis])]);
  const { shape } = x.type;
  const sizes = shape.map((d, i) => (i === axis ? -1 : d));
  if (sizes.every((d) => typeof d === "number") && !sizes.includes(0)) return formulas(b).reshape(dy, sizes);
  const rest = (from: number, to: number): Value => b.add("Shape", [x], { start: from, end: to });
  const parts = [
    ...(axis > 0 ? [rest(0, axis)] : []),
    b.add("Size", [indices]),
    ...(axis + 1 < shape.length ? [rest(axis + 1, shape.length)] : []),
  ];
  const target = b.add(
    "Concat",
    parts.map((part) => (part.type.shape.length === 0 ? formulas(b).reshape(part, [1]) : part)),
    { axis: 0 },
  );
  return b.add("Reshape", [dy, target], { allowzero: 1 });
}

/** onehot(indices)^T dY. */
function oneHotProduct(b: GraphBuilder, rows: Value, indices: Value, size: number): Value {
  const hot = b.add("OneHot", [indices, b.constant("int64", size), b.constant("float32", [0, 1])], { axis: 0 });
  return b.add("MatMul", [hot, rows]);
}

/** zeros with every row added at its index. */
function scatterAdd(b: GraphBuilder, rows: Value, x: Value, indices: Value, axis: number): Value {
  const rank = x.type.shape.length;
  const column = formulas(b).reshape(
    indices,
    Array.from({ length: rank }, (_, i) => (i === axis ? -1 : 1)),
  );
  const everywhere = rank === 1 ? indices : b.add("Expand", [column, shapeValue(b, rows)]);
  return b.add("ScatterElements", [filledLike(b, x, 0), everywhere, rows], { axis, reduction: "add" });
}

/** The gradient of OneHot with respect to its two values: the sums of dY over the cold and over the hot places. */
export function oneHotValuesGrad(b: GraphBuilder, dy: Value, indices: Value, depth: Value, axis: number): Value {
  const f = formulas(b);
  const hot = f.cast(b.add("OneHot", [indices, depth, b.constant("float32", [0, 1])], { axis }), dy.type.dtype);
  const on = f.reduceSum(f.mul(dy, hot));
  const off = f.sub(f.reduceSum(dy), on);
  return b.add(
    "Concat",
    [off, on].map((v) => f.reshape(v, [1])),
    { axis: 0 },
  );
}
