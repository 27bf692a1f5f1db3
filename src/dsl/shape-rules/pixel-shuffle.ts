/** Channels turned into pixels and back: [N, C r r, H, W] <-> [N, C, H r, W r]. */
import { type Dim, exactDiv } from "../../ir/dim.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Mod, Mul } from "../arith.generated.ts";
import type { FloorDivDim, MulDim, Show } from "../dim-types.ts";
import type { Rule } from "../layer.ts";
import type { Mismatch } from "../tensor.ts";
import type { Fault } from "../trace.ts";
import { rankFault, show } from "./show.ts";

/** The result of pixelShuffle by R, or what is wrong. */
export type PixelShuffleShape<S, R extends number> = S extends readonly [infer N, infer C, infer H, infer W]
  ? Divides<C, Mul<R, R>> extends false
    ? `pixelShuffle: upscaleFactor ${R} squared does not divide the ${Show<C>} channels`
    : [N, Quotient<C, Mul<R, R>>, Times<H, R>, Times<W, R>]
  : Mismatch<"pixelShuffle", S, "[N, C, H, W]", [number, number, number, number]>;
/** The result of pixelUnshuffle by R, or what is wrong. */
export type PixelUnshuffleShape<S, R extends number> = S extends readonly [infer N, infer C, infer H, infer W]
  ? Divides<H, R> extends false
    ? `pixelUnshuffle: downscaleFactor ${R} does not divide the height ${Show<H>}`
    : Divides<W, R> extends false
      ? `pixelUnshuffle: downscaleFactor ${R} does not divide the width ${Show<W>}`
      : [N, Times<C, Mul<R, R>>, Quotient<H, R>, Quotient<W, R>]
  : Mismatch<"pixelUnshuffle", S, "[N, C, H, W]", [number, number, number, number]>;

/** pixelShuffle as a rule. */
export interface PixelShuffle<R extends number> extends Rule {
  readonly out: PixelShuffleShape<this["in"], R>;
}
/** pixelUnshuffle as a rule. */
export interface PixelUnshuffle<R extends number> extends Rule {
  readonly out: PixelUnshuffleShape<this["in"], R>;
}
type Times<D, R extends number> = number extends R ? number : MulDim<D, `${R}`>;
type Quotient<D, R extends number> = number extends R ? number : FloorDivDim<D, `${R}`>;
// A symbol is divided when the quotient, multiplied again, is the symbol: "16*H" by 4, and not "H" by 2.
type Divides<D, R extends number> = number extends R | D
  ? true
  : D extends number
    ? Mod<D, R> extends 0
      ? true
      : false
    : MulDim<FloorDivDim<D, `${R}`>, `${R}`> extends infer M
      ? number extends M
        ? true
        : [M, D] extends [D, M]
          ? true
          : false
      : never;

const divides = (d: Dim, r: number): boolean => show(d) === "?" || exactDiv(d, r) !== null;
/** That the channels do not make whole pixels, or null. */
export function shuffleFault(s: Shape, r: number): Fault | null {
  const [, c = 0] = s;
  if (s.length !== 4 || divides(c, r * r)) return rankFault(s.length, 4, "[N, C, H, W]");
  return { code: "pixel-shuffle", text: `upscaleFactor ${r} squared does not divide the ${show(c)} channels` };
}
/** That the pixels do not make whole channels, or null. */
export function unshuffleFault(s: Shape, r: number): Fault | null {
  const [, , h = 0, w = 0] = s;
  if (s.length !== 4 || (divides(h, r) && divides(w, r))) return rankFault(s.length, 4, "[N, C, H, W]");
  const [name, d] = divides(h, r) ? ["width", w] : ["height", h];
  const help = `declare the input as a multiple, such as "${r}*H"`;
  return { code: "pixel-shuffle", text: `downscaleFactor ${r} does not divide the ${name} ${show(d)}`, help };
}
