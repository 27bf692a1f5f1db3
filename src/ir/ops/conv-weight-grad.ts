/** The weight gradient of Conv in standard ops. */
import type { GraphBuilder } from "../builder.ts";
import { formulas } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import { RuleFault, type Target } from "../op-schema.ts";
import { operand } from "./node-operands.ts";
import { type AxisAttributes, axesOf, tapsOf, volumeOf } from "./window.ts";

/** dW of a Conv, in the form that is fast for its shape. */
export function lowerConvWeightGrad(b: GraphBuilder, node: Node<"ConvWeightGrad">, _target: Target): Value {
  return columnsForm(b, problemOf(node));
}

/** What a weight gradient is computed from. */
export interface WeightGradProblem {
  readonly x: Value;
  readonly dy: Value;
  readonly axes: readonly AxisAttributes[];
  readonly group: number;
}
/** The problem of a node. */
export const problemOf = (node: Node<"ConvWeightGrad">): WeightGradProblem => ({
  x: operand(node.inputs, 0),
  dy: operand(node.inputs, 1),
  axes: axesOf(node.attributes),
  group: node.attributes.group,
});

/** Spatial axes of a tensor [_, _, ...spatial]. */
const spatialAxes = (p: WeightGradProblem): readonly number[] => p.axes.map((_, i) => i + 2);
/** [N, C, ...] -> [C, N, ...]. */
const channelsFirst = (b: GraphBuilder, x: Value, p: WeightGradProblem): Value => formulas(b).transpose(x, [1, 0, ...spatialAxes(p)]);
/** x with its zero padding. */
function padded(b: GraphBuilder, x: Value, p: WeightGradProblem): Value {
  const [begins, ends] = [p.axes.map((a) => a.begin), p.axes.map((a) => a.end)];
  return [...begins, ...ends].every((n) => n === 0) ? x : b.add("Pad", [x, b.constant("int64", [0, 0, ...begins, 0, 0, ...ends])]);
}
/** What one tap sees: the padded x from tap * dilation on, one element per stride, one per window. */
function seenBy(b: GraphBuilder, x: Value, tap: readonly number[], p: WeightGradProblem): Value {
  const starts = p.axes.map((a, i) => (tap[i] ?? 0) * a.dilation);
  const ends = p.axes.map((a, i) => (starts[i] ?? 0) + 1 - a.extent);
  const cut = p.axes.flatMap((a, i) => (a.extent > 1 || a.stride > 1 ? [i] : []));
  if (cut.length === 0) return x;
  const vector = (of: (i: number) => number): Value => b.constant("int64", cut.map(of));
  // An end that counts from the back needs no sizes: fewer than `stride` positions follow the last window.
  const end = (i: number): number => ((ends[i] ?? 0) < 0 ? (ends[i] ?? 0) : Number.POSITIVE_INFINITY);
  return b.add("Slice", [x, vector((i) => starts[i] ?? 0), vector(end), vector((i) => i + 2), vector((i) => p.axes[i]?.stride ?? 1)]);
}
/** [C, N, ...] -> [g, C/g, N * ...], or [C, N * ...] for one group. */
function rows(b: GraphBuilder, x: Value, p: WeightGradProblem): Value {
  if (p.group === 1) return formulas(b).reshape(x, [0, -1]);
  const [channels] = x.type.shape;
  if (typeof channels !== "number") throw new RuleFault("unknown-channels", "a grouped convolution needs its channels as numbers");
  return formulas(b).reshape(x, [p.group, channels / p.group, -1]);
}
/** [M, K * C/g] or [g, M/g, K * C/g], taps before channels -> [M, C/g, ...kernel]. */
function weightFromTapMajor(b: GraphBuilder, product: Value, p: WeightGradProblem): Value {
  const f = formulas(b);
  const kernel = p.axes.map((a) => a.kernel);
  const taps = volumeOf(kernel);
  const [channels] = [Number(p.x.type.shape[1]) / p.group];
  if (taps === 1) return f.reshape(product, [-1, channels, ...kernel]);
  return f.reshape(f.transpose(f.reshape(product, [-1, taps, channels]), [0, 2, 1]), [-1, channels, ...kernel]);
}
/** a times b transposed, over the last axis of both: matrices, or one per group. */
function timesTransposed(b: GraphBuilder, left: Value, right: Value): Value {
  const f = formulas(b);
  return left.type.shape.length === 2 ? b.add("Gemm", [left, right], { transB: 1 }) : f.matmul(left, f.transpose(right, [0, 2, 1]));
}

/** All taps' views of x as one matrix [K * C, N * O], and one product: dW = dY * columns^T. */
export function columnsForm(b: GraphBuilder, p: WeightGradProblem): Value {
  const dy = rows(b, channelsFirst(b, p.dy, p), p);
  const x = padded(b, channelsFirst(b, p.x, p), p);
  const views = tapsOf(p.axes.map((a) => a.kernel)).map((tap) => rows(b, seenBy(b, x, tap, p), p));
  const [only] = views;
  const columns = views.length === 1 && only !== undefined ? only : b.add("Concat", views, { axis: p.group === 1 ? 0 : 1 });
  return weightFromTapMajor(b, timesTransposed(b, dy, columns), p);
}
