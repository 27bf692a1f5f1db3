/** Attention in products, sums and a softmax. */
import type { GraphBuilder } from "../builder.ts";
import { dtypeFromOnnx } from "../dtype.ts";
import { formulas } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import { RuleFault } from "../op-schema.ts";
import { inputAt, optionalInput } from "./call-inputs.ts";

type Attention = Node<"Attention">;

/** (Y, present key, present value, Q K^T as far as qk_matmul_output_mode says), as many of them as the node has. */
export function attentionInParts(b: GraphBuilder, node: Attention): readonly (Value | null)[] {
  const f = formulas(b);
  const { softcap, qk_matmul_output_mode: mode } = node.attributes;
  const { q, k, v, past } = headsOf(b, node);
  const [keys, values] = [joined(b, optionalInput(node, 4), k), joined(b, optionalInput(node, 5), v)];
  const raw = f.matmul(f.mul(q, scaleOf(b, node, q)), f.transpose(repeated(b, keys, q), [0, 1, 3, 2]));
  const scores = softcap > 0 ? f.mul(b.add("Tanh", [f.div(raw, softcap)]), softcap) : raw;
  const bias = biasOf(b, node, { q, keys, past });
  const biased = bias === null ? scores : f.add(scores, bias);
  const weights = weightsOf(b, node, biased, bias);
  const y = f.matmul(weights, repeated(b, values, q));
  const isFlat = inputAt(node, 0).type.shape.length === 3;
  const outputs = [isFlat ? flat(b, y) : y, keys, values, [raw, scores, biased, weights][mode] ?? raw];
  return outputs.slice(0, node.outputs.length).map((value, i) => {
    if (node.outputs[i] === null) return null;
    // An input that is given on needs a node of its own.
    return node.inputs.includes(value) ? b.add("Identity", [value]) : value;
  });
}

/** Q, K and V as [batch, heads, length, depth], and the length of the past, a scalar. */
interface Heads {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
  readonly past: Value;
}
function headsOf(b: GraphBuilder, node: Attention): Heads {
  const f = formulas(b);
  const { q_num_heads: heads = 1, kv_num_heads: kvHeads = 1 } = node.attributes;
  const split = (x: Value, count: number): Value =>
    x.type.shape.length === 4 ? x : f.transpose(f.reshape(x, [0, 0, count, -1]), [0, 2, 1, 3]);
  const pastKey = optionalInput(node, 4);
  return {
    q: split(inputAt(node, 0), heads),
    k: split(inputAt(node, 1), kvHeads),
    v: split(inputAt(node, 2), kvHeads),
    past: pastKey === null ? b.constant("int64", 0) : sizeAt(b, pastKey, 2),
  };
}
const joined = (b: GraphBuilder, past: Value | null, now: Value): Value =>
  past === null ? now : b.add("Concat", [past, now], { axis: 2 });
/** One size as an int64 scalar. */
function sizeAt(b: GraphBuilder, x: Value, axis: number): Value {
  const size = x.type.shape[axis];
  if (typeof size === "number") return b.constant("int64", size);
  return b.add("Squeeze", [b.add("Shape", [x], { start: axis, end: axis + 1 })]);
}
/** Each head of K or V as often as heads of Q share it. */
function repeated(b: GraphBuilder, x: Value, q: Value): Value {
  const [own, wanted] = [x.type.shape[1], q.type.shape[1]];
  if (own === wanted) return x;
  if (typeof own !== "number" || typeof wanted !== "number")
    throw new RuleFault("attention-heads", `whether ${wanted} heads share ${own} depends on sizes that are not known`);
  const index = Array.from({ length: wanted }, (_, head) => Math.floor(head / (wanted / own)));
  return b.add("Gather", [x, b.constant("int64", index)], { axis: 1 });
}
function scaleOf(b: GraphBuilder, node: Attention, q: Value): number | Value {
  const f = formulas(b);
  const depth = q.type.shape[3];
  if (node.attributes.scale !== undefined) return node.attributes.scale;
  if (typeof depth === "number") return 1 / Math.sqrt(depth);
  return b.add("Reciprocal", [f.sqrt(f.cast(sizeAt(b, q, 3), q.type.dtype))]);
}
function flat(b: GraphBuilder, y: Value): Value {
  const f = formulas(b);
  const [, heads, , depth] = y.type.shape;
  const width = typeof heads === "number" && typeof depth === "number" ? heads * depth : -1;
  return f.reshape(f.transpose(y, [0, 2, 1, 3]), [0, 0, width]);
}

