/** Pooling. */
import type { GraphBuilder } from "../builder.ts";
import { type Dim, mulDims, productOf } from "../dim.ts";
import { formulas, shapeValue } from "../formulas.ts";
import { type Node, printType, type TensorType, type Value } from "../graph.ts";
import { type AxisWindow, type Call, type Flops, type OpFamily, RuleFault, type Target } from "../op-schema.ts";
import { tensorFrom } from "../tensor-data.ts";
import { dilatedAveragePool } from "./average-pool-forms.ts";
import { sameAxis } from "./axes.ts";
import { inputAt } from "./call-inputs.ts";
import { firstOutput } from "./elementwise.ts";
import { optionalOutput, outputAt } from "./outputs.ts";
import { gaps, resolvedWindow, type Slide, slidesOf, spelledOutPads, volumeOf } from "./window.ts";

type SlidingPool = "MaxPool" | "AveragePool";

function slides(x: TensorType, attributes: Node<SlidingPool>["attributes"]): readonly Slide[] {
  if (x.shape.length < 3) {
    throw new RuleFault("rank-mismatch", `the input is ${printType(x)}, wanted [N, C, ...spatial]`, "add the missing axes with Unsqueeze");
  }
  return slidesOf(x.shape.slice(2), attributes.kernel_shape, attributes);
}
const slidesOfNode = (node: Node<SlidingPool>): readonly Slide[] => slides(inputAt(node, 0).type, node.attributes);
function pooled(call: Call<SlidingPool>): TensorType {
  const { dtype, shape } = inputAt(call, 0).type;
  return { dtype, shape: [...shape.slice(0, 2), ...slides({ dtype, shape }, call.attributes).map((s) => s.out)] };
}
function pooledToOne(call: Call<"GlobalAveragePool" | "GlobalMaxPool">): TensorType {
  const x = inputAt(call, 0).type;
  if (x.shape.length < 2) throw new RuleFault("rank-mismatch", `the input is ${printType(x)}, wanted [N, C, ...spatial]`);
  return { dtype: x.dtype, shape: x.shape.map((d, i) => (i < 2 ? d : 1)) };
}

/** One operation per output element and tap. */
const poolFlops = (node: Node<SlidingPool>): Flops => ({
  macs: 0,
  other: mulDims(productOf(firstOutput(node).type.shape), volumeOf(node.attributes.kernel_shape)),
});
const globalFlops = (node: Node): Flops => ({ macs: 0, other: productOf(inputAt(node, 0).type.shape) });
function poolWindows(node: Node<SlidingPool>): readonly AxisWindow[] {
  const { kernel_shape, strides, dilations, pads } = resolvedWindow(slidesOfNode(node));
  const along = (k: number, i: number): AxisWindow => ({
    axis: i + 2,
    size: (k - 1) * (dilations[i] ?? 1) + 1,
    stride: strides[i] ?? 1,
    start: 0 - (pads[i] ?? 0),
    ...gaps(dilations[i] ?? 1),
  });
  return [sameAxis(0), sameAxis(1), ...kernel_shape.map(along)];
}
const globalWindows = (node: Node): readonly AxisWindow[] => inputAt(node, 0).type.shape.map((_, i) => (i < 2 ? sameAxis(i) : "all"));

/** The flat positions of a MaxPool's maxima: its own second output, or that of the same pool with both outputs. */
function indicesOf(b: GraphBuilder, node: Node<"MaxPool">): Value {
  const own = optionalOutput(node.outputs, 1);
  if (own !== null && node.attributes.storage_order === 0) return own;
  const [, indices] = b.addMany("MaxPool", node.inputs, { ...node.attributes, storage_order: 0 }, 2);
  return outputAt([indices ?? null], 0);
}

/** auto_pad where it has to be spelled out; below opset 19 there are no dilations, not even of 1. */
function lowerAveragePool(b: GraphBuilder, node: Node<"AveragePool">, target: Target): readonly (Value | null)[] | "keep" {
  const { dilations, ...plain } = node.attributes;
  const tooNew = target.opset < 19 && dilations !== undefined;
  if (tooNew && dilations.some((d, i) => d > 1 && plain.kernel_shape[i] !== 1))
    return [dilatedAveragePool(b, node, resolvedWindow(slidesOfNode(node)))];
  if (tooNew) return b.addNode("AveragePool", node.inputs, plain).outputs;
  const pads = spelledOutPads(slidesOfNode(node), node.attributes);
  return pads === null ? "keep" : b.addNode("AveragePool", node.inputs, { ...node.attributes, auto_pad: "NOTSET", pads }).outputs;
}

