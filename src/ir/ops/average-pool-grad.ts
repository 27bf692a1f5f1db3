/** The gradient of AveragePool in standard ops. */
import type { GraphBuilder } from "../builder.ts";
import { formulas } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import type { Target } from "../op-schema.ts";
import { convInputGrad } from "./conv-input-grad.ts";
import { operand } from "./node-operands.ts";
import { type AxisAttributes, axesOf, tapsOf } from "./window.ts";

/** Each window's cotangent, divided by what the window counts, spread evenly: by repetition where windows tile the input. */
export function averagePoolGrad(b: GraphBuilder, node: Node<"AveragePoolGrad">, target: Target): Value {
  const f = formulas(b);
  const [dy, xShape] = [operand(node.inputs, 0), operand(node.inputs, 1)];
  const axes = axesOf(node.attributes);
  const sizes = operand(node.outputs, 0).type.shape.slice(2);
  const share = f.mul(dy, shares(b, node, axes));
  if (axes.every((a, i) => tiles(a, sizes[i], dy.type.shape[i + 2]))) return f.reshape(repeated(b, share, axes), xShape);
  // One depthwise convolution's input gradient, channels folded into the batch.
  const rest = axes.map(() => 0);
  const flat = f.reshape(share, [-1, 1, ...rest]);
  const kernel = [1, 1, ...axes.map((a) => a.kernel)];
  const ones = b.constant(dy.type.dtype, tapsOf(kernel).map(() => 1), kernel);
  return f.reshape(convInputGrad(b, { dy: flat, w: ones, xShape, sizes, axes, group: 1 }, target), xShape);
}

/** True when windows lie side by side and cover the axis. */
const tiles = (a: AxisAttributes, size: unknown, out: unknown): boolean =>
  a.extent === a.stride && a.begin === 0 && a.end === 0 && (a.kernel === 1 || a.dilation === 1) && typeof size === "number" && typeof out === "number" && size === out * a.stride;

/** [N, C, h, w] -> [N, C, h, kh, w, kw]: each element as often as its window has positions. */
function repeated(b: GraphBuilder, x: Value, axes: readonly AxisAttributes[]): Value {
  const wide = b.add("Unsqueeze", [x, b.constant("int64", axes.map((_, i) => 2 * i + 3))]);
  return b.add("Expand", [wide, b.constant("int64", [1, 1, ...axes.flatMap((a) => [1, a.kernel])])]);
}

/** 1 / count of each window, in a form that broadcasts over [N, C, ...]. */
function shares(b: GraphBuilder, node: Node<"AveragePoolGrad">, axes: readonly AxisAttributes[]): Value {
  const f = formulas(b);
  const dy = operand(node.inputs, 0);
  return axes
    .map((a, i) => {
      const vector = axisShares(b, node, a, i);
      return vector.type.shape.length === 0 ? vector : f.reshape(vector, [-1, ...axes.slice(i + 1).map(() => 1)]);
    })
    .map((v) => f.cast(v, dy.type.dtype))
    .reduce((product, v) => f.mul(product, v));
}
/**
 * 1 / count along one axis. A window counts its positions from the first one counted to the last: the input's, and the padding's
 * with count_include_pad; a window that hangs over the end (ceil_mode) counts nothing beyond.
 */
function axisShares(b: GraphBuilder, node: Node<"AveragePoolGrad">, a: AxisAttributes, i: number): Value {
  const include = node.attributes.count_include_pad === 1;
  const [low, beyond] = include ? [-a.begin, a.end] : [0, 0];
  const size = operand(node.outputs, 0).type.shape[i + 2];
  const out = operand(node.inputs, 0).type.shape[i + 2];
  const counted = (o: number, n: number): number =>
    Array.from({ length: a.kernel }, (_, j) => o * a.stride - a.begin + j * a.dilation).filter((at) => at >= low && at < n + beyond).length;
  if (typeof size === "number" && typeof out === "number") {
    const values = Array.from({ length: out }, (_, o) => 1 / counted(o, size));
    const [first = 1] = values;
    return values.every((v) => v === first) ? b.constant("float32", first) : b.constant("float32", values);
  }
  return symbolicShares(b, node, a, i, low, beyond);
}
function symbolicShares(b: GraphBuilder, node: Node<"AveragePoolGrad">, a: AxisAttributes, i: number, low: number, beyond: number): Value {
  const f = formulas(b);
  const element = (vector: Value): Value => b.add("Gather", [vector, b.constant("int64", i + 2)]);
  const [out, size] = [element(b.add("Shape", [operand(node.inputs, 0)])), element(operand(node.inputs, 1))];
  const int = (n: number): Value => b.constant("int64", n);
  const windows = f.reshape(b.add("Range", [int(0), out, int(1)]), [-1, 1]);
  const taps = b.constant("int64", Array.from({ length: a.kernel }, (_, j) => j * a.dilation - a.begin));
  const at = f.add(f.mul(windows, int(a.stride)), taps);
  const inside = b.add("And", [f.greater(at, int(low - 1)), f.less(at, f.add(size, int(beyond)))]);
  return b.add("Reciprocal", [f.reduceSum(f.cast(inside, "float32"), [1])]);
}
