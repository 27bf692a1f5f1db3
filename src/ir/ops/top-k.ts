/** The largest or smallest elements along an axis, with their positions. */
import type { GraphBuilder } from "../builder.ts";
import type { Dim } from "../dim.ts";
import type { Node, TensorType, Value } from "../graph.ts";
import { type Call, type OpFamily, RuleFault } from "../op-schema.ts";
import { elementCount } from "../shape.ts";
import { axisOf } from "./axes.ts";
import { inputAt } from "./call-inputs.ts";
import { optionalOutput, outputAt } from "./outputs.ts";
import { windowsWithout } from "./reduction-axes.ts";
import { filledLike } from "./reshape-like.ts";

/** TopK: dX has dY where the elements were taken from, and 0 elsewhere. The positions have no derivative. */
export const topKOps: OpFamily<"TopK"> = {
  TopK: {
    infer,
    evaluate: "none",
    grad: (b, node, [dy]) => [dy === null || dy === undefined ? null : scattered(b, node, dy), null],
    lower: "onnx",
    upgrade: "none",
    // A comparison per element at least: what sorting takes beyond that depends on the contents.
    flops: (node) => ({ macs: 0, other: elementCount(inputAt(node, 0).type.shape) }),
    receptiveField: (node, index) => (index === 0 ? windowsWithout(node, [axisIn(node)], true) : null),
    docs: {
      summary: "Gives the k largest or smallest elements along an axis, in order, and their positions.",
      formula: "values, indices = sort(x)[:k]",
      source: "ONNX TopK-11",
    },
  },
};

type TopKCall = Pick<Call<"TopK">, "inputs" | "attributes">;
const axisIn = ({ inputs, attributes }: TopKCall): number => axisOf(attributes.axis, inputAt({ inputs }, 0).type.shape.length);

function infer(call: Call<"TopK">): readonly TensorType[] {
  const { dtype, shape } = inputAt(call, 0).type;
  const axis = axisIn(call);
  const k = inputAt(call, 1);
  const count = k.elements?.[0] ?? call.unknown();
  checkCount(k, count, shape[axis] ?? 0);
  const cut = shape.with(axis, count);
  return [
    { dtype, shape: cut },
    { dtype: "int64", shape: cut },
  ];
}
function checkCount({ type: { shape } }: Value, count: Dim, size: Dim): void {
  if (shape.length > 1 || (shape.length === 1 && typeof shape[0] === "number" && shape[0] !== 1))
    throw new RuleFault("shape-mismatch", "K is no vector of one number");
  if (typeof count !== "number") return;
  if (count < 0 || (typeof size === "number" && count > size))
    throw new RuleFault("shape-mismatch", `${count} elements are asked for, and the axis has ${size}`);
}

function scattered(b: GraphBuilder, node: Node<"TopK">, dy: Value): Value {
  const indices = optionalOutput(node.outputs, 1) ?? outputAt(b.addNode("TopK", node.inputs, node.attributes, { outputs: 2 }).outputs, 1);
  return b.add("ScatterElements", [filledLike(b, inputAt(node, 0), 0), indices, dy], { axis: axisIn(node), reduction: "none" });
}
