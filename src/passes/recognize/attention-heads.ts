/** Takes the splitting into heads, and their joining, into Attention. */
import { mulDims } from "../../ir/dim.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { inputAt } from "../../ir/ops/call-inputs.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { sameShape } from "../../ir/shape.ts";
import { type Replacement, type RewriteOutcome, rewriteRule, skip } from "../rewrite.ts";
import { madeBy, outcomeOf, type Recognition } from "./pattern.ts";

/** Reshape(Transpose(Attention(heads of Q, heads of K, heads of V))) on tensors of [batch, length, width]. */
const heads = rewriteRule("attention-heads", ["Reshape"], (node, context): RewriteOutcome => {
  const transpose = swapOf(inputAt(node, 0));
  const attention = transpose === null ? null : madeBy(inputAt(transpose, 0), "Attention");
  if (transpose === null || attention === null || attention.inputs.length > 4 || attention.outputs.length > 1) return "keep";
  const [n = 0, length = 0, count, depth = 0] = outputAt(transpose.outputs, 0).type.shape;
  if (typeof count !== "number" || !sameShape(outputAt(node.outputs, 0).type.shape, [n, length, mulDims(count, depth)])) return "keep";
  const parts = [0, 1, 2].map((i) => unsplit(inputAt(attention, i)));
  const [q, k, v] = parts;
  if (!q || !k || !v) return "keep";
  if (typeof k.heads !== "number" || q.heads !== count) return skip("the number of its heads is not known");
  const attributes = { ...attention.attributes, q_num_heads: count, kv_num_heads: k.heads };
  const mask = attention.inputs[3] ?? null;
  const build = (): Replacement => (b) => {
    const inputs = [q.of, k.of, v.of, ...(mask === null ? [] : [mask])].map(context.value);
    return [b.add("Attention", inputs, attributes, { name: node.name })];
  };
  return outcomeOf(node, { leaves: [q.of, k.of, v.of, ...(mask === null ? [] : [mask])], build }, context);
});
/** The node that swaps the axes of heads and length. */
function swapOf(value: Value): Node<"Transpose"> | null {
  const transpose = madeBy(value, "Transpose");
  return transpose?.attributes.perm?.join() === "0,2,1,3" ? transpose : null;
}
/** The tensor [batch, length, width] whose heads a value is, [batch, heads, length, depth]; null for another value. */
function unsplit(value: Value): { readonly of: Value; readonly heads: unknown } | null {
  const swap = swapOf(value);
  const reshape = swap === null ? null : madeBy(inputAt(swap, 0), "Reshape");
  if (reshape === null) return null;
  const of = inputAt(reshape, 0);
  const [n = 0, length = 0, heads = 0, depth = 0] = outputAt(reshape.outputs, 0).type.shape;
  return sameShape(of.type.shape, [n, length, mulDims(heads, depth)]) ? { of, heads } : null;
}

/** Heads that are split and joined around Attention. */
export const attentionHeads: readonly Recognition[] = [{ rule: heads, since: 23 }];
