/** Weights for a model, from a .safetensors file. */
import { optimizerTable } from "../../dsl/index.ts";
import type { TensorData } from "../../ir/tensor-data.ts";
import { readSafetensors } from "../../runtime/index.ts";

/**
 * The tensors of a file by name. A checkpoint, and the initial state of a training graph, hold the optimizer's tensors too
 * (`adam.exp_avg.conv1.weight`): those are left out. Throws a CompileError when the file is missing or damaged.
 */
export async function readWeights(path: string): Promise<ReadonlyMap<string, TensorData>> {
  const { tensors } = await readSafetensors(path);
  const optimizers = Object.keys(optimizerTable);
  const isOptimizers = (name: string): boolean =>
    optimizers.some((optimizer) => {
      const [, slot, parameter] = new RegExp(`^${optimizer}\\.(\\w+)\\.(.+)$`).exec(name) ?? [];
      return slot !== undefined && parameter !== undefined && tensors.has(parameter);
    });
  return new Map([...tensors].filter(([name]) => !isOptimizers(name)));
}
