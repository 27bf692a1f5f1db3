/** The positions that a moving window touches. */
import type { AxisWindow } from "../../ir/op-schema.ts";
import { addFractions, ceilOf, floorOf, fraction, fractionOf, mulFractions } from "./fraction.ts";

/** A window along an axis whose position depends on the output's. */
export type MovingWindow = Exclude<AxisWindow, string>;

/** The whole positions of a window at a position of the output. */
export function tapsAt({ size, stride, start, step }: MovingWindow, at: number): readonly number[] {
  const from = addFractions(fractionOf(start), mulFractions(fractionOf(stride), fraction(at)));
  const reach = fractionOf(size - 1);
  if (step === undefined) {
    const [first, last] = [ceilOf(from), floorOf(addFractions(from, reach))];
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  }
  const count = Math.round((size - 1) / step) + 1;
  const taps = Array.from({ length: count }, (_, j) => addFractions(from, mulFractions(fractionOf(step), fraction(j))));
  return taps.flatMap(({ n, d }) => (d === 1 ? [n] : []));
}
