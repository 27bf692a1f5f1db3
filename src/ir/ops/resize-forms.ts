/** Resize in older opsets: reading their files, and writing for them. */
import type { GraphBuilder } from "../builder.ts";
import type { Dim } from "../dim.ts";
import { formulas } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import { type OldNode, RuleFault, type Target } from "../op-schema.ts";
import { inputAt, optionalInput } from "./call-inputs.ts";
import { renewed } from "./old-forms.ts";
import { outputAt } from "./outputs.ts";

/**
 * Opset 10 had (X, scales) and asymmetric positions, which nearest rounded down where axes grow and up where they shrink.
 * In opsets 11 and 12 sizes, where given, came before scales.
 */
export function upgradeResize(b: GraphBuilder, old: OldNode): readonly (Value | null)[] | "keep" {
  if (old.opset >= 13) return "keep";
  const [x = null, second = null, third = null, sizes = null] = old.inputs;
  if (old.opset >= 11) return renewed(b, old, [x, second, sizes === null ? third : null, sizes], []);
  const resized = (nearest_mode: "floor" | "ceil"): readonly (Value | null)[] => {
    const attributes = { ...old.attributes, coordinate_transformation_mode: "asymmetric", nearest_mode };
    return renewed(b, { ...old, attributes }, [x, null, second], []);
  };
  const scales = inputAt(old, 1);
  if (old.attributes["mode"] === "linear") return resized("floor");
  if (scales.elements !== null) return resized(shrinks(scales.elements) ? "ceil" : "floor");
  // Scales that are computed or fed in: whether one shrinks shows when they come.
  const f = formulas(b);
  const below = f.less(b.add("ReduceMin", [scales], { keepdims: 0 }), 1);
  return [b.add("Where", [below, outputAt(resized("ceil"), 0), outputAt(resized("floor"), 0)])];
}
function shrinks(scales: readonly Dim[]): boolean {
  const [grows, small] = [scales.some((s) => Number(s) > 1), scales.some((s) => Number(s) < 1)];
  if (!grows || !small) return small;
  throw new RuleFault(
    "unsupported-form",
    "scales above and below 1 together round differently since opset 11",
    "export the model for opset 11 or later",
  );
}

/**
 * Inputs without elements, which onnxruntime takes for given ones, are left out. Below opset 18 there are no `axes`: roi, scales
 * and sizes are written out for every axis.
 */
export function lowerResize(b: GraphBuilder, node: Node<"Resize">, target: Target): readonly (Value | null)[] | "keep" {
  const given = node.inputs.map((v) => (v !== null && v.type.shape[0] === 0 && v !== node.inputs[0] ? null : v));
  if (given.some((v, i) => v !== node.inputs[i])) return b.addNode("Resize", given, node.attributes).outputs;
  const { axes, antialias, keep_aspect_ratio_policy, ...kept } = node.attributes;
  if (target.opset >= 18) return "keep";
  const later = antialias === 1 ? "antialias" : keep_aspect_ratio_policy !== "stretch" ? "keep_aspect_ratio_policy" : null;
  if (later !== null) throw new RuleFault("opset-too-old", `"${later}" needs opset 18`, "compile for opset 18 or later");
  return axes === undefined ? "keep" : b.addNode("Resize", inputsForAllAxes(b, node, axes), kept).outputs;
}
/** (X, roi, scales, sizes) for every axis. */
function inputsForAllAxes(b: GraphBuilder, node: Node<"Resize">, axes: readonly number[]): readonly (Value | null)[] {
  const x = inputAt(node, 0);
  const rank = x.type.shape.length;
  const named = axes.map((a) => (a < 0 ? a + rank : a));
  const whole = Array.from({ length: rank }, (_, i) => i);
  // Entry i of a full vector: what the op was given for axis i, or what leaves it as it is; roi has starts, then ends.
  const spread = (given: Value | null, unchanged: (like: Value) => Value, parts: number): Value | null => {
    if (given === null) return null;
    const entry = (part: number, axis: number): number => {
      const at = named.indexOf(axis);
      return at < 0 ? part * rank + axis : parts * rank + part * named.length + at;
    };
    const order = Array.from({ length: parts }, (_, part) => whole.map((axis) => entry(part, axis))).flat();
    return b.add("Gather", [b.add("Concat", [unchanged(given), given], { axis: 0 }), b.constant("int64", order)]);
  };
  const constants =
    (values: readonly number[]) =>
    (like: Value): Value =>
      b.constant(like.type.dtype, values);
  return [
    x,
    spread(optionalInput(node, 1), constants([...whole.map(() => 0), ...whole.map(() => 1)]), 2),
    spread(optionalInput(node, 2), constants(whole.map(() => 1)), 1),
    spread(optionalInput(node, 3), () => b.add("Shape", [x]), 1),
  ];
}
