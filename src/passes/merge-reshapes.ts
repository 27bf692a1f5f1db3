/** Chains of ops that change a tensor's form and leave its elements in order: one of them, or none, does the work of all. */
import type { GraphBuilder } from "../ir/builder.ts";
import { isUnknown } from "../ir/dim.ts";
import type { Node, Value } from "../ir/graph.ts";
import { axesOf } from "../ir/ops/axes.ts";
import { inputAt, numbersIn } from "../ir/ops/call-inputs.ts";
import { outputAt } from "../ir/ops/outputs.ts";
import { isOneOf, type RewriteContext, type RewriteOutcome, type RewriteRule, rewriteRule } from "./rewrite.ts";
import { sameType } from "./sole-use.ts";

const reshapes = ["Reshape", "Flatten", "Squeeze", "Unsqueeze"] as const;
type Reshaping = (typeof reshapes)[number];

/** Two ops in a row of Reshape, Flatten, Squeeze and Unsqueeze: nothing where the second undoes the first, else one op on the first's input. */
export const mergeReshapes: RewriteRule = rewriteRule("merge-reshapes", reshapes, (node, context): RewriteOutcome => {
  const producer = node.inputs[0]?.producer;
  if (!producer || !isOneOf(producer, reshapes)) return "keep";
  const [x, y] = [inputAt(producer, 0), outputAt(node.outputs, 0)];
  if (sameType(x, y)) return () => [context.value(x)];
  const form = sameOp(producer, node) ?? keptTarget(node, context) ?? constantTarget(x, y);
  return form === null ? "keep" : (b) => [form(b, context.value(x), node.name)];
});

/** How the output is made of the chain's input. */
type Form = (b: GraphBuilder, x: Value, name: string) => Value;

/** Squeeze after Squeeze takes the axes of both out, Unsqueeze after Unsqueeze puts them in. */
function sameOp(first: Node<Reshaping>, second: Node<Reshaping>): Form | null {
  const [inner, outer] = [numbersIn(first.inputs[1] ?? null), numbersIn(second.inputs[1] ?? null)];
  if (inner === null || outer === null) return null;
  const [before, between, after] = [inputAt(first, 0), inputAt(second, 0), outputAt(second.outputs, 0)].map((v) => v.type.shape.length);
  if (before === undefined || between === undefined || after === undefined) return null;
  if (first.opType === "Squeeze" && second.opType === "Squeeze")
    return withAxes("Squeeze", through(axesOf(inner, before), axesOf(outer, between), before));
  if (first.opType === "Unsqueeze" && second.opType === "Unsqueeze")
    return withAxes("Unsqueeze", through(axesOf(outer, after), axesOf(inner, between), after));
  return null;
}
const withAxes =
  (opType: "Squeeze" | "Unsqueeze", axes: readonly number[]): Form =>
  (b, x, name) =>
    b.add(opType, [x, b.constant("int64", axes)], {}, { name });
/** Axes of the largest of three tensors: those that the next one lacks, and those of the next one that the last one lacks. */
function through(missing: readonly number[], further: readonly number[], rank: number): readonly number[] {
  const rest = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !missing.includes(axis));
  return [...missing, ...further.flatMap((axis) => rest[axis] ?? [])].sort((a, b) => a - b);
}

/** The Reshape with the target it has, which must not copy sizes of the input that goes. */
function keptTarget(node: Node<Reshaping>, context: RewriteContext): Form | null {
  if (!isOneOf(node, ["Reshape"])) return null;
  const target = inputAt(node, 1);
  const copies = node.attributes.allowzero === 0 && (target.elements === null || target.elements.includes(0));
  return copies ? null : (b, x, name) => b.add("Reshape", [x, context.value(target)], node.attributes, { name });
}
/** A Reshape to a constant: sizes that are numbers, those of x in the same place (0), and one that follows from the others (-1). */
function constantTarget(x: Value, { type: { shape } }: Value): Form | null {
  if (shape.includes(0)) return null;
  const open = shape.flatMap((d, axis) => (typeof d === "number" ? [] : [axis]));
  const [inferred, ...further] = open.filter((axis) => shape[axis] !== x.type.shape[axis] || open.length === 1);
  if (further.length > 0 || (inferred !== undefined && isUnknown(shape[inferred] ?? "?"))) return null;
  const sizes = shape.map((d, axis) => (typeof d === "number" ? d : axis === inferred ? -1 : 0));
  return (b, input, name) => b.add("Reshape", [input, b.constant("int64", sizes)], {}, { name });
}

/** A Reshape whose target is computed from sizes, where a constant says the same. */
export const constantReshape: RewriteRule = rewriteRule("constant-reshape", ["Reshape"], (node, context): RewriteOutcome => {
  const [x, target] = [inputAt(node, 0), inputAt(node, 1)];
  if (target.producer === null || context.contents(target) !== null) return "keep";
  const form = constantTarget(x, outputAt(node.outputs, 0));
  return form === null ? "keep" : (b) => [form(b, context.value(x), node.name)];
});
