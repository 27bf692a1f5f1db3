/** Comparisons, logic, and choice by a condition. */

import type { GraphBuilder } from "../builder.ts";
import type { Dim } from "../dim.ts";
import type { DType } from "../dtype.ts";
import { formulas, sumToShapeOf } from "../formulas.ts";
import type { Node, TensorType, Value } from "../graph.ts";
import type { Call, OpDocs, OpFamily, OpSchema, Target } from "../op-schema.ts";
import { broadcastShapes, evaluateBinary, evaluateChoice, evaluateUnary, inferBroadcast, inferLike, presentInputs } from "./broadcast.ts";
import { inputAt } from "./call-inputs.ts";
import { equalElements, lessElements, lessOrEqualElements, numericElement } from "./element-arithmetic.ts";
import { binary, onePerOutput } from "./elementwise.ts";

/** The records of comparisons and logic. */
export const logicOps: OpFamily<
  "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "And" | "Or" | "Xor" | "Not" | "IsNaN" | "IsInf" | "Where"
> = {
  Equal: relation(equalElements, { summary: "Tells where two tensors are equal.", formula: "y = (a = b)", source: "ONNX Equal-19" }),
  Less: relation(lessElements, { summary: "Tells where one tensor is less than another.", formula: "y = (a < b)", source: "ONNX Less-13" }),
  LessOrEqual: relation(lessOrEqualElements, {
    summary: "Tells where one tensor is at most another.",
    formula: "y = (a <= b)",
    source: "ONNX LessOrEqual-16",
  }),
  Greater: relation((a, b) => lessElements(b, a), {
    summary: "Tells where one tensor is greater than another.",
    formula: "y = (a > b)",
    source: "ONNX Greater-13",
  }),
  GreaterOrEqual: relation((a, b) => lessOrEqualElements(b, a), {
    summary: "Tells where one tensor is at least another.",
    formula: "y = (a >= b)",
    source: "ONNX GreaterOrEqual-16",
  }),
  And: relation((a, b) => (a === 0 || b === 0 ? 0 : 1), {
    summary: "Tells where both are true.",
    formula: "y = a and b",
    source: "ONNX And-7",
  }),
  Or: relation((a, b) => (a === 0 && b === 0 ? 0 : 1), {
    summary: "Tells where either is true.",
    formula: "y = a or b",
    source: "ONNX Or-7",
  }),
  Xor: relation((a, b) => (a === b ? 0 : 1), {
    summary: "Tells where exactly one is true.",
    formula: "y = (a != b)",
    source: "ONNX Xor-7",
  }),
  Not: predicate((a) => (a === 0 ? 1 : 0), { summary: "Inverts truth.", formula: "y = not a", source: "ONNX Not-1" }),
  IsNaN: predicate(
    numericElement((a) => (Number.isNaN(a) ? 1 : 0)),
    { summary: "Tells which elements are not a number.", formula: "y = (x != x)", source: "ONNX IsNaN-20" },
  ),
  IsInf: {
    infer: inferLike("bool"),
    evaluate: (call) => {
      const { detect_negative: negative, detect_positive: positive } = call.attributes;
      return evaluateUnary(
        numericElement((a) =>
          (a === Number.POSITIVE_INFINITY && positive === 1) || (a === Number.NEGATIVE_INFINITY && negative === 1) ? 1 : 0,
        ),
        "bool",
      )(call);
    },
    grad: "none",
    lower: widenForIsInf,
    upgrade: "none",
    flops: onePerOutput,
    receptiveField: "pointwise",
    docs: { summary: "Tells which elements are infinite; each sign can be left out.", formula: "y = (|x| = inf)", source: "ONNX IsInf-20" },
  },
  Where: {
    infer: inferWhere,
    evaluate: evaluateChoice(([condition, a, b]) => (condition === 0 ? b : a) ?? null),
    grad: whereGrad,
    lower: "onnx",
    upgrade: "none",
    flops: onePerOutput,
    receptiveField: "pointwise",
    docs: {
      summary: "Takes elements of one tensor where a condition holds, of another where not.",
      formula: "y = c ? a : b",
      source: "ONNX Where-16",
    },
  },
};

function relation<T extends "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "And" | "Or" | "Xor">(
  compute: (a: Dim, b: Dim, inputs: DType) => Dim | null,
  docs: OpDocs,
): OpSchema<T> {
  return binary({ infer: inferBroadcast("bool"), evaluate: evaluateBinary(compute, "bool"), grad: "none", docs });
}
function predicate<T extends "Not" | "IsNaN">(compute: (a: Dim) => Dim | null, docs: OpDocs): OpSchema<T> {
  return {
    infer: inferLike("bool"),
    evaluate: evaluateUnary(compute, "bool"),
    grad: "none",
    lower: "onnx",
    upgrade: "none",
    flops: onePerOutput,
    receptiveField: "pointwise",
    docs,
  };
}

/** Before opset 20, IsInf took float32 and float64 alone. */
function widenForIsInf(b: GraphBuilder, node: Node<"IsInf">, target: Target): readonly Value[] | "keep" {
  const x = inputAt(node, 0);
  if (target.opset >= 20 || x.type.dtype === "float32" || x.type.dtype === "float64") return "keep";
  return [b.add("IsInf", [formulas(b).cast(x, "float32")], node.attributes)];
}

function inferWhere(call: Call<"Where">): readonly TensorType[] {
  return [
    {
      dtype: inputAt(call, 1).type.dtype,
      shape: broadcastShapes(
        presentInputs(call).map((v) => v.type.shape),
        call.unknown,
      ),
    },
  ];
}
/** The cotangent goes to the one that was taken. */
function whereGrad(b: GraphBuilder, node: Node, [dy]: readonly (Value | null)[], wanted: readonly boolean[]): readonly (Value | null)[] {
  if (dy === null || dy === undefined) return [null, null, null];
  const f = formulas(b);
  const condition = inputAt(node, 0);
  return [
    null,
    wanted[1] === true ? sumToShapeOf(b, f.where(condition, dy, 0), inputAt(node, 1)) : null,
    wanted[2] === true ? sumToShapeOf(b, f.where(condition, 0, dy), inputAt(node, 2)) : null,
  ];
}
