/** Sliding windows, which convolutions and pools share: their sizes in types, and what is wrong with their options. */
import { addDims, type Dim, floorDiv } from "../../ir/dim.ts";
import type { AddInt, Int, MulInt, SubInt } from "../arith.generated.ts";
import type { AddDim, FloorDivDim, Print, Show } from "../dim-types.ts";
import type { Fault } from "../trace.ts";
import { show, shown } from "./show.ts";

/** One number for both axes, or [height, width]. */
export type Pair = number | readonly [number, number];
/** One number for all three axes, or [depth, height, width]. */
export type Triple = number | readonly [number, number, number];
/** One number for all axes, or one for each. */
export type Sizes = number | readonly number[];
type Sides = readonly [before: number, after: number];
/** Zeros around a sequence: a number for both ends, [before, after], as many as keep the length ("same"), or none ("valid"). */
export type Padding1d = number | Sides | "same" | "valid";
/**
 * Zeros around an image: a number for all sides, [height, width], [[top, bottom], [left, right]], as many as keep the size
 * ("same"), or none ("valid").
 */
export type Padding = Pair | readonly [Sides, Sides] | "same" | "valid";
/** Zeros around a volume: as `Padding`, with the depth first. */
export type Padding3d = Triple | readonly [Sides, Sides, Sides] | "same" | "valid";
/** The entry of an option for an axis. */
export type At<P, I extends 0 | 1 | 2> = P extends readonly unknown[] ? P[I & keyof P] : P;
/** The entry of an option for an axis. */
export const at = (p: Sizes, i: number): number => (typeof p === "number" ? p : (p[i] ?? 0));

/** A window along an axis as texts, [kernel, stride, padding, dilation]; never when one is not known. */
type Texts<K, S, P, D> = [K, S, P, D] extends [
  infer k extends number,
  infer s extends number,
  infer p extends number,
  infer d extends number,
]
  ? [`${k}`, `${s}`, `${p}`, `${d}`] extends infer T extends [Int, Int, Int, Int]
    ? T
    : never
  : never;
/** The size along an axis that is padded by [before, after], the kernel then having no padding of its own. */
type Padded<X, P extends readonly [number, number]> = [`${P[0]}`, `${P[1]}`] extends [infer p extends Int, infer q extends Int]
  ? AddDim<X, AddInt<p, q> & string>
  : number;
/** floor((X + 2 P - D (K - 1) - 1) / S) + 1; with ceil mode C, PyTorch's number of windows that start before the padding behind X. */
export type WindowDim<X, K, S, P, D, C = false> = [P] extends ["same"]
  ? X
  : [P] extends [readonly [number, number]]
    ? WindowDim<Padded<X, P>, K, S, 0, D, C>
    : WindowOf<X, K, S, P, D, C>;
type WindowOf<X, K, S, P, D, C> = [Texts<K, S, [P] extends ["valid"] ? 0 : P, D>] extends [infer T extends [string, string, string, string]]
  ? [T] extends [never]
    ? number
    : [C] extends [false]
      ? WindowSteps<X, SubInt<MulInt<"2", T[2]>, MulInt<T[3], SubInt<T[0], "1">>>, T[1]>
      : [C] extends [true]
        ? CeilSteps<X, T[2], T[1], SubInt<AddInt<T[2], T[1]>, AddInt<MulInt<T[3], SubInt<T[0], "1">>, "1">>>
        : number
  : number;
// A stride of 1 moves nothing but the border, and a "same" convolution not even that: most layers stop here.
type WindowSteps<X, Border, S> = S extends "1"
  ? AddDim<X, Border & string>
  : S extends "0" | `-${string}`
    ? number
    : AddDim<FloorDivDim<AddDim<X, SubInt<Border, "1"> & string>, S & string>, "1">;
/** ceil((X + P + min(Over, 0)) / S), where Over = P + S - D (K - 1) - 1 is how far past the last start the padding reaches. */
type CeilSteps<X, P, S, Over> = S extends "0" | `-${string}`
  ? number
  : FloorDivDim<AddDim<X, AddInt<AddInt<P, Over extends `-${string}` ? Over : "0">, SubInt<S, "1">> & string>, S & string>;

