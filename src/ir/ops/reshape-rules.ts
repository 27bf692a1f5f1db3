/** How Reshape reads its target shape, and which axes survive a change of shape. */
import { type Dim, exactDiv, floorDiv, mulDims, neverEqual, productOf } from "../dim.ts";
import { type AxisWindow, RuleFault } from "../op-schema.ts";
import { elementCount, printShape, type Shape } from "../shape.ts";
import { sameAxis } from "./axes.ts";

/**
 * The shape that a target names for a tensor of shape `from`: 0 copies a size unless `allowzero`, one -1 takes what is left.
 * Throws a RuleFault when the element counts cannot agree.
 */
export function reshapedTo(from: Shape, target: readonly Dim[], allowzero: boolean, unknown: () => Dim): Shape {
  const bad = target.find((d) => typeof d === "number" && (d < -1 || !Number.isInteger(d)));
  if (bad !== undefined)
    throw new RuleFault("reshape-target", `the target ${printShape(target)} holds ${bad}`, "sizes are 0 (copy), -1 (infer) or positive");
  const sizes = target.map((d, i) => (d === 0 && !allowzero ? copied(from, i) : d));
  const at = sizes.indexOf(-1);
  if (at !== sizes.lastIndexOf(-1)) throw new RuleFault("reshape-target", `the target ${printShape(target)} has more than one -1`);
  const total = elementCount(from);
  const given = productOf(sizes.filter((_, i) => i !== at));
  if (at >= 0) return sizes.with(at, inferred(total, given, from, target, unknown));
  if (neverEqual(total, given)) throw misfit(from, target, `${total} elements do not fill ${given}`);
  return sizes;
}
function copied(from: Shape, axis: number): Dim {
  const size = from[axis];
  if (size === undefined)
    throw new RuleFault("reshape-target", `the target copies axis ${axis} with a 0, but the input ${printShape(from)} has no such axis`);
  return size;
}
function inferred(total: Dim, given: Dim, from: Shape, target: readonly Dim[], unknown: () => Dim): Dim {
  const exact = exactDiv(total, given);
  if (exact !== null) return exact;
  if (given === 0) throw misfit(from, target, "-1 cannot be inferred beside a size of 0");
  if (typeof total === "number" && typeof given === "number") throw misfit(from, target, `${total} elements do not divide by ${given}`);
  // The division has no rest, or the graph fails when it runs: the floor is exact.
  return typeof given === "number" ? floorDiv(total, given) : unknown();
}
const misfit = (from: Shape, target: readonly Dim[], why: string): RuleFault =>
  new RuleFault(
    "reshape-count",
    `${printShape(from)} does not reshape to ${printShape(target)}: ${why}`,
    "use -1 for the size that should be inferred",
  );

/**
 * The windows along a reshaped input's axes: an axis maps to the output's axis where the sizes before both and the sizes of both
 * are equal; axes that are merged or split are seen whole.
 */
export function reshapeWindows(from: Shape, to: Shape): readonly AxisWindow[] {
  const windows: AxisWindow[] = from.map((d) => (d === 1 ? "fixed" : "all"));
  const inner = axesAboveOne(from);
  const outer = axesAboveOne(to);
  let i = 0;
  let j = 0;
  while (i < inner.length && j < outer.length) {
    const group = nextGroup(from, to, inner, outer, i, j);
    const [axis, target] = [inner[i], outer[j]];
    if (group.i === i + 1 && group.j === j + 1 && axis !== undefined && target !== undefined && from[axis] === to[target])
      windows[axis] = sameAxis(target);
    ({ i, j } = group);
  }
  return windows;
}
const axesAboveOne = (shape: Shape): readonly number[] => shape.flatMap((d, axis) => (d === 1 ? [] : [axis]));

/** The ends of the shortest runs of axes from i and j on whose products are equal; the ends of both lists when there are none. */
function nextGroup(
  from: Shape,
  to: Shape,
  inner: readonly number[],
  outer: readonly number[],
  i: number,
  j: number,
): { readonly i: number; readonly j: number } {
  const size = (shape: Shape, axes: readonly number[], k: number): Dim => shape[axes[k] ?? -1] ?? 1;
  let [p, q] = [size(from, inner, i++), size(to, outer, j++)];
  while (p !== q) {
    const grow = smaller(p, q);
    if (grow === "first" && i < inner.length) p = mulDims(p, size(from, inner, i++));
    else if (grow === "second" && j < outer.length) q = mulDims(q, size(to, outer, j++));
    else return { i: inner.length, j: outer.length };
  }
  return { i, j };
}
function smaller(p: Dim, q: Dim): "first" | "second" | null {
  if (exactDiv(q, p) !== null) return "first";
  if (exactDiv(p, q) !== null) return "second";
  return typeof p === "number" && typeof q === "number" ? (p < q ? "first" : "second") : null;
}
