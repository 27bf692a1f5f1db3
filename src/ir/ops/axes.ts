/** Axes: numbers that may count from the end, made indices, with what is wrong said once. */
import { type Dim, isUnknown, neverEqual } from "../dim.ts";
import type { AxisWindow } from "../op-schema.ts";
import { RuleFault } from "../op-schema.ts";
import { axisIndex, printShape, type Shape } from "../shape.ts";

/** The index of an axis that may count from the end. Throws a RuleFault when a tensor of that rank has no such axis. */
export function axisOf(axis: number, rank: number, what = "axis"): number {
  const index = axisIndex(axis, rank);
  if (index !== null) return index;
  const range = rank === 0 ? "a scalar has no axes" : `the axes are ${-rank} to ${rank - 1}`;
  throw new RuleFault("axis-range", `${what} ${axis} is outside a tensor of ${rank} axes`, range);
}

/** The indices of axes, in the given order. Throws a RuleFault on an axis that is not there or comes twice. */
export function axesOf(axes: readonly number[], rank: number, what = "axis"): readonly number[] {
  const indices = axes.map((axis) => axisOf(axis, rank, what));
  const twice = axes.find((_, i) => indices.indexOf(indices[i] ?? -1) !== i);
  if (twice !== undefined) throw new RuleFault("axis-repeated", `${what} ${twice} comes twice`);
  return indices;
}

/** The better known of two sizes that have to be equal. Throws a RuleFault when they cannot be. */
export function agreedDim(a: Dim, b: Dim, shapes: readonly Shape[], axis: number): Dim {
  if (a === b) return a;
  if (neverEqual(a, b)) {
    throw new RuleFault("shape-mismatch", `the shapes ${shapes.map(printShape).join(" and ")} differ on axis ${axis}: ${a} and ${b}`);
  }
  if (typeof a === "number" || typeof b === "number") return typeof a === "number" ? a : b;
  return isUnknown(a) ? b : a;
}

/** The window of an axis whose position i is the output's position i on `axis`. */
export const sameAxis = (axis: number): AxisWindow => ({ axis, size: 1, stride: 1, start: 0 });
/** The window of an axis whose position is start + stride * i for position i on the output's `axis`. */
export const affineAxis = (axis: number, start: number, stride = 1): AxisWindow => ({ axis, size: 1, stride, start });
