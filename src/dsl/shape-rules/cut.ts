/** Cutting axes: select, slice, split, chunk. */
import type { Dim } from "../../ir/dim.ts";
import type { AddInt, CeilDiv, Int, LessInt, SubInt, ToNumber } from "../arith.generated.ts";
import type { Show, Dim as TypeDim } from "../dim-types.ts";
import type { Rule } from "../layer.ts";
import type { Length } from "../tensor.ts";
import type { Fault } from "../trace.ts";
import type { Axis, AxisFault, IsUnion, Put, SplitAt } from "./axes.ts";
import { show, shown } from "./show.ts";

/** The result of select: axis A goes away. */
export type SelectShape<S, A extends number> = S extends string ? S : DropAxis<S, Axis<S, A>>;
/** select as a rule. */
export interface Select<A extends number> extends Rule {
  readonly out: SelectShape<this["in"], A>;
}
/** S without its axis A, a text. */
export type DropAxis<S, A> = string extends A
  ? TypeDim[]
  : SplitAt<S, A> extends [infer H extends readonly unknown[], readonly [unknown, ...infer T]]
    ? [...H, ...T]
    : TypeDim[];
/** The size of the axis A of S, a text. */
export type SizeAt<S, A> = string extends A ? number : A extends keyof S ? S[A] : number;

/** Where a slice's end E lies on an axis of size X, both literals: between 0 and X, negative from the end. */
type Bound<X extends number, E extends number> = `${E}` extends `-${string}`
  ? AddInt<`${X}`, `${E}`> extends infer R
    ? R extends `-${string}`
      ? "0"
      : R
    : never
  : LessInt<`${X}`, `${E}`> extends true
    ? `${X}`
    : `${E}`;
/** The number of positions from A to B. */
type Span<X, A extends number, B> = X extends number
  ? number extends X | A
    ? number
    : B extends number
      ? number extends B
        ? number
        : Positive<SubInt<Bound<X, B>, Bound<X, A>>>
      : Positive<SubInt<`${X}`, Bound<X, A>>>
  : A extends 0
    ? B extends null
      ? X
      : number
    : number;
type Positive<T> = T extends `-${string}` ? 0 : ToNumber<T>;
/** The result of slice from A to B (null: the end) along axis D in steps St. */
export type SliceShape<S, D extends number, A extends number, B, St extends number> = S extends string
  ? S
  : SizeAt<S, Axis<S, D>> extends infer X
    ? ReplaceAxis<S, Axis<S, D>, Steps<Sliced<X, A, B>, St>>
    : never;
/** slice as a rule. */
export interface Slice<D extends number, A extends number, B, St extends number> extends Rule {
  readonly out: SliceShape<this["in"], D, A, B, St>;
}
// A union among the operands would give a union of literals, each of which could be wrong for the pair at hand.
type Sliced<X, A extends number, B> = true extends IsUnion<X> | IsUnion<A> | IsUnion<B> ? number : Span<X, A, B>;
/** ceil(L / St). */
type Steps<L, St extends number> = [St] extends [1] ? L : true extends IsUnion<St> ? number : L extends number ? CeilDiv<L, St> : number;

/** A piece of size D of axis A as a rule. */
export interface Piece<D, A extends number> extends Rule {
  readonly out: this["in"] extends string ? this["in"] : ReplaceAxis<this["in"], Axis<this["in"], A>, D>;
}
/** S with D in place of its axis A; `Dim`s where A is not known. */
export type ReplaceAxis<S, A, D> = string extends A
  ? number extends Length<S>
    ? TypeDim[]
    : { -readonly [K in keyof S]: TypeDim }
  : Put<S, A, D>;
/** True, or a message when the sizes L do not add up to axis A of S. */
export type SplitFault<S, L, A extends number> = S extends string
  ? true
  : SizeAt<S, Axis<S, A>> extends infer X
    ? Total<L> extends infer T
      ? number extends X | T
        ? true
        : [X, T] extends [T, X]
          ? true
          : `split: the sizes add up to ${Show<T>}, but axis ${A} has ${Show<X>}`
      : never
    : never;
