/** Sliding windows, which convolutions and pools share: their sizes in types, and what is wrong with their options. */
import { addDims, type Dim, floorDiv } from "../../ir/dim.ts";
import type { AddInt, Int, MulInt, SubInt } from "../arith.generated.ts";
import type { AddDim, FloorDivDim, Show } from "../dim-types.ts";
import type { Fault } from "../trace.ts";
import { show } from "./show.ts";

/** One number for both axes, or [height, width]. */
export type Pair = number | readonly [number, number];
/** Zeros around an image: a number for all sides, [height, width], as many as keep the size ("same"), or none ("valid"). */
export type Padding = Pair | "same" | "valid";
/** The entry of a pair for an axis. */
export type At<P, I extends 0 | 1> = P extends readonly [number, number] ? P[I] : P;
/** The entry of a pair for an axis. */
export const at = (p: Pair, i: 0 | 1): number => (typeof p === "number" ? p : p[i]);

/** The sizes of a window along an axis, or [kernel, stride, padding, dilation] as texts; never when one is not known. */
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
/** floor((X + 2 P - D (K - 1) - 1) / S) + 1; with ceil mode C, PyTorch's number of windows that start before the padding behind X. */
export type WindowDim<X, K, S, P, D, C = false> = [P] extends ["same"]
  ? X
  : [Texts<K, S, [P] extends ["valid"] ? 0 : P, D>] extends [infer T extends [string, string, string, string]]
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
> = `${Op}: kernel ${K & number}${D extends 1 ? "" : ` dilated by ${D & number}`} exceeds the input ${Axis} ${Show<X>}${P extends 0 | "valid" ? "" : ` padded by ${P & number}`}`;

/** A window with all its options. */
export interface Window {
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Padding;
  readonly dilation: Pair;
}
/** The padding before and after an axis: PyTorch gives "same" its odd zero behind. */
export function padsOf(w: Window, i: 0 | 1): readonly [number, number] {
  if (w.padding === "valid") return [0, 0];
  if (w.padding !== "same") return [at(w.padding, i), at(w.padding, i)];
  const total = at(w.dilation, i) * (at(w.kernelSize, i) - 1);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}
/** The kernel is larger than an axis of the padded input, or null. Ceil mode needs no look: it only adds to one window or more. */
export function windowFault(sizes: readonly Dim[], w: Window): Fault | null {
  const names = sizes.length === 1 ? ["length"] : ["height", "width"];
  for (const i of [0, 1] as const) {
    const [size, k, d] = [sizes[i], at(w.kernelSize, i), at(w.dilation, i)];
    if (size === undefined) continue;
    const [begin, end] = padsOf(w, i);
    const out = addDims(floorDiv(addDims(size, begin + end - d * (k - 1) - 1), at(w.stride, i)), 1);
    if (typeof out === "string" || out > 0) continue;
    const padded = w.padding === "same" || w.padding === "valid" || begin === 0 ? "" : ` padded by ${begin}`;
    const text = `kernel ${k}${d === 1 ? "" : ` dilated by ${d}`} exceeds the input ${names[i]} ${show(size)}${padded}`;
    return { code: "kernel-too-large", text, help: "use a smaller kernel, more padding, or a larger input" };
  }
  return null;
}

/** True, or a message when an option is not a positive integer. */
export type Positive<Label extends string, V> = V extends readonly [infer A, infer B]
  ? Positive<Label, A> extends true
    ? Positive<Label, B>
    : Positive<Label, A>
  : V extends number
    ? `${V}` extends "0" | `-${string}` | `${string}.${string}`
      ? `${Label} is ${V}, but must be a positive integer`
      : true
    : true;
/** That an option is not a positive integer, or null. */
export function positive(option: string, v: Pair): Fault | null {
  const bad = (typeof v === "object" ? v : [v]).find((n) => !Number.isSafeInteger(n) || n <= 0);
  return bad === undefined ? null : { code: "option-range", text: `${option} is ${bad}, but must be a positive integer` };
}
/** True, or a message when an option is not an integer from 0 on. */
export type Natural<Label extends string, V> = V extends readonly [infer A, infer B]
  ? Natural<Label, A> extends true
    ? Natural<Label, B>
    : Natural<Label, A>
  : V extends number
    ? `${V}` extends `-${string}` | `${string}.${string}`
      ? `${Label} is ${V}, but must be a natural number`
      : true
    : true;
/** That an option is not an integer from 0 on, or null. */
export function natural(option: string, v: Pair): Fault | null {
  const bad = (typeof v === "object" ? v : [v]).find((n) => !Number.isSafeInteger(n) || n < 0);
  return bad === undefined ? null : { code: "option-range", text: `${option} is ${bad}, but must be a natural number` };
}
