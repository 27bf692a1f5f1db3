/** Batch normalisation in inference as a factor and a shift per channel. */
import type { Node, Value } from "../../ir/graph.ts";
import type { TensorData } from "../../ir/tensor-data.ts";
import { elementsOf } from "../tensor-elements.ts";

/** y = factor * x + shift, one of each per channel. */
export interface Affine {
  readonly factor: readonly number[];
  readonly shift: readonly number[];
}

/** What a BatchNormalization computes, in float64; null where one of its inputs is not constant. */
export function batchNormAffine(node: Node<"BatchNormalization">, contents: (value: Value) => TensorData | null): Affine | null {
  const [scale, bias, mean, variance] = node.inputs.slice(1).map((v) => {
    const tensor = v === null ? null : contents(v);
    return tensor === null ? null : elementsOf(tensor);
  });
  if (!scale || !bias || !mean || !variance || node.attributes.training_mode !== 0) return null;
  const [factor, shift]: [number[], number[]] = [[], []];
  for (let c = 0; c < scale.length; c++) {
    const by = (scale[c] ?? 0) / Math.sqrt((variance[c] ?? 0) + node.attributes.epsilon);
    factor.push(by);
    shift.push((bias[c] ?? 0) - (mean[c] ?? 0) * by);
  }
  return { factor, shift };
}
