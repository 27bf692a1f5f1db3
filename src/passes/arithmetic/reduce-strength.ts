/** Puts cheaper ops in the place of dear ones, and one op in the place of two. */
import type { GraphBuilder } from "../../ir/builder.ts";
import { isFloat } from "../../ir/dtype.ts";
import type { Node, Value } from "../../ir/graph.ts";
import type { OpAttributes, OpType } from "../../ir/op-types.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { numbersOf, tensorFrom } from "../../ir/tensor-data.ts";
import { permutedChannels } from "../linear/permuted-channels.ts";
import { dropExpands } from "../movement/drop-expands.ts";
import { isOneOf, type Pass, type RewriteContext, type RewriteOutcome, type RewriteRule, rewrite, rewriteRule, skip } from "../rewrite.ts";
import { isSoleReader, sameType } from "../sole-use.ts";
import { joinConstants } from "./join-constants.ts";
import { numberOf } from "./match-product.ts";
import { mergeClips } from "./merge-clips.ts";
import { mergeReductions } from "./merge-reductions.ts";

/**
 * The graph with constants' divisions as products, small powers as products and roots, and pairs such as `a + (-b)` as one op.
 * Results may differ in the last bit: 1 / c is rounded before it is multiplied with.
 */
export const reduceStrength: Pass = (graph, control) => rewrite(graph, rules, control);

type Operands = readonly [Value, Value];
const operands = (node: Node): Operands | null => {
  const [a, c] = node.inputs;
  return a && c ? [a, c] : null;
};
/** One node in the place of another, under its name. */
const instead =
  <T extends OpType>(
    node: Node,
    opType: T,
    inputs: (b: GraphBuilder) => readonly Value[],
    attributes: Partial<OpAttributes[T]> = {},
  ): RewriteOutcome =>
  (b) => [b.add(opType, inputs(b), attributes, { name: node.name })];

const divide = rewriteRule("divide-by-constant", ["Div"], (node, context): RewriteOutcome => {
  const [a, c] = operands(node) ?? [];
  if (!a || !c || !isFloat(a.type.dtype)) return "keep";
  if (numberOf(a, context) === 1 && sameType(c, outputAt(node.outputs, 0))) return instead(node, "Reciprocal", () => [context.value(c)]);
  const tensor = context.contents(c);
  const numbers = tensor === null ? null : numbersOf(tensor);
  if (tensor === null || numbers === null) return "keep";
  const inverse = tensorFrom(
    tensor.dtype,
    tensor.shape,
    numbers.map((v) => 1 / v),
  );
  const bad = numbersOf(inverse)?.some((v) => !Number.isFinite(v) || Math.abs(v) < leastNormal);
  if (bad !== false) return skip(`the reciprocal of "${c.name}" is out of range`);
  return instead(node, "Mul", (b) => [context.value(a), b.tensor(`${c.name}.reciprocal`, inverse)]);
});
/** Below this a float16 or float32 loses digits. */
const leastNormal = 2 ** -14;

const powers: Readonly<Record<number, { readonly opType: "Mul" | "Sqrt" | "Reciprocal"; inputs(x: Value): readonly Value[] }>> = {
  2: { opType: "Mul", inputs: (x) => [x, x] },
  0.5: { opType: "Sqrt", inputs: (x) => [x] },
  [-1]: { opType: "Reciprocal", inputs: (x) => [x] },
};
const power = rewriteRule("small-power", ["Pow"], (node, context): RewriteOutcome => {
  const [x, exponent] = operands(node) ?? [];
  const form = exponent ? powers[numberOf(exponent, context) ?? Number.NaN] : undefined;
  if (!x || form === undefined || !isFloat(x.type.dtype)) return "keep";
  return sameType(x, outputAt(node.outputs, 0))
    ? instead(node, form.opType, () => form.inputs(context.value(x)))
    : skip("the exponent broadcasts what it is applied to");
});

/** The input of the node that makes a value, where it is of an op and nothing else reads it. */
function under(context: RewriteContext, value: Value, opType: OpType, reader: Node): Value | null {
  const { producer } = value;
  return producer?.opType === opType && isSoleReader(context, value, reader) ? (producer.inputs[0] ?? null) : null;
}
/** `op` of a value and what another op makes of a second: `into` of both. */
const pair = (name: string, op: OpType, inner: OpType, into: OpType, sides: readonly (0 | 1)[]): RewriteRule => ({
  name,
  opTypes: [op],
  match: (node, context): RewriteOutcome => {
    const inputs = operands(node);
    if (inputs === null || !isFloat(inputs[0].type.dtype)) return "keep";
    for (const side of sides) {
      const x = under(context, inputs[side], inner, node);
      if (x !== null) return instead(node, into, () => [context.value(inputs[side === 0 ? 1 : 0]), context.value(x)]);
    }
    return "keep";
  },
});

/** f(f(x)) = x. */
const involution = rewriteRule("involution", ["Neg", "Not"], (node, context): RewriteOutcome => {
  const producer = node.inputs[0]?.producer;
  const x = producer?.opType === node.opType ? producer.inputs[0] : null;
  return x ? () => [context.value(x)] : "keep";
});

