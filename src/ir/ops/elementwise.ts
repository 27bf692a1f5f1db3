/** What elementwise ops have in common: one output position depends on one position of each input. */
import type { GraphBuilder } from "../builder.ts";
import { InternalError } from "../diagnostic.ts";
import { type Formulas, formulas, sumToShapeOf } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import type { EvaluateRule, FlopsRule, GradRule, InferRule, OpDocs, OpSchema, UpgradeRule } from "../op-schema.ts";
import type { OpType } from "../op-types.ts";
import { elementCount } from "../shape.ts";
import { inferBroadcast, inferLike } from "./broadcast.ts";
import { inputAt } from "./call-inputs.ts";
import { alignOldBroadcast } from "./old-forms.ts";

/** What the derivative of y = f(x) is written with. */
export interface UnaryPoint<T extends OpType> {
  readonly x: Value;
  readonly y: Value;
  readonly dy: Value;
  readonly attributes: Node<T>["attributes"];
  readonly b: GraphBuilder;
}
/** dx, or null where it is zero. */
export type UnaryDerivative<T extends OpType> = (f: Formulas, at: UnaryPoint<T>) => Value | null;
/** What the derivatives of y = f(a, b) are written with. */
export interface BinaryPoint {
  readonly a: Value;
  readonly b: Value;
  readonly y: Value;
  readonly dy: Value;
}
/** da or db in the shape of y, or null where it is zero; the sum over broadcast axes comes after. */
export type BinaryDerivative = (f: Formulas, at: BinaryPoint) => Value | null;

/** The first output of a node. */
export function firstOutput(node: Node): Value {
  const [y] = node.outputs;
  if (y === null || y === undefined) throw new InternalError(`${node.opType} "${node.name}" has no first output`);
  return y;
}

/**
 * The convention of all counts: a multiply-add of a convolution or matrix product is one MAC; any other arithmetic on one element,
 * exponentials and divisions included, is one operation. This is one operation for each output element.
 */
export const onePerOutput: FlopsRule<OpType> = (node) => ({ macs: 0, other: elementCount(firstOutput(node).type.shape) });

/** A grad rule from the derivative of a function of one input. */
export const unaryGrad =
  <T extends OpType>(derivative: UnaryDerivative<T>): GradRule<T> =>
  (b, node, [dy], wanted) => {
    if (dy === null || dy === undefined || wanted[0] !== true) return node.inputs.map(() => null);
    const at = { x: inputAt(node, 0), y: firstOutput(node), dy, attributes: node.attributes, b };
    return [derivative(formulas(b), at), ...node.inputs.slice(1).map(() => null)];
  };
/**
 * A grad rule from the derivatives by each of two broadcast inputs; `finish` turns the sum of the second one into db, so that what does
 * not vary along the summed axes is computed once behind the sum.
 */
export const binaryGrad =
  (
    byA: BinaryDerivative,
    byB: BinaryDerivative,
    finish: (f: Formulas, sum: Value, b: Value) => Value = (_, sum) => sum,
  ): GradRule<OpType> =>
  (builder, node, [dy], wanted) => {
    if (dy === null || dy === undefined) return [null, null];
    const [f, a, b] = [formulas(builder), inputAt(node, 0), inputAt(node, 1)];
    const at: BinaryPoint = { a, b, y: firstOutput(node), dy };
    const full = [byA, byB].map((derivative, i) => (wanted[i] === true ? derivative(f, at) : null));
    const [sumA, sumB] = full.map((d, i) => (d === null ? null : sumToShapeOf(builder, d, i === 0 ? a : b)));
    return [sumA ?? null, sumB === null || sumB === undefined ? null : finish(f, sumB, b)];
  };

interface UnaryFacets<T extends OpType> {
  readonly evaluate: "none" | EvaluateRule<OpType>;
  readonly derivative: UnaryDerivative<T>;
  readonly docs: OpDocs;
}
/** The record of an op from one input to an output of the same type. */
export const unary = <T extends OpType>({ evaluate, derivative, docs }: UnaryFacets<T>): OpSchema<T> => ({
  infer: inferLike(),
  evaluate,
  grad: unaryGrad(derivative),
  lower: "onnx",
  upgrade: "none",
  flops: onePerOutput,
  receptiveField: "pointwise",
  docs,
});

interface BinaryFacets {
  readonly infer?: InferRule<OpType>;
  readonly evaluate: EvaluateRule<OpType>;
  readonly grad: "none" | GradRule<OpType>;
  readonly upgrade?: UpgradeRule;
  readonly docs: OpDocs;
}
/** The record of an op of two broadcast inputs; without `infer`, the output has the first one's element type. */
export const binary = <T extends OpType>({
  infer = inferBroadcast(),
  evaluate,
  grad,
  upgrade = alignOldBroadcast,
  docs,
}: BinaryFacets): OpSchema<T> => ({
  infer,
  evaluate,
  grad,
  lower: "onnx",
  upgrade,
  flops: onePerOutput,
  receptiveField: "pointwise",
  docs,
});
