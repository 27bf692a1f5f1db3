/** Multi-head attention (Vaswani et al. 2017, arXiv:1706.03762), as torch.nn.MultiheadAttention with batch_first. */
import type { Value } from "../../ir/graph.ts";
import { defaultWeight, xavierUniform, zeros } from "../init.ts";
import type { After, Once } from "../layer.ts";
import { type Attention, type AttentionValue, attentionFault, type HeadsFault, lengthFault } from "../shape-rules/linear.ts";
import { type Positive, positive } from "../shape-rules/window.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { type Call, check, declare, enterLayer, floatOperand, result, within } from "../trace.ts";
import { optionsFault, required, settings } from "./options.ts";

/** The options of multiHeadAttention. */
export interface AttentionOptions<H> {
  numHeads: H;
  bias?: boolean;
  name?: string;
}
/** softmax(Q K^T / sqrt(d)) V over heads: query float32[N, L, E], key and value float32[N, M, E] -> float32[N, L, E]. For self-attention pass x three times. */
export function multiHeadAttention<Q, K, V, H extends number, Z = After<Q, [Attention<K>]>, Y = Z>(
  query: Tensor<Q>,
  key: Checked<Tensor<K>, Z>,
  value: Checked<Tensor<V>, After<K, [AttentionValue<V>]>>,
  options: AttentionOptions<Checked<Checked<H, Positive<"multiHeadAttention: numHeads", H>>, HeadsFault<Q, H>>>,
): Tensor<Once<Z, Y>> {
  const o = settings<{ numHeads: number; bias: boolean; name: string | undefined }>(options, {
    numHeads: required,
    bias: true,
    name: undefined,
  });
  const call = enterLayer("multiHeadAttention", multiHeadAttention, arguments, o.name);
  const [q, k, v] = [floatOperand(call, query, "the query"), floatOperand(call, key, "the key"), floatOperand(call, value, "the value")];
  check(call, [q, k, v], optionsFault(options, o));
  check(call, [q, k, v], positive("numHeads", o.numHeads));
  check(
    call,
    [q, k, v],
    attentionFault(q.type.shape, k.type.shape, o.numHeads),
    attentionFault(k.type.shape, v.type.shape, o.numHeads),
    lengthFault(k.type.shape, v.type.shape),
  );
  const e = q.type.shape[2] ?? 0;
  const embedding = typeof e === "number" ? e : 0;
  const weights: Projection = {
    inWeight: declare(call, "in_proj_weight", [typeof e === "number" ? 3 * e : e, e], xavierUniform()),
    inBias: o.bias ? declare(call, "in_proj_bias", [3 * embedding], zeros()) : null,
    outWeight: declare(call, "out_proj.weight", [e, e], defaultWeight),
    outBias: o.bias ? declare(call, "out_proj.bias", [e], zeros()) : null,
  };
  return result(
    call,
    within(call, () => attention(call, [q, k, v], weights, o.numHeads, embedding)),
  );
}
interface Projection {
  readonly inWeight: Value;
  readonly inBias: Value | null;
  readonly outWeight: Value;
  readonly outBias: Value | null;
}

function attention(call: Call, inputs: readonly [Value, Value, Value], w: Projection, heads: number, e: number): Value {
  const { builder } = call;
  const depth = e / heads;
  // [N, L, E] -> [N, heads, L, depth], and for keys [N, heads, depth, M].
  const split = (x: Value, perm: readonly number[]): Value =>
    builder.add("Transpose", [builder.add("Reshape", [x, builder.constant("int64", [0, 0, heads, depth])])], { perm });
  const [q, k, v] = projections(call, inputs, w, e);
  const scaled = builder.add("Mul", [split(q, [0, 2, 1, 3]), builder.constant("float32", 1 / Math.sqrt(depth))]);
  const scores = builder.add("Softmax", [builder.add("MatMul", [scaled, split(k, [0, 2, 3, 1])])], { axis: 3 });
  const mixed = builder.add("Transpose", [builder.add("MatMul", [scores, split(v, [0, 2, 1, 3])])], { perm: [0, 2, 1, 3] });
  const joined = builder.add("Reshape", [mixed, builder.constant("int64", [0, 0, e])]);
  return dense(call, joined, w.outWeight, w.outBias, call.name);
}
/** Queries, keys and values: one product for self-attention, one each otherwise. */
function projections(call: Call, [q, k, v]: readonly [Value, Value, Value], w: Projection, e: number): readonly [Value, Value, Value] {
  const { builder } = call;
  const thirds = builder.constant("int64", [e, e, e]);
  const cut = (x: Value, axis: number): readonly Value[] => builder.addMany("Split", [x, thirds], { axis }, 3);
  if (q === k && k === v) return triple(cut(dense(call, q, w.inWeight, w.inBias), 2));
  const weights = cut(w.inWeight, 0);
  const biases = w.inBias === null ? [] : cut(w.inBias, 0);
  return triple([q, k, v].map((x, i) => dense(call, x, weights[i] ?? w.inWeight, biases[i] ?? null)));
}
function triple([a, b, c]: readonly Value[]): readonly [Value, Value, Value] {
  if (a === undefined || b === undefined || c === undefined) throw new RangeError("a Split into three gave fewer");
  return [a, b, c];
}
/** x W^T + b. */
function dense(call: Call, x: Value, weight: Value, bias: Value | null, name?: string): Value {
  const { builder } = call;
  const options = name === undefined ? {} : { name };
  const product = builder.add("MatMul", [x, builder.add("Transpose", [weight], { perm: [1, 0] })], {}, bias === null ? options : {});
  return bias === null ? product : builder.add("Add", [product, bias], {}, options);
}
