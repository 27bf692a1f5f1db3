/** What is told of a model that was traced: to editors all of it, to a check its size. */
import { printShape } from "../ir/shape.ts";
import type { TracedExport } from "./analyze.ts";
import { layerReports, shownType } from "./layer-report.ts";
import type { ModelReport } from "./protocol.ts";
import { batchSymbol } from "./summary.ts";

/** The model, without what only editors show. */
export const countedModel = ({ exportName, model, graph, calls }: TracedExport): ModelReport => ({
  exportName,
  name: model.name,
  place: model.location.position,
  complete: graph !== null,
  layerCount: calls.length,
  layers: [],
  seen: [],
  parameters: [],
  values: [],
});

/** The model with the shapes of its layers and values. */
export function modelReport(traced: TracedExport): ModelReport {
  const { trace, calls, seen } = traced;
  if (trace === null) return countedModel(traced);
  return {
    ...countedModel(traced),
    layers: layerReports(trace, calls, batchSymbol(trace.inputs)),
    seen: seen.map(({ file, mark, values }) => ({ file, mark, shapes: values.map((v) => shownType(v.type)) })),
    parameters: [...trace.parameters.values()].map(({ name, role, value }) => ({ name, role, shape: printShape(value.type.shape) })),
    values: trace.builder.nodes.flatMap((node) => node.outputs.flatMap((v) => (v === null || v.elements !== null ? [] : [v.name]))),
  };
}
