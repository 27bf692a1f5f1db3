/** Reshaping: flatten, reshape, expand. */
import { type Dim, exactDiv, isUnknown, productOf } from "../../ir/dim.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Int, LessInt, Mod } from "../arith.generated.ts";
import type { Clash, FloorDivDim, MulDim, Show, Dim as TypeDim } from "../dim-types.ts";
import type { Rule } from "../layer.ts";
import type { Length } from "../tensor.ts";
import type { Fault } from "../trace.ts";
import type { Axis, AxisFault, SplitAt, Volume } from "./axes.ts";
import { clash, show } from "./show.ts";

/** The result of flatten from axis A to axis B. */
export type FlattenShape<S, A extends number, B extends number> = S extends string
  ? S
  : string extends Axis<S, A> | Axis<S, B>
    ? TypeDim[]
    : B extends -1
      ? SplitAt<S, Axis<S, A>> extends [infer H extends readonly unknown[], infer T]
        ? [...H, Volume<T>]
        : never
      : SplitAt<S, Axis<S, A>> extends [infer H extends readonly unknown[], unknown]
        ? Middle<S, H, Axis<S, B>>
        : never;
/** True, or a message when S has no axis A, or A comes after B. */
export type FlattenFault<S, A extends number, B extends number> =
  AxisFault<"flatten", S, A> extends infer F extends string
    ? F
    : B extends -1
      ? true
      : [Axis<S, A>, Axis<S, B>] extends [infer a extends Int, infer b extends Int]
        ? LessInt<b, a> extends true
          ? `flatten: startDim ${A} comes after endDim ${B}`
          : true
        : true;
/** flatten as a rule. */
export interface Flatten<A extends number, B extends number> extends Rule {
  readonly out: FlattenShape<this["in"], A, B>;
}
/** How the last size that flatten makes comes about, "32 * 7 * 7"; `unknown` when it joins one axis, other axes, or unknown sizes. */
export type JoinSum<S, A extends number, B extends number> =
  // What waits for S comes first: as long as it does, the type keeps its name, by which a declaration file can say it.
  string extends Axis<S, A>
    ? unknown
    : [B] extends [-1]
      ? SplitAt<S, Axis<S, A>> extends [unknown, infer M]
        ? SumText<M>
        : unknown
      : unknown;
type SumText<M> = M extends readonly [infer D, infer E, ...infer R]
  ? R extends readonly []
    ? `${Show<D>} * ${Show<E>}`
    : SumText<readonly [E, ...R]> extends infer T extends string
      ? `${Show<D>} * ${T}`
      : unknown
  : unknown;
type Middle<S, H extends readonly unknown[], B> =
  SplitAfter<S, B> extends [infer U, infer T extends readonly unknown[]]
    ? U extends readonly [...H, ...infer M]
      ? [...H, Volume<M>, ...T]
      : TypeDim[]
    : never;
/** [the axes up to and with A, the axes behind it]. */
type SplitAfter<S, A> =
  SplitAt<S, A> extends [infer H extends readonly unknown[], readonly [infer D, ...infer T]] ? [[...H, D], T] : [S, []];

/** S without the first dim equal to D; null when there is none. */
type Without<S, D, Head extends readonly unknown[] = []> = S extends readonly [infer H, ...infer R]
  ? [H, D] extends [D, H]
    ? [...Head, ...R]
    : Without<R, D, [...Head, H]>
  : null;
/** [S, T] after the symbols that both have are cancelled. */
type Cancel<S, T, Rest extends readonly unknown[] = []> = T extends readonly [infer D, ...infer R]
  ? D extends string
    ? Without<S, D> extends infer W
      ? W extends null
        ? Cancel<S, R, [...Rest, D]>
        : Cancel<W, R, Rest>
      : never
    : Cancel<S, R, [...Rest, D]>
  : [S, Rest];
/** V / W when exact, a message when it is not, number when unknown. */
type Quotient<V, W, Op extends string> = number extends V | W
  ? number
  : [V, W] extends [W, V]
    ? 1
    : W extends number
      ? V extends number
        ? Mod<V, W> extends 0
          ? FloorDivDim<V, `${W}`>
          : `${Op}: ${V} elements do not split into ${W}`
        : MulDim<FloorDivDim<V, `${W}`>, `${W}`> extends V
          ? { exact: FloorDivDim<V, `${W}`> }
          : number
      : number;
/** The size among D that is neither a natural number nor -1, never when there is none. */
type BadSize<D> = D extends number
  ? `${D}` extends "-1"
    ? never
    : `${D}` extends `-${string}` | `${string}.${string}`
      ? D
      : never
  : never;
type BadSizeMessage<Op extends string, D> = `${Op}: a size is ${D & number}, but must be a natural number or -1`;
/** The result of reshape to T, or what is wrong. */
export type ReshapeShape<S, T, Op extends string = "reshape"> = S extends string
  ? S
  : [BadSize<T[number & keyof T]>] extends [never]
    ? Reshaped<S, T, Op>
    : BadSizeMessage<Op, BadSize<T[number & keyof T]>>;