/** The softmax, in the precision asked for; rows that may attend to nothing are zero. */
function weightsOf(b: GraphBuilder, { attributes }: Attention, biased: Value, bias: Value | null): Value {
  const f = formulas(b);
  const own = biased.type.dtype;
  const precision = attributes.softmax_precision === undefined ? own : (dtypeFromOnnx(attributes.softmax_precision) ?? own);
  const weights = f.cast(b.add("Softmax", [f.cast(biased, precision)], { axis: -1 }), own);
  // A bias of known, finite numbers masks no row.
  if (bias === null || bias.elements?.every((e) => typeof e === "number" && Number.isFinite(e)) === true) return weights;
  const most = b.add("ReduceMax", [bias, b.constant("int64", [-1])], { keepdims: 1 });
  return f.where(f.equal(most, Number.NEGATIVE_INFINITY), 0, weights);
}

interface Positions {
  readonly q: Value;
  readonly keys: Value;
  readonly past: Value;
}
/** All that is added to the scores; null for nothing. */
function biasOf(b: GraphBuilder, node: Attention, at: Positions): Value | null {
  const f = formulas(b);
  const mask = optionalInput(node, 3);
  const allowed = allowedOf(b, node, at);
  const parts = [...(mask === null ? [] : [maskBias(b, mask, at)]), ...allowed.map((condition) => asBias(b, condition, at.q))];
  const [first, ...rest] = parts;
  return first === undefined ? null : rest.reduce((sum, part) => f.add(sum, part), first);
}
/** 0 where a condition holds, else minus infinity. */
function asBias(b: GraphBuilder, condition: Value, like: Value): Value {
  const { dtype } = like.type;
  return b.add("Where", [condition, b.constant(dtype, 0), b.constant(dtype, Number.NEGATIVE_INFINITY)]);
}
/** The mask as a bias, with minus infinity for the keys behind its end. */
function maskBias(b: GraphBuilder, mask: Value, { q, keys }: Positions): Value {
  const f = formulas(b);
  const bias = mask.type.dtype === "bool" ? asBias(b, mask, q) : f.cast(mask, q.type.dtype);
  const axis = bias.type.shape.length - 1;
  const [length, total] = [bias.type.shape[axis], keys.type.shape[2]];
  if (length === total || (typeof length === "number" && typeof total === "number" && length >= total)) return bias;
  const missing = f.reshape(f.sub(sizeAt(b, keys, 2), sizeAt(b, bias, axis)), [1]);
  const zeros = b.constant(
    "int64",
    [...bias.type.shape, ...bias.type.shape.slice(1)].map(() => 0),
  );
  const pads = b.add("Concat", [zeros, missing], { axis: 0 });
  return b.add("Pad", [bias, pads, b.constant(q.type.dtype, Number.NEGATIVE_INFINITY)]);
}
/** What causality, windows and the lengths of padded keys say about (query, key), one condition each. */
function allowedOf(b: GraphBuilder, node: Attention, { q, keys, past }: Positions): readonly Value[] {
  const f = formulas(b);
  const { is_causal: isCausal, left_window_size: left, right_window_size: right } = node.attributes;
  const lengths = optionalInput(node, 6);
  const range = (x: Value): Value => b.add("Range", [b.constant("int64", 0), sizeAt(b, x, 2), b.constant("int64", 1)]);
  const column = (): Value => range(keys);
  // Without a cache of its own the block of queries ends where the valid keys do.
  const offset = lengths === null || optionalInput(node, 4) !== null ? past : f.reshape(f.sub(lengths, sizeAt(b, q, 2)), [-1, 1, 1, 1]);
  const row = (): Value => f.add(f.reshape(range(q), [-1, 1]), offset);
  const atMost = (a: Value, c: Value): Value => b.add("LessOrEqual", [a, c]);
  return [
    ...(isCausal === 1 ? [atMost(column(), row())] : []),
    ...(left >= 0 ? [atMost(f.sub(row(), column()), b.constant("int64", left))] : []),
    ...(right >= 0 ? [atMost(f.sub(column(), row()), b.constant("int64", right))] : []),
    ...(lengths === null ? [] : [f.less(column(), f.reshape(lengths, [-1, 1, 1, 1]))]),
  ];
}
