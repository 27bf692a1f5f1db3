/**
 * Writes convolutions with few output positions and large weights, and their gradients, as one matrix product over the whole batch.
 *
 * onnxruntime computes a Conv image by image, a product whose columns are that image's output positions. With 4x4 positions or fewer the
 * product is a matrix times next to nothing, and the weight is read once per image: measured on ResNet-18's last stage, ten times the time
 * of one product for the batch. The rows that the input is unrolled into serve the forward pass and the weight's gradient alike.
 */
import type { GraphBuilder } from "../../ir/builder.ts";
import { formulas } from "../../ir/formulas.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { type AxisAttributes, axesOf, type ResolvedWindow, tapsOf } from "../../ir/ops/window.ts";
import { type Shape, staticShape } from "../../ir/shape.ts";
import { type Pass, type RewriteContext, type RewriteOutcome, rewrite, rewriteRule, skip } from "../rewrite.ts";

/** At most this many output positions. */
const mostPositions = 16;
/** At least this many elements in the weight: below, the unrolling costs more than it saves. */
const leastWeight = 2 ** 16;
/** At most this many elements in the matrix that says which pixel each tap sees. */
const mostSight = 2 ** 14;

/** For training graphs, whose weights change: with a constant weight the runtime has a better layout of its own. */
export const convolutionsToProducts: Pass = (graph, control) =>
  rewrite(
    graph,
    [
      rewriteRule("convolution-to-product", ["Conv"], (node, context) => forward(node, context)),
      rewriteRule("convolution-to-product", ["ConvWeightGrad"], (node, context) => weightGrad(node, context)),
      rewriteRule("convolution-to-product", ["ConvInputGrad"], (node, context) => inputGrad(node, context)),
    ],
    control,
  );

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
  const taps = product(window.kernel_shape);
  const fits =
    positions > 0 &&
    positions <= mostPositions &&
    channels * outputs * taps >= leastWeight &&
    product(inSizes) * positions * taps <= mostSight;
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

/**
 * X[N, C, ...in] -> [N * positions, C * taps]: each row is what one output position sees, in the weight's order. Which pixel each tap of
 * each position sees is a constant matrix of zeros and ones, so the unrolling is a product too, and padding is a column of zeros.
 */
function unrolled(b: GraphBuilder, x: Value, p: Problem): Value {
  const f = formulas(b);
  const seen = f.matmul(f.reshape(x, [-1, product(p.inSizes)]), sight(b, x, p, "pixel"));
  if (p.positions === 1) return f.reshape(seen, [-1, p.channels * p.taps.length]);
  return f.reshape(f.transpose(f.reshape(seen, [-1, p.channels, p.positions, p.taps.length]), [0, 2, 1, 3]), [
    -1,
    p.channels * p.taps.length,
  ]);
}
/** The transpose of `unrolled`: [N * positions, C * taps] -> [N, C, ...in], where a pixel that several taps see gets their sum. */
function rolledUp(b: GraphBuilder, rows: Value, p: Problem): Value {
  const f = formulas(b);
  const spread = f.reshape(rows, [-1, p.positions, p.channels, p.taps.length]);
  const perChannel = p.positions === 1 ? spread : f.transpose(spread, [0, 2, 1, 3]);
  const pixels = f.matmul(f.reshape(perChannel, [-1, p.positions * p.taps.length]), sight(b, rows, p, "tap"));
  return f.reshape(pixels, [-1, p.channels, ...p.inSizes]);
}

/** 1 where a tap of a position sees a pixel: [pixels, positions * taps], or transposed with "tap" first. */
function sight(b: GraphBuilder, like: Value, p: Problem, first: "pixel" | "tap"): Value {
  const [pixels, views] = [product(p.inSizes), p.positions * p.taps.length];
  const matrix = new Array<number>(pixels * views).fill(0);
  positionsOf(p.outSizes).forEach((position, o) => {
    p.taps.forEach((tap, t) => {
      const pixel = pixelSeen(position, tap, p);
      const view = o * p.taps.length + t;
      if (pixel !== null) matrix[first === "pixel" ? pixel * views + view : view * pixels + pixel] = 1;
    });
  });
  return b.constant(like.type.dtype, matrix, first === "pixel" ? [pixels, views] : [views, pixels]);
}
/** All positions of sizes, the last axis fastest. */
const positionsOf = tapsOf;
/** The flat index of the pixel that a tap of a position sees; null in the padding. */
function pixelSeen(position: readonly number[], tap: readonly number[], p: Problem): number | null {
  let flat = 0;
  for (const [i, a] of p.axes.entries()) {
    const [at, size] = [(position[i] ?? 0) * a.stride + (tap[i] ?? 0) * a.dilation - a.begin, p.inSizes[i] ?? 0];
    if (at < 0 || at >= size) return null;
    flat = flat * size + at;
  }
  return flat;
}
