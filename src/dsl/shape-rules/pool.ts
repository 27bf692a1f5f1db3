/** Pools: [N, C, H, W] -> [N, C, H', W']. */
import type { Dim } from "../../ir/dim.ts";
import type { Less, Mul } from "../arith.generated.ts";
import type { Show } from "../dim-types.ts";
import type { Rule } from "../layer.ts";
import type { Mismatch } from "../tensor.ts";
import type { Fault } from "../trace.ts";
import { show } from "./show.ts";
import {
  type At,
  at,
  axisNames,
  padsOf,
  type Sizes,
  type Window,
  type WindowShape,
  type WindowShape1d,
  type WindowShape3d,
} from "./window.ts";

/** The result of a pool on S, or what is wrong; with ceil mode M. */
export type PoolShape<Op extends string, S, K, St, P, D, M> = S extends readonly [infer N, infer C, infer H, infer W]
  ? WindowShape<Op, N, C, H, W, K, St, P, D, M>
  : Mismatch<Op, S, "[N, C, H, W]", [number, number, number, number]>;
/** A pool as a rule. */
export interface Pool2d<Op extends string, K, St, P, D, M> extends Rule {
  readonly out: PoolShape<Op, this["in"], K, St, P, D, M>;
}
/** A pool over sequences as a rule. */
export interface Pool1d<Op extends string, K, St, P, D, M> extends Rule {
  readonly out: Pool1dShape<Op, this["in"], K, St, P, D, M>;
}
/** A pool over volumes as a rule. */
export interface Pool3d<Op extends string, K, St, P, D, M> extends Rule {
  readonly out: Pool3dShape<Op, this["in"], K, St, P, D, M>;
}
/** The result of a pool over sequences on S, or what is wrong. */
export type Pool1dShape<Op extends string, S, K, St, P, D, M> = S extends readonly [infer N, infer C, infer L]
  ? WindowShape1d<Op, N, C, L, K, St, P, D, M>
  : Mismatch<Op, S, "[N, C, L]", [number, number, number]>;
/** The result of a pool over volumes on S, or what is wrong. */
export type Pool3dShape<Op extends string, S, K, St, P, D, M> = S extends readonly [infer N, infer C, infer T, infer H, infer W]
  ? WindowShape3d<Op, N, C, T, H, W, K, St, P, D, M>
  : Mismatch<Op, S, "[N, C, T, H, W]", [number, number, number, number, number]>;

/** True, or a message when a window could lie in the padding alone: PyTorch's rule. */
export type HalfKernel<Op extends string, P, K> =
  TooMuch<At<P, 0>, At<K, 0>> extends true
    ? PaddingMessage<Op, At<P, 0>, At<K, 0>>
    : TooMuch<At<P, 1>, At<K, 1>> extends true
      ? PaddingMessage<Op, At<P, 1>, At<K, 1>>
      : TooMuch<At<P, 2>, At<K, 2>> extends true
        ? PaddingMessage<Op, At<P, 2>, At<K, 2>>
        : true;
type TooMuch<P, K> = [P] extends [0 | undefined]
  ? false
  : [P, K] extends [infer p extends number, infer k extends number]
    ? Less<k, Mul<2, p>> extends true
      ? true
      : false
    : false;
type PaddingMessage<Op extends string, P, K> = `${Op}: padding ${P & number} is more than half of kernelSize ${K & number}`;
/** That a window could lie in the padding alone, or null. */
export function halfKernelFault(w: Window): Fault | null {
  if (typeof w.padding === "string") return { code: "option-range", text: `padding is "${w.padding}", but must be a natural number` };
  for (const i of [0, 1, 2]) {
    const [[p], k] = [padsOf(w, i), at(w.kernelSize, i)];
    if (2 * p > k) return { code: "pool-padding", text: `padding ${p} is more than half of kernelSize ${k}` };
  }
  return null;
}

/** The result of an adaptive pool on S, or what is wrong. */
export type AdaptiveShape<Op extends string, S, Y> = S extends readonly [infer N, infer C, infer H, infer W]
  ? IsOpen<H, At<Y, 0>> extends true
    ? OpenMessage<Op, "height", H, At<Y, 0>>
    : IsOpen<W, At<Y, 1>> extends true
      ? OpenMessage<Op, "width", W, At<Y, 1>>
      : [N, C, At<Y, 0>, At<Y, 1>]
  : Mismatch<Op, S, "[N, C, H, W]", [number, number, At<Y, 0>, At<Y, 1>]>;
/** The result of an adaptive pool over sequences on S, or what is wrong. */
export type Adaptive1dShape<Op extends string, S, Y> = S extends readonly [infer N, infer C, infer L]
  ? IsOpen<L, Y> extends true
    ? OpenMessage<Op, "length", L, Y>
    : [N, C, Y]
  : Mismatch<Op, S, "[N, C, L]", [number, number, Y]>;
/** An adaptive pool as a rule. */
export interface Adaptive<Op extends string, Y> extends Rule {
  readonly out: AdaptiveShape<Op, this["in"], Y>;
}
/** An adaptive pool over sequences as a rule. */
export interface Adaptive1d<Op extends string, Y> extends Rule {
  readonly out: Adaptive1dShape<Op, this["in"], Y>;
}
/** A grid of several cells over a symbolic size has no form of its own: its bins differ from size to size. */
type IsOpen<X, Y> = Y extends 1 ? false : number extends Y ? false : X extends string ? (string extends X ? false : true) : false;
type OpenMessage<
  Op extends string,
  Axis extends string,
  X,
  Y,
> = `${Op}: outputSize ${Y & number} needs a ${Axis} that is a number, not ${Show<X>}`;
/** That a grid of several cells meets a size that is not a number, or null. */
export function openFault(sizes: readonly Dim[], grid: Sizes): Fault | null {
  for (const [i, x] of sizes.entries()) {
    const name = axisNames[sizes.length]?.[i] ?? "";
    if (at(grid, i) === 1 || typeof x === "number") continue;
    const text = `outputSize ${at(grid, i)} needs a ${name} that is a number, not ${show(x)}`;
    return { code: "adaptive-size", text, help: `trace the model with a fixed ${name}, or use outputSize 1` };
  }
  return null;
}
