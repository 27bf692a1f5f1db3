/** Chains of ops that change a tensor's form and leave its elements in order: one of them, or none, does the work of all. */
import type { GraphBuilder } from "../../ir/builder.ts";
import { type Dim, isUnknown, mulDims } from "../../ir/dim.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { axesOf } from "../../ir/ops/axes.ts";
import { inputAt, numbersIn } from "../../ir/ops/call-inputs.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import type { Shape } from "../../ir/shape.ts";
import { isOneOf, type RewriteContext, type RewriteOutcome, type RewriteRule, rewriteRule } from "../rewrite.ts";
import { isSoleReader, sameType } from "../sole-use.ts";

const reshapes = ["Reshape", "Flatten", "Squeeze", "Unsqueeze"] as const;
type Reshaping = (typeof reshapes)[number];

/** Two ops in a row of Reshape, Flatten, Squeeze and Unsqueeze: nothing where the second undoes the first, else one op on the first's input. */
export const mergeReshapes: RewriteRule = rewriteRule("merge-reshapes", reshapes, (node, context): RewriteOutcome => {
  const producer = node.inputs[0]?.producer;
  if (!producer || !isOneOf(producer, reshapes)) return "keep";
  const [x, y] = [inputAt(producer, 0), outputAt(node.outputs, 0)];
  if (sameType(x, y)) return () => [context.value(x)];
  const form = sameOp(producer, node) ?? keptTarget(node, context) ?? constantTarget(x, y.type.shape);
  return form === null ? "keep" : (b) => [form(b, context.value(x), { name: node.name })];
});

/** How the output is made of the chain's input. */
type Form = (b: GraphBuilder, x: Value, options: { readonly name?: string }) => Value;

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
  (b, x, options) =>
    b.add(opType, [x, b.constant("int64", axes)], {}, options);
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
  return copies ? null : (b, x, options) => b.add("Reshape", [x, context.value(target)], node.attributes, options);
}
/** A Reshape to a constant: sizes that are numbers, those of x in the same place (0), and one that follows from the others (-1). */
function constantTarget(x: Value, shape: Shape): Form | null {
  if (shape.includes(0)) return null;
  const open = shape.flatMap((d, axis) => (typeof d === "number" ? [] : [axis]));
  const [inferred, ...further] = open.filter((axis) => shape[axis] !== x.type.shape[axis] || open.length === 1);
  if (further.length > 0 || (inferred !== undefined && isUnknown(shape[inferred] ?? "?"))) return null;
  const sizes = shape.map((d, axis) => (typeof d === "number" ? d : axis === inferred ? -1 : 0));
  return (b, input, options) => b.add("Reshape", [input, b.constant("int64", sizes)], {}, options);
}

/** A Reshape whose target is computed from sizes, where a constant says the same. */
export const constantReshape: RewriteRule = rewriteRule("constant-reshape", ["Reshape"], (node, context): RewriteOutcome => {
  const [x, target] = [inputAt(node, 0), inputAt(node, 1)];
  if (target.producer === null || context.contents(target) !== null) return "keep";
  const form = constantTarget(x, outputAt(node.outputs, 0).type.shape);
  return form === null ? "keep" : (b) => [form(b, context.value(x), { name: node.name })];
});

/**
 * A Reshape of a transposed tensor that splits axes and takes out or puts in axes of size 1: it can come first, and is one with the
 * Reshape before. Where axes of size 1 alone were moved, nothing is left to transpose.
 */
export const reshapeTransposed: RewriteRule = rewriteRule("reshape-transposed", reshapes, (node, context): RewriteOutcome => {
  const transposed = inputAt(node, 0);
  const transpose = transposed.producer;
  if (!transpose || !isOneOf(transpose, ["Transpose"]) || transpose.attributes.perm === undefined) return "keep";
  const [x, y] = [inputAt(transpose, 0), outputAt(node.outputs, 0)];
  if (movesUnitsOnly(transpose.attributes.perm, x.type.shape)) {
    const form = keptTarget(node, context) ?? constantTarget(x, y.type.shape);
    return form === null ? "keep" : (b) => [form(b, context.value(x), { name: node.name })];
  }
  const turned = turnedSplit(transpose.attributes.perm, transposed.type.shape, y.type.shape);
  if (turned === null) return "keep";
  const before = x.producer;
  if (!before || !isOneOf(before, reshapes) || !isSoleReader(context, x, transpose) || !isSoleReader(context, transposed, node))
    return "keep";
  const source = inputAt(before, 0);
  const form = constantTarget(source, turned.shape);
  if (form === null) return "keep";
  return (b) => [b.add("Transpose", [form(b, context.value(source), {})], { perm: turned.perm }, { name: node.name })];
});
/** A Transpose that only moves axes of size 1 of a tensor that was reshaped: the Reshape can put them where they go. */
export const transposeReshaped: RewriteRule = rewriteRule("transpose-reshaped", ["Transpose"], (node, context): RewriteOutcome => {
  const before = inputAt(node, 0).producer;
  const { perm } = node.attributes;
  if (!before || !isOneOf(before, reshapes) || perm === undefined) return "keep";
  const [x, y] = [inputAt(before, 0), outputAt(node.outputs, 0)];
  if (!movesUnitsOnly(perm, inputAt(node, 0).type.shape)) return "keep";
  const form = constantTarget(x, y.type.shape);
  return form === null ? "keep" : (b) => [form(b, context.value(x), { name: node.name })];
});

/** True for a permutation that keeps the order of all axes of other sizes than 1. */
function movesUnitsOnly(perm: readonly number[], shape: Shape): boolean {
  const moved = perm.filter((axis) => shape[axis] !== 1);
  return moved.every((axis, i) => i === 0 || axis > (moved[i - 1] ?? 0));
}
/** The shape to split a tensor into, and the permutation behind it, that give what splitting the axes of the permuted tensor gives. */
function turnedSplit(
  perm: readonly number[],
  permuted: Shape,
  split: Shape,
): { readonly shape: Shape; readonly perm: readonly number[] } | null {
  const groups = groupsOf(permuted, split);
  if (groups === null) return null;
  const order = perm.flatMap((_, axis) => groups[perm.indexOf(axis)] ?? []);
  return { shape: order.map((axis) => split[axis] ?? 1), perm: split.map((_, axis) => order.indexOf(axis)) };
}
/** The axes of one shape that each axis of another is split into, in their order; null where axes are joined. */
function groupsOf(from: Shape, to: Shape): readonly (readonly number[])[] | null {
  if (from.includes(0) || to.includes(0)) return null;
  let next = 0;
  const groups = from.map((d): number[] | null => {
    const group: number[] = [];
    for (let product: Dim = 1; product !== d; product = mulDims(product, to[next - 1] ?? 1)) {
      if (next === to.length) return null;
      group.push(next++);
    }
    return group;
  });
  const rest = to.slice(next);
  if (!groups.every((group) => group !== null) || !rest.every((d) => d === 1)) return null;
  const last = groups.findLast(({ length }) => length > 0) ?? groups.at(-1);
  last?.push(...rest.map((_, i) => next + i));
  return groups;
}
