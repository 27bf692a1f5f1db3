/** Reductions of squares and absolute values as the one op that sums those. */
import { isFloat } from "../../ir/dtype.ts";
import type { Value } from "../../ir/graph.ts";
import { inputAt } from "../../ir/ops/call-inputs.ts";
import { squareRootOf } from "../recognize/pattern.ts";
import { isOneOf, type RewriteContext, type RewriteOutcome, type RewriteRule, rewriteRule, skip } from "../rewrite.ts";
import { otherUse } from "../sole-use.ts";

/** sum(x x) = ReduceSumSquare(x), sum(|x|) = ReduceL1(x). */
const sums = rewriteRule("sum-of-squares", ["ReduceSum"], (node, context): RewriteOutcome => {
  const value = inputAt(node, 0);
  const root = squareRootOf(value, context);
  const x = root ?? (value.producer !== null && isOneOf(value.producer, ["Abs"]) ? inputAt(value.producer, 0) : null);
  if (x === null || !isFloat(x.type.dtype)) return "keep";
  const use = otherUse(context, value, node);
  if (use !== null) return skip(use);
  const opType = root === null ? "ReduceL1" : "ReduceSumSquare";
  return (b) => [b.add(opType, [x, ...node.inputs.slice(1)].map(inNewGraph(context)), node.attributes, { name: node.name })];
});
/** sqrt(ReduceSumSquare(x)) = ReduceL2(x). */
const norms = rewriteRule("root-of-squares", ["Sqrt"], (node, context): RewriteOutcome => {
  const value = inputAt(node, 0);
  const { producer } = value;
  if (producer === null || !isOneOf(producer, ["ReduceSumSquare"]) || !isFloat(value.type.dtype)) return "keep";
  const use = otherUse(context, value, node);
  if (use !== null) return skip(use);
  return (b) => [b.add("ReduceL2", producer.inputs.map(inNewGraph(context)), producer.attributes, { name: node.name })];
});

const inNewGraph =
  (context: RewriteContext) =>
  (v: Value | null): Value | null =>
    v === null ? null : context.value(v);

/** The rules of this file. */
export const mergeReductions: readonly RewriteRule[] = [sums, norms];
