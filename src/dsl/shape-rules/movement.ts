/** Moving axes: transpose, permute, squeeze. */
import type { Show, Dim as TypeDim } from "../dim-types.ts";
import type { Rule } from "../layer.ts";
import type { Length } from "../tensor.ts";
import type { Fault } from "../trace.ts";
import type { Axis, AxisFault } from "./axes.ts";
import type { DropAxis, SizeAt } from "./cut.ts";

/** The result of transpose. */
export type TransposeShape<S, A extends number, B extends number> = S extends string
  ? S
  : string extends Axis<S, A> | Axis<S, B>
    ? number extends Length<S>
      ? TypeDim[]
      : { -readonly [K in keyof S]: TypeDim }
    : Swap<S, Axis<S, A>, Axis<S, B>>;
/** transpose as a rule. */
export interface Transpose<A extends number, B extends number> extends Rule {
  readonly out: TransposeShape<this["in"], A, B>;
}
type Swap<S, A, B> = { -readonly [K in keyof S]: K extends A ? S[B & keyof S] : K extends B ? S[A & keyof S] : S[K] };

/** The result of permute: axis i is S's axis D[i]. */
export type PermuteShape<S, D> = S extends string
  ? S
  : number extends Length<S>
    ? TypeDim[]
    : Length<D> extends Length<S>
      ? { -readonly [K in keyof D]: D[K] extends infer A extends number ? PickAxis<S, Axis<S, A>> : never }
      : `permute: ${Length<D>} dims for ${Length<S>} axes`;
/** permute as a rule. */
export interface Permute<D> extends Rule {
  readonly out: PermuteShape<this["in"], D>;
}
type PickAxis<S, A> = string extends A ? TypeDim : A extends keyof S ? S[A] : TypeDim;
/** True, or a message when the dims are not the axes in some order. */
export type PermuteFault<S, D> = S extends string
  ? true
  : PermuteShape<S, D> extends infer R extends string
    ? R
    : number extends Length<S>
      ? true
      : FirstFault<"permute", S, D> extends infer F extends string
        ? F
        : Twice<"permute", S, D>;
/** True, or the message of the first axis of D that comes twice. */
export type Twice<Op extends string, S, D, Seen = never> = D extends readonly [infer A extends number, ...infer R]
  ? string extends Axis<S, A>
    ? true
    : Axis<S, A> extends Seen
      ? `${Op}: axis ${A} comes twice`
      : Twice<Op, S, R, Seen | Axis<S, A>>
  : true;
/** True, or the message of the first axis of D that S does not have. */
export type FirstFault<Op extends string, S, D> = D extends readonly [infer A extends number, ...infer R]
  ? AxisFault<Op, S, A> extends infer F
    ? F extends string
      ? F
      : FirstFault<Op, S, R>
    : never
  : true;
/** That dims are not the axes in some order, or null. */
export function permuteFault(rank: number, axes: readonly number[], given: readonly number[]): Fault | null {
  if (given.length !== rank) return { code: "permute", text: `${given.length} dims for ${rank} axes` };
  const twice = given.find((_, i) => axes.indexOf(axes[i] ?? -1) !== i);
  return twice === undefined ? null : { code: "permute", text: `axis ${twice} comes twice` };
}

/** The result of squeeze of axis A. */
export type SqueezeShape<S, A extends number> = S extends string ? S : DropAxis<S, Axis<S, A>>;
/** squeeze as a rule. */
export interface Squeeze<A extends number> extends Rule {
  readonly out: SqueezeShape<this["in"], A>;
}
/** True, or a message when axis A of S is not of size 1. */
export type SqueezeFault<S, A extends number> = S extends string
  ? true
  : AxisFault<"squeeze", S, A> extends infer F extends string
    ? F
    : SizeAt<S, Axis<S, A>> extends infer X
      ? number extends X
        ? true
        : 1 extends X
          ? true
          : `squeeze: axis ${A} has ${Show<X>}, not 1`
      : never;