const negate = rewriteRule("times-minus-one", ["Mul"], (node, context): RewriteOutcome => {
  const inputs = operands(node);
  const side = inputs?.findIndex((v) => numberOf(v, context) === -1) ?? -1;
  const x = inputs?.[1 - side];
  if (side < 0 || !x || !sameType(x, outputAt(node.outputs, 0))) return "keep";
  return instead(node, "Neg", () => [context.value(x)]);
});

/** -(a - b) = b - a. */
const negatedDifference = rewriteRule("negated-difference", ["Neg"], (node, context): RewriteOutcome => {
  const difference = node.inputs[0]?.producer;
  const [a, c] = difference && isOneOf(difference, ["Sub"]) ? (operands(difference) ?? []) : [];
  if (!difference || !a || !c || !isFloat(a.type.dtype) || !isSoleReader(context, outputAt(difference.outputs, 0), node)) return "keep";
  return instead(node, "Sub", () => [context.value(c), context.value(a)]);
});
/** (-a) (-b) = a b, and the same with quotients. */
const negatedFactors = rewriteRule("negated-factors", ["Mul", "Div"], (node, context): RewriteOutcome => {
  const [a, c] = operands(node) ?? [];
  const [x, y] = a && c && a !== c ? [under(context, a, "Neg", node), under(context, c, "Neg", node)] : [];
  return x && y ? instead(node, node.opType, () => [context.value(x), context.value(y)]) : "keep";
});

/** Functions that rise strictly enough not to change which element is the largest. */
const rising: readonly OpType[] = ["Exp", "Log", "Sqrt", "Softmax", "LogSoftmax"];
const argMax = rewriteRule("monotone-argmax", ["ArgMax"], (node, context): RewriteOutcome => {
  const value = node.inputs[0];
  const producer = value?.producer;
  const x = producer?.inputs[0];
  if (!value || !producer || !x || !rising.includes(producer.opType)) return "keep";
  if (isOneOf(producer, ["Softmax", "LogSoftmax"]) && !alongSameAxis(producer, node))
    return skip(`${producer.opType} is along another axis`);
  return isSoleReader(context, value, node) ? instead(node, "ArgMax", () => [context.value(x)], node.attributes) : "keep";
});
function alongSameAxis(softmax: Node<"Softmax" | "LogSoftmax">, { attributes, inputs }: Node<"ArgMax">): boolean {
  const rank = inputs[0]?.type.shape.length ?? 0;
  const fromFront = (axis: number): number => (axis < 0 ? axis + rank : axis);
  return fromFront(softmax.attributes.axis) === fromFront(attributes.axis);
}

/** a * b^-1/2 = a / sqrt(b). */
const inverseRoot = rewriteRule("times-inverse-root", ["Mul"], (node, context): RewriteOutcome => {
  for (const side of [0, 1] as const) {
    const power = node.inputs[side]?.producer;
    const [base, exponent] = power && isOneOf(power, ["Pow"]) ? (operands(power) ?? []) : [];
    const other = node.inputs[1 - side];
    if (!power || !base || !exponent || !other || numberOf(exponent, context) !== -0.5 || !isFloat(base.type.dtype)) continue;
    if (!sameType(base, outputAt(power.outputs, 0)) || !isSoleReader(context, outputAt(power.outputs, 0), node)) continue;
    return instead(node, "Div", (b) => [context.value(other), b.add("Sqrt", [context.value(base)])]);
  }
  return "keep";
});

/** (a c) (b d) = (a (c d)) b for numbers c and d, as exporters scale queries and keys by the root each. */
const scaledFactors = rewriteRule("scaled-factors", ["MatMul"], (node, context): RewriteOutcome => {
  const [a, c] = operands(node) ?? [];
  const [left, right] = a && c && a !== c ? [scaledBy(context, a, node), scaledBy(context, c, node)] : [];
  if (!left || !right) return "keep";
  const joined = tensorFrom(left.dtype, left.shape, [left.scale * right.scale]);
  const [number = Number.NaN] = numbersOf(joined) ?? [];
  if (!Number.isFinite(number) || Math.abs(number) < leastNormal) return skip("the two scales together are out of range");
  return instead(node, "MatMul", (b) => [
    b.add("Mul", [context.value(left.of), b.tensor(`${node.name}.scale`, joined)]),
    context.value(right.of),
  ]);
});
/** What a product with a number that one node alone reads multiplies. */
function scaledBy(context: RewriteContext, value: Value, reader: Node) {
  const { producer } = value;
  if (producer === null || !isOneOf(producer, ["Mul"]) || !isSoleReader(context, value, reader)) return null;
  for (const side of [1, 0] as const) {
    const [of, number] = [producer.inputs[1 - side], producer.inputs[side]];
    const scale = number ? numberOf(number, context) : null;
    if (of && number && scale !== null && sameType(of, value) && context.contents(of) === null)
      return { of, scale, dtype: number.type.dtype, shape: context.contents(number)?.shape ?? [] };
  }
  return null;
}

const rules: readonly RewriteRule[] = [
  divide,
  power,
  pair("add-negative", "Add", "Neg", "Sub", [1, 0]),
  pair("subtract-negative", "Sub", "Neg", "Add", [1]),
  pair("times-reciprocal", "Mul", "Reciprocal", "Div", [1, 0]),
  involution,
  negate,
  joinConstants,
  negatedDifference,
  negatedFactors,
  argMax,
  inverseRoot,
  scaledFactors,
  mergeClips,
  ...mergeReductions,
  dropExpands,
  permutedChannels,
];
