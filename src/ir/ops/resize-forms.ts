/** Resize in older opsets: reading their files, and writing for them. */
import type { GraphBuilder } from "../builder.ts";
import type { Node, Value } from "../graph.ts";
import { type OldNode, RuleFault, type Target } from "../op-schema.ts";
import { operand, optionalOperand } from "./node-operands.ts";
import { renewed } from "./old-forms.ts";

/** Opset 10 had (X, scales) and asymmetric positions; from 11 on, the inputs are today's, empty where they are not given. */
export function upgradeResize(b: GraphBuilder, old: OldNode): readonly (Value | null)[] | "keep" {
  if (old.opset >= 11) return "keep";
  const attributes = { ...old.attributes, coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
  return renewed(b, { ...old, attributes }, [operand(old.inputs, 0), null, operand(old.inputs, 1)], []);
}

/** Below opset 18 there are no `axes`: roi, scales and sizes are written out for every axis. */
export function lowerResize(b: GraphBuilder, node: Node<"Resize">, target: Target): readonly (Value | null)[] | "keep" {
  const { axes, antialias, keep_aspect_ratio_policy, ...kept } = node.attributes;
  if (target.opset >= 18) return "keep";
  const later = antialias === 1 ? "antialias" : keep_aspect_ratio_policy !== "stretch" ? "keep_aspect_ratio_policy" : null;
  if (later !== null) throw new RuleFault("opset-too-old", `"${later}" needs opset 18`, "compile for opset 18 or later");
  if (axes === undefined) return "keep";
  const x = operand(node.inputs, 0);
  const rank = x.type.shape.length;
  const order = axes.map((a) => (a < 0 ? a + rank : a));
  const [roi, scales, sizes] = [1, 2, 3].map((i) => optionalOperand(node.inputs, i));
  const whole = Array.from({ length: rank }, (_, i) => i);
  // Position i of the full vector: what the op was given for axis i, or what leaves it as it is.
  const spread = (given: Value, unchanged: Value, halves: number): Value => {
    const all = b.add("Concat", [unchanged, given], { axis: 0 });
    const index = Array.from({ length: halves }, (_, h) =>
      whole.map((i) => (order.includes(i) ? rank * halves + h * order.length + order.indexOf(i) : h * rank + i)),
    ).flat();
    return b.add("Gather", [all, b.constant("int64", index)]);
  };
  const constants = (like: Value, values: readonly number[]): Value => b.constant(like.type.dtype, values);
  const inputs = [
    x,
    roi == null || roi.type.shape[0] === 0 ? null : spread(roi, constants(roi, [...whole.map(() => 0), ...whole.map(() => 1)]), 2),
    scales == null || scales.type.shape[0] === 0 ? null : spread(scales, constants(scales, whole.map(() => 1)), 1),
    sizes == null ? null : spread(sizes, b.add("Shape", [x]), 1),
  ];
  return b.addNode("Resize", inputs, kept).outputs;
}
