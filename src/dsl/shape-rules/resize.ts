/** Resizing: [N, C, H, W] -> [N, C, H', W']. */
import type { AddInt, Int, MulInt } from "../arith.generated.ts";
import type { FloorDivDim, MulDim } from "../dim-types.ts";
import type { Rule } from "../layer.ts";
import type { Mismatch } from "../tensor.ts";
import type { At } from "./window.ts";

/** The result of interpolate with a size Z (null: none) or a scale factor F (null: none). */
export type ResizeShape<Op extends string, S, Z, F> = S extends readonly [infer N, infer C, infer H, infer W]
  ? Z extends null
    ? [F] extends [null]
      ? `${Op}: give either size or scaleFactor`
      : [N, C, ScaleDim<H, At<F, 0>>, ScaleDim<W, At<F, 1>>]
    : [N, C, At<Z, 0>, At<Z, 1>]
  : Mismatch<Op, S, "[N, C, H, W]", [number, number, number, number]>;
/** interpolate and upsample as a rule. */
export interface Resize<Op extends string, Z, F> extends Rule {
  readonly out: ResizeShape<Op, this["in"], Z, F>;
}
/** True, or a message when there are both a size and a scale factor, or the factor is not above 0. */
export type EitherFault<Z, F> = [Z] extends [null]
  ? FactorFault<F extends readonly unknown[] ? F[number] : F>
  : [F] extends [null]
    ? true
    : "interpolate: give either size or scaleFactor";
/** True, or a message when a factor is not above 0. */
type FactorFault<F> = [F] extends [number]
  ? Extract<`${F}`, "0" | `-${string}`> extends infer B
    ? [B] extends [never]
      ? true
      : `interpolate: scaleFactor is ${B & string}, but must be positive`
    : never
  : true;
/** floor(X F), for integers and for decimals that binary numbers hold exactly: 0.5, 1.25. */
type ScaleDim<X, F> = F extends number
  ? `${F}` extends `-${string}` | "0"
    ? number
    : `${F}` extends infer f extends Int
      ? MulDim<X, f>
      : `${F}` extends `${infer A}.${infer B extends keyof Eighths}`
        ? FloorDivDim<MulDim<X, AddInt<MulInt<A, "8">, Eighths[B]> & string>, "8">
        : number
  : number;
/** Decimals in eighths. */
interface Eighths {
  "125": "1";
  "25": "2";
  "375": "3";
  "5": "4";
  "625": "5";
  "75": "6";
  "875": "7";
}