type Reshaped<S, T, Op extends string> =
  number extends Length<S>
    ? Open<T>
    : Cancel<S, T> extends [infer V, infer W]
      ? Without<W, -1> extends infer R
        ? R extends null
          ? Clash<Volume<V>, Volume<W>> extends true
            ? `${Op}: ${Show<Volume<V>>} elements do not fill a shape of ${Show<Volume<W>>}`
            : T
          : Without<R, -1> extends readonly unknown[]
            ? `${Op}: more than one size is -1`
            : Quotient<Volume<V>, Volume<R>, Op> extends infer Q
              ? Q extends string
                ? Q
                : Fill<T, Q extends { exact: infer E } ? E : Q>
              : never
        : never
      : never;
/** reshape as a rule, under the name Op. */
export interface Reshape<T, Op extends string> extends Rule {
  readonly out: ReshapeShape<this["in"], T, Op>;
}
type Fill<T, Q> = { -readonly [K in keyof T]: T[K] extends -1 ? Q : T[K] };
type Open<T> = Fill<T, number>;

/** The sizes of both shapes that are not in the other, symbols only; what is left decides whether the elements fit. */
function cancelled(s: Shape, target: Shape): { readonly left: Shape; readonly rest: Shape } {
  const left = [...s];
  const rest: Dim[] = [];
  for (const d of target) {
    const i = typeof d === "string" ? left.indexOf(d) : -1;
    if (i < 0) rest.push(d);
    else left.splice(i, 1);
  }
  return { left, rest };
}
/** That a size is neither a natural number nor -1, or null. */
function sizeFault(target: Shape): Fault | null {
  const bad = target.find((d) => typeof d === "number" && (!Number.isSafeInteger(d) || d < -1));
  return bad === undefined ? null : { code: "option-range", text: `a size is ${bad}, but must be a natural number or -1` };
}
/** That the elements of s do not fill the target, which may hold one -1, or null. */
export function reshapeFault(s: Shape, target: Shape): Fault | null {
  const bad = sizeFault(target);
  if (bad !== null) return bad;
  if (target.filter((d) => d === -1).length > 1) return { code: "option-range", text: "more than one size is -1" };
  const { left, rest } = cancelled(s, target);
  const known = rest.filter((d) => d !== -1);
  const [v, w] = [productOf(left), productOf(known)];
  if (isUnknown(v) || isUnknown(w)) return null;
  if (known.length === rest.length) {
    return clash(v, w) ? { code: "reshape-elements", text: `${show(v)} elements do not fill a shape of ${show(w)}` } : null;
  }
  const split = typeof v === "number" && typeof w === "number" && exactDiv(v, w) === null;
  return split ? { code: "reshape-elements", text: `${show(v)} elements do not split into ${show(w)}` } : null;
}

/** The result of expand to T, in which -1 keeps an axis. */
export type ExpandShape<S, T> = S extends string
  ? S
  : number extends Length<S>
    ? TypeDim[]
    : [BadSize<T[number & keyof T]>] extends [never]
      ? Expanded<S, T>
      : BadSizeMessage<"expand", BadSize<T[number & keyof T]>>;
type Expanded<S, T> =
  LessInt<`${Length<T>}`, `${Length<S>}`> extends true ? "expand: the shape has fewer axes than the input" : ExpandAxes<S, T>;
/** expand as a rule. */
export interface Expand<T> extends Rule {
  readonly out: ExpandShape<this["in"], T>;
}
type ExpandAxes<S, T, Out extends readonly unknown[] = []> = T extends readonly [...infer T1, infer t]
  ? S extends readonly [...infer S1, infer s]
    ? t extends -1
      ? ExpandAxes<S1, T1, [s, ...Out]>
      : [s] extends [1]
        ? ExpandAxes<S1, T1, [t, ...Out]>
        : Clash<s, t> extends true
          ? `expand: axis ${T1["length"]}: ${Show<s>} does not repeat to ${Show<t>}`
          : ExpandAxes<S1, T1, [t, ...Out]>
    : t extends -1
      ? `expand: axis ${T1["length"]} is new: its size cannot be -1`
      : ExpandAxes<S, T1, [t, ...Out]>
  : Out;
/** That s does not repeat to the target, or null. */
export function expandFault(s: Shape, target: Shape): Fault | null {
  const bad = sizeFault(target);
  if (bad !== null) return bad;
  if (target.length < s.length) return { code: "rank-mismatch", text: "the shape has fewer axes than the input" };
  const lead = target.length - s.length;
  for (let axis = target.length - 1; axis >= 0; axis--) {
    const [t = 0, d] = [target[axis], axis < lead ? undefined : s[axis - lead]];
    if (t === -1 && d === undefined) return { code: "expand", text: `axis ${axis} is new: its size cannot be -1` };
    if (t === -1 || d === undefined || d === 1 || !clash(d, t)) continue;
    return { code: "expand", text: `axis ${axis}: ${show(d)} does not repeat to ${show(t)}` };
  }
  return null;
}
