/** The gradients of Conv as ops of their own: what they mean here, their best standard forms in conv-input-grad and conv-weight-grad. */
import { type Dim, mulDims, productOf } from "../dim.ts";
import { shapeValue } from "../formulas.ts";
import type { TensorType, Value } from "../graph.ts";
import type { AxisWindow, Flops, OpFamily } from "../op-schema.ts";
import type { Shape } from "../shape.ts";
import { sameAxis } from "./axes.ts";
import { inputAt } from "./call-inputs.ts";
import { lowerConvInputGrad } from "./conv-input-grad.ts";
import { lowerConvWeightGrad } from "./conv-weight-grad.ts";
import { firstOutput } from "./elementwise.ts";

/** The sizes that a shape vector holds, unknown ones where it does not say. */
export function sizesFrom(shape: Value, rank: number, unknown: () => Dim): Shape {
  return shape.elements ?? Array.from({ length: rank }, unknown);
}

/** The work of the convolution that both gradients belong to: a multiply-add per output element, tap and channel of its group. */
const convFlops = (dy: TensorType, perElement: Shape): Flops => ({ macs: mulDims(productOf(dy.shape), productOf(perElement)), other: 0 });
const wholeAxes = (type: TensorType): readonly AxisWindow[] => type.shape.slice(2).map(() => "all" as const);

/** The gradients of Conv. */
export const convGradOps: OpFamily<"ConvInputGrad" | "ConvWeightGrad"> = {
  ConvInputGrad: {
    infer: (call) => {
      const dy = inputAt(call, 0).type;
      return [{ dtype: dy.dtype, shape: sizesFrom(inputAt(call, 2), dy.shape.length, () => call.unknown()) }];
    },
    evaluate: "none",
    // dX is linear in dY and in W: its adjoints are the convolution itself and the weight gradient.
    grad: (b, node, [g], wanted) => {
      if (g === null || g === undefined) return [null, null, null];
      const [dy, w] = [inputAt(node, 0), inputAt(node, 1)];
      return [
        wanted[0] ? b.add("Conv", [g, w], node.attributes) : null,
        wanted[1] ? b.add("ConvWeightGrad", [g, dy], node.attributes) : null,
        null,
      ];
    },
    lower: (b, node, target) => [lowerConvInputGrad(b, node, target)],
    upgrade: "none",
    flops: (node) => convFlops(inputAt(node, 0).type, inputAt(node, 1).type.shape.slice(1)),
    receptiveField: (node, index) => {
      if (index === 2) return null;
      const spatial = wholeAxes(inputAt(node, 0).type);
      return index === 0 ? [sameAxis(0), "all", ...spatial] : ["all", node.attributes.group === 1 ? sameAxis(1) : "all", ...spatial];
    },
    docs: {
      summary: "The gradient of Conv with respect to its input.",
      formula: "dX[n, c, o * stride - pad + k * dilation] += W[m, c, k] * dY[n, m, o]",
      source: "Dumoulin and Visin, A guide to convolution arithmetic for deep learning, arXiv:1603.07285",
    },
  },
  ConvWeightGrad: {
    infer: (call) => {
      const [x, dy] = [inputAt(call, 0).type, inputAt(call, 1).type];
      const { group, kernel_shape } = call.attributes;
      const [, channels = 1] = x.shape;
      const perGroup = typeof channels === "number" ? channels / group : group === 1 ? channels : call.unknown();
      return [{ dtype: x.dtype, shape: [dy.shape[1] ?? 1, perGroup, ...kernel_shape] }];
    },
    evaluate: "none",
    // dW is linear in X and in dY: its adjoints are the input gradient and the convolution, with the incoming gradient as the weight.
    grad: (b, node, [g], wanted) => {
      if (g === null || g === undefined) return [null, null];
      const [x, dy] = [inputAt(node, 0), inputAt(node, 1)];
      return [
        wanted[0] ? b.add("ConvInputGrad", [dy, g, shapeValue(b, x)], node.attributes) : null,
        wanted[1] ? b.add("Conv", [x, g], node.attributes) : null,
      ];
    },
    lower: (b, node) => [lowerConvWeightGrad(b, node)],
    upgrade: "none",
    flops: (node) => convFlops(inputAt(node, 1).type, firstOutput(node).type.shape.slice(1)),
    receptiveField: "global",
    docs: {
      summary: "The gradient of Conv with respect to its weight.",
      formula: "dW[m, c, k] = sum over n, o of dY[n, m, o] * X[n, c, o * stride - pad + k * dilation]",
      source: "Dumoulin and Visin, A guide to convolution arithmetic for deep learning, arXiv:1603.07285",
    },
  },
};
