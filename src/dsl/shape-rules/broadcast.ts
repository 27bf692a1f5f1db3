/** NumPy's broadcasting: axes aligned at the end, equal or 1. */
import type { Dim } from "../../ir/dim.ts";
import { printShape, type Shape } from "../../ir/shape.ts";
import type { Clash, Show, Dim as TypeDim } from "../dim-types.ts";
import type { Rule } from "../layer.ts";
import type { Length } from "../tensor.ts";
import type { Fault } from "../trace.ts";
import { clash, show } from "./show.ts";

/** The shape that A and B broadcast to, or a message; A where B is a number in place of a tensor. */
export type BroadcastShape<Op extends string, A, B> = unknown extends B
  ? A
  : A extends string
    ? A
    : B extends string
      ? B
      : [A, B] extends [B, A]
        ? A
        : number extends Length<A> | Length<B>
          ? TypeDim[]
          : BroadcastAxes<Op, A, B>;
/** Broadcasting against a second operand of shape B, as a rule. */
export interface Broadcast<Op extends string, B> extends Rule {
  readonly out: BroadcastShape<Op, this["in"], B>;
}
type BroadcastAxes<Op extends string, A, B, Out extends readonly unknown[] = []> = A extends readonly [...infer A1, infer a]
  ? B extends readonly [...infer B1, infer b]
    ? BroadcastDim<a, b> extends infer D
      ? D extends null
        ? `${Op}: axis ${Longer<A1, B1>}: ${Show<a>} and ${Show<b>} differ`
        : BroadcastAxes<Op, A1, B1, [D, ...Out]>
      : never
    : [...A, ...Out]
  : B extends readonly unknown[]
    ? [...B, ...Out]
    : never;
type Longer<A extends readonly unknown[], B extends readonly unknown[]> = keyof A extends keyof B ? B["length"] : A["length"];
type BroadcastDim<A, B> = [A] extends [1]
  ? B
  : [B] extends [1]
    ? A
    : number extends A
      ? number extends B
        ? number
        : B extends number
          ? B
          : number
      : number extends B
        ? A extends number
          ? A
          : number
        : 1 extends A | B
          ? number
          : Clash<A, B> extends true
            ? null
            : A & B;

/** That two shapes do not broadcast, or null. */
export function broadcastFault(a: Shape, b: Shape): Fault | null {
  const rank = Math.max(a.length, b.length);
  for (let axis = rank - 1; axis >= 0; axis--) {
    const [p, q]: readonly [Dim, Dim] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (p === 1 || q === 1 || !clash(p, q)) continue;
    const help = `the shapes are ${printShape(a)} and ${printShape(b)}: sizes must be equal, or one of them 1`;
    return { code: "shape-mismatch", text: `axis ${axis}: ${show(p)} and ${show(q)} differ`, help };
  }
  return null;
}
