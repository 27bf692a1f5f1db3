/** Attention as com.microsoft has it: heads side by side in the last axis, a bias for the projections, and a bias for the scores. */
import type { GraphBuilder } from "../builder.ts";
import { parameterAt } from "../check-call.ts";
import { addDims, type Dim, exactDiv, floorDiv, mulDims, neverEqual, productOf } from "../dim.ts";
import { formulas } from "../formulas.ts";
import { type Node, printType, type TensorType, type Value } from "../graph.ts";
import { microsoftSignatures } from "../microsoft-ops.ts";
import { type AxisWindow, type Call, type Flops, type OpFamily, RuleFault } from "../op-schema.ts";
import { broadcastDim } from "../shape.ts";
import { hasFused } from "../targets.ts";
import { sameAxis } from "./axes.ts";
import { inputAt, optionalInput } from "./call-inputs.ts";
import { firstOutput } from "./elementwise.ts";
import { gradOfParts } from "./parts.ts";

type Attention = Pick<Call<"MultiHeadAttention">, "inputs" | "attributes">;

/** The inputs that onnxruntime's transformers fuse only with a cache or a padded batch: none that a vision model has. */
const unread = [4, 6, 7, 8, 9];

interface Sizes {
  readonly batch: Dim;
  readonly queries: Dim;
  readonly keys: Dim;
  readonly width: Dim;
  readonly valueWidth: Dim;
}
function sizesOf(call: Attention): Sizes {
  const shapes = [0, 1, 2].map((i) => optionalInput(call, i)?.type.shape ?? []);
  const [q = [], k = [], v = []] = shapes;
  if (shapes.some(({ length }) => length !== 3))
    throw new RuleFault(
      "op-rank",
      `query, key and value are ${[0, 1, 2].map((i) => (optionalInput(call, i) === null ? "left out" : printType(inputAt(call, i).type))).join(", ")}, and striate reads those of [batch, length, width]`,
    );
  return { batch: q[0] ?? 1, queries: q[1] ?? 1, keys: k[1] ?? 1, width: q[2] ?? 1, valueWidth: v[2] ?? 1 };
}

function infer(call: Call<"MultiHeadAttention">): readonly TensorType[] {
  const { num_heads: heads } = call.attributes;
  const used = unread.find((i) => optionalInput(call, i) !== null);
  const { inputs } = microsoftSignatures.MultiHeadAttention.versions[0] ?? { inputs: [] };
  if (used !== undefined)
    throw new RuleFault("op-input", `striate reads MultiHeadAttention without "${parameterAt(inputs, used)?.name ?? used}"`);
  if (call.outputCount > 1) throw new RuleFault("op-arity", `striate reads MultiHeadAttention with one output, not ${call.outputCount}`);
  const { batch, queries, keys, width, valueWidth } = sizesOf(call);
  if (heads < 1) throw new RuleFault("op-attribute", `"num_heads" is ${heads}, wanted 1 or more`);
  for (const size of [width, valueWidth])
    if (typeof size === "number" && size % heads !== 0)
      throw new RuleFault("attention-heads", `${heads} heads do not divide ${size} features`);
  const [k, v] = [inputAt(call, 1).type, inputAt(call, 2).type];
  if (neverEqual(k.shape[2] ?? 1, width))
    throw new RuleFault("attention-size", `the queries have ${width} features, and the keys ${k.shape[2]}`);
  if (neverEqual(keys, v.shape[1] ?? 1)) throw new RuleFault("attention-size", `there are ${keys} keys and ${v.shape[1]} values`);
  const bias = optionalInput(call, 3)?.type;
  if (bias !== undefined && (bias.shape.length !== 1 || neverEqual(bias.shape[0] ?? 1, addDims(mulDims(width, 2), valueWidth))))
    throw new RuleFault("bias-mismatch", `the bias is ${printType(bias)}, wanted a number for each feature of query, key and value`);
  checkScoresBias(call, [batch, heads, queries, keys]);
  return [{ dtype: inputAt(call, 0).type.dtype, shape: [batch, queries, valueWidth] }];
}
function checkScoresBias(call: Attention, scores: readonly Dim[]): void {
  const bias = optionalInput(call, 5)?.type;
  if (bias === undefined) return;
  const fits = (d: Dim, axis: number): boolean =>
    axis < 2 ? broadcastDim(d, scores[axis] ?? 1) !== null : !neverEqual(d, scores[axis] ?? 1);
  if (bias.shape.length !== 4 || !bias.shape.every(fits))
    throw new RuleFault(
      "shape-mismatch",
      `attention_bias is ${printType(bias)}, wanted [${scores.join(", ")}], the first two axes 1 or as they are`,
    );
}

