/** Scaled dot-product attention as one op. */
import { addDims, type Dim, exactDiv, floorDiv, mulDims, neverEqual, productOf } from "../dim.ts";
import { type Node, printType, type TensorType, type Value } from "../graph.ts";
import { type AxisWindow, type Call, type Flops, type OpFamily, RuleFault } from "../op-schema.ts";
import { attentionInParts } from "./attention-parts.ts";
import { sameAxis } from "./axes.ts";
import { inputAt, optionalInput } from "./call-inputs.ts";
import { renewed } from "./old-forms.ts";
import { optionalOutput } from "./outputs.ts";
import { gradOfParts } from "./parts.ts";

type AttentionCall = Pick<Call<"Attention">, "inputs" | "attributes">;

/** The record of Attention. */
export const attentionOps: OpFamily<"Attention"> = {
  Attention: {
    infer,
    evaluate: "none",
    grad: gradOfParts(attentionInParts),
    lower: (b, node, { opset }) => (opset >= opsetOf(node) && isTaken(node) ? "keep" : attentionInParts(b, node)),
    // Before opset 25 the numbers of heads could stand beside inputs that show them.
    upgrade: (b, old) =>
      old.opset < 25 && inputAt(old, 0).type.shape.length === 4 && old.attributes["q_num_heads"] !== undefined
        ? renewed(b, old, old.inputs, ["q_num_heads", "kv_num_heads"])
        : "keep",
    flops,
    receptiveField: window,
    docs: {
      summary: "Averages values by the softmax of the products of queries and keys, head by head.",
      formula: "Y = softmax(softcap(scale Q K^T) + mask) V",
      source: "Vaswani et al., arXiv:1706.03762; https://onnx.ai/onnx/operators/onnx__Attention.html",
    },
  },
};

/** The first opset that has all that a node asks for. */
function opsetOf(node: Node<"Attention">): number {
  const { left_window_size: left, right_window_size: right } = node.attributes;
  if (left >= 0 || right >= 0) return 25;
  return optionalInput(node, 6) === null ? 23 : 24;
}

/** False for a mask without a row for each query or a number for each key, which onnxruntime 1.30 refuses, and for one present output alone. */
function isTaken(node: Node<"Attention">): boolean {
  const mask = optionalInput(node, 3)?.type.shape;
  const { past, keys, queries } = sizesOf(node);
  const isWhole =
    mask === undefined || (mask.length > 1 && !neverEqual(mask.at(-1) ?? 1, addDims(past, keys)) && !neverEqual(mask.at(-2) ?? 1, queries));
  return isWhole && (optionalOutput(node.outputs, 1) === null) === (optionalOutput(node.outputs, 2) === null);
}

/** The sizes of the products, in the words of the specification. */
interface Sizes {
  readonly batch: Dim;
  readonly heads: Dim;
  readonly kvHeads: Dim;
  readonly queries: Dim;
  /** Keys that come in, and those of the past before them. */
  readonly keys: Dim;
  readonly past: Dim;
  readonly depth: Dim;
  readonly valueDepth: Dim;
}
function sizesOf(call: AttentionCall): Sizes {
  const [q, k, v] = [inputAt(call, 0).type, inputAt(call, 1).type, inputAt(call, 2).type];
  const rank = q.shape.length;
  if ((rank !== 3 && rank !== 4) || k.shape.length !== rank || v.shape.length !== rank)
    throw new RuleFault("op-rank", `Q, K and V are ${[q, k, v].map(printType).join(", ")}, wanted all of 3 axes or all of 4`);
  const [batch = 1] = q.shape;
  const past = optionalInput(call, 4)?.type.shape[2] ?? 0;
  if (rank === 4) {
    const at = (t: TensorType, axis: number): Dim => t.shape[axis] ?? 1;
    return {
      batch,
      heads: at(q, 1),
      kvHeads: at(k, 1),
      queries: at(q, 2),
      keys: at(k, 2),
      past,
      depth: at(q, 3),
      valueDepth: at(v, 3),
    };
  }
  const { q_num_heads: heads, kv_num_heads: kvHeads } = call.attributes;
  if (heads === undefined || kvHeads === undefined || heads < 1 || kvHeads < 1)
    throw new RuleFault("op-attribute", "inputs of 3 axes need q_num_heads and kv_num_heads");
  const [, queries = 1, width = 1] = q.shape;
  const [keys = 1, valueWidth = 1] = [k.shape[1], v.shape[2]];
  const each = (size: Dim, count: number): Dim => exactDiv(size, count) ?? floorDiv(size, count);
  return { batch, heads, kvHeads, queries, keys, past, depth: each(width, heads), valueDepth: each(valueWidth, kvHeads) };
}

