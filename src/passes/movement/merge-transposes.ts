/** Transposes that cancel or merge, also across elementwise ops between them. */
import type { GraphBuilder } from "../../ir/builder.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { inputAt } from "../../ir/ops/call-inputs.ts";
import { schemaOf } from "../../ir/ops/index.ts";
import { elementCount } from "../../ir/shape.ts";
import { isOneOf, type RewriteContext, type RewriteOutcome, type RewriteRule, rewriteRule } from "../rewrite.ts";
import { isSoleReader } from "../sole-use.ts";

/**
 * A Transpose of what was transposed before, with nothing or elementwise ops in between: these then work on the tensor as it was, and
 * one Transpose or none is left.
 */
export const mergeTransposes: RewriteRule = rewriteRule("merge-transposes", ["Transpose"], (node, context): RewriteOutcome => {
  const perm = permutationOf(node);
  const input = inputAt(node, 0);
  const found = transposedTree(input, node, context);
  if (found === null) return "keep";
  const total = perm.map((axis) => found.perm[axis] ?? axis);
  const isIdentity = total.every((axis, i) => axis === i);
  // With other transposed inputs, or results that stay, there would be no fewer of them.
  if (!isIdentity && found.leaves !== 1) return "keep";
  return (b) => {
    const straight = rebuilt(b, input, found, context, new Map());
    return [isIdentity ? straight : b.add("Transpose", [straight], { perm: total }, { name: node.name })];
  };
});

/** The axis of the input that becomes each axis of the output. */
function permutationOf(node: Node<"Transpose">): readonly number[] {
  const rank = inputAt(node, 0).type.shape.length;
  return node.attributes.perm ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
}

/** Elementwise ops over tensors transposed in the same way, and constants. */
interface Tree {
  readonly perm: readonly number[];
  /** How many Transposes there are at the ends. */
  readonly leaves: number;
}
/** No tree has more levels: each is walked once for each Transpose below it. */
const maxDepth = 24;

function transposedTree(value: Value, reader: Node, context: RewriteContext, depth = 0): Tree | null {
  const { producer } = value;
  if (producer === null || depth > maxDepth) return null;
  if (isOneOf(producer, ["Transpose"])) return { perm: permutationOf(producer), leaves: 1 };
  if (!isElementwise(producer) || !isSoleReader(context, value, reader)) return null;
  const trees = [...new Set(producer.inputs)]
    .filter((v) => v !== null)
    .map((v) => (isTurnable(v, value, context) ? "constant" : transposedTree(v, producer, context, depth + 1)));
  const inner = trees.filter((tree) => tree !== "constant");
  const [first] = inner;
  if (!first || !inner.every((tree) => tree?.perm.every((axis, i) => axis === first.perm[i]) === true)) return null;
  return { perm: first.perm, leaves: inner.reduce((sum, tree) => sum + (tree?.leaves ?? 0), 0) };
}
/** True for one element, and for constants with an axis for each of the result's. */
const isTurnable = (value: Value, result: Value, context: RewriteContext): boolean =>
  elementCount(value.type.shape) === 1 || (context.contents(value) !== null && value.type.shape.length === result.type.shape.length);
/** True when each output position depends on one position of each input, all broadcast as NumPy does. */
const isElementwise = (node: Node): boolean => node.outputs.length === 1 && schemaOf(node.opType).receptiveField === "pointwise";

/** The tree's value before it is transposed; `done` holds what has been rebuilt already. */
function rebuilt(b: GraphBuilder, value: Value, tree: Tree, context: RewriteContext, done: Map<Value, Value>): Value {
  const known = done.get(value);
  if (known !== undefined) return known;
  const made = straightened(b, value, tree, context, done);
  done.set(value, made);
  return made;
}
function straightened(b: GraphBuilder, value: Value, tree: Tree, context: RewriteContext, done: Map<Value, Value>): Value {
  const { producer } = value;
  if (elementCount(value.type.shape) === 1) return context.value(value);
  if (context.contents(value) !== null) return turnedBack(b, context.value(value), tree);
  if (producer === null || isOneOf(producer, ["Transpose"])) return context.value(producer === null ? value : inputAt(producer, 0));
  const inputs = producer.inputs.map((v) => (v === null ? null : rebuilt(b, v, tree, context, done)));
  return b.add(producer.opType, inputs, producer.attributes, { location: producer.location });
}
/** A constant as it has to be to be transposed to what it is. */
const turnedBack = (b: GraphBuilder, constant: Value, { perm }: Tree): Value =>
  b.add("Transpose", [constant], { perm: perm.map((_, axis) => perm.indexOf(axis)) });
