/** Contents of weights, of which there may be many. */
import { numbersOf, type TensorData } from "../ir/tensor-data.ts";

/** The elements of a tensor as numbers, without a copy where they are stored as such; none for strings. */
export function elementsOf(tensor: TensorData): ArrayLike<number> {
  const { data } = tensor;
  return data instanceof Float32Array || data instanceof Float64Array ? data : (numbersOf(tensor) ?? []);
}
