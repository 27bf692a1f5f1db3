/** Reductions over axes, as torch.mean and its kin: over dim, several dims, or all when it is absent. */
import type { Value } from "../../ir/graph.ts";
import type { After } from "../layer.ts";
import { axisFault, axisOf, numeric } from "../shape-rules/axes.ts";
import type { Dims, Reduce, ReduceFault } from "../shape-rules/reduce.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, type Call, check, enter, operand, result } from "../trace.ts";
import { flagFault } from "./options.ts";

type ReduceOp = "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin";
function reduction(call: Call, opType: ReduceOp, x: unknown, dim: unknown, keepdim: unknown): Value {
  const value = operand(call, x);
  check(call, [value], flagFault("keepdim", keepdim));
  const rank = value.type.shape.length;
  const dims = dim === undefined || dim === null ? null : Array.isArray(dim) ? dim.map(numeric) : [numeric(dim)];
  check(call, [value], ...(dims ?? []).map((d) => axisFault(rank, d)));
  const axes = dims?.map((d) => axisOf(rank, d)) ?? null;
  const twice = dims?.find((_, i) => axes?.indexOf(axes[i] ?? 0) !== i);
  check(call, [value], twice === undefined ? null : { code: "axis-repeated", text: `axis ${twice} comes twice` });
  const inputs = axes === null ? [value] : [value, call.builder.constant("int64", axes)];
  return add(call, opType, inputs, { keepdims: keepdim === true ? 1 : 0 });
}

/** The mean. */
export function mean<S, const D extends Dims = null, K extends boolean = false>(
  x: Tensor<S>,
  dim?: Checked<D, ReduceFault<"mean", S, D>>,
  keepdim?: K,
): Tensor<After<S, [Reduce<D, K>]>> {
  const call = enter("mean", mean, arguments);
  return result(call, reduction(call, "ReduceMean", x, dim, keepdim ?? false));
}
/** The sum. */
export function sum<S, const D extends Dims = null, K extends boolean = false>(
  x: Tensor<S>,
  dim?: Checked<D, ReduceFault<"sum", S, D>>,
  keepdim?: K,
): Tensor<After<S, [Reduce<D, K>]>> {
  const call = enter("sum", sum, arguments);
  return result(call, reduction(call, "ReduceSum", x, dim, keepdim ?? false));
}
/** The maximum. */
export function amax<S, const D extends Dims = null, K extends boolean = false>(
  x: Tensor<S>,
  dim?: Checked<D, ReduceFault<"amax", S, D>>,
  keepdim?: K,
): Tensor<After<S, [Reduce<D, K>]>> {
  const call = enter("amax", amax, arguments);
  return result(call, reduction(call, "ReduceMax", x, dim, keepdim ?? false));
}
/** The minimum. */
export function amin<S, const D extends Dims = null, K extends boolean = false>(
  x: Tensor<S>,
  dim?: Checked<D, ReduceFault<"amin", S, D>>,
  keepdim?: K,
): Tensor<After<S, [Reduce<D, K>]>> {
  const call = enter("amin", amin, arguments);
  return result(call, reduction(call, "ReduceMin", x, dim, keepdim ?? false));
}