/** The number of elements that a global pool makes one of, in x's type. */
function spatialCount(b: GraphBuilder, x: Value): Value {
  const spatial: Dim = productOf(x.type.shape.slice(2));
  if (typeof spatial === "number") return b.constant(x.type.dtype, spatial);
  const sizes = b.add("Shape", [x], { start: 2 });
  return formulas(b).cast(b.add("ReduceProd", [sizes], { keepdims: 0 }), x.type.dtype);
}

/** Pools. */
export const poolOps: OpFamily<SlidingPool | "GlobalAveragePool" | "GlobalMaxPool"> = {
  MaxPool: {
    infer: (call) => {
      const y = pooled(call);
      return [y, { dtype: "int64", shape: y.shape }];
    },
    evaluate: "none",
    // Each window's cotangent goes to its maximum, the first where several are equal.
    grad: (b, node, [dy]) => {
      if (dy === null || dy === undefined) return [null];
      const x = inputAt(node, 0);
      return [b.add("MaxPoolGrad", [dy, indicesOf(b, node), shapeValue(b, x)], resolvedWindow(slidesOfNode(node)))];
    },
    lower: (b, node) => {
      const pads = spelledOutPads(slidesOfNode(node), node.attributes);
      return pads === null
        ? "keep"
        : b.addNode("MaxPool", node.inputs, { ...node.attributes, auto_pad: "NOTSET", pads }, { outputs: node.outputs.length }).outputs;
    },
    upgrade: "none",
    flops: poolFlops,
    receptiveField: poolWindows,
    docs: {
      summary: "The maximum over sliding windows, and optionally its flat position in the input.",
      formula: "Y[n, c, o] = max over k of X[n, c, o * stride - pad + k * dilation]",
      source: "https://onnx.ai/onnx/operators/onnx__MaxPool.html",
    },
  },
  AveragePool: {
    infer: (call) => [pooled(call)],
    evaluate: "none",
    grad: (b, node, [dy]) => {
      if (dy === null || dy === undefined) return [null];
      const attributes = { ...resolvedWindow(slidesOfNode(node)), count_include_pad: node.attributes.count_include_pad };
      return [b.add("AveragePoolGrad", [dy, shapeValue(b, inputAt(node, 0))], attributes)];
    },
    lower: lowerAveragePool,
    upgrade: "none",
    flops: poolFlops,
    receptiveField: poolWindows,
    docs: {
      summary: "The mean over sliding windows; padding counts where count_include_pad says so.",
      formula: "Y[n, c, o] = sum over k of X[n, c, o * stride - pad + k * dilation] / count(o)",
      source: "https://onnx.ai/onnx/operators/onnx__AveragePool.html",
    },
  },
  GlobalAveragePool: {
    infer: (call) => [pooledToOne(call)],
    evaluate: "none",
    grad: (b, node, [dy]) => {
      if (dy === null || dy === undefined) return [null];
      const x = inputAt(node, 0);
      return [b.add("Expand", [formulas(b).div(dy, spatialCount(b, x)), shapeValue(b, x)])];
    },
    lower: "onnx",
    upgrade: "none",
    flops: globalFlops,
    receptiveField: globalWindows,
    docs: {
      summary: "The mean over all spatial positions.",
      formula: "Y[n, c] = mean over o of X[n, c, o]",
      source: "https://onnx.ai/onnx/operators/onnx__GlobalAveragePool.html",
    },
  },
  GlobalMaxPool: {
    infer: (call) => [pooledToOne(call)],
    evaluate: "none",
    // The cotangent goes to the first maximum of each channel, as in MaxPool.
    grad: (b, node, [dy]) => {
      if (dy === null || dy === undefined) return [null];
      const f = formulas(b);
      const x = inputAt(node, 0);
      const flat = f.reshape(x, [0, 0, -1]);
      const zeros = b.add("ConstantOfShape", [b.add("Shape", [flat])], { value: tensorFrom(x.type.dtype, [1], [0]) });
      const first = b.add("ArgMax", [flat], { axis: 2, keepdims: 1 });
      return [f.reshape(b.add("ScatterElements", [zeros, first, f.reshape(dy, [0, 0, 1])], { axis: 2 }), shapeValue(b, x))];
    },
    lower: "onnx",
    upgrade: "none",
    flops: globalFlops,
    receptiveField: globalWindows,
    docs: {
      summary: "The maximum over all spatial positions.",
      formula: "Y[n, c] = max over o of X[n, c, o]",
      source: "https://onnx.ai/onnx/operators/onnx__GlobalMaxPool.html",
    },
  },
};
