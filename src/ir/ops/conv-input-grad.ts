/** The input gradient of Conv in standard ops: dX[n, c, o * stride - pad + k * dilation] += W[m, c, k] * dY[n, m, o]. */
import type { GraphBuilder } from "../builder.ts";
import { formulas } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import { RuleFault, type Target } from "../op-schema.ts";
import type { Shape } from "../shape.ts";
import { traitsOf } from "../targets.ts";
import { inputAt } from "./call-inputs.ts";
import { firstOutput } from "./elementwise.ts";
import { type AxisAttributes, axesOf, volumeOf } from "./window.ts";

/**
 * dX of a Conv, as a Conv where every stride is 1 and else as a ConvTranspose.
 *
 * With stride 1 the gradient is a correlation of dY with the reversed kernel, channels and outputs swapped. On the CPU that is up to
 * twice as fast as ConvTranspose, whose last part runs on one thread, unless dX has few channels: its columns hold all taps of dY,
 * ConvTranspose's those of dX. On CUDA, ConvTranspose is cuDNN's kernel for this.
 */
export function convInputGrad(b: GraphBuilder, p: InputGradProblem, target: Target): Value {
  const [outputs, channels] = [p.w.type.shape[0], p.w.type.shape[1]];
  const fewChannels = p.group === 1 && typeof outputs === "number" && typeof channels === "number" && 4 * channels <= outputs;
  const asOne = traitsOf(target.provider).device === "cpu" && !fewChannels && p.axes.every((a) => a.stride === 1);
  return asOne ? asConv(b, p) : asConvTranspose(b, p);
}
/** What an input gradient is computed from; `sizes` are those of X's spatial axes, `xShape` the vector of X's whole shape. */
export interface InputGradProblem {
  readonly dy: Value;
  readonly w: Value;
  readonly xShape: Value;
  readonly sizes: Shape;
  readonly axes: readonly AxisAttributes[];
  readonly group: number;
}
/** The standard form of a node. */
export function lowerConvInputGrad(b: GraphBuilder, node: Node<"ConvInputGrad">, target: Target): Value {
  const sizes = firstOutput(node).type.shape.slice(2);
  const [dy, w, xShape] = [inputAt(node, 0), inputAt(node, 1), inputAt(node, 2)];
  return convInputGrad(b, { dy, w, xShape, sizes, axes: axesOf(node.attributes), group: node.attributes.group }, target);
}

function asConv(b: GraphBuilder, p: InputGradProblem): Value {
  const { dy, w, axes, group } = p;
  const begins = axes.map((a) => a.extent - 1 - a.begin);
  const ends = axes.map((a) => a.extent - 1 - a.end);
  const grown = b.add("Conv", [dy, adjointWeight(b, w, p)], {
    group,
    kernel_shape: axes.map((a) => a.kernel),
    dilations: axes.map((a) => a.dilation),
    strides: axes.map(() => 1),
    pads: [...begins, ...ends].map((p) => Math.max(p, 0)),
  });
  // More padding than the kernel reaches: those outputs of the forward pass saw padding alone.
  return cropped(
    b,
    grown,
    begins.map((p) => Math.max(-p, 0)),
    ends.map((p) => Math.max(-p, 0)),
  );
}

/**
 * W[M, C/g, ...] -> [C, M/g, ...] with each kernel reversed: the weight of the transposed convolution as a Conv has it. Taps are
 * reversed while they lie before M, in whole rows: three times as fast as reversing single elements at the end.
 */
function adjointWeight(b: GraphBuilder, w: Value, { axes, group }: InputGradProblem): Value {
  const f = formulas(b);
  const kernel = axes.map((a) => a.kernel);
  const taps = volumeOf(kernel);
  const [, channels] = w.type.shape;
  if (typeof channels !== "number")
    throw new RuleFault("unknown-channels", `the input's gradient needs the weight's channels as a number, not ${channels}`);
  const outputsLast =
    group === 1 ? f.transpose(f.reshape(w, [0, -1]), [1, 0]) : f.transpose(f.reshape(w, [group, -1, channels * taps]), [0, 2, 1]);
  const rows = f.reshape(outputsLast, [group * channels, taps, -1]);
  const order = Array.from({ length: taps }, (_, i) => taps - 1 - i);
  const reversed = taps === 1 ? rows : b.add("Gather", [rows, b.constant("int64", order)], { axis: 1 });
  return f.reshape(f.transpose(reversed, [0, 2, 1]), [group * channels, -1, ...kernel]);
}
/** x without its first `begins` and last `ends` positions along the spatial axes. */
function cropped(b: GraphBuilder, x: Value, begins: readonly number[], ends: readonly number[]): Value {
  const cut = begins.flatMap((begin, i) => (begin > 0 || (ends[i] ?? 0) > 0 ? [{ axis: i + 2, begin, end: ends[i] ?? 0 }] : []));
  if (cut.length === 0) return x;
  const vector = (values: readonly number[]): Value => b.constant("int64", values);
  const wholeEnd = Number.POSITIVE_INFINITY;
  return b.add("Slice", [
    x,
    vector(cut.map((c) => c.begin)),
    vector(cut.map((c) => (c.end > 0 ? -c.end : wholeEnd))),
    vector(cut.map((c) => c.axis)),
  ]);
}

/**
 * dX as a ConvTranspose. The input may go on for less than a stride after the last window: output_padding restores it. Where that
 * is not a number, all of a stride is restored and the surplus cut off again.
 */
function asConvTranspose(b: GraphBuilder, { dy, w, xShape, sizes, axes, group }: InputGradProblem): Value {
  const outs = dy.type.shape.slice(2);
  const rest = axes.map((a, i) => {
    const [size, out] = [sizes[i], outs[i]];
    return typeof size === "number" && typeof out === "number" ? size + a.begin + a.end - a.extent - (out - 1) * a.stride : null;
  });
  const grown = b.add("ConvTranspose", [dy, w], {
    group,
    kernel_shape: axes.map((a) => a.kernel),
    dilations: axes.map((a) => a.dilation),
    strides: axes.map((a) => a.stride),
    // A last window that hangs over the end (a pool's ceil_mode) has its overhang cut off as padding.
    pads: [...axes.map((a) => a.begin), ...axes.map((a, i) => a.end + Math.max(-(rest[i] ?? 0), 0))],
    output_padding: axes.map((a, i) => Math.max(rest[i] ?? a.stride - 1, 0)),
  });
  const open = axes.flatMap((a, i) => (rest[i] === null && a.stride > 1 ? [i + 2] : []));
  if (open.length === 0) return grown;
  const ends = b.add("Gather", [xShape, b.constant("int64", open)]);
  return b.add("Slice", [
    grown,
    b.constant(
      "int64",
      open.map(() => 0),
    ),
    ends,
    b.constant("int64", open),
  ]);
}
