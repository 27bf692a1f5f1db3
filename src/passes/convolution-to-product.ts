/**
 * Writes convolutions with few output positions and large weights, and their gradients, as one matrix product over the whole batch.
 *
 * onnxruntime computes a Conv image by image, a product whose columns are that image's output positions. With 4x4 positions or fewer the
 * product is a matrix times next to nothing, and the weight is read once per image: measured on ResNet-18's last stage, ten times the time
 * of one product for the batch. The rows that the input is unrolled into serve the forward pass and the weight's gradient alike.
 */
import type { GraphBuilder } from "../ir/builder.ts";
import { formulas } from "../ir/formulas.ts";
import type { Graph, Node, Value } from "../ir/graph.ts";
import { type AxisAttributes, axesOf, type ResolvedWindow, tapsOf } from "../ir/ops/window.ts";
import { type Shape, staticShape } from "../ir/shape.ts";
import { type PassResult, type RewriteContext, type RewriteOutcome, rewrite, rewriteRule, skip } from "./rewrite.ts";

/** At most this many output positions. */
const mostPositions = 16;
/** At least this many elements in the weight: below, the unrolling costs more than it saves. */
const leastWeight = 2 ** 16;

/** For training graphs, whose weights change: with a constant weight the runtime has a better layout of its own. */
export const convolutionsToProducts = (graph: Graph): PassResult =>
  rewrite(graph, [
    rewriteRule("convolution-to-product", ["Conv"], (node, context) => forward(node, context)),
    rewriteRule("convolution-to-product", ["ConvWeightGrad"], (node, context) => weightGrad(node, context)),
    rewriteRule("convolution-to-product", ["ConvInputGrad"], (node, context) => inputGrad(node, context)),
  ]);

/** A convolution whose sizes but the batch's are known. */
interface Problem {
  readonly axes: readonly AxisAttributes[];
  readonly channels: number;
  readonly outputs: number;
  /** Sizes of the input's and the output's spatial axes, and the number of output positions. */
  readonly inSizes: readonly number[];
  readonly outSizes: readonly number[];
  readonly positions: number;
  readonly taps: readonly (readonly number[])[];
}
const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

function problemOf(x: Shape | undefined, y: Shape | undefined, window: ResolvedWindow, group: number): Problem | null {
  const [input, output] = [staticShape(x?.slice(1) ?? ["?"]), staticShape(y?.slice(1) ?? ["?"])];
  if (input === null || output === null || group !== 1) return null;
  const [channels = 0, ...inSizes] = input;
  const [outputs = 0, ...outSizes] = output;
  const positions = product(outSizes);
  const fits = positions > 0 && positions <= mostPositions && channels * outputs * product(window.kernel_shape) >= leastWeight;
  return fits ? { axes: axesOf(window), channels, outputs, inSizes, outSizes, positions, taps: tapsOf(window.kernel_shape) } : null;
}

function forward(node: Node<"Conv">, context: RewriteContext): RewriteOutcome {
  const [x, w, bias] = node.inputs;
  const { kernel_shape, pads, strides, dilations, group, auto_pad } = node.attributes;
  if (!x || !w || context.contents(w) !== null) return "keep";
  if (auto_pad !== "NOTSET" || !kernel_shape) return skip("its padding is not written out");
  const ones = kernel_shape.map(() => 1);
  const window = { kernel_shape, pads: pads ?? [...ones, ...ones].map(() => 0), strides: strides ?? ones, dilations: dilations ?? ones };
  const p = problemOf(x.type.shape, node.outputs[0]?.type.shape, window, group);
  if (p === null) return "keep";
  return (b) => {
    const [rows, weight] = [unrolled(b, context.value(x), p), weightMatrix(b, context.value(w), p)];
    return [fromRows(b, b.add("Gemm", [rows, weight, ...(bias ? [context.value(bias)] : [])], { transB: 1 }), p)];
  };
}

function weightGrad(node: Node<"ConvWeightGrad">, context: RewriteContext): RewriteOutcome {
  const [x, dy] = node.inputs;
  const p = problemOf(x?.type.shape, dy?.type.shape, node.attributes, node.attributes.group);
  if (p === null || !x || !dy) return "keep";
  return (b) => {
    const dw = b.add("Gemm", [toRows(b, context.value(dy), p), unrolled(b, context.value(x), p)], { transA: 1 });
    return [formulas(b).reshape(dw, [p.outputs, p.channels, ...node.attributes.kernel_shape])];
  };
}

function inputGrad(node: Node<"ConvInputGrad">, context: RewriteContext): RewriteOutcome {
  const [dy, w] = node.inputs;
  const p = problemOf(node.outputs[0]?.type.shape, dy?.type.shape, node.attributes, node.attributes.group);
  if (p === null || !dy || !w || context.contents(w) !== null) return "keep";
  return (b) => {
    const rows = b.add("Gemm", [toRows(b, context.value(dy), p), weightMatrix(b, context.value(w), p)]);
    return [rolledUp(b, rows, p)];
  };
}

