/** Batch normalisation in inference as a factor and a shift per channel. */
import type { Node, Value } from "../../ir/graph.ts";
import { numbersOf, type TensorData } from "../../ir/tensor-data.ts";

/** y = factor * x + shift, one of each per channel. */
export interface Affine {
  readonly factor: readonly number[];
  readonly shift: readonly number[];
}

/** What a BatchNormalization computes, in float64; null where one of its inputs is not constant. */
export function batchNormAffine(node: Node<"BatchNormalization">, contents: (value: Value) => TensorData | null): Affine | null {
  const [scale, bias, mean, variance] = node.inputs.slice(1).map((v) => {
    const tensor = v === null ? null : contents(v);
    return tensor === null ? null : numbersOf(tensor);
  });
  if (!scale || !bias || !mean || !variance || node.attributes.training_mode !== 0) return null;
  const factor = scale.map((s, c) => s / Math.sqrt((variance[c] ?? 0) + node.attributes.epsilon));
  return { factor, shift: bias.map((shift, c) => shift - (mean[c] ?? 0) * (factor[c] ?? 0)) };
}
