/**
 * The weight gradient of Conv in standard ops: dW[m, c, k] = sum over n, o of dY[n, m, o] * X[n, c, o * stride - pad + k * dilation].
 *
 * What one tap k sees of X is a strided slice of the padded input; the sum over n and o is a matrix product of dY with that slice.
 * The forms differ in layout and in how many taps one product takes. bench/conv-grad.ts measures them; the times below are those
 * of one thread of onnxruntime 1.30, as a multiple of the forward convolution's.
 */
import type { GraphBuilder } from "../builder.ts";
import { formulas } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import { RuleFault } from "../op-schema.ts";
import { inputAt } from "./call-inputs.ts";
import { type AxisAttributes, axesOf, tapsOf, volumeOf } from "./window.ts";

/** What a weight gradient is computed from. */
export interface WeightGradProblem {
  readonly x: Value;
  readonly dy: Value;
  readonly axes: readonly AxisAttributes[];
  readonly group: number;
}
/** A way to compute it. */
export type WeightGradForm = (b: GraphBuilder, p: WeightGradProblem) => Value;

/** dW of a Conv, in the form that is fast for its shape. */
export function lowerConvWeightGrad(b: GraphBuilder, node: Node<"ConvWeightGrad">): Value {
  const [x, dy] = [inputAt(node, 0), inputAt(node, 1)];
  const problem = { x, dy, axes: axesOf(node.attributes), group: node.attributes.group };
  return weightGradForms[formFor(problem)](b, problem);
}

/** Every form, by name. Each is right for the groups that its comment names. */
export const weightGradForms = {
  /** One group. Slices of [N, ...spatial, C], one product each: 1.0 to 1.1 from 16 channels on, 3 for 3 channels. */
  taps: tapsForm,
  /** Any groups. All slices of [C, N, ...spatial] side by side, one product: 1.5 for 1 or 3 channels, 1.6 and more for many. */
  columns: columnsForm,
  /** One group. A Conv whose kernel is dY: 1.4 where few channels meet a large kernel (7x7 on RGB; columns: 2), else 2 and more. */
  conv: convForm,
  /** Any groups. Slices of [C, N, ...spatial], one batched product each: 1.4 for 4 groups, 1.5 to 4 when depthwise. */
  groupedTaps: groupedTapsForm,
  /** Depthwise. Slices of [N, ...spatial, C] times dY, summed: 1.0 to 1.5; it is slow (2.6) below 64 channels with stride 1. */
  depthwise: depthwiseForm,
} satisfies Readonly<Record<string, WeightGradForm>>;

/** The form that is fastest for a problem. */
export function formFor(p: WeightGradProblem): keyof typeof weightGradForms {
  const channels = channelsOf(p);
  if (p.group > 1) {
    const depthwise = p.group === channels && p.dy.type.shape[1] === channels;
    return depthwise && (channels >= 64 || p.axes.some((a) => a.stride > 1)) ? "depthwise" : "groupedTaps";
  }
  if (channels >= 16) return "taps";
  return volumeOf(p.axes.map((a) => a.kernel)) >= 25 ? "conv" : "columns";
}

/** The channels of X. Throws a RuleFault where they are not known. */
function channelsOf({ x }: WeightGradProblem): number {
  const [, channels] = x.type.shape;
  if (typeof channels === "number") return channels;
  throw new RuleFault("unknown-channels", `the weight's gradient needs the input's channels as a number, not ${channels}`);
}
const kernelOf = (p: WeightGradProblem): readonly number[] => p.axes.map((a) => a.kernel);
const spatialAxes = (p: WeightGradProblem): readonly number[] => p.axes.map((_, i) => i + 2);
/** [N, C, ...] -> [C, N, ...]. */
const channelsFirst = (b: GraphBuilder, x: Value, p: WeightGradProblem): Value => formulas(b).transpose(x, [1, 0, ...spatialAxes(p)]);
/** [N, C, ...] -> [N, ..., C]. */
const channelsLast = (b: GraphBuilder, x: Value, p: WeightGradProblem): Value => formulas(b).transpose(x, [0, ...spatialAxes(p), 1]);

/** x with its zero padding; `first` is its first spatial axis. */
function padded(b: GraphBuilder, x: Value, p: WeightGradProblem, first: number): Value {
  const { length } = x.type.shape;
  const pads = Array.from({ length: 2 * length }, () => 0);
  p.axes.forEach((a, i) => {
    pads[first + i] = a.begin;
    pads[length + first + i] = a.end;
  });
  return pads.every((n) => n === 0) ? x : b.add("Pad", [x, b.constant("int64", pads)]);
}
/**
 * What one tap sees: the padded x from tap * dilation on, one position per stride, one per window. Ends count from the back, which
 * needs no sizes: fewer than a stride of positions follow the last window.
 */