/** [N, C, H, W] after a window, or a message when the window does not fit. */
export type WindowShape<Op extends string, N, C, H, W, K, S, P, D, M = false> = [
  WindowDim<H, At<K, 0>, At<S, 0>, At<P, 0>, At<D, 0>, M>,
  WindowDim<W, At<K, 1>, At<S, 1>, At<P, 1>, At<D, 1>, M>,
] extends [infer Y, infer X]
  ? IsEmpty<Y> extends true
    ? Misfit<Op, "height", H, At<K, 0>, At<P, 0>, At<D, 0>>
    : IsEmpty<X> extends true
      ? Misfit<Op, "width", W, At<K, 1>, At<P, 1>, At<D, 1>>
      : [N, C, Y, X]
  : never;
/** [N, C, L] after a window, or a message when the window does not fit. */
export type WindowShape1d<Op extends string, N, C, L, K, S, P, D, M = false> =
  WindowDim<L, K, S, P, D, M> extends infer X ? (IsEmpty<X> extends true ? Misfit<Op, "length", L, K, P, D> : [N, C, X]) : never;
/** [N, C, T, H, W] after a window, or a message when the window does not fit. */
export type WindowShape3d<Op extends string, N, C, T, H, W, K, S, P, D, M = false> =
  WindowDim<T, At<K, 0>, At<S, 0>, At<P, 0>, At<D, 0>, M> extends infer Z
    ? IsEmpty<Z> extends true
      ? Misfit<Op, "depth", T, At<K, 0>, At<P, 0>, At<D, 0>>
      : WindowShape<Op, N, C, H, W, Plane<K>, Plane<S>, Plane<P>, Plane<D>, M> extends infer R
        ? R extends readonly [infer n, infer c, infer Y, infer X]
          ? [n, c, Z, Y, X]
          : R
        : never
    : never;
/** An option of three axes for the last two. */
type Plane<P> = P extends readonly [unknown, infer A, infer B] ? [A, B] : P;
/** True for a size that is a number below 1. */
export type IsEmpty<Y> = Y extends number ? (`${Y}` extends "0" | `-${string}` ? true : false) : false;
/** That a kernel is larger than the padded axis. */
export type Misfit<
  Op extends string,
  Axis extends string,
  X,
  K,
  P,
  D,
> = `${Op}: kernel ${K & number}${D extends 1 ? "" : ` dilated by ${D & number}`} exceeds the input ${Axis} ${Show<X>}${PaddedBy<P>}`;
type PaddedBy<P> = P extends 0 | "valid" | readonly [0, 0]
  ? ""
  : P extends readonly [infer A extends number, infer B extends number]
    ? ` padded by ${A} and ${B}`
    : ` padded by ${P & number}`;

/** A window with all its options. */
export interface Window {
  readonly kernelSize: Sizes;
  readonly stride: Sizes;
  readonly padding: Sizes | readonly Sides[] | "same" | "valid";
  readonly dilation: Sizes;
}
/** The padding before and after an axis: PyTorch gives "same" its odd zero behind. */
export function padsOf(w: Window, i: number): readonly [number, number] {
  if (w.padding === "valid") return [0, 0];
  if (w.padding === "same") {
    const total = at(w.dilation, i) * (at(w.kernelSize, i) - 1);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  }
  const entry = typeof w.padding === "number" ? w.padding : (w.padding[i] ?? 0);
  return typeof entry === "number" ? [entry, entry] : entry;
}
/** The axes that a window moves along, by their number. */
export const axisNames: readonly (readonly string[])[] = [[], ["length"], ["height", "width"], ["depth", "height", "width"]];
/** The kernel is larger than an axis of the padded input, or null. Ceil mode needs no look: it only adds to one window or more. */
export function windowFault(sizes: readonly Dim[], w: Window): Fault | null {
  for (const [i, size] of sizes.entries()) {
    const [k, d, [begin, end]] = [at(w.kernelSize, i), at(w.dilation, i), padsOf(w, i)];
    const out = addDims(floorDiv(addDims(size, begin + end - d * (k - 1) - 1), at(w.stride, i)), 1);
    if (typeof out === "string" || out > 0) continue;
    const border = begin === end ? `${begin}` : `${begin} and ${end}`;
    const padded = w.padding === "same" || begin + end === 0 ? "" : ` padded by ${border}`;
    const text = `kernel ${k}${d === 1 ? "" : ` dilated by ${d}`} exceeds the input ${axisNames[sizes.length]?.[i]} ${show(size)}${padded}`;
    return { code: "kernel-too-large", text, help: "use a smaller kernel, more padding, or a larger input" };
  }
  return null;
}

