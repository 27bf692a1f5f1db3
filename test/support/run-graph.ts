/** Runs a graph on onnxruntime with its own graph optimisations off. */
import * as ort from "onnxruntime-node";
import { writeModel } from "../../src/codegen/index.ts";
import type { Graph } from "../../src/ir/graph.ts";
import type { TensorData } from "../../src/ir/tensor-data.ts";
import { lower } from "../../src/passes/index.ts";
import { fromOrt, toOrt } from "../../src/runtime/ort-tensor.ts";

/** The outputs by name, lowered for an opset first. */
export async function runGraph(
  graph: Graph,
  feeds: Readonly<Record<string, TensorData>>,
  opset = 18,
): Promise<Readonly<Record<string, TensorData>>> {
  return runModel(writeModel(lower(graph, { opset, provider: "portable" }), { opset }), feeds);
}
/** The outputs of a .onnx file by name. */
export async function runModel(
  bytes: Uint8Array,
  feeds: Readonly<Record<string, TensorData>>,
): Promise<Readonly<Record<string, TensorData>>> {
  const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel: "disabled", logSeverityLevel: 3 });
  const results = await session.run(Object.fromEntries(Object.entries(feeds).map(([name, data]) => [name, toOrt(data)])));
  await session.release();
  return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)]));
}
