/** Reductions over axes. */
import type { Dim as TypeDim } from "../dim-types.ts";
import type { Rule } from "../layer.ts";
import type { Length } from "../tensor.ts";
import type { Axis, AxisFault, IsUnion } from "./axes.ts";
import type { FirstFault, Twice } from "./movement.ts";

/** The dims of a reduction: one axis, several, or all (null). */
export type Dims = number | readonly number[] | null;
/** The result of a reduction of S over D, with the axes kept as 1 when K. */
export type ReduceShape<S, D, K> = S extends string
  ? S
  : true extends IsUnion<D> | IsUnion<K>
    ? TypeDim[]
    : [D] extends [null]
      ? [K] extends [true]
        ? { -readonly [I in keyof S]: 1 }
        : [K] extends [false]
          ? []
          : TypeDim[]
      : [D] extends [number]
        ? ReduceAxes<S, [D], K>
        : [D] extends [readonly number[]]
          ? ReduceAxes<S, D, K>
          : TypeDim[];
/** A reduction as a rule. */
export interface Reduce<D, K> extends Rule {
  readonly out: ReduceShape<this["in"], D, K>;
}
type ReduceAxes<S, D extends readonly number[], K> = number extends Length<S> | Length<D>
  ? TypeDim[]
  : Keys<S, D> extends infer A
    ? string extends A
      ? [K] extends [true]
        ? { -readonly [I in keyof S]: TypeDim }
        : TypeDim[]
      : [K] extends [true]
        ? { -readonly [I in keyof S]: I extends A ? 1 : S[I] }
        : [K] extends [false]
          ? Remaining<S, A>
          : TypeDim[]
    : never;
/** The axes of D as keys. */
type Keys<S, D extends readonly number[]> = D extends readonly [infer A extends number, ...infer R extends readonly number[]]
  ? Axis<S, A> | Keys<S, R>
  : never;
type Remaining<S, A, Seen extends readonly unknown[] = [], Out extends readonly unknown[] = []> = S extends readonly [infer D, ...infer R]
  ? Remaining<R, A, [...Seen, D], `${Seen["length"]}` extends A ? Out : [...Out, D]>
  : Out;
/** True, or the message of the first axis of D that S does not have. */
export type ReduceFault<Op extends string, S, D> = D extends number
  ? AxisFault<Op, S, D>
  : D extends readonly number[]
    ? number extends Length<S>
      ? true
      : FirstFault<Op, S, D> extends infer F extends string
        ? F
        : Twice<Op, S, D>
    : true;
