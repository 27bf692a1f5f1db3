/** AveragePool below opset 19, and its gradient, in standard ops. */
import type { GraphBuilder } from "../builder.ts";
import { formulas, shapeValue } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import { RuleFault, type Target } from "../op-schema.ts";
import type { Shape } from "../shape.ts";
import { inputAt } from "./call-inputs.ts";
import { convInputGrad } from "./conv-input-grad.ts";
import { firstOutput } from "./elementwise.ts";
import { type AxisAttributes, axesOf, type ResolvedWindow, tapsOf } from "./window.ts";

/** Which positions windows average over. */
interface Averaging {
  readonly axes: readonly AxisAttributes[];
  readonly countPadding: boolean;
  /** The sizes of the spatial axes, and the vector of the whole shape. */
  readonly sizes: Shape;
  readonly xShape: Value;
  /** A tensor with one element per window, channel and batch element. */
  readonly windows: Value;
}

/** dX: each window's cotangent, divided by what the window counts, spread evenly: by repetition where windows tile the input. */
export function averagePoolGrad(b: GraphBuilder, node: Node<"AveragePoolGrad">, target: Target): Value {
  const f = formulas(b);
  const [dy, xShape] = [inputAt(node, 0), inputAt(node, 1)];
  const axes = axesOf(node.attributes);
  const sizes = firstOutput(node).type.shape.slice(2);
  const share = f.mul(dy, shares(b, { axes, sizes, xShape, windows: dy, countPadding: node.attributes.count_include_pad === 1 }));
  if (axes.every((a, i) => tiles(a, sizes[i], dy.type.shape[i + 2]))) return f.reshape(repeated(b, share, axes), xShape);
  // The input gradient of a convolution with ones, channels folded into the batch.
  return f.reshape(convInputGrad(b, { dy: folded(b, share, axes), w: ones(b, dy, axes), xShape, sizes, axes, group: 1 }, target), xShape);
}

/** AveragePool with dilations, which opsets before 19 lack: a convolution with ones, divided by what each window counts. */
export function dilatedAveragePool(b: GraphBuilder, node: Node<"AveragePool">, window: ResolvedWindow): Value {
  const f = formulas(b);
  const x = inputAt(node, 0);
  const y = firstOutput(node).type.shape;
  const axes = axesOf(window);
  const overhangs = axes.map((a, i) => overhang(a, x.type.shape[i + 2], y[i + 2], node.attributes.ceil_mode === 1));
  const pads = [...axes.map((a) => a.begin), ...axes.map((a, i) => a.end + (overhangs[i] ?? 0))];
  const sums = b.add("Conv", [folded(b, x, axes), ones(b, x, axes)], { ...window, pads });
  const [batch, spatial] = [b.add("Shape", [x], { end: 2 }), b.add("Shape", [sums], { start: 2 })];
  const unfolded = f.reshape(sums, b.add("Concat", [batch, spatial], { axis: 0 }));
  const averaging = { axes, sizes: x.type.shape.slice(2), xShape: shapeValue(b, x), windows: unfolded };
  return f.mul(unfolded, shares(b, { ...averaging, countPadding: node.attributes.count_include_pad === 1 }));
}
/** How far the last window of a ceil_mode pool hangs over the padded end. */
function overhang(a: AxisAttributes, size: unknown, out: unknown, ceil: boolean): number {
  if (!ceil) return 0;
  if (typeof size === "number" && typeof out === "number") return Math.max((out - 1) * a.stride + a.extent - (size + a.begin + a.end), 0);
  throw new RuleFault(
    "opset-too-old",
    "an AveragePool with dilations, ceil_mode and unknown sizes needs opset 19",
    "compile for opset 19 or later",
  );
}

/** [N, C, ...] -> [N * C, 1, ...]. */
const folded = (b: GraphBuilder, x: Value, axes: readonly AxisAttributes[]): Value => formulas(b).reshape(x, [-1, 1, ...axes.map(() => 0)]);
/** A kernel of ones for one channel. */
function ones(b: GraphBuilder, like: Value, axes: readonly AxisAttributes[]): Value {
  const kernel = axes.map((a) => a.kernel);
  return b.constant(
    like.type.dtype,
    tapsOf(kernel).map(() => 1),
    [1, 1, ...kernel],
  );
}

/** True when windows lie side by side and cover the axis. */
function tiles(a: AxisAttributes, size: unknown, out: unknown): boolean {
  const sideBySide = a.kernel === a.stride && a.extent === a.kernel && a.begin === 0 && a.end === 0;
  return sideBySide && typeof size === "number" && typeof out === "number" && size === out * a.stride;
}
/** [N, C, h, w] -> [N, C, h, kh, w, kw]: each element as often as its window has positions. */
function repeated(b: GraphBuilder, x: Value, axes: readonly AxisAttributes[]): Value {
  const wide = b.add("Unsqueeze", [
    x,
    b.constant(
      "int64",
      axes.map((_, i) => 2 * i + 3),
    ),
  ]);
  return b.add("Expand", [wide, b.constant("int64", [1, 1, ...axes.flatMap((a) => [1, a.kernel])])]);
}

/** 1 / count of each window, in a form that broadcasts over [N, C, ...]. */
function shares(b: GraphBuilder, averaging: Averaging): Value {
  const f = formulas(b);
  const { dtype } = averaging.windows.type;
  return averaging.axes
    .map((a, i) => {
      const vector = f.cast(axisShares(b, averaging, a, i), dtype);
      return vector.type.shape.length === 0 ? vector : f.reshape(vector, [-1, ...averaging.axes.slice(i + 1).map(() => 1)]);
    })
    .reduce((product, v) => f.mul(product, v));
}
/** 1 / count along one axis: a window counts those of its positions that lie in the input, or in its padding too. */
function axisShares(b: GraphBuilder, averaging: Averaging, a: AxisAttributes, i: number): Value {
  const [low, beyond] = averaging.countPadding ? [-a.begin, a.end] : [0, 0];
  const [size, out] = [averaging.sizes[i], averaging.windows.type.shape[i + 2]];
  const taps = Array.from({ length: a.kernel }, (_, j) => j * a.dilation - a.begin);
  if (typeof size === "number" && typeof out === "number") {
    const counted = (o: number): number => taps.map((t) => o * a.stride + t).filter((at) => at >= low && at < size + beyond).length;
    const values = Array.from({ length: out }, (_, o) => 1 / counted(o));
    const [first = 1] = values;
    return b.constant("float32", values.every((v) => v === first) ? first : values);
  }
  const f = formulas(b);
  const int = (n: number): Value => b.constant("int64", n);
  const element = (shape: Value): Value => b.add("Gather", [shape, int(i + 2)]);
  const windows = f.reshape(b.add("Range", [int(0), element(b.add("Shape", [averaging.windows])), int(1)]), [-1, 1]);
  const at = f.add(f.mul(windows, int(a.stride)), b.constant("int64", taps));
  const inside = b.add("And", [f.greater(at, int(low - 1)), f.less(at, f.add(element(averaging.xShape), int(beyond)))]);
  return b.add("Reciprocal", [f.reduceSum(f.cast(inside, "float32"), [1])]);
}
