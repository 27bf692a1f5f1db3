/** Matrix products: torch.nn.Linear and torch.matmul. */
import type { DType } from "../../ir/dtype.ts";
import type { Value } from "../../ir/graph.ts";
import { defaultBias, defaultWeight, type LayerInit } from "../init.ts";
import type { After, Once } from "../layer.ts";
import { type DTypeFault, dtypeFault } from "../shape-rules/dtype.ts";
import { type FeaturesFault, featuresFault, type Linear, type Matmul, matmulFault } from "../shape-rules/linear.ts";
import { type Positive, positive } from "../shape-rules/window.ts";
import type { Checked, FlatTensor, Tensor, TypedTensor } from "../tensor.ts";
import { add, type Call, check, declare, enter, enterLayer, floatOperand, operand, result, within } from "../trace.ts";
import { optionsFault, required, settings } from "./options.ts";

/** The options of linear. */
export interface LinearOptions<O extends number, I> {
  outFeatures: Checked<O, Positive<"linear: outFeatures", O>>;
  /** Only checked: the input says how many there are. */
  inFeatures?: I;
  bias?: boolean;
  init?: LayerInit;
  name?: string;
}
/** A dense layer on the last axis, as torch.nn.Linear: float32[..., F] -> float32[..., outFeatures]. */
export function linear<S, O extends number, I extends number = number, J = unknown, Z = After<S, [Linear<O, number>]>, Y = Z>(
  x: Checked<FlatTensor<S, J>, Z>,
  options: LinearOptions<O, Checked<I, FeaturesFault<S, I, J>>>,
): Tensor<Once<Z, Y>> {
  const o = settings<LinearSettings>(options, { outFeatures: required, inFeatures: null, bias: true, init: {}, name: undefined });
  const call = enterLayer("linear", linear, arguments, o.name);
  const value = floatOperand(call, x);
  const joins = call.trace.origins.get(value)?.joins;
  check(call, [value], optionsFault(options, o));
  check(call, [value], featuresFault(value.type.shape, o.inFeatures, joins), positive("outFeatures", o.outFeatures));
  const features = value.type.shape.at(-1) ?? 0;
  const weight = declare(call, "weight", [o.outFeatures, features], o.init.weight ?? defaultWeight);
  const bias = o.bias ? declare(call, "bias", [o.outFeatures], o.init.bias ?? defaultBias(Number(features))) : null;
  return result(call, product(call, value, weight, bias));
}
interface LinearSettings {
  readonly outFeatures: number;
  readonly inFeatures: number | null;
  readonly bias: boolean;
  readonly init: LayerInit;
  readonly name: string | undefined;
}

/** x W^T + b over the last axis: one Gemm for a matrix, MatMul for more axes. */
export function product(call: Call, x: Value, weight: Value, bias: Value | null): Value {
  const { builder } = call;
  if (x.type.shape.length === 2) return add(call, "Gemm", [x, weight, bias], { transB: 1 });
  const transposed = within(call, () => builder.add("Transpose", [weight], { perm: [1, 0] }));
  if (bias === null) return add(call, "MatMul", [x, transposed]);
  return add(call, "Add", [within(call, () => builder.add("MatMul", [x, transposed])), bias]);
}

/** The matrix product of the last two axes; the others broadcast. */
export function matmul<A, B, D extends DType = "float32", Z = After<A, [Matmul<B>]>, Y = Z>(
  a: Tensor<A>,
  b: Checked<TypedTensor<B, D>, DTypeFault<"matmul", D, Z>>,
): Tensor<Once<Z, Y>> {
  const call = enter("matmul", matmul, arguments);
  const [p, q] = [operand(call, a, "the first input"), operand(call, b, "the second input")];
  check(call, [p, q], dtypeFault([p.type.dtype, q.type.dtype]), matmulFault(p.type.shape, q.type.shape));
  return result(call, add(call, "MatMul", [p, q]));
}
