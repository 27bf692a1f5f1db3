/** Moving and cutting axes: transpose, permute, select, slice, split, squeeze, reductions. */
import { addDims, type Dim } from "../../ir/dim.ts";
import type { AddInt, CeilDiv, Int, LessInt, SubInt, ToNumber } from "../arith.generated.ts";
import type { AddDim, Print, Show, Dim as TypeDim } from "../dim-types.ts";
import type { Rule } from "../layer.ts";
import type { Length } from "../tensor.ts";
import type { Fault } from "../trace.ts";
import type { Axis, AxisFault, IsUnion, Put, SplitAt } from "./axes.ts";
import { show } from "./show.ts";

/** The result of transpose. */
export type TransposeShape<S, A extends number, B extends number> = S extends string
  ? S
  : string extends Axis<S, A> | Axis<S, B>
    ? number extends Length<S>
      ? TypeDim[]
      : { -readonly [K in keyof S]: TypeDim }
    : Swap<S, Axis<S, A>, Axis<S, B>>;
/** transpose as a rule. */
export interface Transpose<A extends number, B extends number> extends Rule {
  readonly out: TransposeShape<this["in"], A, B>;
}
type Swap<S, A, B> = { -readonly [K in keyof S]: K extends A ? S[B & keyof S] : K extends B ? S[A & keyof S] : S[K] };

/** The result of permute: axis i is S's axis D[i]. */
export type PermuteShape<S, D> = S extends string
  ? S
  : number extends Length<S>
    ? TypeDim[]
    : Length<D> extends Length<S>
      ? { -readonly [K in keyof D]: D[K] extends infer A extends number ? PickAxis<S, Axis<S, A>> : never }
      : `permute: ${Length<D>} dims for ${Length<S>} axes`;
/** permute as a rule. */
export interface Permute<D> extends Rule {
  readonly out: PermuteShape<this["in"], D>;
}
type PickAxis<S, A> = string extends A ? TypeDim : A extends keyof S ? S[A] : TypeDim;
/** True, or a message when the dims are not the axes in some order. */
export type PermuteFault<S, D> = S extends string
  ? true
  : PermuteShape<S, D> extends infer R extends string
    ? R
    : number extends Length<S>
      ? true
      : FirstFault<"permute", S, D> extends infer F extends string
        ? F
        : Twice<"permute", S, D>;
/** True, or the message of the first axis of D that comes twice. */
type Twice<Op extends string, S, D, Seen = never> = D extends readonly [infer A extends number, ...infer R]
  ? string extends Axis<S, A>
    ? true
    : Axis<S, A> extends Seen
      ? `${Op}: axis ${A} comes twice`
      : Twice<Op, S, R, Seen | Axis<S, A>>
  : true;
/** True, or the message of the first axis of D that S does not have. */
export type FirstFault<Op extends string, S, D> = D extends readonly [infer A extends number, ...infer R]
  ? AxisFault<Op, S, A> extends infer F
    ? F extends string
      ? F
      : FirstFault<Op, S, R>
    : never
  : true;
/** That dims are not the axes in some order, or null. */
export function permuteFault(rank: number, axes: readonly number[], given: readonly number[]): Fault | null {
  if (given.length !== rank) return { code: "permute", text: `${given.length} dims for ${rank} axes` };
  const twice = given.find((_, i) => axes.indexOf(axes[i] ?? -1) !== i);
  return twice === undefined ? null : { code: "permute", text: `axis ${twice} comes twice` };
}

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
  : ReplaceAxis<S, Axis<S, D>, Steps<Sliced<SizeAt<S, Axis<S, D>>, A, B>, St>>;
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
    return { code: "split-sizes", text: `the sizes are [${sizes.join(", ")}], but must be natural numbers` };
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
/** The result of squeeze of axis A. */
export type SqueezeShape<S, A extends number> = S extends string ? S : DropAxis<S, Axis<S, A>>;
/** squeeze as a rule. */
export interface Squeeze<A extends number> extends Rule {
  readonly out: SqueezeShape<this["in"], A>;
}
/** True, or a message when axis A of S is not of size 1. */
export type SqueezeFault<S, A extends number> = S extends string
  ? true
  : AxisFault<"squeeze", S, A> extends infer F extends string
    ? F
    : SizeAt<S, Axis<S, A>> extends infer X
      ? number extends X
        ? true
        : 1 extends X
          ? true
          : `squeeze: axis ${A} has ${Show<X>}, not 1`
      : never;

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

