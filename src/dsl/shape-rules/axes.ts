/** Axis numbers, negative from the end, and what the movement ops do with tuples. */
import { axisIndex } from "../../ir/shape.ts";
import type { AddInt } from "../arith.generated.ts";
import type { TimesDims } from "../dim-types.ts";
import type { Length } from "../tensor.ts";
import type { Fault } from "../trace.ts";

/** True for a union of several types. */
export type IsUnion<A, B = A> = A extends unknown ? ([B] extends [A] ? false : true) : never;
/** The axis A of S as the text of a tuple key ("0" is the first); `string` when unknown, as for a union of axes. */
export type Axis<S, A extends number> = AxisIn<Length<S>, A>;
/** The axis A of a tuple of L as the text of a key. */
export type AxisIn<L extends number, A extends number> = number extends A | L
  ? string
  : IsUnion<A> extends true
    ? string
    : `${A}` extends `-${string}`
      ? AddInt<`${L}`, `${A}`> & string
      : `${A}`;
/** True, or a message when S has no axis A. */
export type AxisFault<Op extends string, S, A extends number> = S extends string
  ? true
  : string extends Axis<S, A>
    ? true
    : Axis<S, A> extends keyof S
      ? true
      : `${Op}: axis ${A} is out of range for ${Length<S>} axes`;
/** An argument as a number; NaN for what is none, such as "1", which no rule takes. */
export const numeric = (argument: unknown): number => (typeof argument === "number" ? argument : Number.NaN);
/** The index of an axis; the axis itself when there is none. */
export const axisOf = (rank: number, axis: number): number => axisIndex(axis, rank) ?? axis;
/** That a tensor of `rank` axes has no such axis, or null. */
export function axisFault(rank: number, axis: number): Fault | null {
  if (Number.isNaN(axis)) return { code: "axis-range", text: "the axis is missing, or no number" };
  return axisIndex(axis, rank) !== null ? null : { code: "axis-range", text: `axis ${axis} is out of range for ${rank} axes` };
}

/** The product of dims: exact with at most one symbolic. */
export type Volume<L, V = 1> = L extends readonly [infer D, ...infer R] ? Volume<R, TimesDims<V, D>> : V;
/** [the first axes, the axes from A on], where A is a text. */
export type SplitAt<S, A, Head extends readonly unknown[] = []> = `${Head["length"]}` extends A
  ? [Head, S]
  : S extends readonly [infer D, ...infer R]
    ? SplitAt<R, A, [...Head, D]>
    : [Head, S];
/** S with D in place of its axis A, where A is a text; `Dim`s unknown when A is `string`. */
export type Put<S, A, D> = { -readonly [K in keyof S]: K extends A ? D : S[K] };
