/** Convolutions: [N, C, H, W] -> [N, outChannels, H', W']. */
import { addDims, type Dim, mulDims } from "../../ir/dim.ts";
import type { Shape } from "../../ir/shape.ts";
import type { AddInt, Int, Less, Mod, MulInt, SubInt } from "../arith.generated.ts";
import type { AddDim, Clash, MulDim, Print, Show } from "../dim-types.ts";
import type { Rule } from "../layer.ts";
import type { Mismatch } from "../tensor.ts";
import type { Fault } from "../trace.ts";
import { clash, show, shown } from "./show.ts";
import {
  type At,
  at,
  type IsEmpty,
  type Positive,
  padsOf,
  type Sizes,
  type Window,
  type WindowShape,
  type WindowShape1d,
  type WindowShape3d,
} from "./window.ts";

/** The result of conv2d on S, or what is wrong. */
export type Conv2dShape<S, O, I, K, St, P, D> = S extends readonly [infer N, infer C, infer H, infer W]
  ? Clash<C, I> extends true
    ? `conv2d: input has ${Show<C>} channels, but inChannels is ${Show<I>}`
    : WindowShape<"conv2d", N, O, H, W, K, St, P, D>
  : Mismatch<"conv2d", S, "[N, C, H, W]", [number, O, number, number]>;
/** conv2d as a rule. */
export interface Conv2d<O, I, K, St, P, D> extends Rule {
  readonly out: Conv2dShape<this["in"], O, I, K, St, P, D>;
}
/** The result of conv1d on S, or what is wrong. */
export type Conv1dShape<S, O, I, K, St, P, D> = S extends readonly [infer N, infer C, infer L]
  ? Clash<C, I> extends true
    ? `conv1d: input has ${Show<C>} channels, but inChannels is ${Show<I>}`
    : WindowShape1d<"conv1d", N, O, L, K, St, P, D>
  : Mismatch<"conv1d", S, "[N, C, L]", [number, O, number]>;
/** conv1d as a rule. */
export interface Conv1d<O, I, K, St, P, D> extends Rule {
  readonly out: Conv1dShape<this["in"], O, I, K, St, P, D>;
}
/** The result of conv3d on S, or what is wrong. */
export type Conv3dShape<S, O, I, K, St, P, D> = S extends readonly [infer N, infer C, infer T, infer H, infer W]
  ? Clash<C, I> extends true
    ? `conv3d: input has ${Show<C>} channels, but inChannels is ${Show<I>}`
    : WindowShape3d<"conv3d", N, O, T, H, W, K, St, P, D>
  : Mismatch<"conv3d", S, "[N, C, T, H, W]", [number, O, number, number, number]>;
/** conv3d as a rule. */
export interface Conv3d<O, I, K, St, P, D> extends Rule {
  readonly out: Conv3dShape<this["in"], O, I, K, St, P, D>;
}
/** That the input's channels are not those the layer was written for, or null. */
export function channelFault(c: Dim, inChannels: number | null): Fault | null {
  if (!clash(c, inChannels)) return null;
  const text = `input has ${show(c)} channels, but inChannels is ${show(inChannels)}`;
  return { code: "channel-mismatch", text, help: `leave inChannels out (it is inferred), or write ${show(c)}` };
}

/** The channels of an image or a sequence; `number` when unknown. */
export type Channels<S> = S extends readonly [unknown, infer C, ...unknown[]] ? C : number;
/** True, or a message when the groups do not divide the channels. */
export type GroupsFault<Op extends string, C, O extends number, G extends number> = G extends 1
  ? true
  : Positive<`${Op}: groups`, G> extends infer F extends string
    ? F
    : IsMultiple<C, G> extends true
      ? IsMultiple<O, G> extends true
        ? true
        : `${Op}: groups ${G} does not divide outChannels ${O}`
      : `${Op}: groups ${G} does not divide the ${Show<C>} input channels`;
