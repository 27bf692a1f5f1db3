/** Layer normalization. */
import type { GraphBuilder } from "../builder.ts";
import { mulDims, productOf } from "../dim.ts";
import { dtypes } from "../dtype.ts";
import { formulas, shapeValue, sumToShapeOf } from "../formulas.ts";
import { type Node, printType, type TensorType, type Value } from "../graph.ts";
import { type Call, type OpFamily, RuleFault } from "../op-schema.ts";
import { broadcastDim } from "../shape.ts";
import { axisOf, sameAxis } from "./axes.ts";
import { inputAt, optionalInput } from "./call-inputs.ts";
import { optionalOutput, outputAt } from "./outputs.ts";

type Normalization = Node<"LayerNormalization">;

/** The first normalized axis. */
const firstAxis = (x: TensorType, axis: number): number => axisOf(axis, x.shape.length);
/** The normalized axes. */
function normalizedAxes(node: Normalization): readonly number[] {
  const x = inputAt(node, 0).type;
  return x.shape.flatMap((_, i) => (i >= firstAxis(x, node.attributes.axis) ? [i] : []));
}
/** stash_type is a number of TensorProto.DataType: the type in which mean and deviation are computed and given. */
function statisticsType(stash: number): "float32" | "bfloat16" {
  if (stash === dtypes.float32.onnx) return "float32";
  if (stash === dtypes.bfloat16.onnx) return "bfloat16";
  throw new RuleFault(
    "op-attribute",
    `"stash_type" is ${stash}, wanted ${dtypes.float32.onnx} (float32) or ${dtypes.bfloat16.onnx} (bfloat16)`,
  );
}

function infer(call: Call<"LayerNormalization">): readonly TensorType[] {
  const x = inputAt(call, 0).type;
  const first = firstAxis(x, call.attributes.axis);
  for (const [name, value] of [
    ["Scale", inputAt(call, 1)],
    ["B", optionalInput(call, 2)],
  ] as const) {
    if (value === null) continue;
    const lead = x.shape.length - value.type.shape.length;
    const fits = lead >= 0 && value.type.shape.every((d, i) => d === 1 || broadcastDim(d, x.shape[i + lead] ?? 1) !== null);
    if (!fits) throw new RuleFault("shape-mismatch", `${name} is ${printType(value.type)}, which does not broadcast to ${printType(x)}`);
  }
  const statistics: TensorType = { dtype: statisticsType(call.attributes.stash_type), shape: x.shape.map((d, i) => (i < first ? d : 1)) };
  return [x, statistics, statistics];
}

/** (Y, Mean, InvStdDev) in primitives. */
function inPrimitives(b: GraphBuilder, node: Normalization): readonly Value[] {
  const f = formulas(b);
  const [x, scale, bias] = [inputAt(node, 0), inputAt(node, 1), optionalInput(node, 2)];
  const axes = normalizedAxes(node);
  const wide = f.cast(x, x.type.dtype === "float64" ? "float64" : "float32");
  const mean = f.reduceMean(wide, axes, true);
  const centered = f.sub(wide, mean);
  const deviation = f.sqrt(f.add(f.reduceMean(f.square(centered), axes, true), node.attributes.epsilon));
  const scaled = f.mul(f.cast(f.div(centered, deviation), x.type.dtype), scale);
  const stash = statisticsType(node.attributes.stash_type);
  return [bias === null ? scaled : f.add(scaled, bias), f.cast(mean, stash), f.cast(b.add("Reciprocal", [deviation]), stash)];
}

/**
 * With g = dY * scale, means over the normalized axes and xhat = (X - mean) * inverse:
 * dX = inverse * (g - mean(g) - xhat * mean(g * xhat)); the statistics are outputs too, and their cotangents add
 * dMean / n - dInvStdDev * inverse^2 * xhat / n.
 */
