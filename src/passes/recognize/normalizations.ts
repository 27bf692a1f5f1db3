/** Finds layer, root-mean-square and instance normalisation that exporters write out in parts. */
import type { GraphBuilder } from "../../ir/builder.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { inputAt } from "../../ir/ops/call-inputs.ts";
import { type Shape, sameShape, staticShape } from "../../ir/shape.ts";
import { numbersOf, tensorFrom } from "../../ir/tensor-data.ts";
import { channelStepOf, channelSteps } from "../linear/channel-step.ts";
import { isOneOf, type RewriteContext, type RewriteOutcome, rewriteRule, skip } from "../rewrite.ts";
import { isSoleReader, otherUse } from "../sole-use.ts";
import { arePixels, lastAxes, type Spread, spreadOf } from "./deviation.ts";
import { madeBy, outcomeOf, type Recognition } from "./pattern.ts";

/** The node of Div or Mul that divides by a spread, as an input of a product with a scale. */
interface Scaled {
  readonly spread: Spread;
  readonly scale: Value;
}
function scaledSpread(node: Node<"Mul">, isCentred: boolean, context: RewriteContext): Scaled | { readonly skip: string } | null {
  for (const side of [0, 1] as const) {
    const { producer } = inputAt(node, side);
    const spread = producer === null ? null : spreadOf(producer, context);
    if (spread === null) continue;
    if ("skip" in spread) return spread;
    if (spread.isCentred === isCentred) return { spread, scale: inputAt(node, 1 - side) };
  }
  return null;
}

/** scale (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon), or the same without the means taken off, with means over the last axes. */
const withScale = (opType: "LayerNormalization" | "RMSNormalization", name: string) =>
  rewriteRule(name, ["Mul"], (node, context): RewriteOutcome => {
    const found = scaledSpread(node, opType === "LayerNormalization", context);
    if (found === null || "skip" in found) return found ?? "keep";
    const { spread, scale } = found;
    const axis = lastAxes(spread);
    if (axis === null) return skip(`its means are over axes ${spread.axes.join(", ")}, not the last ones`);
    const { x, epsilon } = spread;
    if (!sameShape(scale.type.shape, x.type.shape.slice(axis)))
      return spread.isCentred ? "keep" : skip(`"${scale.name}" is not one number for each normalised element`);
    if (scale.type.dtype !== x.type.dtype) return skip(`"${scale.name}" is ${scale.type.dtype}, and "${x.name}" ${x.type.dtype}`);
    const build = () => (b: GraphBuilder) => [b.add(opType, [x, scale].map(context.value), { axis, epsilon }, { name: node.name })];
    return outcomeOf(node, { leaves: [x, scale], build }, context);
  });

/** Layer normalisation without a scale: of ones, where it does not turn out to have one behind it. */
const plainLayers = rewriteRule("recognize-layer-normalization", ["Div", "Mul"], (node, context): RewriteOutcome => {
  const spread = spreadOf(node, context);
  if (spread === null) return "keep";
  if ("skip" in spread) return readerOf(node, context)?.opType === "Mul" ? "keep" : spread;
  if (!spread.isCentred || isOfImages(node, spread, context)) return "keep";
  const { x, epsilon } = spread;
  const axis = lastAxes(spread);
  if (isScaled(node, axis === null ? [] : x.type.shape.slice(axis), context)) return "keep";
  const sizes = axis === null ? null : staticShape(x.type.shape.slice(axis));
  if (axis === null) return skip(`its means are over axes ${spread.axes.join(", ")}, not the last ones`);
  if (sizes === null) return skip("how many elements it normalises is not known");
  const build = () => (b: GraphBuilder) => [
    b.add("LayerNormalization", [context.value(x), filled(b, x, sizes, 1)], { axis, epsilon }, { name: node.name }),
  ];
  return outcomeOf(node, { leaves: [x], build }, context);
});
/** True where the one reader multiplies with a scale of the shape that is normalised: its rule comes next. */
function isScaled(node: Node, normalized: Shape, context: RewriteContext): boolean {
  const reader = readerOf(node, context);
  return reader?.opType === "Mul" && reader.inputs.some((v) => v !== null && v !== node.outputs[0] && sameShape(v.type.shape, normalized));
}
/** The one node that reads a node's output, null for none or several. */
function readerOf(node: Node, context: RewriteContext): Node | null {
  const [y] = node.outputs;
  const [reader, another] = y ? context.readers(y) : [];
  return another === undefined ? (reader ?? null) : null;
}
/**
 * True for statistics over the pixels of an image. In a tensor of three axes the last one may as well be that of layer normalisation:
 * there the constant behind tells, with one number for each channel.
 */
