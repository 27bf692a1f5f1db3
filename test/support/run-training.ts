/** Drives a training graph by its manifest, as any program would, on onnxruntime alone. */
import * as ort from "onnxruntime-node";
import type { CompiledTraining } from "../../src/compile/training.ts";
import type { TensorData } from "../../src/ir/tensor-data.ts";
import { fromOrt, toOrt } from "../../src/runtime/ort-tensor.ts";

/** One step's batch. */
export interface StepBatch {
  readonly input: TensorData;
  readonly target: TensorData;
}
/** What came out of a run. */
export interface TrainingRun {
  readonly losses: readonly number[];
  readonly correct: readonly number[];
  /** The gradients of the first step by parameter name, where the graph emits them. */
  readonly firstGradients: ReadonlyMap<string, TensorData>;
  readonly state: ReadonlyMap<string, TensorData>;
}

/** Runs the steps, feeding each the state that the last one gave. */
export async function runTraining(
  compiled: CompiledTraining,
  learningRate: number,
  batches: readonly StepBatch[],
  initial = compiled.state,
): Promise<TrainingRun> {
  const { manifest } = compiled;
  const session = await ort.InferenceSession.create(compiled.bytes, { intraOpNumThreads: 2 });
  const state = new Map([...initial].map(([name, data]) => [name, toOrt(data)]));
  const losses: number[] = [];
  const correct: number[] = [];
  const firstGradients = new Map<string, TensorData>();
  for (const [i, { input, target }] of batches.entries()) {
    const feeds: Record<string, ort.Tensor> = {
      [manifest.batch[0] ?? "input"]: toOrt(input),
      [manifest.targets[0] ?? "target"]: toOrt(target),
    };
    if (manifest.scalars.learning_rate !== undefined) feeds["learning_rate"] = new ort.Tensor("float32", [learningRate], []);
    if (manifest.scalars.step !== undefined) feeds["step"] = new ort.Tensor("int64", [BigInt(i + 1)], []);
    if (manifest.scalars.seed !== undefined) feeds["seed"] = new ort.Tensor("int64", [1n], []);
    for (const row of manifest.state) {
      const tensor = state.get(row.name);
      if (tensor !== undefined) feeds[row.input] = tensor;
    }
    const results = await session.run(feeds);
    losses.push(Number(results[manifest.loss]?.data[0]));
    if (manifest.metrics["correct"] !== undefined) correct.push(Number(results[manifest.metrics["correct"]]?.data[0]));
    for (const row of manifest.state) {
      const next = results[row.output];
      if (next !== undefined) state.set(row.name, next);
    }
    if (i > 0) continue;
    for (const [name, tensor] of Object.entries(results))
      if (name.endsWith(".grad")) firstGradients.set(name.slice(0, -5), fromOrt(tensor));
  }
  await session.release();
  return { losses, correct, firstGradients, state: new Map([...state].map(([name, tensor]) => [name, fromOrt(tensor)])) };
}
