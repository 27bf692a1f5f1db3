/** Resizing: [N, C, H, W] -> [N, C, H', W']. */
import type { Int } from "../arith.generated.ts";
import type { MulDim } from "../dim-types.ts";
import type { Mismatch } from "../tensor.ts";
import type { At } from "./window.ts";

/** The result of interpolate with a size Z (null: none) or a scale factor F (null: none). */
export type ResizeShape<Op extends string, S, Z, F> = S extends readonly [infer N, infer C, infer H, infer W]
  ? Z extends null
    ? [N, C, ScaleDim<H, At<F, 0>>, ScaleDim<W, At<F, 1>>]
    : [N, C, At<Z, 0>, At<Z, 1>]
  : Mismatch<Op, S, "[N, C, H, W]", [number, number, number, number]>;
/** floor(X F), exact for integers. */
type ScaleDim<X, F> = F extends number
  ? `${F}` extends infer f extends Int
    ? f extends `-${string}` | "0"
      ? number
      : MulDim<X, f>
    : number
  : number;