/** Attention of ai.onnx, which has its own parts, behind the sums with the bias. */
function inParts(b: GraphBuilder, node: Node<"MultiHeadAttention">): readonly Value[] {
  const f = formulas(b);
  const { num_heads: heads, scale, unidirectional } = node.attributes;
  const { width } = sizesOf(node);
  const bias = optionalInput(node, 3);
  const end = bias?.type.shape[0];
  if (bias !== null && (typeof width !== "number" || typeof end !== "number"))
    throw new RuleFault("unknown-size", "the number of features is not known, and the bias is to be split");
  const piece = (value: Value, index: number): Value => {
    if (bias === null) return value;
    const [from, to] = [Number(width) * index, index === 2 ? Number(end) : Number(width) * (index + 1)];
    return f.add(value, b.add("Slice", [bias, b.constant("int64", [from]), b.constant("int64", [to]), b.constant("int64", [0])]));
  };
  const inputs = [0, 1, 2].map((i) => piece(inputAt(node, i), i));
  const mask = optionalInput(node, 5);
  const attributes = {
    q_num_heads: heads,
    kv_num_heads: heads,
    is_causal: unidirectional,
    ...(scale === undefined || scale === 0 ? {} : { scale }),
  };
  return [b.add("Attention", mask === null ? inputs : [...inputs, mask], attributes)];
}

/** Two products, and a softmax at five operations an element. */
function flops(node: Node<"MultiHeadAttention">): Flops {
  const { batch, queries, keys, width, valueWidth } = sizesOf(node);
  const { num_heads: heads } = node.attributes;
  const each = (size: Dim): Dim => exactDiv(size, heads) ?? floorDiv(size, heads);
  const scores = productOf([batch, heads, queries, keys]);
  const sums =
    optionalInput(node, 3) === null ? 0 : addDims(productOf([batch, queries, width]), productOf([batch, keys, addDims(width, valueWidth)]));
  return { macs: mulDims(scores, addDims(each(width), each(valueWidth))), other: addDims(mulDims(scores, 5), sums) };
}

/** A query sees its own row, and all keys and values. */
function window(node: Node<"MultiHeadAttention">, index: number): readonly AxisWindow[] {
  const { shape } = inputAt(node, index).type;
  if (index === 3) return ["all"];
  if (index === 5) return shape.map((d, axis) => (d === 1 ? "fixed" : axis === 0 ? sameAxis(0) : axis === 2 ? sameAxis(1) : "all"));
  return [sameAxis(0), index === 0 ? sameAxis(1) : "all", "all"];
}

/** The record of MultiHeadAttention. */
export const multiHeadAttentionOps: OpFamily<"MultiHeadAttention"> = {
  MultiHeadAttention: {
    infer,
    evaluate: "none",
    grad: gradOfParts(inParts),
    lower: (b, node, { provider }) => (hasFused(provider, "MultiHeadAttention", firstOutput(node).type.dtype) ? "keep" : inParts(b, node)),
    upgrade: "none",
    flops,
    receptiveField: window,
    docs: {
      summary: "Averages values by the softmax of the products of queries and keys, for heads that lie side by side.",
      formula: "output = softmax(scale Q K^T + attention_bias) V for each head, with bias added to query, key and value before",
      source: "Vaswani et al., arXiv:1706.03762; onnxruntime 1.30, docs/ContribOperators.md, com.microsoft.MultiHeadAttention",
    },
  },
};
