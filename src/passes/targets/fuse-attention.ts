/** Attention of heads that lie side by side as onnxruntime's MultiHeadAttention. */
import type { Node, Value } from "../../ir/graph.ts";
import type { Target } from "../../ir/op-schema.ts";
import { inputAt, optionalInput } from "../../ir/ops/call-inputs.ts";
import { optionalOutput, outputAt } from "../../ir/ops/outputs.ts";
import { sameShape } from "../../ir/shape.ts";
import { hasFused } from "../../ir/targets.ts";
import { numbersOf } from "../../ir/tensor-data.ts";
import { type RewriteContext, type RewriteOutcome, skip } from "../rewrite.ts";

/** What takes the place of an Attention of [batch, length, width] on a target. */
export function headsAttention(node: Node<"Attention">, context: RewriteContext, target: Target): RewriteOutcome {
  const reason = misfitOf(node, context, target);
  if (reason !== null) return skip(reason);
  const { q_num_heads: heads = 1, scale, is_causal: unidirectional } = node.attributes;
  const mask = optionalInput(node, 3);
  const inputs = [0, 1, 2].map((i) => inputAt(node, i));
  const attributes = { num_heads: heads, unidirectional, ...(scale === undefined ? {} : { scale }) };
  return (b) => {
    const all = [...inputs.map(context.value), ...(mask === null ? [] : [null, null, context.value(mask)])];
    return [b.add("MultiHeadAttention", all, attributes, { name: outputAt(node.outputs, 0).name })];
  };
}

/** Why MultiHeadAttention does not compute the same; null where it does. */
function misfitOf(node: Node<"Attention">, context: RewriteContext, { opset, provider }: Target): string | null {
  const [q, k] = [inputAt(node, 0), inputAt(node, 1)];
  const { dtype, shape } = q.type;
  if (!hasFused(provider, "MultiHeadAttention", dtype)) return `${provider} has no MultiHeadAttention of ${dtype}`;
  // Measured: its kernel is as fast there.
  if (opset >= 23) return `ai.onnx has Attention in opset ${opset}`;
  if (shape.length !== 3) return "its heads do not come from [batch, length, width]";
  const { q_num_heads: heads, kv_num_heads: shared, softcap, softmax_precision: precision, is_causal: isCausal } = node.attributes;
  const { left_window_size: left, right_window_size: right } = node.attributes;
  if (heads !== shared) return `${heads} heads of queries share ${shared} of keys`;
  if (softcap !== 0) return "its scores are capped";
  if (left >= 0 || right >= 0) return "its queries see a window of keys";
  if (precision !== undefined && precision !== 1) return "its softmax has a precision of its own";
  if (isCausal !== 0 && shape[1] !== k.type.shape[1]) return "it is causal, with other numbers of queries and keys";
  if (node.inputs.length > 4 || [1, 2, 3].some((i) => optionalOutput(node.outputs, i) !== null)) return "it has a cache";
  const mask = optionalInput(node, 3);
  return mask === null ? null : maskMisfit(mask, node, context);
}
function maskMisfit(mask: Value, node: Node<"Attention">, context: RewriteContext): string | null {
  const [q, k] = [inputAt(node, 0).type, inputAt(node, 1).type];
  if (mask.type.dtype !== q.dtype) return `its mask is of ${mask.type.dtype}, and what is added to scores is of ${q.dtype}`;
  const { shape } = mask.type;
  const lead = shape.slice(0, 2);
  const isBroadcast = lead.every((d, axis) => d === 1 || d === (axis === 0 ? q.shape[0] : node.attributes.q_num_heads));
  if (shape.length !== 4 || !isBroadcast || !sameShape(shape.slice(2), [q.shape[1] ?? 1, k.shape[1] ?? 1]))
    return `its mask is not of [batch, heads, queries, keys]`;
  const contents = context.contents(mask);
  const numbers = contents === null ? null : numbersOf(contents);
  // Attention gives zeros for a query that sees no key, and MultiHeadAttention what is no number.
  return numbers?.every((v) => Number.isFinite(v)) === true ? null : "its mask may hide all keys of a query";
}