function infer(call: Call<"Attention">): readonly TensorType[] {
  const s = sizesOf(call);
  check(call, s);
  const [q, v] = [inputAt(call, 0).type, inputAt(call, 2).type];
  const total = addDims(s.past, s.keys);
  const y = q.shape.length === 4 ? [s.batch, s.heads, s.queries, s.valueDepth] : [s.batch, s.queries, mulDims(s.heads, s.valueDepth)];
  return [
    { dtype: q.dtype, shape: y },
    { dtype: q.dtype, shape: [s.batch, s.kvHeads, total, s.depth] },
    { dtype: v.dtype, shape: [s.batch, s.kvHeads, total, s.valueDepth] },
    { dtype: q.dtype, shape: [s.batch, s.heads, s.queries, total] },
  ];
}
function check(call: Call<"Attention">, { heads, kvHeads, depth }: Sizes): void {
  const [q, k, v] = [inputAt(call, 0).type, inputAt(call, 1).type, inputAt(call, 2).type];
  const keyDepth = k.shape.length === 4 ? (k.shape[3] ?? 1) : exactDiv(k.shape[2] ?? 1, kvHeads);
  if (keyDepth !== null && neverEqual(keyDepth, depth))
    throw new RuleFault("attention-size", `the heads of Q have ${depth} elements, and those of K ${keyDepth}`);
  const length = q.shape.length === 4 ? 2 : 1;
  if (neverEqual(k.shape[length] ?? 1, v.shape[length] ?? 1))
    throw new RuleFault("attention-size", `there are ${k.shape[length]} keys and ${v.shape[length]} values`);
  if (typeof heads === "number" && typeof kvHeads === "number" && (kvHeads === 0 || heads % kvHeads !== 0))
    throw new RuleFault("attention-heads", `${heads} heads of Q cannot share ${kvHeads} of K and V`);
  const { q_num_heads, kv_num_heads, left_window_size: left, right_window_size: right } = call.attributes;
  if (q.shape.length === 4 && (q_num_heads ?? kv_num_heads) !== undefined)
    throw new RuleFault("op-attribute", "inputs of 4 axes show their heads themselves: q_num_heads and kv_num_heads are for 3 axes");
  const short = [left, right].find((size) => size < -1);
  if (short !== undefined) throw new RuleFault("op-attribute", `a window of ${short} keys, wanted -1 for no bound, or 0 or more`);
  if (optionalInput(call, 4) !== null && optionalInput(call, 6) !== null)
    throw new RuleFault("op-arity", "past_key and nonpad_kv_seqlen are two ways to say the same: give one of them");
  if ((optionalInput(call, 4) === null) !== (optionalInput(call, 5) === null))
    throw new RuleFault("op-arity", "past_key and past_value come together or not at all");
}

/** Two products, and a softmax at five operations an element. */
function flops(node: Node<"Attention">): Flops {
  const s = sizesOf(node);
  const scores = productOf([s.batch, s.heads, s.queries, addDims(s.past, s.keys)]);
  return { macs: mulDims(scores, addDims(s.depth, s.valueDepth)), other: mulDims(scores, 5) };
}

/** A query sees its own row, and all keys and values of its head; other inputs are seen whole but for the batch. */
function window(node: Node<"Attention">, index: number, output: number): readonly AxisWindow[] | null {
  const { shape } = inputAt(node, index).type;
  const batch = sameAxis(0);
  const isPresent = output === 1 || output === 2;
  if (isPresent && index !== output && index !== output + 3) return null;
  if (index > 2 || isPresent) return shape.map((_, axis) => (axis === 0 && index !== 3 ? batch : "all"));
  const whole: AxisWindow = "all";
  const row = index === 0 ? sameAxis(shape.length - 2) : whole;
  if (shape.length === 3) return output === 0 ? [batch, index === 0 ? sameAxis(1) : whole, whole] : [batch, whole, whole];
  const heads = (v: Value): Dim | undefined => v.type.shape[1];
  const head = heads(inputAt(node, index)) === heads(inputAt(node, 0)) ? sameAxis(1) : whole;
  return [batch, head, row, index === 2 && output === 0 ? sameAxis(3) : whole];
}
