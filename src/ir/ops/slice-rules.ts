/** Which positions a slice takes along one axis, for sizes that may be symbols. */
import { addDims, ceilDiv, type Dim, maxDims, minDims, subDims } from "../dim.ts";
import type { Value } from "../graph.ts";
import { RuleFault } from "../op-schema.ts";
import { axesOf } from "./axes.ts";
import { type HasInputs, inputAt, numbersIn, optionalInput, vectorLength } from "./call-inputs.ts";

/** A slice along one axis, as it is written: start and end may count from the end or be infinite; null where they are not known. */
export interface AxisSlice {
  readonly axis: number;
  readonly start: Dim | null;
  readonly end: Dim | null;
  readonly step: number | null;
}

/**
 * The slices of a Slice node, one per sliced axis; null where the axes are computed at run time.
 * Throws a RuleFault when its vectors do not fit each other.
 */
export function slicesOf(call: HasInputs): readonly AxisSlice[] | null {
  const rank = inputAt(call, 0).type.shape.length;
  const [starts, ends] = [inputAt(call, 1), inputAt(call, 2)];
  const [axes, steps] = [optionalInput(call, 3), optionalInput(call, 4)];
  const count = vectorLength(starts, "starts");
  for (const [what, vector] of [
    ["ends", ends],
    ["axes", axes],
    ["steps", steps],
  ] as const) {
    const length = vector === null ? count : vectorLength(vector, what);
    if (length !== count && typeof length === "number" && typeof count === "number") {
      throw new RuleFault("slice-lengths", `there are ${count} starts and ${length} ${what}`);
    }
  }
  const numbers = axes === null ? leadingAxes(count) : numbersIn(axes);
  if (numbers === null) return null;
  return axesOf(numbers, rank).map((axis, i) => ({ axis, start: elementOf(starts, i), end: elementOf(ends, i), step: stepOf(steps, i) }));
}
const leadingAxes = (count: Dim): readonly number[] | null =>
  typeof count === "number" ? Array.from({ length: count }, (_, i) => i) : null;
const elementOf = (vector: Value, i: number): Dim | null => vector.elements?.[i] ?? null;
function stepOf(steps: Value | null, i: number): number | null {
  const step = steps === null ? 1 : elementOf(steps, i);
  if (step === 0) throw new RuleFault("slice-step", "a step of 0 never ends");
  return typeof step === "number" ? step : null;
}

/**
 * How many positions of n a slice takes; null where that cannot be known.
 * A symbolic start or end is taken for a position counted from the front, as sizes are. Bounds are clamped with min alone where that
 * is exact: n - min(n,c) is max(0,n-c), and the two parts of a cut tensor add up to n.
 */
export function slicedSize(n: Dim, { start, end, step }: AxisSlice): Dim | null {
  if (start === null || end === null || step === null) return null;
  const span = step > 0 ? spanForward(n, start, end) : spanBackward(n, start, end);
  const stride = Math.abs(step);
  // An infinite step takes the first position, if there is one.
  return Number.isFinite(stride) ? ceilDiv(span, stride) : minDims(span, 1);
}
function spanForward(n: Dim, start: Dim, end: Dim): Dim {
  const crop = typeof start === "number" && typeof end === "number" && start >= 0 && end < 0;
  // [a : -b] leaves n - a - b.
  if (crop) return subDims(n, minWith(n, start - end));
  return positive(subDims(clampForward(end, n), clampForward(start, n)), start === 0 || knownOrder(start, end));
}
/** True when start comes first whatever n is: both count from the same side. */
const knownOrder = (start: Dim, end: Dim): boolean =>
  typeof start === "number" && (end === Number.POSITIVE_INFINITY || (typeof end === "number" && start < 0 === end < 0 && start <= end));
/** A bound of a forward slice, between 0 and n. */
function clampForward(bound: Dim, n: Dim): Dim {
  if (typeof bound === "number" && bound < 0) return subDims(n, minWith(n, -bound));
  return minWith(n, bound);
}
function spanBackward(n: Dim, start: Dim, end: Dim): Dim {
  const whole = (start === -1 || start === Number.POSITIVE_INFINITY) && end === Number.NEGATIVE_INFINITY;
  if (whole) return n;
  const last = subDims(n, 1);
  const clamp = (bound: Dim, low: number): Dim => {
    if (bound === Number.POSITIVE_INFINITY) return last;
    if (bound === Number.NEGATIVE_INFINITY) return minDims(low, last);
    return minDims(maxDims(typeof bound === "number" && bound < 0 ? addDims(n, bound) : bound, low), last);
  };
  return positive(subDims(clamp(start, 0), clamp(end, -1)), false);
}
const positive = (span: Dim, sure: boolean): Dim => (sure ? span : maxDims(span, 0));
/** min(n, bound) for a bound that may be infinite. */
const minWith = (n: Dim, bound: Dim): Dim => (bound === Number.POSITIVE_INFINITY ? n : minDims(n, bound));

/** The first position that a slice takes of n, where that is a number: what a window begins at. */
export function firstPosition(n: Dim, { start, step }: AxisSlice): number | null {
  if (typeof start !== "number" || step === null) return null;
  const most = step > 0 ? n : subDims(n, 1);
  if (start >= 0 && typeof most !== "number") return Number.isFinite(start) ? start : null;
  if (typeof n !== "number" || typeof most !== "number") return null;
  return Math.min(Math.max(start < 0 ? start + n : start, 0), most);
}
