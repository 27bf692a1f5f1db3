/** What takes longer than an analysis: a model in figures, and the receptive field of each layer. */
import type { TracedModel } from "../dsl/index.ts";
import { type Dim, substitute, symbolsOf } from "../ir/dim.ts";
import type { Graph, Value } from "../ir/graph.ts";
import { activationMemory, cost, receptiveField } from "../passes/index.ts";
import { fieldText } from "../train/summarize.ts";
import type { TracedExport } from "./analyze.ts";
import { shownType } from "./layer-report.ts";
import type { ModelSummary } from "./protocol.ts";

/** The symbol that the first axis of all inputs has, and no other axis; null where there is none. */
export function batchSymbol(inputs: TracedModel["inputs"]): string | null {
  const [first] = inputs;
  const symbol = first?.type.shape[0];
  if (typeof symbol !== "string" || !inputs.every((v) => v.type.shape[0] === symbol)) return null;
  return inputs.some((v) => v.type.shape.slice(1).some((d) => symbolsOf(d).has(symbol))) ? null : symbol;
}

/** What a position of a value sees of the first input that it depends on, in words; "" for none. */
export function fieldOf(traced: TracedExport | undefined, value: Value): string {
  const { graph = null, trace = null } = traced ?? {};
  if (graph === null || trace === null) return "";
  return fieldText(trace.inputs.map((input) => receptiveField(graph, value, input)).find((field) => field !== null) ?? null);
}

/** A model in figures; null for one whose trace ended in a fault. */
export function summaryOf(traced: TracedExport): ModelSummary | null {
  const { exportName, model, trace, calls, graph } = traced;
  if (graph === null || trace === null) return null;
  const { inputs } = trace;
  const learnt = new Set([...trace.parameters.values()].filter((p) => p.role === "parameter").map((p) => p.value));
  const state = new Set([...trace.parameters.values()].map((p) => p.value));
  const { parameters, macs } = cost(graph, { isParameter: (value) => learnt.has(value) });
  const batch = batchSymbol(inputs);
  // Behind the last map of an image's axes a head sees everything, which says nothing.
  const last = calls.findLast((call) => call.output.type.shape.length === 4 && !isPooledAway(call.output));
  return {
    exportName,
    name: model.name,
    inputs: inputs.map((v) => `${v.name} ${shownType(v.type)}`),
    outputs: graph.outputs.map((v) => `${v.name} ${shownType(v.type)}`),
    parameters: Number(parameters),
    macs: substitute(macs, new Map<string, Dim>(batch === null ? [] : [[batch, 1]])),
    activationBytes: peakOf(graph, state, batch),
    perImage: batch !== null,
    receptiveField: last === undefined ? "" : fieldOf(traced, last.output),
  };
}
const isPooledAway = (value: Value): boolean => value.type.shape.slice(2).every((d) => d === 1);

function peakOf(graph: Graph, state: ReadonlySet<Value>, batch: string | null): number | null {
  const sizes = [...graph.inputs, ...graph.nodes.flatMap((node) => node.outputs)].flatMap((v) => v?.type.shape ?? []);
  if (sizes.some((d) => typeof d === "string" && (d.includes("?") || [...symbolsOf(d)].some((s) => s !== batch)))) return null;
  return activationMemory(graph, { sizes: new Map(batch === null ? [] : [[batch, 1]]), isActivation: (value) => !state.has(value) }).bytes;
}