function seenBy(b: GraphBuilder, x: Value, tap: readonly number[], p: WeightGradProblem, first: number): Value {
  const cuts = p.axes.flatMap((a, i) => {
    const start = (tap[i] ?? 0) * a.dilation;
    const end = start + 1 - a.extent;
    return a.extent === 1 && a.stride === 1
      ? []
      : [{ axis: first + i, start, end: end < 0 ? end : Number.POSITIVE_INFINITY, step: a.stride }];
  });
  if (cuts.length === 0) return x;
  const vector = (of: (cut: (typeof cuts)[number]) => number): Value => b.constant("int64", cuts.map(of));
  return b.add("Slice", [x, vector((c) => c.start), vector((c) => c.end), vector((c) => c.axis), vector((c) => c.step)]);
}
const concat = (b: GraphBuilder, values: readonly Value[], axis: number): Value => {
  const [only] = values;
  return values.length === 1 && only !== undefined ? only : b.add("Concat", values, { axis });
};
/** [M, K * C/g] or [g, M/g, K * C/g], taps before channels -> [M, C/g, ...kernel]. */
function weightFrom(b: GraphBuilder, product: Value, p: WeightGradProblem): Value {
  const f = formulas(b);
  const [kernel, channels] = [kernelOf(p), channelsOf(p) / p.group];
  const taps = volumeOf(kernel);
  if (taps === 1 || channels === 1) return f.reshape(product, [-1, channels, ...kernel]);
  return f.reshape(f.transpose(f.reshape(product, [-1, taps, channels]), [0, 2, 1]), [-1, channels, ...kernel]);
}

/** dW_k = dY[M, N * O] X_k[N * O, C]. */
function tapsForm(b: GraphBuilder, p: WeightGradProblem): Value {
  const f = formulas(b);
  const dy = f.reshape(channelsFirst(b, p.dy, p), [0, -1]);
  const x = padded(b, channelsLast(b, p.x, p), p, 1);
  const products = tapsOf(kernelOf(p)).map((tap) => b.add("Gemm", [dy, f.reshape(seenBy(b, x, tap, p, 1), [-1, channelsOf(p)])]));
  return weightFrom(b, concat(b, products, 1), p);
}

/** [C, N, ...] -> [C, N * ...], or [g, C/g, N * ...] for several groups. */
function rows(b: GraphBuilder, x: Value, p: WeightGradProblem): Value {
  if (p.group === 1) return formulas(b).reshape(x, [0, -1]);
  const [channels] = x.type.shape;
  if (typeof channels !== "number") throw new RuleFault("unknown-channels", "a grouped convolution needs its channels as numbers");
  return formulas(b).reshape(x, [p.group, channels / p.group, -1]);
}
/** a times b transposed, over the last axis of both: matrices, or one per group. */
function timesTransposed(b: GraphBuilder, left: Value, right: Value): Value {
  const f = formulas(b);
  return left.type.shape.length === 2 ? b.add("Gemm", [left, right], { transB: 1 }) : f.matmul(left, f.transpose(right, [0, 2, 1]));
}
/** dW = dY[M, N * O] columns[K * C, N * O]^T. */
function columnsForm(b: GraphBuilder, p: WeightGradProblem): Value {
  const x = padded(b, channelsFirst(b, p.x, p), p, 2);
  const views = tapsOf(kernelOf(p)).map((tap) => rows(b, seenBy(b, x, tap, p, 2), p));
  return weightFrom(b, timesTransposed(b, rows(b, channelsFirst(b, p.dy, p), p), concat(b, views, p.group === 1 ? 0 : 1)), p);
}
/** Per group, dW_k = dY[M/g, N * O] X_k[C/g, N * O]^T. */
function groupedTapsForm(b: GraphBuilder, p: WeightGradProblem): Value {
  const dy = rows(b, channelsFirst(b, p.dy, p), p);
  const x = padded(b, channelsFirst(b, p.x, p), p, 2);
  const products = tapsOf(kernelOf(p)).map((tap) => timesTransposed(b, dy, rows(b, seenBy(b, x, tap, p, 2), p)));
  return weightFrom(b, concat(b, products, -1), p);
}

/** Batch and channels swapped, dY is a kernel over X: dW[m, c] = X[c] * dY[m], strides and dilations exchanged. */
function convForm(b: GraphBuilder, p: WeightGradProblem): Value {
  const swapped = b.add("Conv", [channelsFirst(b, p.x, p), channelsFirst(b, p.dy, p)], {
    strides: p.axes.map((a) => a.dilation),
    dilations: p.axes.map((a) => a.stride),
    pads: [...p.axes.map((a) => a.begin), ...p.axes.map((a) => a.end)],
  });
  // Where a rest of X follows the last window, that kernel fits more often than there are taps.
  const bounds = [p.axes.map(() => 0), kernelOf(p), spatialAxes(p)].map((vector) => b.constant("int64", vector));
  const exact = p.axes.every((a) => a.stride === 1) ? swapped : b.add("Slice", [swapped, ...bounds]);
  return formulas(b).transpose(exact, [1, 0, ...spatialAxes(p)]);
}

/** One input and output channel per group: dW_k[c] = sum over rows of dY[N * O, C] X_k[N * O, C]. */
function depthwiseForm(b: GraphBuilder, p: WeightGradProblem): Value {
  const f = formulas(b);
  const channels = channelsOf(p);
  const dy = channelsLast(b, p.dy, p);
  const x = padded(b, channelsLast(b, p.x, p), p, 1);
  const sums = tapsOf(kernelOf(p)).map((tap) => f.reduceSum(f.reshape(f.mul(dy, seenBy(b, x, tap, p, 1)), [-1, channels]), [0], true));
  return f.reshape(f.transpose(concat(b, sums, 0), [1, 0]), [channels, 1, ...kernelOf(p)]);
}