type IsMultiple<A, B extends number> = A extends number ? (number extends Mod<A, B> ? true : Mod<A, B> extends 0 ? true : false) : true;
/** That the groups do not divide the channels, or null. */
export function groupsFault(c: Dim, outChannels: number, groups: number): Fault | null {
  const help = "groups has to divide the input's channels and outChannels";
  if (typeof c === "number" && c % groups > 0)
    return { code: "groups", text: `groups ${groups} does not divide the ${c} input channels`, help };
  return outChannels % groups === 0 ? null : { code: "groups", text: `groups ${groups} does not divide outChannels ${outChannels}`, help };
}
/** True, or a message when a stride meets padding "same". */
export type StrideFault<Op extends string, St, P> = [P] extends ["same"]
  ? [St] extends [1 | readonly [1, 1] | readonly [1, 1, 1]]
    ? true
    : number extends At<St, 0 | 1 | 2>
      ? true
      : `${Op}: padding "same" needs stride 1, but stride is ${ShowPair<St>}`
  : true;
type ShowPair<P> = P extends readonly unknown[] ? Print<P> : Show<P>;
/** That a stride meets padding "same", or null. */
export function strideFault(stride: unknown, padding: unknown): Fault | null {
  const list: readonly unknown[] = Array.isArray(stride) ? stride : [stride];
  if (padding !== "same" || list.every((s) => s === 1)) return null;
  const text = `padding "same" needs stride 1, but stride is ${shown(stride)}`;
  return { code: "same-stride", text, help: "give the padding as numbers" };
}

/** True, or a message when an output padding reaches the stride and the dilation: PyTorch's rule. */
export type OutputPaddingFault<Op extends string, E, St, D> = [E] extends [0]
  ? true
  : TooFar<At<E, 0>, At<St, 0>, At<D, 0>> extends true
    ? OutputPaddingMessage<Op, At<E, 0>, At<St, 0>, At<D, 0>>
    : TooFar<At<E, 1>, At<St, 1>, At<D, 1>> extends true
      ? OutputPaddingMessage<Op, At<E, 1>, At<St, 1>, At<D, 1>>
      : TooFar<At<E, 2>, At<St, 2>, At<D, 2>> extends true
        ? OutputPaddingMessage<Op, At<E, 2>, At<St, 2>, At<D, 2>>
        : true;
type TooFar<E, S, D> = [E, S, D] extends [infer e extends number, infer s extends number, infer d extends number]
  ? [Less<e, s>, Less<e, d>] extends [false, false]
    ? true
    : false
  : false;
type OutputPaddingMessage<
  Op extends string,
  E,
  S,
  D,
> = `${Op}: outputPadding is ${E & number}, but must be less than stride ${S & number} or dilation ${D & number}`;
/** That an output padding reaches the stride and the dilation, or null. */
export function outputPaddingFault(w: Pick<Window, "stride" | "dilation"> & { readonly outputPadding: Sizes }): Fault | null {
  for (const i of [0, 1, 2]) {
    const [e, s, d] = [at(w.outputPadding, i), at(w.stride, i), at(w.dilation, i)];
    if (e === 0 || e < s || e < d) continue;
    return { code: "output-padding", text: `outputPadding is ${e}, but must be less than stride ${s} or dilation ${d}` };
  }
  return null;
}

/** (X - 1) S - 2 P + D (K - 1) + E + 1, with the output padding E. */
type TransposedDim<X, K, S, P, D, E> = [K, S, P, D, E] extends [
  infer k extends number,
  infer s extends number,
  infer p extends number,
  infer d extends number,
  infer e extends number,
]
  ? [`${k}`, `${s}`, `${p}`, `${d}`, `${e}`] extends [
      infer k extends Int,
      infer s extends Int,
      infer p extends Int,
      infer d extends Int,
      infer e extends Int,
    ]
    ? AddDim<MulDim<X, s>, AddInt<SubInt<AddInt<MulInt<d, SubInt<k, "1">>, AddInt<e, "1">>, s>, MulInt<"-2", p>> & string>
    : number
  : number;
