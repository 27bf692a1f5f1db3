/** Finds Softmax and its logarithm in exponentials, sums and quotients. */
import type { Node, Value } from "../../ir/graph.ts";
import { inputAt } from "../../ir/ops/call-inputs.ts";
import { reducedAxes } from "../../ir/ops/reduction-axes.ts";
import { type RewriteOutcome, rewriteRule, type Skip, skip } from "../rewrite.ts";
import { madeBy, oneOp, outcomeOf, quotientsOf, type Recognition, under } from "./pattern.ts";

/** e^(x - max(x)) / sum(e^(x - max(x))). */
const softmax = rewriteRule("recognize-softmax", ["Div", "Mul"], (node, context): RewriteOutcome => {
  for (const [exponential, divisor] of quotientsOf(node, context)) {
    const exponent = under(exponential, "Exp");
    const sum = madeBy(divisor, "ReduceSum");
    if (exponent === null || sum === null || inputAt(sum, 0) !== exponential) continue;
    const found = shifted(exponent, sum);
    if ("skip" in found) return found;
    return outcomeOf(node, { leaves: [found.x], build: oneOp(node, "Softmax", found.x, { axis: found.axis }) }, context);
  }
  return "keep";
});

interface Shifted {
  readonly x: Value;
  readonly axis: number;
}
/** The x of x - max(x) along the one axis of a sum of its exponentials. */
function shifted(exponent: Value, sum: Node<"ReduceSum">): Shifted | Skip {
  const axes = reducedAxes(sum);
  const [axis, more] = axes ?? [];
  if (axis === undefined || more !== undefined) return skip("its sum is not over one axis, as Softmax's");
  if (sum.attributes.keepdims !== 1) return skip("its sum does not keep the axis");
  const difference = madeBy(exponent, "Sub");
  const maximum = difference === null ? null : madeBy(inputAt(difference, 1), "ReduceMax");
  if (difference === null || maximum === null || inputAt(maximum, 0) !== inputAt(difference, 0))
    return skip("nothing is taken off before the exponential, which overflows where Softmax does not");
  const [other, another] = reducedAxes(maximum) ?? [];
  if (other !== axis || another !== undefined || maximum.attributes.keepdims !== 1)
    return skip("its maximum is over other axes than its sum");
  const x = inputAt(difference, 0);
  return { x, axis: axis - x.type.shape.length };
}

/** ln(softmax(x)). */
const logOfSoftmax = rewriteRule("recognize-log-softmax", ["Log"], (node, context): RewriteOutcome => {
  const y = inputAt(node, 0);
  const inner = madeBy(y, "Softmax");
  if (inner === null) return "keep";
  const x = inputAt(inner, 0);
  return outcomeOf(node, { leaves: [x], build: oneOp(node, "LogSoftmax", x, inner.attributes) }, context);
});

/** x - ln(sum(e^x)), the logarithm of the sum as one op, or with the maximum taken off first. */
const logSoftmax = rewriteRule("recognize-log-softmax", ["Sub"], (node, context): RewriteOutcome => {
  const [x, logSum] = [inputAt(node, 0), inputAt(node, 1)];
  const direct = madeBy(logSum, "ReduceLogSumExp");
  if (direct !== null && inputAt(direct, 0) === x) {
    const [axis, more] = reducedAxes(direct) ?? [];
    if (axis === undefined || more !== undefined) return skip("its sum is not over one axis, as LogSoftmax's");
    if (direct.attributes.keepdims !== 1) return skip("its sum does not keep the axis");
    return outcomeOf(node, { leaves: [x], build: oneOp(node, "LogSoftmax", x, { axis: axis - x.type.shape.length }) }, context);
  }
  const sum = madeBy(under(logSum, "Log"), "ReduceSum");
  if (sum === null || under(inputAt(sum, 0), "Exp") !== x) return "keep";
  const found = shifted(x, sum);
  if ("skip" in found) return found;
  return outcomeOf(node, { leaves: [found.x], build: oneOp(node, "LogSoftmax", found.x, { axis: found.axis }) }, context);
});

/** Softmax and LogSoftmax in parts. */
export const softmaxes: readonly Recognition[] = [softmax, logOfSoftmax, logSoftmax].map((rule) => ({ rule, since: 1 }));