function isOfImages(node: Node, spread: Spread, context: RewriteContext): boolean {
  if (!arePixels(spread)) return false;
  if (spread.x.type.shape.length > 3) return true;
  const reader = readerOf(node, context);
  const constant = reader !== null && isOneOf(reader, ["Mul", "Add"]) ? reader.inputs.find((v) => v !== node.outputs[0]) : null;
  return constant?.type.shape.at(-1) === 1 && constant.type.shape.at(-2) === spread.x.type.shape[1] && context.contents(constant) !== null;
}
const filled = (b: GraphBuilder, like: Value, sizes: readonly number[], fill: number): Value =>
  b.constant(
    like.type.dtype,
    Array.from({ length: sizes.reduce((n, d) => n * d, 1) }, () => fill),
    sizes,
  );

/** (x - mean) / sqrt(variance + epsilon) over the pixels of each channel: scale and shift are folded in by the rules below. */
const instances = rewriteRule("recognize-instance-normalization", ["Div", "Mul"], (node, context): RewriteOutcome => {
  const spread = spreadOf(node, context);
  if (spread === null || "skip" in spread || !spread.isCentred || !isOfImages(node, spread, context)) return "keep";
  const { x, epsilon } = spread;
  const [, channels] = x.type.shape;
  if (typeof channels !== "number") return skip(`the number of channels of "${x.name}" is not known`);
  if (x.type.dtype !== "float32") return skip(`InstanceNormalization is not made for ${x.type.dtype}`);
  const build = () => (b: GraphBuilder) => {
    const inputs = [context.value(x), filled(b, x, [channels], 1), filled(b, x, [channels], 0)];
    return [b.add("InstanceNormalization", inputs, { epsilon }, { name: node.name })];
  };
  return outcomeOf(node, { leaves: [x], build }, context);
});
/** A factor and a shift per channel behind an instance normalisation: its own scale and bias take them. */
const instanceAffine = rewriteRule("instance-normalization-affine", channelSteps, (node, context): RewriteOutcome => {
  const step = channelStepOf(node, context);
  const norm = step === null ? null : madeBy(step.x, "InstanceNormalization");
  if (step === null || norm === null) return "keep";
  const [x, ...vectors] = norm.inputs;
  const [scale, bias] = vectors.map((v) => (v === null ? null : numbersIn(v, context)));
  if (!x || !scale || !bias) return skip(`the scale or bias of InstanceNormalization "${norm.name}" is not constant`);
  const use = otherUse(context, step.x, node);
  if (use !== null) return skip(use);
  const { factor, shift } = step.affine;
  return (b) => {
    const vector = (name: string, list: readonly number[]): Value =>
      b.tensor(`${node.name}.${name}`, tensorFrom(x.type.dtype, [list.length], list));
    const scaled = scale.map((v, c) => v * (factor[c] ?? 0));
    const shifted = bias.map((v, c) => v * (factor[c] ?? 0) + (shift[c] ?? 0));
    const inputs = [context.value(x), vector("scale", scaled), vector("bias", shifted)];
    return [b.add("InstanceNormalization", inputs, norm.attributes, { name: node.name })];
  };
});
const numbersIn = (value: Value, context: RewriteContext): readonly number[] | null => {
  const tensor = context.contents(value);
  return tensor === null ? null : numbersOf(tensor);
};

/** What is added to a layer normalisation without a bias is one. */
const layerBias = rewriteRule("layer-normalization-bias", ["Add"], (node, context): RewriteOutcome => {
  for (const side of [0, 1] as const) {
    const y = inputAt(node, side);
    const norm = madeBy(y, "LayerNormalization");
    const bias = inputAt(node, 1 - side);
    if (norm === null || norm.inputs[2] || norm.outputs.length > 1 || !isSoleReader(context, y, node)) continue;
    const [x, scale] = [inputAt(norm, 0), inputAt(norm, 1)];
    if (!sameShape(bias.type.shape, scale.type.shape) || bias.type.dtype !== scale.type.dtype) continue;
    return (b) => [b.add("LayerNormalization", [x, scale, bias].map(context.value), norm.attributes, { name: node.name })];
  }
  return "keep";
});

/** Layer, root-mean-square and instance normalisation in parts. */
export const normalizations: readonly Recognition[] = [
  { rule: withScale("LayerNormalization", "recognize-layer-normalization"), since: 1 },
  { rule: plainLayers, since: 17 },
  { rule: layerBias, since: 1 },
  { rule: instances, since: 1 },
  { rule: instanceAffine, since: 1 },
  { rule: withScale("RMSNormalization", "recognize-rms-normalization"), since: 23 },
];
