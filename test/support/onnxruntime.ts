/** onnxruntime as the oracle: one run of a model, its own graph optimisations off. */
import ort from "onnxruntime-node";
import type { TensorData } from "../../src/ir/tensor-data.ts";
import { fromOrt, toOrt } from "../../src/runtime/ort-tensor.ts";
import { widened, withFloat32Edges } from "./bfloat16-edges.ts";

/** Errors only: warnings about unused initializers say nothing here. */
const quiet = 3;

/** All outputs of a model; bfloat16 comes in and goes out as float32. Throws what onnxruntime throws. */
export async function runModel(model: Uint8Array, feeds: ReadonlyMap<string, TensorData>): Promise<ReadonlyMap<string, TensorData>> {
  const session = await ort.InferenceSession.create(withFloat32Edges(model), {
    graphOptimizationLevel: "disabled",
    executionProviders: ["cpu"],
    logSeverityLevel: quiet,
    intraOpNumThreads: 1,
  });
  try {
    const results = await session.run(Object.fromEntries([...feeds].map(([name, tensor]) => [name, toOrt(widened(tensor))])));
    return new Map(session.outputNames.flatMap((name) => (results[name] === undefined ? [] : [[name, fromOrt(results[name])] as const])));
  } finally {
    await session.release();
  }
}
