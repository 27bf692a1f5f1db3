/** Joining tensors: concat and stack. */
import type { Shape } from "../../ir/shape.ts";
import type { AddInt } from "../arith.generated.ts";
import type { Clash, Dim, Merge, Show, SumDims } from "../dim-types.ts";
import type { After, Rule } from "../layer.ts";
import type { Length } from "../tensor.ts";
import type { Fault } from "../trace.ts";
import type { Axis, AxisIn, SplitAt } from "./axes.ts";
import { clash, show } from "./show.ts";

/** S with T behind it along axis A, a text, or a message. */
export type Join<Op extends string, S, T, A> = S extends string
  ? S
  : T extends string
    ? T
    : string extends A
      ? Dim[]
      : number extends Length<S> | Length<T>
        ? Dim[]
        : Length<S> extends Length<T>
          ? JoinAxes<Op, S, T, A>
          : `${Op}: ${Length<S>} and ${Length<T>} axes`;
type JoinAxes<Op extends string, S, T, A, Out extends readonly unknown[] = []> = S extends readonly [infer s, ...infer S1]
  ? T extends readonly [infer t, ...infer T1]
    ? `${Out["length"]}` extends A
      ? JoinAxes<Op, S1, T1, A, [...Out, SumDims<s, t>]>
      : Clash<s, t> extends true
        ? `${Op}: axis ${Out["length"]}: ${Show<s>} and ${Show<t>} differ`
        : JoinAxes<Op, S1, T1, A, [...Out, Merge<s, t>]>
    : Out
  : Out;
/** The result of concat over a list of shapes. */
export type ConcatShape<L, A extends number> = L extends readonly [infer S, ...infer R] ? After<S, [Concat<R, A>]> : Dim[];
/** concat behind the first of a list, as a rule. */
export interface Concat<L, A extends number> extends Rule {
  readonly out: JoinAll<this["in"], L, Axis<this["in"], A>>;
}
type JoinAll<S, L, A> = L extends readonly [infer T, ...infer R] ? (Join<"concat", S, T, A> extends infer J ? JoinAll<J, R, A> : never) : S;
/** A message that came with the first tensor, which stands there. */
type Own<S> = S extends string ? S : true;
/** True, or the message of joining element K of L to the first. */
export type ConcatFault<L, K, A extends number> = L extends readonly [infer S, ...unknown[]]
  ? K extends keyof L
    ? K extends "0"
      ? Own<S>
      : S extends string
        ? true
        : Join<"concat", S, L[K], Axis<S, A>>
    : true
  : true;
/** The first shape of a list. */
export type First<L> = L extends readonly [infer S, ...unknown[]] ? S : Dim[];

/** True, or the message of stacking element K of L on the first. */
export type StackFault<L, K> = L extends readonly [infer S, ...unknown[]]
  ? K extends keyof L
    ? K extends "0"
      ? Own<S>
      : S extends string
        ? true
        : Join<"stack", S, L[K], "new">
    : true
  : true;
type CommonOf<S, L> = L extends readonly [infer T, ...infer R] ? CommonOf<Join<"stack", S, T, "new">, R> : S;
/** The result of stack: a new axis A as long as the list. */
export type StackShape<L extends readonly unknown[], A extends number> = L extends readonly [infer S, ...infer R]
  ? After<S, [Stack<R, A, L["length"]>]>
  : Dim[];
/** stack on the first of a list, as a rule; N counts the first and the rest R. */
export interface Stack<R, A extends number, N> extends Rule {
  readonly out: CommonOf<this["in"], R> extends infer S ? (S extends string ? S : Insert<S, NewAxis<S, A>, N>) : never;
}
/** unsqueeze as a rule. */
export interface Unsqueeze<A extends number> extends Rule {
  readonly out: this["in"] extends string ? this["in"] : Insert<this["in"], NewAxis<this["in"], A>, 1>;
}
/** S with a new axis D at A, a text. */
export type Insert<S, A, D> = string extends A
  ? Dim[]
  : number extends Length<S>
    ? Dim[]
    : SplitAt<S, A> extends [infer H extends readonly unknown[], infer T extends readonly unknown[]]
      ? `${H["length"]}` extends A
        ? [...H, D, ...T]
        : Dim[]
      : Dim[];
/** The axis A of S with one more axis, as the text of a key. */
export type NewAxis<S, A extends number> = number extends Length<S> ? string : AxisIn<PlusOne<Length<S>>, A>;
type PlusOne<L extends number> = AddInt<`${L}`, "1"> extends `${infer N extends number}` ? N : number;
/** True, or a message when S cannot get a new axis at A. */
export type NewAxisFault<Op extends string, S, A extends number> = S extends string
  ? true
  : string extends NewAxis<S, A>
    ? true
    : Insert<S, NewAxis<S, A>, 1> extends infer R
      ? number extends Length<R>
        ? `${Op}: axis ${A} is out of range for ${PlusOne<Length<S>>} axes`
        : true
      : never;

/** That shapes cannot be joined along an axis (-1: they have to be equal), or null. */
export function joinFault(shapes: readonly Shape[], axis: number): Fault | null {
  const [first = [], ...rest] = shapes;
  for (const s of rest) {
    if (s.length !== first.length) return { code: "rank-mismatch", text: `${first.length} and ${s.length} axes` };
    const bad = first.findIndex((d, i) => i !== axis && clash(d, s[i] ?? 0));
    if (bad < 0) continue;
    const [a, b] = [show(first[bad]), show(s[bad])];
    const odd = /floor/.test(a + b)
      ? `an odd size does not survive being halved and doubled: declare the input as a multiple, such as "2*H"`
      : undefined;
    return { code: "shape-mismatch", text: `axis ${bad}: ${a} and ${b} differ`, ...(odd === undefined ? {} : { help: odd }) };
  }
  return null;
}
