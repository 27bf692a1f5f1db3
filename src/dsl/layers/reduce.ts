/** Reductions over axes, as torch.mean and its kin: over dim, several dims, or all when it is absent. */
import type { Value } from "../../ir/graph.ts";
import type { After } from "../layer.ts";
import { axisFault, axisOf } from "../shape-rules/axes.ts";
import type { Dims, Reduce, ReduceFault } from "../shape-rules/reduce.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, type Call, check, enter, operand, result } from "../trace.ts";

type ReduceOp = "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin";
function reduction(call: Call, opType: ReduceOp, x: unknown, dim: unknown, keepdim: boolean): Value {
  const value = operand(call, x);
  const rank = value.type.shape.length;
  const dims = dimList(dim);
  check(call, [value], ...(dims ?? []).map((d) => axisFault(rank, d)));
  const axes = dims?.map((d) => axisOf(rank, d)) ?? null;
  const twice = dims?.find((_, i) => axes?.indexOf(axes[i] ?? 0) !== i);
  check(call, [value], twice === undefined ? null : { code: "axis-repeated", text: `axis ${twice} comes twice` });
  const inputs = axes === null ? [value] : [value, call.builder.constant("int64", axes)];
  return add(call, opType, inputs, { keepdims: keepdim ? 1 : 0 });
}
/** Sound because a `Checked` argument is the argument or an error that never runs. */
const dimList = (dim: unknown): readonly number[] | null =>
  dim === undefined || dim === null ? null : typeof dim === "number" ? [dim] : (dim as readonly number[]);

/** The mean. */
export function mean<S, const D extends Dims = null, K extends boolean = false>(
  x: Tensor<S>,
  dim?: Checked<D, ReduceFault<"mean", S, D>>,
  keepdim?: K,
): Tensor<After<S, [Reduce<D, K>]>> {
  const call = enter("mean", mean);
  return result(call, reduction(call, "ReduceMean", x, dim, keepdim ?? false));
}
/** The sum. */
export function sum<S, const D extends Dims = null, K extends boolean = false>(
  x: Tensor<S>,
  dim?: Checked<D, ReduceFault<"sum", S, D>>,
  keepdim?: K,
): Tensor<After<S, [Reduce<D, K>]>> {
  const call = enter("sum", sum);
  return result(call, reduction(call, "ReduceSum", x, dim, keepdim ?? false));
}
/** The maximum. */
export function amax<S, const D extends Dims = null, K extends boolean = false>(
  x: Tensor<S>,
  dim?: Checked<D, ReduceFault<"amax", S, D>>,
  keepdim?: K,
): Tensor<After<S, [Reduce<D, K>]>> {
  const call = enter("amax", amax);
  return result(call, reduction(call, "ReduceMax", x, dim, keepdim ?? false));
}
/** The minimum. */
export function amin<S, const D extends Dims = null, K extends boolean = false>(
  x: Tensor<S>,
  dim?: Checked<D, ReduceFault<"amin", S, D>>,
  keepdim?: K,
): Tensor<After<S, [Reduce<D, K>]>> {
  const call = enter("amin", amin);
  return result(call, reduction(call, "ReduceMin", x, dim, keepdim ?? false));
}