/** True, or a message when an option is not a positive integer, or as many of them as there are axes. */
export type Positive<Label extends string, V> = V extends readonly unknown[]
  ? Counted<Label, V> extends infer F extends string
    ? F
    : EachPositive<Label, V>
  : EachPositive<Label, V>;
/** True, or a message when a list has not a number for each axis: three in a layer for volumes, else two. */
type Counted<Label extends string, V extends readonly unknown[]> = number extends V["length"]
  ? true
  : V["length"] extends AxesOf<Label>
    ? true
    : `${Label} is ${Print<V>}, but must be a number or ${AxesOf<Label>} numbers`;
type AxesOf<Label extends string> = Label extends `${string}3d: ${string}` ? 3 : 2;
type EachPositive<Label extends string, V> = V extends readonly [infer A, ...infer R]
  ? EachPositive<Label, A> extends true
    ? EachPositive<Label, R>
    : EachPositive<Label, A>
  : V extends number
    ? `${V}` extends "0" | `-${string}` | `${string}.${string}`
      ? `${Label} is ${V}, but must be a positive integer`
      : true
    : true;
/** That an option is not a positive integer, or as many of them as there are axes, or null. */
export function positive(option: string, v: unknown, axes: 1 | 2 | 3 = 1): Fault | null {
  return countFault(option, v, axes) ?? rangeFault(option, v, "a positive integer", (n) => n > 0);
}
/** That an option is a list of more or fewer numbers than there are axes, or null. */
function countFault(option: string, v: unknown, axes: 1 | 2 | 3): Fault | null {
  if (!Array.isArray(v) || v.length === axes) return null;
  const text = `${option} is ${shown(v)}, but must be a number${axes === 1 ? "" : ` or ${axes} numbers`}`;
  return { code: "option-count", text };
}
function rangeFault(option: string, v: unknown, wanted: string, fits: (n: number) => boolean): Fault | null {
  const list: readonly unknown[] = Array.isArray(v) ? v.flat() : [v];
  const index = list.findIndex((n) => !Number.isSafeInteger(n) || !fits(Number(n)));
  if (index < 0) return null;
  const bad = list[index];
  return { code: "option-range", text: `${option} is ${bad === undefined ? "missing" : shown(bad)}, but must be ${wanted}` };
}
/** True, or a message when an option is not an integer from 0 on, or as many of them as there are axes. */
export type Natural<Label extends string, V> = V extends readonly number[]
  ? Counted<Label, V> extends infer F extends string
    ? F
    : EachNatural<Label, V>
  : EachNatural<Label, V>;
type EachNatural<Label extends string, V> = V extends readonly [infer A, ...infer R]
  ? EachNatural<Label, A> extends true
    ? EachNatural<Label, R>
    : EachNatural<Label, A>
  : V extends number
    ? `${V}` extends `-${string}` | `${string}.${string}`
      ? `${Label} is ${V}, but must be a natural number`
      : true
    : true;
/** That an option is not an integer from 0 on, or null. */
export function natural(option: string, v: unknown, axes?: 1 | 2 | 3): Fault | null {
  const count = axes === undefined || !isSizes(v) ? null : countFault(option, v, axes);
  return count ?? rangeFault(option, v, "a natural number", (n) => n >= 0);
}
const isSizes = (v: unknown): boolean => !Array.isArray(v) || v.every((n) => typeof n === "number");