type Total<L, T = "0"> = L extends readonly [infer D extends number, ...infer R]
  ? `${D}` extends infer d extends Int
    ? Total<R, AddInt<T, d>>
    : number
  : L extends readonly []
    ? ToNumber<T>
    : number;
/** That sizes do not add up to an axis, or null. */
export function splitFault(size: Dim | undefined, sizes: readonly number[], axis: number): Fault | null {
  const total = sizes.reduce((sum, n) => sum + n, 0);
  if (sizes.length === 0 || sizes.some((n) => !Number.isSafeInteger(n) || n < 0)) {
    return { code: "split-sizes", text: `the sizes are ${shown(sizes)}, but must be natural numbers` };
  }
  return size === undefined || show(size) === "?" || size === total
    ? null
    : { code: "split-sizes", text: `the sizes add up to ${total}, but axis ${axis} has ${show(size)}` };
}

/** The sizes of chunk's pieces of an axis of size X, N at most; a list of unknown length when one of them is not known. */
export type ChunkSizes<X, N extends number> = true extends IsUnion<X> | IsUnion<N>
  ? readonly number[]
  : X extends number
    ? number extends X | N
      ? readonly number[]
      : Pieces<`${X}`, CeilDiv<X, N>>
    : readonly number[];
/** A tuple of N elements; a list of unknown length where N is not known, or is above 256. */
export type Repeated<N extends number> = number extends N
  ? unknown[]
  : true extends IsUnion<N>
    ? unknown[]
    : LessInt<"256", `${N}`> extends true
      ? unknown[]
      : Repeat<N>;
type Repeat<N, Out extends unknown[] = []> = Out["length"] extends N
  ? Out
  : Out["length"] extends 256
    ? unknown[]
    : Repeat<N, [...Out, unknown]>;
/** Piece K of N that chunk makes of axis A, as a rule; a message where there are fewer. */
export interface Chunk<N extends number, K, A extends number> extends Rule {
  readonly out: this["in"] extends string ? this["in"] : ChunkShape<this["in"], SizeAt<this["in"], Axis<this["in"], A>>, N, K, A>;
}
type ChunkShape<S, X, N extends number, K, A extends number> =
  ChunkSizes<X, N> extends infer L extends readonly number[]
    ? number extends L["length"]
      ? ReplaceAxis<S, Axis<S, A>, number>
      : K extends keyof L
        ? ReplaceAxis<S, Axis<S, A>, L[K]>
        : `chunk: axis ${A} of ${Show<X>} makes ${L["length"]} pieces, not ${N}`
    : never;
type Pieces<X, Each, Out extends readonly unknown[] = []> = Each extends number
  ? LessInt<`${Each}`, X> extends true
    ? Pieces<SubInt<X, `${Each}`>, Each, [...Out, Each]>
    : [...Out, ToNumber<X>]
  : never;
/** True, or a message when chunk meets a size that is not a number. */
export type ChunkFault<S, A extends number> =
  AxisFault<"chunk", S, A> extends infer F extends string
    ? F
    : SizeAt<S, Axis<S, A>> extends infer X extends string
      ? string extends X
        ? true
        : `chunk: axis ${A} has ${X}, but must be a number`
      : true;
/** True, or a message when an index lies outside axis A of S. */
export type IndexFault<S, A extends number, I extends number> =
  true extends IsUnion<I>
    ? true
    : SizeAt<S, Axis<S, A>> extends infer X extends number
      ? number extends X | I
        ? true
        : Outside<`${X}`, `${I}`> extends true
          ? `select: index ${I} is outside axis ${A}, which has ${X}`
          : true
      : true;
/** True for an index I, a text, that is not in [-X, X). */
type Outside<X, I> = I extends `-${infer J}` ? LessInt<X, J> : LessInt<I, X> extends true ? false : true;
