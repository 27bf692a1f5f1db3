/** Normalizations by a norm alone, without a mean: root mean square, and L1 or L2. */
import type { GraphBuilder } from "../builder.ts";
import { mulDims, productOf } from "../dim.ts";
import { formulas, sumToShapeOf } from "../formulas.ts";
import { type Node, printType, type Value } from "../graph.ts";
import { type OpFamily, RuleFault } from "../op-schema.ts";
import { axisOf, sameAxis } from "./axes.ts";
import { broadcastsTo } from "./broadcast.ts";
import { inputAt } from "./call-inputs.ts";
import { gradOfParts } from "./parts.ts";

type Rms = Node<"RMSNormalization">;

/** The records of RMSNormalization and LpNormalization. */
export const rmsNormalizationOps: OpFamily<"RMSNormalization" | "LpNormalization"> = {
  RMSNormalization: {
    infer: (call) => {
      const [x, scale] = [inputAt(call, 0).type, inputAt(call, 1).type];
      axisOf(call.attributes.axis, x.shape.length);
      if (!broadcastsTo(scale.shape, x.shape))
        throw new RuleFault("shape-mismatch", `scale is ${printType(scale)}, which does not broadcast to ${printType(x)}`);
      return [{ dtype: scale.dtype, shape: x.shape }];
    },
    evaluate: "none",
    grad: gradOfRms,
    lower: (b, node, { opset }) => (opset >= 23 ? "keep" : rmsInParts(b, node)),
    upgrade: "none",
    flops: (node) => ({ macs: 0, other: mulDims(productOf(inputAt(node, 0).type.shape), 4) }),
    receptiveField: (node, index) => {
      const { shape } = inputAt(node, 0).type;
      const first = axisOf(node.attributes.axis, shape.length);
      if (index === 0) return shape.map((_, axis) => (axis < first ? sameAxis(axis) : "all"));
      const own = inputAt(node, 1).type.shape;
      return own.map((d, i) => (d === 1 ? "fixed" : sameAxis(i + shape.length - own.length)));
    },
    docs: {
      summary: "Divides by the root mean square over the axes from `axis` on.",
      formula: "Y = scale * X / sqrt(mean(X^2) + epsilon)",
      source: "Zhang and Sennrich, arXiv:1910.07467; https://onnx.ai/onnx/operators/onnx__RMSNormalization.html",
    },
  },
  LpNormalization: {
    infer: (call) => {
      const x = inputAt(call, 0).type;
      axisOf(call.attributes.axis, x.shape.length);
      if (call.attributes.p !== 1 && call.attributes.p !== 2)
        throw new RuleFault("op-attribute", `"p" is ${call.attributes.p}, wanted 1 or 2`);
      return [x];
    },
    evaluate: "none",
    grad: gradOfParts(lpInParts),
    lower: "onnx",
    upgrade: "none",
    flops: (node) => ({ macs: 0, other: mulDims(productOf(inputAt(node, 0).type.shape), 3) }),
    receptiveField: (node) => {
      const { shape } = inputAt(node, 0).type;
      const whole = axisOf(node.attributes.axis, shape.length);
      return shape.map((_, axis) => (axis === whole ? "all" : sameAxis(axis)));
    },
    docs: {
      summary: "Divides by the L1 or L2 norm along an axis.",
      formula: "y = x / (sum |x|^p)^(1/p)",
      source: "https://onnx.ai/onnx/operators/onnx__LpNormalization.html",
    },
  },
};

const rmsAxes = ({ inputs, attributes }: Pick<Rms, "inputs" | "attributes">): readonly number[] => {
  const rank = inputAt({ inputs }, 0).type.shape.length;
  const first = axisOf(attributes.axis, rank);
  return Array.from({ length: rank - first }, (_, i) => first + i);
};
/** sqrt(mean(X^2) + epsilon) in the wide type, and X in it. */
function rootMeanSquare(b: GraphBuilder, node: Rms): { readonly wide: Value; readonly root: Value } {
  const f = formulas(b);
  const x = inputAt(node, 0);
  const wide = f.cast(x, x.type.dtype === "float64" ? "float64" : "float32");
  return { wide, root: f.sqrt(f.add(f.reduceMean(f.square(wide), rmsAxes(node), true), node.attributes.epsilon)) };
}
function rmsInParts(b: GraphBuilder, node: Rms): readonly Value[] {
  const f = formulas(b);
  const { wide, root } = rootMeanSquare(b, node);
  const scale = inputAt(node, 1);
  return [f.mul(f.cast(f.div(wide, root), scale.type.dtype), scale)];
}
/** With g = dY * scale and xhat = X / rms: dX = (g - xhat * mean(g * xhat)) / rms. */
function gradOfRms(b: GraphBuilder, node: Rms, [dy]: readonly (Value | null)[], wanted: readonly boolean[]): readonly (Value | null)[] {
  if (dy == null) return [null, null];
  const f = formulas(b);
  const [x, scale] = [inputAt(node, 0), inputAt(node, 1)];
  const { wide, root } = rootMeanSquare(b, node);
  const xhat = f.div(wide, root);
  const like = (v: Value): Value => f.cast(v, wide.type.dtype);
  const dx = (): Value => {
    const g = f.mul(like(dy), like(scale));
    return f.cast(f.div(f.sub(g, f.mul(xhat, f.reduceMean(f.mul(g, xhat), rmsAxes(node), true))), root), x.type.dtype);
  };
  return [
    wanted[0] === true ? dx() : null,
    wanted[1] === true ? f.cast(sumToShapeOf(b, f.mul(like(dy), xhat), scale), scale.type.dtype) : null,
  ];
}

function lpInParts(b: GraphBuilder, node: Node<"LpNormalization">): readonly Value[] {
  const x = inputAt(node, 0);
  const axes = b.constant("int64", [node.attributes.axis]);
  const norm = b.add(node.attributes.p === 1 ? "ReduceL1" : "ReduceL2", [x, axes], { keepdims: 1 });
  return [formulas(b).div(x, norm)];
}
