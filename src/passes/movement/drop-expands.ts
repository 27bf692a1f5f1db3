/** Leaves out an Expand whose reader broadcasts anyway. */
import type { Value } from "../../ir/graph.ts";
import { broadcastShapes } from "../../ir/ops/broadcast.ts";
import { inputAt } from "../../ir/ops/call-inputs.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { sameShape } from "../../ir/shape.ts";
import { isOneOf, type RewriteOutcome, type RewriteRule, rewriteRule } from "../rewrite.ts";

/** Ops of any inputs that broadcast as NumPy does. */
const broadcasting = [
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Pow",
  "Min",
  "Max",
  "Sum",
  "Mean",
  "Where",
  "Equal",
  "Less",
  "LessOrEqual",
  "Greater",
  "GreaterOrEqual",
  "And",
  "Or",
  "Xor",
] as const;

/** An op of several values on what was expanded: on what it was before, where the result has the same shape. */
export const dropExpands: RewriteRule = rewriteRule("expand-broadcasts", broadcasting, (node, context): RewriteOutcome => {
  const y = outputAt(node.outputs, 0);
  const inputs = [...node.inputs];
  for (const [i, value] of inputs.entries()) {
    const producer = value?.producer;
    if (!producer || !isOneOf(producer, ["Expand"])) continue;
    const tried = inputs.with(i, inputAt(producer, 0));
    if (sameShape(shapeOf(tried), y.type.shape)) inputs[i] = inputAt(producer, 0);
  }
  if (inputs.every((value, i) => value === node.inputs[i])) return "keep";
  return (b) => [
    b.add(
      node.opType,
      inputs.map((v) => (v === null ? null : context.value(v))),
      node.attributes,
      { name: node.name },
    ),
  ];
});
const shapeOf = (inputs: readonly (Value | null)[]) =>
  broadcastShapes(
    inputs.flatMap((v) => (v === null ? [] : [v.type.shape])),
    () => "?",
  );
