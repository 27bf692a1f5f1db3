/** Running sums. */
import { type Node, printType } from "../graph.ts";
import { type AxisWindow, type Call, type OpFamily, RuleFault } from "../op-schema.ts";
import { elementCount } from "../shape.ts";
import { axisOf, sameAxis } from "./axes.ts";
import { inputAt, numbersIn } from "./call-inputs.ts";
import { firstOutput } from "./elementwise.ts";

/** The record of CumSum. */
export const cumulativeOps: OpFamily<"CumSum"> = {
  CumSum: {
    infer: (call) => {
      const [x, axis] = [inputAt(call, 0), inputAt(call, 1)];
      const isNumber = axis.type.shape.length === 0 || (axis.type.shape.length === 1 && axis.type.shape[0] === 1);
      if (!isNumber) throw new RuleFault("op-axis", `the axis is ${printType(axis.type)}, wanted one number`);
      summedAxis(call);
      return [x.type];
    },
    evaluate: "none",
    // Each element is in all sums behind it: their cotangents are summed up from the other end.
    grad: (b, node, [dy]) => {
      const { exclusive, reverse } = node.attributes;
      return [dy == null ? null : b.add("CumSum", [dy, inputAt(node, 1)], { exclusive, reverse: reverse === 0 ? 1 : 0 }), null];
    },
    lower: "onnx",
    upgrade: "none",
    flops: (node) => ({ macs: 0, other: elementCount(firstOutput(node).type.shape) }),
    receptiveField: window,
    docs: {
      summary: "Sums up the elements along an axis, each with those before it, or behind it in reverse, itself left out where exclusive.",
      formula: "y[i] = sum over j <= i of x[j]",
      source: "https://onnx.ai/onnx/operators/onnx__CumSum.html",
    },
  },
};

/** The axis that is summed along; null where it is computed at run time. Throws a RuleFault for one that is not there. */
function summedAxis(call: Pick<Call<"CumSum">, "inputs">): number | null {
  const [axis] = numbersIn(inputAt(call, 1)) ?? [];
  return axis === undefined ? null : axisOf(axis, inputAt(call, 0).type.shape.length);
}
function window(node: Node<"CumSum">, index: number): readonly AxisWindow[] | null {
  if (index !== 0) return null;
  const axis = summedAxis(node);
  return inputAt(node, 0).type.shape.map((_, i) => (axis === null || i === axis ? "all" : sameAxis(i)));
}
