/** The same elements in other shapes. */
import type { Value } from "../../ir/graph.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Dim } from "../dim-types.ts";
import type { After, Once } from "../layer.ts";
import { type AxisFault, axisFault, axisOf, numeric } from "../shape-rules/axes.ts";
import type { NewAxisFault, Unsqueeze } from "../shape-rules/join.ts";
import type { Squeeze, SqueezeFault } from "../shape-rules/movement.ts";
import {
  type Expand,
  expandFault,
  type Flatten,
  type FlattenFault,
  type JoinSum,
  type Reshape,
  reshapeFault,
} from "../shape-rules/reshape.ts";
import { show } from "../shape-rules/show.ts";
import type { Checked, FlatTensor, Tensor } from "../tensor.ts";
import { add, type Call, check, enter, operand, result, writtenShape } from "../trace.ts";
import { shapeTensor } from "./shape-tensor.ts";

/** Joins the axes from startDim to endDim into one; without arguments all but the batch. */
export function flatten<S, A extends number = 1, B extends number = -1>(
  x: Tensor<S>,
  startDim?: Checked<A, FlattenFault<S, A, B>>,
  endDim?: Checked<B, AxisFault<"flatten", S, B>>,
): FlatTensor<After<S, [Flatten<A, B>]>, JoinSum<S, A, B>> {
  const call = enter("flatten", flatten, arguments);
  const value = operand(call, x);
  const { shape } = value.type;
  const [start, end] = [numeric(startDim ?? 1), numeric(endDim ?? -1)];
  check(call, [value], axisFault(shape.length, start), axisFault(shape.length, end));
  const [from, to] = [axisOf(shape.length, start), axisOf(shape.length, end)];
  check(call, [value], from > to ? { code: "axis-range", text: `startDim ${start} comes after endDim ${end}` } : null);
  const joined = shape.slice(from, to + 1);
  const joins = joined.map(show).join(" * ");
  const total = joined.every((d) => typeof d === "number") ? ` = ${joined.reduce((product, d) => product * d, 1)}` : "";
  const why = joined.length < 2 ? {} : { sum: `${joins}${total}`, ...(to === shape.length - 1 ? { joins } : {}) };
  const flat = from === 1 && to === shape.length - 1;
  const y = flat
    ? add(call, "Flatten", [value], { axis: 1 })
    : reshaped(call, value, [...shape.slice(0, from), -1, ...shape.slice(to + 1)]);
  return result(call, y, why);
}
/** The same elements in another shape; one size may be -1: it follows from the others. */
export function reshape<S, const T extends Dim[], Z = After<S, [Reshape<T, "reshape">]>, Y = Z>(
  x: Tensor<S>,
  shape: Checked<[...T], Z>,
): Tensor<Once<Z, Y>> {
  const call = enter("reshape", reshape, arguments);
  const value = operand(call, x);
  const target = writtenShape(call, shape);
  check(call, [value], reshapeFault(value.type.shape, target));
  return result(call, reshaped(call, value, target));
}
/** The same elements in another shape, by torch.Tensor.view's name: reshape. */
export function view<S, const T extends Dim[], Z = After<S, [Reshape<T, "view">]>, Y = Z>(
  x: Tensor<S>,
  shape: Checked<[...T], Z>,
): Tensor<Once<Z, Y>> {
  const call = enter("view", view, arguments);
  const value = operand(call, x);
  const target = writtenShape(call, shape);
  check(call, [value], reshapeFault(value.type.shape, target));
  return result(call, reshaped(call, value, target));
}

/** A Reshape; a size that stays at its axis is a 0, and one symbol elsewhere a -1, so that most need no Shape node. */
function reshaped(call: Call, x: Value, target: Shape): Value {
  const kept = target.map((d, i) => (typeof d === "string" && d === x.type.shape[i] ? 0 : d));
  // A 0 in the constant would mean "as in the input", so an empty axis goes through a shape without such marks.
  if (target.includes(0)) return add(call, "Reshape", [x, shapeTensor(call, x, target)], { allowzero: 1 });
  const open = kept.filter((d) => typeof d === "string");
  const marks = open.length === 1 && !kept.includes(-1) ? kept.map((d) => (typeof d === "string" ? -1 : d)) : kept;
  return add(call, "Reshape", [x, shapeTensor(call, x, marks)]);
}

/** Repeats axes of size 1 up to the sizes given; -1 keeps an axis, and axes may be added in front. */
export function expand<S, const T extends Dim[], Z = After<S, [Expand<T>]>, Y = Z>(
  x: Tensor<S>,
  shape: Checked<[...T], Z>,
): Tensor<Once<Z, Y>> {
  const call = enter("expand", expand, arguments);
  const value = operand(call, x);
  const [from, target] = [value.type.shape, writtenShape(call, shape)];
  check(call, [value], expandFault(from, target));
  const lead = target.length - from.length;
  // Expanding an axis to 1 keeps it, whatever its size.
  const wanted = target.map((d, i) => (d === -1 || (i >= lead && d === from[i - lead]) ? 1 : d));
  return result(call, add(call, "Expand", [value, shapeTensor(call, value, wanted)]));
}

/** Without an axis of size 1. */
export function squeeze<S, A extends number>(x: Tensor<S>, dim: Checked<A, SqueezeFault<S, A>>): Tensor<After<S, [Squeeze<A>]>> {
  const call = enter("squeeze", squeeze, arguments);
  const value = operand(call, x);
  const { shape } = value.type;
  const axis = numeric(dim);
  check(call, [value], axisFault(shape.length, axis));
  const size = shape[axisOf(shape.length, axis)];
  check(call, [value], size === 1 || show(size) === "?" ? null : { code: "squeeze-size", text: `axis ${axis} has ${show(size)}, not 1` });
  return result(call, add(call, "Squeeze", [value, call.builder.constant("int64", [axisOf(shape.length, axis)])]));
}
/** With a new axis of size 1 at dim. */
export function unsqueeze<S, A extends number>(
  x: Tensor<S>,
  dim: Checked<A, NewAxisFault<"unsqueeze", S, A>>,
): Tensor<After<S, [Unsqueeze<A>]>> {
  const call = enter("unsqueeze", unsqueeze, arguments);
  const value = operand(call, x);
  const rank = value.type.shape.length + 1;
  check(call, [value], axisFault(rank, numeric(dim)));
  return result(call, add(call, "Unsqueeze", [value, call.builder.constant("int64", [axisOf(rank, numeric(dim))])]));
}
