/** Normalization of each image on its own: over the pixels of a channel, or of a group of channels. */
import type { GraphBuilder } from "../builder.ts";
import { type Dim, mulDims, neverEqual, productOf } from "../dim.ts";
import { formulas } from "../formulas.ts";
import { type Node, printType, type TensorType, type Value } from "../graph.ts";
import { type AxisWindow, type Call, type Flops, type OldNode, type OpFamily, RuleFault } from "../op-schema.ts";
import { sameAxis } from "./axes.ts";
import { inputAt } from "./call-inputs.ts";
import { alongChannels } from "./channels.ts";
import { oldNumber } from "./old-forms.ts";
import { gradOfParts } from "./parts.ts";
import { reshapeLike } from "./reshape-like.ts";

type Family = "InstanceNormalization" | "GroupNormalization";

/** The records of InstanceNormalization and GroupNormalization. */
export const groupNormalizationOps: OpFamily<Family> = {
  InstanceNormalization: {
    infer: inferPerChannel,
    evaluate: "none",
    grad: gradOfInstances,
    lower: "onnx",
    upgrade: "none",
    flops: eightPerElement,
    receptiveField: wholeImage,
    docs: {
      summary: "Normalizes each channel of each image by its own mean and variance.",
      formula: "y = scale * (x - mean) / sqrt(variance + epsilon) + B, statistics over all axes from 2 on",
      source: "Ulyanov, Vedaldi and Lempitsky, arXiv:1607.08022; https://onnx.ai/onnx/operators/onnx__InstanceNormalization.html",
    },
  },
  GroupNormalization: {
    infer: (call) => {
      groupsOf(call);
      return inferPerChannel(call);
    },
    evaluate: "none",
    grad: gradOfParts(inInstances),
    // onnxruntime has no kernel: it would write 29 nodes in its place.
    lower: inInstances,
    upgrade: (b, old) => (old.opset < 21 ? [b.add("GroupNormalization", scaledPerChannel(b, old), groupAttributes(old))] : "keep"),
    flops: eightPerElement,
    receptiveField: wholeImage,
    docs: {
      summary: "Normalizes each group of channels of each image by its own mean and variance.",
      formula: "y = scale * (x - mean) / sqrt(variance + epsilon) + bias, statistics over the channels of a group and all axes from 2 on",
      source: "Wu and He, arXiv:1803.08494; https://onnx.ai/onnx/operators/onnx__GroupNormalization.html",
    },
  },
};

function inferPerChannel(call: Call<Family>): readonly TensorType[] {
  const x = inputAt(call, 0).type;
  const channels = channelsOf(x);
  for (const [i, name] of [
    [1, "scale"],
    [2, "the bias"],
  ] as const) {
    const { type } = inputAt(call, i);
    if (type.shape.length !== 1 || neverEqual(type.shape[0] ?? 1, channels))
      throw new RuleFault(
        "channel-mismatch",
        `input has ${channels} channels (axis 1 of ${printType(x)}) but ${name} is ${printType(type)}`,
      );
  }
  return [x];
}
function channelsOf(x: TensorType): Dim {
  const [, channels, ...pixels] = x.shape;
  if (channels === undefined || pixels.length === 0) throw new RuleFault("op-rank", `the input is ${printType(x)}, wanted [N, C, D1, ...]`);
  return channels;
}
function groupsOf(call: Pick<Call<"GroupNormalization">, "inputs" | "attributes">): number {
  const { num_groups: groups } = call.attributes;
  const channels = channelsOf(inputAt(call, 0).type);
  if (groups < 1 || (typeof channels === "number" && channels % groups !== 0))
    throw new RuleFault("group-size", `${channels} channels cannot be cut into ${groups} groups`, "choose num_groups that divides them");
  return groups;
}
function eightPerElement(node: Node<Family>): Flops {
  return { macs: 0, other: mulDims(productOf(inputAt(node, 0).type.shape), 8) };
}
function wholeImage(node: Node<Family>, index: number): readonly AxisWindow[] {
  if (index > 0) return [sameAxis(1)];
  const channel: AxisWindow = node.opType === "InstanceNormalization" ? sameAxis(1) : "all";
  return inputAt(node, 0).type.shape.map((_, axis) => (axis === 0 ? sameAxis(0) : axis === 1 ? channel : "all"));
}

