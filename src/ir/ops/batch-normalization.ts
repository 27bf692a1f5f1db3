/** Batch normalization: with given statistics, and with the batch's own. */
import { type Dim, mulDims, neverEqual, productOf } from "../dim.ts";
import { type Node, printType, type TensorType, type Value } from "../graph.ts";
import { type AxisWindow, type Call, type Flops, type OpFamily, RuleFault } from "../op-schema.ts";
import { sameAxis } from "./axes.ts";
import {
  gradOfFixedStatistics,
  gradOfStatistics,
  gradOfTrainingNode,
  lowerGrad,
  lowerStatistics,
  lowerTrainingNode,
} from "./batch-normalization-lower.ts";
import { upgradeBatchNormalization } from "./batch-normalization-upgrade.ts";
import { type HasInputs, inputAt } from "./call-inputs.ts";

type Family = "BatchNormalization" | "BatchNormalizationTraining" | "BatchNormalizationGrad";

const channelsOf = (x: TensorType): Dim => (x.shape.length < 2 ? 1 : (x.shape[1] ?? 1));
/** Checks that the inputs from `first` on are vectors with one element per channel of x. */
function checkVectors(x: TensorType, call: HasInputs, first: number, names: readonly string[]): void {
  const channels = channelsOf(x);
  names.forEach((name, i) => {
    const { type } = inputAt(call, first + i);
    if (type.shape.length !== 1 || neverEqual(type.shape[0] ?? 1, channels)) {
      throw new RuleFault(
        "channel-mismatch",
        `input has ${channels} channels (axis 1 of ${printType(x)}) but ${name} is ${printType(type)}`,
      );
    }
  });
}
/** The type of a vector with one element per channel. */
const vectorOf = (x: TensorType, dtype = x.dtype): TensorType => ({ dtype, shape: [channelsOf(x)] });
function inferBatchNormalization(call: Call<"BatchNormalization">): readonly TensorType[] {
  const x = inputAt(call, 0).type;
  checkVectors(x, call, 1, ["scale", "B", "mean", "variance"]);
  if (call.attributes.training_mode === 0 && call.outputCount > 1) {
    throw new RuleFault(
      "op-arity",
      "only the first output is there when training_mode is 0",
      "set training_mode to 1 for the running statistics",
    );
  }
  const running = vectorOf(x, inputAt(call, 3).type.dtype);
  return [x, running, running];
}

const perElement = (node: Node<Family>, n: number, index: number): Flops => ({
  macs: 0,
  other: mulDims(productOf(inputAt(node, index).type.shape), n),
});
/** What is seen of x, or of a vector of channels: by y, whose axis 1 counts channels, or by a running statistic, which has no other axis. */
function channelFields(x: Value, index: number, output: number, overBatch: boolean): readonly AxisWindow[] | null {
  const channel = sameAxis(output === 0 ? 1 : 0);
  if (index > 0) return output > 0 && index < 3 ? null : [channel];
  return x.type.shape.map((_, axis) => (axis === 1 ? channel : overBatch || output > 0 ? "all" : sameAxis(axis)));
}

/** Batch normalization and its gradient. */
export const batchNormalizationOps: OpFamily<Family> = {
  BatchNormalization: {
    infer: inferBatchNormalization,
    evaluate: "none",
    grad: (b, node, dys, wanted) =>
      node.attributes.training_mode === 1 ? gradOfTrainingNode(b, node, dys) : gradOfFixedStatistics(b, node, dys, wanted),
    lower: (b, node) => (node.attributes.training_mode === 1 ? lowerTrainingNode(b, node) : "keep"),
    upgrade: upgradeBatchNormalization,
    flops: (node) => perElement(node, node.attributes.training_mode === 1 ? 7 : 2, 0),
    receptiveField: (node, index, output) => channelFields(inputAt(node, 0), index, output, node.attributes.training_mode === 1),
    docs: {
      summary:
        "Normalizes each channel with given statistics (inference) or with the batch's own (training_mode 1), which it blends into the running ones.",
      formula: "Y = scale * (X - mean) / sqrt(variance + epsilon) + B, and running' = momentum * running + (1 - momentum) * batch",
      source: "Ioffe and Szegedy, arXiv:1502.03167; https://onnx.ai/onnx/operators/onnx__BatchNormalization.html",
    },
  },
  BatchNormalizationTraining: {
    infer: (call) => {
      const x = inputAt(call, 0).type;
      checkVectors(x, call, 1, ["scale", "B"]);
      const vector = vectorOf(x);
      return [x, vector, vector, vector];
    },
    evaluate: "none",
    grad: gradOfStatistics,
    lower: (b, node) => lowerStatistics(b, inputAt(node, 0), inputAt(node, 1), inputAt(node, 2), node.attributes.epsilon),
    upgrade: "none",
    flops: (node) => perElement(node, 7, 0),
    receptiveField: (node, index, output) => channelFields(inputAt(node, 0), index, output, true),
    docs: {
      summary: "Normalizes each channel with the batch's mean and variance, and gives those too.",
      formula: "mean = E[X], variance = E[(X - mean)^2], Y = scale * (X - mean) / sqrt(variance + epsilon) + B",
      source: "Ioffe and Szegedy, Batch Normalization, arXiv:1502.03167, algorithm 1",
    },
  },
  BatchNormalizationGrad: {
    infer: (call) => {
      const x = inputAt(call, 1).type;
      checkVectors(x, call, 2, ["scale", "mean", "inverse_deviation"]);
      return [x, vectorOf(x), vectorOf(x)];
    },
    evaluate: "none",
    grad: "none",
    lower: (b, node) => lowerGrad(b, node),
    upgrade: "none",
    flops: (node) => perElement(node, 8, 1),
    receptiveField: "global",
    docs: {
      summary: "The gradient of batch normalization with the batch's own statistics.",
      formula: "dB = sum dY, dscale = sum dY * xhat, dX = scale * inverse_deviation * (dY - dB / n - xhat * dscale / n)",
      source: "Ioffe and Szegedy, Batch Normalization, arXiv:1502.03167, section 3",
    },
  },
};
