/** Softmax and its logarithm. */
import type { GraphBuilder } from "../builder.ts";
import { mulDims } from "../dim.ts";
import { shapeValue } from "../formulas.ts";
import type { Node, TensorType, Value } from "../graph.ts";
import type { AxisWindow, Call, Flops, OpFamily, UpgradeRule } from "../op-schema.ts";
import { elementCount } from "../shape.ts";
import { axisOf, sameAxis } from "./axes.ts";
import { inferLike } from "./broadcast.ts";
import { inputAt } from "./call-inputs.ts";
import { firstOutput, unaryGrad } from "./elementwise.ts";
import { oldNumber } from "./old-forms.ts";

type Softmax = "Softmax" | "LogSoftmax";

/** The records of Softmax and LogSoftmax. */
export const softmaxOps: OpFamily<Softmax> = {
  Softmax: {
    infer: inferAlongAxis,
    evaluate: "none",
    // (dy - sum(dy y)) y
    grad: unaryGrad<"Softmax">((f, { y, dy, attributes }) => f.mul(f.sub(dy, f.reduceSum(f.mul(dy, y), [attributes.axis], true)), y)),
    lower: "onnx",
    upgrade: (b, old) => uncoerced(b, old, "Softmax"),
    flops: fivePerElement,
    receptiveField: wholeAxis,
    docs: { summary: "Makes positive numbers that sum to 1 along an axis.", formula: "y = e^x / sum(e^x)", source: "ONNX Softmax-13" },
  },
  LogSoftmax: {
    infer: inferAlongAxis,
    evaluate: "none",
    // dy - sum(dy) e^y
    grad: unaryGrad<"LogSoftmax">((f, { y, dy, attributes }) => f.sub(dy, f.mul(f.exp(y), f.reduceSum(dy, [attributes.axis], true)))),
    lower: "onnx",
    upgrade: (b, old) => uncoerced(b, old, "LogSoftmax"),
    flops: fivePerElement,
    receptiveField: wholeAxis,
    docs: { summary: "Takes the logarithm of the softmax along an axis.", formula: "y = x - ln(sum(e^x))", source: "ONNX LogSoftmax-13" },
  },
};

function inferAlongAxis(call: Call<Softmax>): readonly TensorType[] {
  axisOf(call.attributes.axis, inputAt(call, 0).type.shape.length);
  return inferLike()(call);
}
/** For each element a maximum, a difference, an exponential, a sum, and a quotient or difference. */
function fivePerElement(node: Node<Softmax>): Flops {
  return { macs: 0, other: mulDims(5, elementCount(firstOutput(node).type.shape)) };
}
function wholeAxis(node: Node<Softmax>): readonly AxisWindow[] {
  const { shape } = firstOutput(node).type;
  const whole = axisOf(node.attributes.axis, shape.length);
  return shape.map((_, axis) => (axis === whole ? "all" : sameAxis(axis)));
}

/** Before opset 13 the input was made a matrix at `axis`, 1 by default, and each row summed to 1. */
function uncoerced(b: GraphBuilder, old: Parameters<UpgradeRule>[1], opType: Softmax): readonly (Value | null)[] | "keep" {
  if (old.opset >= 13) return "keep";
  const x = inputAt(old, 0);
  const rank = x.type.shape.length;
  const given = oldNumber(old, "axis") ?? 1;
  // Axis 1 of a vector, the default, is its end: every row of the matrix is then one element.
  const axis = given === rank ? rank : axisOf(given, rank);
  if (axis === rank - 1) return [b.add(opType, [x], { axis: -1 })];
  const rows = b.add(opType, [b.add("Flatten", [x], { axis })], { axis: 1 });
  return [b.add("Reshape", [rows, shapeValue(b, x)])];
}
