/** The gradients of the pools. */
import type { GraphBuilder } from "../builder.ts";
import { productOf } from "../dim.ts";
import { formulas } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import type { Flops, OpFamily, Target } from "../op-schema.ts";
import { tensorFrom } from "../tensor-data.ts";
import { averagePoolGrad } from "./average-pool-forms.ts";
import { inputAt } from "./call-inputs.ts";
import { sizesFrom } from "./conv-grad.ts";
import { firstOutput } from "./elementwise.ts";
import { axesOf, slidesOf, tapsOf, volumeOf } from "./window.ts";

const spreadFlops = (node: Node<"MaxPoolGrad" | "AveragePoolGrad">, perElement: number): Flops => ({
  macs: 0,
  other: productOf([...inputAt(node, 0).type.shape, perElement]),
});

/** The gradients of MaxPool and AveragePool. */
export const poolGradOps: OpFamily<"MaxPoolGrad" | "AveragePoolGrad"> = {
  MaxPoolGrad: {
    infer: (call) => {
      const dy = inputAt(call, 0).type;
      return [{ dtype: dy.dtype, shape: sizesFrom(inputAt(call, 2), dy.shape.length, () => call.unknown()) }];
    },
    evaluate: "none",
    // dX is linear in dY; its adjoint picks the elements at the maxima.
    grad: (b, node, [g]) => {
      if (g === null || g === undefined) return [null, null, null];
      return [b.add("Gather", [formulas(b).reshape(g, [-1]), inputAt(node, 1)]), null, null];
    },
    lower: (b, node, target) => [lowerMaxPoolGrad(b, node, target)],
    upgrade: "none",
    flops: (node) => spreadFlops(node, 1),
    receptiveField: "global",
    docs: {
      summary: "The gradient of MaxPool: each window's cotangent goes to its maximum.",
      formula: "dX[Indices[o]] += dY[o]",
      source: "https://onnx.ai/onnx/operators/onnx__MaxPool.html",
    },
  },
  AveragePoolGrad: {
    infer: (call) => {
      const dy = inputAt(call, 0).type;
      return [{ dtype: dy.dtype, shape: sizesFrom(inputAt(call, 1), dy.shape.length, () => call.unknown()) }];
    },
    evaluate: "none",
    // dX is linear in dY; its adjoint is the pool itself, with as many windows as dY has.
    grad: (b, node, [g]) => {
      if (g === null || g === undefined) return [null, null];
      const sizes = firstOutput(node).type.shape.slice(2);
      const wanted = inputAt(node, 0).type.shape.slice(2);
      const floored = slidesOf(sizes, node.attributes.kernel_shape, { ...node.attributes, auto_pad: "NOTSET" });
      return [b.add("AveragePool", [g], { ...node.attributes, ceil_mode: floored.every((s, i) => s.out === wanted[i]) ? 0 : 1 }), null];
    },
    lower: (b, node, target) => [averagePoolGrad(b, node, target)],
    upgrade: "none",
    flops: (node) => spreadFlops(node, volumeOf(node.attributes.kernel_shape)),
    receptiveField: "global",
    docs: {
      summary: "The gradient of AveragePool: each window's cotangent is spread evenly over the positions that it counts.",
      formula: "dX[n, c, o * stride - pad + k * dilation] += dY[n, c, o] / count(o)",
      source: "https://onnx.ai/onnx/operators/onnx__AveragePool.html",
    },
  },
};

/** Scatters dY into zeros, flat; where windows overlap, several may have the same maximum and are added up. */
function lowerMaxPoolGrad(b: GraphBuilder, node: Node<"MaxPoolGrad">, target: Target): Value {
  const f = formulas(b);
  const [dy, indices, xShape] = [inputAt(node, 0), inputAt(node, 1), inputAt(node, 2)];
  const axes = axesOf(node.attributes);
  const count = b.add("ReduceProd", [xShape], { keepdims: 1 });
  const zeros = b.add("ConstantOfShape", [count], { value: tensorFrom(dy.type.dtype, [1], [0]) });
  const scattered = (values: Value, positions: Value, reduction: "add" | "none"): Value =>
    b.add("ScatterElements", [zeros, f.reshape(positions, [-1]), f.reshape(values, [-1])], { reduction });
  const overlap = axes.some((a) => a.extent > a.stride);
  if (!overlap || target.opset >= 16) return f.reshape(scattered(dy, indices, overlap ? "add" : "none"), xShape);
  // Adding while scattering came with opset 16. Every ceil(extent / stride)-th window is clear of the others: such sets are scattered apart.
  const every = axes.map((a) => Math.ceil(a.extent / a.stride));
  const sets = tapsOf(every).map((first) => scattered(everyNth(b, dy, first, every), everyNth(b, indices, first, every), "none"));
  return f.reshape(f.total(sets), xShape);
}
/** The positions first, first + every, ... along each spatial axis. */
function everyNth(b: GraphBuilder, x: Value, first: readonly number[], every: readonly number[]): Value {
  const vector = (values: readonly number[]): Value => b.constant("int64", values);
  const ends = first.map(() => Number.POSITIVE_INFINITY);
  return b.add("Slice", [x, vector(first), vector(ends), vector(first.map((_, i) => i + 2)), vector(every)]);
}
