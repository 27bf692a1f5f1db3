/** Padding. */
import { addDims, type Dim } from "../../ir/dim.ts";
import type { AddInt, Int } from "../arith.generated.ts";
import type { AddDim, Print, Dim as TypeDim } from "../dim-types.ts";
import type { Rule } from "../layer.ts";
import type { Length } from "../tensor.ts";
import type { Fault } from "../trace.ts";
import { show } from "./show.ts";

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
