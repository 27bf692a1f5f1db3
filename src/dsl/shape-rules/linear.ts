/** Matrix products. */
import type { Dim } from "../../ir/dim.ts";
import { printShape, type Shape } from "../../ir/shape.ts";
import type { Mod } from "../arith.generated.ts";
import type { Clash, Merge, Show, Dim as TypeDim } from "../dim-types.ts";
import type { Rule } from "../layer.ts";
import type { Mismatch } from "../tensor.ts";
import type { Fault } from "../trace.ts";
import { type BroadcastShape, broadcastFault } from "./broadcast.ts";
import { clash, show } from "./show.ts";

/** The result of linear on S. */
export type LinearShape<S, O> = S extends readonly [...infer L, unknown]
  ? [...L, O]
  : S extends string
    ? S
    : S extends readonly []
      ? "linear: input has 0 axes, but at least 1 are needed"
      : TypeDim[];
/** linear as a rule, for I features where they are given. */
export interface Linear<O, I> extends Rule {
  readonly out: FeaturesFault<this["in"], I> extends infer F extends string ? F : LinearShape<this["in"], O>;
}
/** True, or a message when the last axis, whose size is the product J where that is known, does not have I features. */
export type FeaturesFault<S, I, J = unknown> = S extends readonly [...unknown[], infer F]
  ? Clash<F, I> extends true
    ? `linear: inFeatures is ${Show<I>}, but the input has ${unknown extends J ? "" : `${J & string} = `}${Show<F>} features`
    : true
  : true;
/** That the last axis, whose size is a product where that is known, does not have the features the layer was written for, or null. */
export function featuresFault(s: Shape, inFeatures: number | null, joins?: string): Fault | null {
  const f = s.at(-1);
  if (f === undefined) return { code: "rank-mismatch", text: "input has 0 axes, but at least 1 are needed" };
  if (!clash(f, inFeatures)) return null;
  const text = `inFeatures is ${show(inFeatures)}, but the input has ${joins === undefined ? "" : `${joins} = `}${show(f)} features`;
  return { code: "linear-in-features", text, help: `leave inFeatures out (it is inferred), or write ${show(f)}` };
}

/** The result of matmul on A and B, or what is wrong. */
export type MatmulShape<A, B> = A extends readonly [...infer P, infer M, infer K]
  ? B extends readonly [...infer Q, infer L, infer N]
    ? Clash<K, L> extends true
      ? `matmul: the inner sizes ${Show<K>} and ${Show<L>} differ`
      : BroadcastShape<"matmul", P, Q> extends infer R
        ? R extends readonly unknown[]
          ? [...R, M, N]
          : R
        : never
    : Mismatch<"matmul", B, "at least 2", TypeDim[]>
  : Mismatch<"matmul", A, "at least 2", TypeDim[]>;
/** matmul with a second operand of shape B, as a rule. */
export interface Matmul<B> extends Rule {
  readonly out: MatmulShape<this["in"], B>;
}
/** That two tensors have no matrix product, or null. */
export function matmulFault(a: Shape, b: Shape): Fault | null {
  const [k, l] = [a.at(-1), b.at(-2)];
  for (const s of [a, b]) if (s.length < 2) return { code: "rank-mismatch", text: `input has ${s.length} axes, but at least 2 are needed` };
  if (k !== undefined && l !== undefined && clash(k, l)) {
    const text = `the inner sizes ${show(k)} and ${show(l)} differ`;
    return { code: "matmul-sizes", text, help: `the shapes are ${printShape(a)} and ${printShape(b)}: transpose one of them?` };
  }
  return broadcastFault(a.slice(0, -2), b.slice(0, -2));
}

/** [N, L, E] from a query [N, L, E], and keys and values [N, M, E]. */
export type AttentionShape<Q, K> = Q extends readonly [infer N, infer L, infer E]
  ? K extends readonly [infer M, unknown, infer F]
    ? Clash<N, M> extends true
      ? `multiHeadAttention: batch sizes ${Show<N>} and ${Show<M>} differ`
      : Clash<E, F> extends true
        ? `multiHeadAttention: embedding sizes ${Show<E>} and ${Show<F>} differ`
        : [Merge<N, M>, L, E]
    : Mismatch<"multiHeadAttention", K, "[N, L, E]", [N, L, E]>
  : Mismatch<"multiHeadAttention", Q, "[N, L, E]", [number, number, number]>;
/** Attention to keys of shape K, as a rule. */
export interface Attention<K> extends Rule {
  readonly out: AttentionShape<this["in"], K>;
}
/** The value that belongs to a key, as a rule on the key's shape: its sizes are the key's. A message that came with the key is told there. */
export interface AttentionValue<V> extends Rule {
  readonly out: this["in"] extends readonly [unknown, infer L, unknown]
    ? V extends readonly [unknown, infer M, unknown]
      ? Clash<L, M> extends true
        ? `multiHeadAttention: the key has ${Show<L>} positions, but the value has ${Show<M>}`
        : AttentionShape<this["in"], V>
      : AttentionShape<this["in"], V>
    : true;
}
/** That key and value differ in length, or null. */
export function lengthFault(k: Shape, v: Shape): Fault | null {
  const [l = 0, m = 0] = [k[1], v[1]];
  if (!clash(l, m)) return null;
  return { code: "attention-sizes", text: `the key has ${show(l)} positions, but the value has ${show(m)}` };
}
/** True, or a message when the heads do not divide the embedding. */
export type HeadsFault<Q, H extends number> = Q extends readonly [unknown, unknown, infer E extends number]
  ? Mod<E, H> extends infer R
    ? number extends R
      ? true
      : R extends 0
        ? true
        : `multiHeadAttention: ${H} heads do not divide the embedding size ${E}`
    : never
  : true;
/** That query and key do not fit each other or the heads, or null. */
export function attentionFault(q: Shape, k: Shape, heads: number): Fault | null {
  for (const s of [q, k])
    if (s.length !== 3) return { code: "rank-mismatch", text: `input has ${s.length} axes, but [N, L, E] are needed` };
  const [n = 0, , e = 0] = q;
  const [m = 0, , f = 0] = k;
  const differ = (what: string, a: Dim, b: Dim): Fault => ({
    code: "attention-sizes",
    text: `${what} sizes ${show(a)} and ${show(b)} differ`,
  });
  if (clash(n, m)) return differ("batch", n, m);
  if (clash(e, f)) return differ("embedding", e, f);
  if (typeof e !== "number" || e % heads === 0) return null;
  return {
    code: "attention-heads",
    text: `${heads} heads do not divide the embedding size ${e}`,
    help: `use a number of heads that divides ${e}`,
  };
}