function grad(b: GraphBuilder, node: Normalization, dys: readonly (Value | null)[], wanted: readonly boolean[]): readonly (Value | null)[] {
  const f = formulas(b);
  const [x, scale, bias] = [inputAt(node, 0), inputAt(node, 1), optionalInput(node, 2)];
  const axes = normalizedAxes(node);
  const [dy = null, dmean = null, dinverse = null] = dys;
  const like = (v: Value): Value => f.cast(v, x.type.dtype);
  const { mean, inverse } = statisticsOf(b, node);
  const xhat = f.mul(f.sub(x, mean), inverse);
  const parts: Value[] = [];
  if (dy !== null) {
    const g = f.mul(dy, scale);
    const inner = f.sub(f.sub(g, f.reduceMean(g, axes, true)), f.mul(xhat, f.reduceMean(f.mul(g, xhat), axes, true)));
    parts.push(f.mul(inner, inverse));
  }
  const share = (v: Value): Value => f.div(like(v), elementsIn(b, x, axes));
  if (dmean !== null) parts.push(b.add("Expand", [share(dmean), shapeValue(b, x)]));
  if (dinverse !== null) parts.push(f.mul(f.neg(f.mul(share(dinverse), f.square(inverse))), xhat));
  return [
    wanted[0] && parts.length > 0 ? f.total(parts) : null,
    wanted[1] && dy !== null ? sumToShapeOf(b, f.mul(dy, xhat), scale) : null,
    wanted[2] && dy !== null && bias !== null ? sumToShapeOf(b, dy, bias) : null,
  ];
}
/** Mean and InvStdDev in x's type: the node's own outputs, or those of the same node with all three. */
function statisticsOf(b: GraphBuilder, node: Normalization): { readonly mean: Value; readonly inverse: Value } {
  const own = [optionalOutput(node.outputs, 1), optionalOutput(node.outputs, 2)].filter((v) => v !== null);
  const statistics = own.length === 2 ? own : b.addMany("LayerNormalization", node.inputs, node.attributes, 3).slice(1);
  const like = (v: Value): Value => formulas(b).cast(v, inputAt(node, 0).type.dtype);
  return { mean: like(outputAt(statistics, 0)), inverse: like(outputAt(statistics, 1)) };
}
/** The number of elements that share a mean, in x's type. */
function elementsIn(b: GraphBuilder, x: Value, axes: readonly number[]): Value {
  const count = productOf(axes.map((a) => x.type.shape[a] ?? 1));
  if (typeof count === "number") return b.constant(x.type.dtype, count);
  const sizes = b.add("Gather", [b.add("Shape", [x]), b.constant("int64", axes)]);
  return formulas(b).cast(b.add("ReduceProd", [sizes], { keepdims: 0 }), x.type.dtype);
}

/** Layer normalization. */
export const normalizationOps: OpFamily<"LayerNormalization"> = {
  LayerNormalization: {
    infer,
    evaluate: "none",
    grad,
    lower: (b, node, target) => (target.opset >= 17 ? "keep" : inPrimitives(b, node).slice(0, node.outputs.length)),
    upgrade: "none",
    flops: (node) => ({ macs: 0, other: mulDims(productOf(inputAt(node, 0).type.shape), 8) }),
    receptiveField: (node, index) => {
      const x = inputAt(node, 0).type;
      const first = firstAxis(x, node.attributes.axis);
      if (index === 0) return x.shape.map((_, i) => (i < first ? sameAxis(i) : "all"));
      const own = inputAt(node, index).type.shape;
      const lead = x.shape.length - own.length;
      return own.map((d, i) => (d === 1 ? "fixed" : sameAxis(i + lead)));
    },
    docs: {
      summary: "Normalizes over the axes from `axis` on, element by element of the axes before.",
      formula: "Y = Scale * (X - mean) / sqrt(variance + epsilon) + B",
      source: "Ba, Kiros and Hinton, arXiv:1607.06450; https://onnx.ai/onnx/operators/onnx__LayerNormalization.html",
    },
  },
};