/** The result of convTranspose2d on S, or what is wrong. */
export type ConvTranspose2dShape<S, O, I, K, St, P, D, E> = S extends readonly [infer N, infer C, infer H, infer W]
  ? Clash<C, I> extends true
    ? `convTranspose2d: input has ${Show<C>} channels, but inChannels is ${Show<I>}`
    : Grown<
        "convTranspose2d",
        [
          N,
          O,
          TransposedDim<H, At<K, 0>, At<St, 0>, At<P, 0>, At<D, 0>, At<E, 0>>,
          TransposedDim<W, At<K, 1>, At<St, 1>, At<P, 1>, At<D, 1>, At<E, 1>>,
        ]
      >
  : Mismatch<"convTranspose2d", S, "[N, C, H, W]", [number, O, number, number]>;
/** convTranspose2d as a rule. */
export interface ConvTranspose2d<O, I, K, St, P, D, E> extends Rule {
  readonly out: ConvTranspose2dShape<this["in"], O, I, K, St, P, D, E>;
}
/** The result of convTranspose1d on S, or what is wrong. */
export type ConvTranspose1dShape<S, O, I, K, St, P, D, E> = S extends readonly [infer N, infer C, infer L]
  ? Clash<C, I> extends true
    ? `convTranspose1d: input has ${Show<C>} channels, but inChannels is ${Show<I>}`
    : Grown<"convTranspose1d", [N, O, TransposedDim<L, K, St, P, D, E>]>
  : Mismatch<"convTranspose1d", S, "[N, C, L]", [number, O, number]>;
/** convTranspose1d as a rule. */
export interface ConvTranspose1d<O, I, K, St, P, D, E> extends Rule {
  readonly out: ConvTranspose1dShape<this["in"], O, I, K, St, P, D, E>;
}
/** The result of convTranspose3d on S, or what is wrong. */
export type ConvTranspose3dShape<S, O, I, K, St, P, D, E> = S extends readonly [infer N, infer C, infer T, infer H, infer W]
  ? Clash<C, I> extends true
    ? `convTranspose3d: input has ${Show<C>} channels, but inChannels is ${Show<I>}`
    : Grown<
        "convTranspose3d",
        [
          N,
          O,
          TransposedDim<T, At<K, 0>, At<St, 0>, At<P, 0>, At<D, 0>, At<E, 0>>,
          TransposedDim<H, At<K, 1>, At<St, 1>, At<P, 1>, At<D, 1>, At<E, 1>>,
          TransposedDim<W, At<K, 2>, At<St, 2>, At<P, 2>, At<D, 2>, At<E, 2>>,
        ]
      >
  : Mismatch<"convTranspose3d", S, "[N, C, T, H, W]", [number, O, number, number, number]>;
/** convTranspose3d as a rule. */
export interface ConvTranspose3d<O, I, K, St, P, D, E> extends Rule {
  readonly out: ConvTranspose3dShape<this["in"], O, I, K, St, P, D, E>;
}
/** A shape, or the message that padding leaves nothing of its last axes. */
type Grown<Op extends string, S> = S extends readonly [unknown, unknown, ...infer X]
  ? true extends { [K in keyof X]: IsEmpty<X[K]> }[number]
    ? `${Op}: the padding leaves a result of ${Print<S>}`
    : S
  : never;
/** That padding leaves nothing of an axis, or null. */
export function grownFault(s: Shape, outChannels: number, w: Window & { readonly outputPadding: Sizes }): Fault | null {
  const [n = 1, , ...sizes] = s;
  const grown = sizes.map((x, i) => {
    const [k, d, [begin, end]] = [at(w.kernelSize, i), at(w.dilation, i), padsOf(w, i)];
    return addDims(mulDims(addDims(x, -1), at(w.stride, i)), d * (k - 1) + 1 + at(w.outputPadding, i) - begin - end);
  });
  if (!grown.some((d) => typeof d === "number" && d <= 0)) return null;
  const text = `the padding leaves a result of [${[n, outChannels, ...grown].map(show).join(", ")}]`;
  return { code: "empty-output", text, help: "use less padding, a larger kernel, or a larger input" };
}