/** True, or a message when pads are not a pair for each of the last axes. */
export type PadFault<S, L> = number extends Length<S> | Length<L>
  ? true
  : S extends readonly unknown[]
    ? L extends readonly number[]
      ? PairsFit<S, L> extends true
        ? PadFits<PadShape<S, L>>
        : `pad: pads are ${Print<L>}, but must be an even number of integers, at most ${Doubled<S>}`
      : true
    : true;
/** True, or a message when negative pads cut more than there is. */
type PadFits<R> = R extends readonly unknown[]
  ? true extends { [K in keyof R]: R[K] extends number ? (`${R[K]}` extends `-${string}` ? true : false) : false }[number]
    ? `pad: the pads leave ${Print<R>}`
    : true
  : true;
type Doubled<S extends readonly unknown[]> = [...S, ...S] extends { readonly length: infer L extends number } ? L : number;
type PairsFit<S, L> = L extends readonly []
  ? true
  : L extends readonly [unknown, unknown, ...infer R]
    ? S extends readonly [unknown, ...infer T]
      ? PairsFit<T, R>
      : false
    : false;
/** The result of pad, [left, right, top, bottom, ...] on the last axes. */
export type PadShape<S, L> = S extends string ? S : number extends Length<S> | Length<L> ? TypeDim[] : PadAxes<S, L>;
/** pad as a rule. */
export interface Pad<L> extends Rule {
  readonly out: PadShape<this["in"], L>;
}
/** The pads [before, after] of each axis, of a list [left, right, top, bottom, ...] for the last axes. */
export const padsByAxis = (rank: number, pads: readonly number[]): readonly (readonly [number, number])[] =>
  Array.from({ length: rank }, (_, axis) => [pads[2 * (rank - 1 - axis)] ?? 0, pads[2 * (rank - 1 - axis) + 1] ?? 0] as const);
/** That pads cut more than there is, or mirror and repeat more than there is, as PyTorch's rules are; or null. */
export function padFault(shape: readonly Dim[], pads: readonly number[], mode: string): Fault | null {
  const both = padsByAxis(shape.length, pads);
  const left = shape.map((d, i) => addDims(d, (both[i]?.[0] ?? 0) + (both[i]?.[1] ?? 0)));
  if (left.some((d) => typeof d === "number" && d < 0)) return { code: "pad-size", text: `the pads leave [${left.map(show).join(", ")}]` };
  // A reflection leaves out the border itself.
  const border = mode === "reflect" ? 1 : mode === "circular" ? 0 : Number.NEGATIVE_INFINITY;
  const axis = shape.findIndex((d, i) => typeof d === "number" && Math.max(...(both[i] ?? [0])) > Math.max(d - border, 0));
  if (axis < 0) return null;
  const text = `mode "${mode}" has no values for pads of ${both[axis]?.join(" and ")} on axis ${axis}, which has ${show(shape[axis])}`;
  return { code: "pad-size", text, help: `pad less, or use mode "replicate"` };
}
type PadDim<D, A extends number, B extends number> = [`${A}`, `${B}`] extends [infer p extends Int, infer q extends Int]
  ? AddDim<D, AddInt<p, q> & string>
  : number;
type PadAxes<S, L, Out extends readonly unknown[] = []> = L extends readonly [infer a extends number, infer b extends number, ...infer R]
  ? S extends readonly [...infer H, infer D]
    ? PadAxes<H, R, [PadDim<D, a, b>, ...Out]>
    : TypeDim[]
  : S extends readonly unknown[]
    ? [...S, ...Out]
    : TypeDim[];