/** W[M, C, ...kernel] -> [M, C * taps]. */
const weightMatrix = (b: GraphBuilder, w: Value, p: Problem): Value => formulas(b).reshape(w, [p.outputs, p.channels * p.taps.length]);
/** [N, M, ...out] -> [N * positions, M]. */
function toRows(b: GraphBuilder, y: Value, p: Problem): Value {
  const f = formulas(b);
  if (p.positions === 1) return f.reshape(y, [-1, p.outputs]);
  return f.reshape(f.transpose(f.reshape(y, [-1, p.outputs, p.positions]), [0, 2, 1]), [-1, p.outputs]);
}
/** [N * positions, M] -> [N, M, ...out]. */
function fromRows(b: GraphBuilder, rows: Value, p: Problem): Value {
  const f = formulas(b);
  const outside = [-1, p.outputs, ...p.outSizes];
  if (p.positions === 1) return f.reshape(rows, outside);
  return f.reshape(f.transpose(f.reshape(rows, [-1, p.positions, p.outputs]), [0, 2, 1]), outside);
}

/** X[N, C, ...in] -> [N * positions, C * taps]: each row is what one output position sees, in the weight's order. */
function unrolled(b: GraphBuilder, x: Value, p: Problem): Value {
  const f = formulas(b);
  const pads = [0, 0, ...p.axes.map((a) => a.begin), 0, 0, ...p.axes.map((a) => a.end)];
  const padded = pads.every((n) => n === 0) ? x : b.add("Pad", [x, b.constant("int64", pads)]);
  const seen = p.taps.map((tap) => f.reshape(seenBy(b, padded, tap, p), [-1, p.channels, 1, p.positions]));
  const [only, ...more] = seen;
  const stacked = more.length === 0 && only !== undefined ? only : b.add("Concat", seen, { axis: 2 });
  const ordered = p.positions === 1 ? stacked : f.transpose(stacked, [0, 3, 1, 2]);
  return f.reshape(ordered, [-1, p.channels * p.taps.length]);
}
/** What one tap sees of the padded input. */
function seenBy(b: GraphBuilder, padded: Value, tap: readonly number[], p: Problem): Value {
  const starts = p.axes.map((a, i) => (tap[i] ?? 0) * a.dilation);
  const ends = p.axes.map((a, i) => (starts[i] ?? 0) + ((p.outSizes[i] ?? 1) - 1) * a.stride + 1);
  const vector = (values: readonly number[]): Value => b.constant("int64", values);
  return b.add("Slice", [padded, vector(starts), vector(ends), vector(p.axes.map((_, i) => i + 2)), vector(p.axes.map((a) => a.stride))]);
}

/** The transpose of `unrolled`: [N * positions, C * taps] -> [N, C, ...in], where positions seen by several taps are added up. */
function rolledUp(b: GraphBuilder, rows: Value, p: Problem): Value {
  const f = formulas(b);
  const spread = f.reshape(rows, [-1, p.positions, p.channels, p.taps.length]);
  const byTap = p.taps.length === 1 ? null : b.addMany("Split", [f.transpose(spread, [3, 0, 2, 1])], { axis: 0, num_outputs: p.taps.length }, p.taps.length);
  const maps = (byTap ?? [f.transpose(spread, [0, 2, 1, 3])]).map((v) => f.reshape(v, [-1, p.channels, ...p.outSizes]));
  return f.total(maps.map((map, t) => placed(b, map, p.taps[t] ?? [], p)));
}
/** One tap's share at its places in the input: strides become gaps of zeros, and what lies in the padding is cut off. */
function placed(b: GraphBuilder, map: Value, tap: readonly number[], p: Problem): Value {
  const begins = p.axes.map((a, i) => (tap[i] ?? 0) * a.dilation - a.begin);
  const gapped = withGaps(b, map, p);
  const lengths = p.axes.map((a, i) => ((p.outSizes[i] ?? 1) - 1) * a.stride + 1);
  const ends = p.axes.map((_, i) => (p.inSizes[i] ?? 0) - (begins[i] ?? 0) - (lengths[i] ?? 0));
  const pads = [0, 0, ...begins, 0, 0, ...ends];
  return pads.every((n) => n === 0) ? gapped : b.add("Pad", [gapped, b.constant("int64", pads)]);
}
/** stride - 1 zeros between neighbours: each position becomes a cell, padded and laid side by side, without the last one's zeros. */
function withGaps(b: GraphBuilder, map: Value, p: Problem): Value {
  const f = formulas(b);
  const gaps = p.axes.map((a, i) => (p.outSizes[i] === 1 ? 0 : a.stride - 1));
  if (gaps.every((gap) => gap === 0)) return map;
  const cells = f.reshape(map, [-1, p.channels, ...p.outSizes.flatMap((size) => [size, 1])]);
  const grown = b.add("Pad", [cells, b.constant("int64", [0, 0, ...gaps.map(() => [0, 0]).flat(), 0, 0, ...gaps.flatMap((gap) => [0, gap])])]);
  const laid = f.reshape(grown, [-1, p.channels, ...p.outSizes.map((size, i) => size * ((gaps[i] ?? 0) + 1))]);
  return b.add("Pad", [laid, b.constant("int64", [0, 0, ...gaps.map(() => 0), 0, 0, ...gaps.map((gap) => 0 - gap)])]);
}
