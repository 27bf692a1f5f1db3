import { writeModel } from "../codegen/index.ts";
import type { Loss } from "../dsl/index.ts";
import { GraphBuilder } from "../ir/builder.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { bindInputs, copyGraph, lower, mapped, optimize } from "../passes/index.ts";
import { addLoss } from "./add-loss.ts";
import { type CompileOptions, targetOf } from "./inference.ts";
import { type Compilable, sourceOf } from "./source.ts";

/** A model in inference form with its loss and metrics as outputs beside its own, and its weights inside: what validation runs. */
export function compileEvaluation(
  model: Compilable,
  loss: Loss,
  weights: ReadonlyMap<string, TensorData>,
  options: CompileOptions = {},
): Uint8Array {
  const { graph } = sourceOf(model, options.shapes);
  const b = new GraphBuilder(`${graph.name}.evaluation`);
  const map = copyGraph(b, graph);
  const outputs = graph.outputs.map((v) => mapped(map, v));
  const added = addLoss(b, loss, outputs);
  graph.outputs.forEach((v, i) => void (outputs[i] !== undefined && b.output(outputs[i], v.name)));
  b.output(added.loss, "loss");
  for (const [name, value] of Object.entries(added.metrics)) b.output(value, name);
  const bound = bindInputs(b.build(), weights);
  const target = targetOf(options);
  const lowered = optimize(lower(optimize(bound, "all", { beforeLowering: true, opset: target.opset }).graph, target), "all").graph;
  return writeModel(lowered, { opset: target.opset });
}
