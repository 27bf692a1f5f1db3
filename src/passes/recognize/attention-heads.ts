/** Takes the splitting into heads, and their joining, into Attention. */
import { type Dim, mulDims } from "../../ir/dim.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { axisOf } from "../../ir/ops/axes.ts";
import { inputAt, numbersIn } from "../../ir/ops/call-inputs.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { type Shape, sameShape } from "../../ir/shape.ts";
import { type Replacement, type RewriteOutcome, rewriteRule, skip } from "../rewrite.ts";
import { madeBy, outcomeOf, type Recognition } from "./pattern.ts";

/** Reshape(Transpose(Attention(heads of Q, heads of K, heads of V))) on tensors of [batch, length, width]. */
const heads = rewriteRule("attention-heads", ["Reshape"], (node, context): RewriteOutcome => {
  const transpose = swapOf(inputAt(node, 0));
  const attention = transpose === null ? null : madeBy(inputAt(transpose, 0), "Attention");
  if (transpose === null || attention === null || attention.inputs.length > 4 || attention.outputs.length > 1) return "keep";
  const [n = 0, length = 0, count, depth = 0] = outputAt(transpose.outputs, 0).type.shape;
  if (typeof count !== "number" || !sameShape(outputAt(node.outputs, 0).type.shape, [n, length, mulDims(count, depth)])) return "keep";
  const parts = [0, 1, 2].map((i) => unsplit(inputAt(attention, i)) ?? unpacked(inputAt(attention, i)));
  const [q, k, v] = parts;
  if (!q || !k || !v) return "keep";
  if (typeof k.heads !== "number" || q.heads !== count) return skip("the number of its heads is not known");
  const attributes = { ...attention.attributes, q_num_heads: count, kv_num_heads: k.heads };
  const mask = attention.inputs[3] ?? null;
  const masks = mask === null ? [] : [mask];
  const build = (): Replacement => (b) => {
    const pieces = new Map<Value, readonly Value[]>();
    const inputs = [q, k, v].map(({ of, piece }) => {
      const whole = context.value(of);
      if (piece === null) return whole;
      const all = pieces.get(of) ?? b.addMany("Split", [whole, b.constant("int64", piece.sizes)], { axis: 2 }, piece.sizes.length);
      pieces.set(of, all);
      return all[piece.index] ?? whole;
    });
    return [b.add("Attention", [...inputs, ...masks.map(context.value)], attributes, { name: node.name })];
  };
  return outcomeOf(node, { leaves: [q.of, k.of, v.of, ...masks], build }, context);
});
/** The node that swaps the axes of heads and length. */
function swapOf(value: Value): Node<"Transpose"> | null {
  const transpose = madeBy(value, "Transpose");
  return transpose?.attributes.perm?.join() === "0,2,1,3" ? transpose : null;
}
/** Heads as they come: of a tensor [batch, length, width], or of one of its pieces along the last axis. */
interface Heads {
  readonly of: Value;
  readonly heads: Dim;
  readonly piece: { readonly index: number; readonly sizes: readonly number[] } | null;
}
/** The tensor [batch, length, width] whose heads a value is, [batch, heads, length, depth]; null for another value. */
function unsplit(value: Value): Heads | null {
  const swap = swapOf(value);
  const reshape = swap === null ? null : madeBy(inputAt(swap, 0), "Reshape");
  if (reshape === null) return null;
  const of = inputAt(reshape, 0);
  const [n = 0, length = 0, heads = 0, depth = 0] = outputAt(reshape.outputs, 0).type.shape;
  return sameShape(of.type.shape, [n, length, mulDims(heads, depth)]) ? { of, heads, piece: null } : null;
}
/** The same for queries, keys and values side by side, [batch, length, pieces, heads, depth], that were taken apart as [pieces, batch, heads, length, depth]. */
function unpacked(value: Value): Heads | null {
  const gather = madeBy(value, "Gather");
  const transpose = gather === null ? null : madeBy(inputAt(gather, 0), "Transpose");
  const reshape = transpose === null ? null : madeBy(inputAt(transpose, 0), "Reshape");
  if (gather === null || reshape === null || transpose?.attributes.perm?.join() !== "2,0,3,1,4" || gather.attributes.axis !== 0)
    return null;
  const [place, another] = inputAt(gather, 1).type.shape.length === 0 ? (numbersIn(inputAt(gather, 1)) ?? []) : [];
  const of = inputAt(reshape, 0);
  const [n = 0, length = 0, count, heads, depth] = outputAt(reshape.outputs, 0).type.shape;
  if (place === undefined || another !== undefined) return null;
  if (typeof count !== "number" || typeof heads !== "number" || typeof depth !== "number") return null;
  const width = heads * depth;
  if (!sameShape(of.type.shape, [n, length, count * width])) return null;
  return { of, heads, piece: { index: axisOf(place, count), sizes: Array.from({ length: count }, () => width) } };
}

/** Attention of one head on a stack of heads, [batch heads, length, depth], which were one axis each before and are behind. */
const stack = rewriteRule("attention-stack", ["Reshape"], (node, context): RewriteOutcome => {
  const attention = madeBy(inputAt(node, 0), "Attention");
  const y = outputAt(node.outputs, 0).type.shape;
  if (attention === null || y.length !== 4 || attention.inputs.length > 4 || attention.outputs.length > 1) return "keep";
  const { q_num_heads: heads, kv_num_heads: others, ...attributes } = attention.attributes;
  const stacked = inputAt(attention, 0).type.shape;
  if (heads !== 1 || others !== 1 || stacked.length !== 3 || !sameShape(inputAt(node, 0).type.shape.slice(1), y.slice(2))) return "keep";
  const parts = [0, 1, 2].map((i) => unstacked(inputAt(attention, i), y.slice(0, 2)));
  const mask = attention.inputs[3] ?? null;
  const masks = mask === null ? [] : [mask];
  if (!parts.every((part) => part !== null)) return "keep";
  if (mask !== null && !mask.type.shape.slice(0, -2).every((d) => d === 1)) return skip(`"${mask.name}" differs along the stack`);
  const build = (): Replacement => (b) => [b.add("Attention", [...parts, ...masks].map(context.value), attributes, { name: node.name })];
  return outcomeOf(node, { leaves: [...parts, ...masks], build }, context);
});
/** The value [batch, heads, length, depth] that was stacked; null for another value. */
function unstacked(value: Value, outer: Shape): Value | null {
  const of = madeBy(value, "Reshape")?.inputs[0] ?? null;
  return of !== null && sameShape(of.type.shape, [...outer, ...value.type.shape.slice(1)]) ? of : null;
}

/** Heads that are split and joined around Attention. */
export const attentionHeads: readonly Recognition[] = [heads, stack].map((rule) => ({ rule, since: 23 }));
