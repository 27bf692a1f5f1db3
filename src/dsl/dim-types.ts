/**
 * Type-level dimensions: the types compute the texts that src/ir/dim.ts computes at run time.
 *
 * A dim is a number literal, or the canonical text of a function of one symbol, `m*floor((a*S+b)/d)+c` with 0 <= b < d and
 * gcd(a, d) = 1, where parts equal to 1 or 0 are left out: "N", "H+2", "16*H", "floor((H+1)/2)", "2*floor(H/2)-1". Equal
 * texts are equal functions. What does not fit is `number`: nothing is known of it, and no rule objects to it.
 * Operands are not declared as strings: the checker would enumerate the digit tables to prove each deferred result to be one.
 */
import type { AddInt, FloorDivInt, GcdInt, Int, ModInt, MulInt, ToNumber } from "./arith.generated.ts";

/** A size in a type: a literal, a symbolic text, or `number` and `string` where it is not known. */
export type Dim = number | string;

// The terms of a symbolic dim: multiplier, factor, symbol, offset, divisor, constant.
type Terms = [m: string, a: string, symbol: string, b: string, d: string, c: string];

// Texts of more than this form (products of symbols, minima) come from inputs only as `never` here, hence as `number`.
type Parse<D extends string> = D extends `${infer P}floor(${infer I}/${infer d})${infer C}`
  ? Affine<I extends `(${infer J})` ? J : I> extends [infer a extends string, infer s extends string, infer b extends string]
    ? [P extends `${infer m}*` ? m : "1", a, s, b, d, C extends "" ? "0" : C extends `+${infer c}` ? c : C]
    : never
  : Affine<D> extends [infer m extends string, infer s extends string, infer c extends string]
    ? [m, "1", s, "0", "1", c]
    : never;
type Affine<T extends string> = T extends `${infer M}*${infer R}` ? [M, ...Tail<R>] : ["1", ...Tail<T>];
type Tail<T extends string> = T extends `${infer S}+${infer c}` ? [S, c] : T extends `${infer S}-${infer c}` ? [S, `-${c}`] : [T, "0"];

type Render<T> = T extends [
  infer m extends string,
  infer a extends string,
  infer s extends string,
  infer b extends string,
  infer d extends string,
  infer c extends string,
]
  ? m extends "0"
    ? ToNumber<c>
    : d extends "1"
      ? `${Times<m>}${s}${Plus<c>}`
      : `${Times<m>}floor(${[a, b] extends ["1", "0"] ? s : `(${Times<a>}${s}${Plus<b>})`}/${d})${Plus<c>}`
  : number;
type Times<M extends string> = M extends "1" ? "" : M extends "-1" ? "-" : `${M}*`;
type Plus<C extends string> = C extends "0" ? "" : C extends `-${string}` ? C : `+${C}`;

/** The canonical terms of floor((a * S + b) / d). */
type Floor<a, s, b, d> = Reduced<GcdInt<a, d>, a, s, b, d>;
type Reduced<g, a, s, b, d> = g extends "1"
  ? ["1", a, s, ModInt<b, d>, d, FloorDivInt<b, d>]
  : g extends d
    ? [FloorDivInt<a, g>, "1", s, "0", "1", FloorDivInt<b, g>]
    : Reduced<"1", FloorDivInt<a, g>, s, FloorDivInt<b, g>, FloorDivInt<d, g>>;

/** D + K, where K is an integer text. */
export type AddDim<D, K extends string> = K extends "0"
  ? D
  : D extends number
    ? `${D}` extends infer T extends Int
      ? ToNumber<AddInt<T, K>>
      : number
    : D extends string
      ? string extends D
        ? number
        : AddTerms<Parse<D>, K>
      : number;
type AddTerms<T, K extends string> = T extends Terms ? Render<[T[0], T[1], T[2], T[3], T[4], AddInt<T[5], K>]> : number;

/** D * K for an integer text K >= 0. */
export type MulDim<D, K extends string> = K extends "1"
  ? D
  : D extends number
    ? `${D}` extends infer T extends Int
      ? ToNumber<MulInt<T, K>>
      : number
    : D extends string
      ? string extends D
        ? number
        : MulTerms<Parse<D>, K>
      : number;
type MulTerms<T, K extends string> = T extends Terms ? Render<[MulInt<T[0], K>, T[1], T[2], T[3], T[4], MulInt<T[5], K>]> : number;

/** floor(D / K) for an integer text K >= 1. */
export type FloorDivDim<D, K extends string> = K extends "1"
  ? D
  : D extends number
    ? `${D}` extends infer T extends Int
      ? ToNumber<FloorDivInt<T, K>>
      : number
    : D extends string
      ? string extends D
        ? number
        : Render<FloorDivTerms<Parse<D>, K>>
      : number;
type FloorDivTerms<T, K extends string> = T extends [
  infer m extends string,
  infer a extends string,
  infer s extends string,
  infer b extends string,
  infer d extends string,
  infer c extends string,
]
  ? ModInt<m, K> extends "0"
    ? [FloorDivInt<m, K>, a, s, b, d, FloorDivInt<c, K>]
    : d extends "1"
      ? Floor<m, s, c, K>
      : ModInt<K, m> extends "0"
        ? Floor<a, s, AddInt<b, MulInt<FloorDivInt<c, m>, d>>, MulInt<d, FloorDivInt<K, m>>>
        : unknown
  : unknown;

/** A + B: exact when one is a number, or when both are multiples of the same expression. */
export type SumDims<A, B> = number extends A | B
  ? number
  : A extends number
    ? AddDim<B, `${A}`>
    : B extends number
      ? AddDim<A, `${B}`>
      : A extends string
        ? B extends string
          ? SumTerms<Parse<A>, Parse<B>>
          : number
        : number;
type SumTerms<A, B> = A extends Terms
  ? B extends Terms
    ? [A[1], A[2], A[3], A[4]] extends [B[1], B[2], B[3], B[4]]
      ? Render<[AddInt<A[0], B[0]>, A[1], A[2], A[3], A[4], AddInt<A[5], B[5]>]>
      : number
    : number
  : number;

/** A * B: exact when one is a number. */
export type TimesDims<A, B> = number extends A | B
  ? number
  : A extends number
    ? MulDim<B, `${A}`>
    : B extends number
      ? MulDim<A, `${B}`>
      : number;

/** True when A and B are known and differ: for symbols, when they are not equal for every value. */
export type Clash<A, B> = number extends B ? false : number extends A ? false : [A & B] extends [never] ? true : false;

/** The better known of two equal dims. */
export type Merge<A, B> = number extends A ? B : number extends B ? A : A & B;

/** A dim as messages print it. */
export type Show<D> = number extends D ? "?" : D extends Dim ? `${D}` : "?";
/** A shape as messages print it. */
export type Print<S> = S extends readonly unknown[] ? (number extends S["length"] ? "unknown rank" : `[${Items<S>}]`) : "unknown rank";
type Items<S> = S extends readonly [infer D] ? Show<D> : S extends readonly [infer D, ...infer R] ? `${Show<D>}, ${Items<R>}` : "";