/**
 * With g = dY * scale, means over the pixels and xhat = (X - mean) / sqrt(variance + epsilon):
 * dX = (g - mean(g) - xhat * mean(g * xhat)) / sqrt(variance + epsilon).
 */
function gradOfInstances(
  b: GraphBuilder,
  node: Node<"InstanceNormalization">,
  [dy]: readonly (Value | null)[],
  wanted: readonly boolean[],
): readonly (Value | null)[] {
  if (dy == null) return [null, null, null];
  const f = formulas(b);
  const [x, scale] = [inputAt(node, 0), inputAt(node, 1)];
  const rank = x.type.shape.length;
  const pixels = Array.from({ length: rank - 2 }, (_, i) => i + 2);
  const mean = (v: Value): Value => f.reduceMean(v, pixels, true);
  const perChannel = (v: Value): Value => f.reduceSum(v, [0, ...pixels]);
  const centred = f.sub(x, mean(x));
  const deviation = f.sqrt(f.add(mean(f.square(centred)), node.attributes.epsilon));
  const xhat = f.div(centred, deviation);
  const dx = (): Value => {
    const g = f.mul(dy, alongChannels(b, scale, rank));
    return f.div(f.sub(f.sub(g, mean(g)), f.mul(xhat, mean(f.mul(g, xhat)))), deviation);
  };
  return [
    wanted[0] === true ? dx() : null,
    wanted[1] === true ? perChannel(f.mul(dy, xhat)) : null,
    wanted[2] === true ? perChannel(dy) : null,
  ];
}

/** A group as one channel of [N, groups, everything], normalized, and back in the form it had, scaled and shifted. */
function inInstances(b: GraphBuilder, node: Node<"GroupNormalization">): readonly Value[] {
  const f = formulas(b);
  const [x, scale, bias] = [inputAt(node, 0), inputAt(node, 1), inputAt(node, 2)];
  const { epsilon } = node.attributes;
  const groups = groupsOf(node);
  const own = x.type.dtype;
  // The statistics are in float32 whatever the type, by stash_type; float64 keeps its own.
  const wide = own === "float64" ? own : "float32";
  const ones = (fill: number): Value =>
    b.constant(
      wide,
      Array.from({ length: groups }, () => fill),
    );
  const grouped = f.reshape(f.cast(x, wide), [0, groups, -1]);
  const normalized = reshapeLike(b, b.add("InstanceNormalization", [grouped, ones(1), ones(0)], { epsilon }), x);
  const along = (v: Value): Value => alongChannels(b, v, x.type.shape.length);
  return [f.add(f.mul(f.cast(normalized, own), along(scale)), along(bias))];
}

/** In opset 18 scale and bias had one number per group. */
function scaledPerChannel(b: GraphBuilder, old: OldNode): readonly Value[] {
  const x = inputAt(old, 0);
  const groups = oldNumber(old, "num_groups") ?? 0;
  const channels = channelsOf(x.type);
  if (typeof channels !== "number" || groups < 1 || channels % groups !== 0)
    throw new RuleFault("group-size", `${channels} channels cannot be cut into ${groups} groups`);
  const repeated = (v: Value): Value => {
    const f = formulas(b);
    const wide = b.add("Expand", [f.reshape(v, [groups, 1]), b.constant("int64", [groups, channels / groups])]);
    return f.reshape(wide, [channels]);
  };
  return [x, repeated(inputAt(old, 1)), repeated(inputAt(old, 2))];
}
const groupAttributes = (old: OldNode) => ({ num_groups: oldNumber(old, "num_groups") ?? 1, epsilon: oldNumber(old, "epsilon") ?? 1e-5 });
