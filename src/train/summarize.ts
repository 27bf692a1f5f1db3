/** The layers of a model: what the summary and the report show. */
import type { Source } from "../compile/index.ts";
import { addDims, type Dim, isUnknown, substitute, symbolsOf } from "../ir/dim.ts";
import { dtypes } from "../ir/dtype.ts";
import type { Graph, Value } from "../ir/graph.ts";
import { type AxisReceptiveField, activationMemory, cost, type NodeCost, receptiveField } from "../passes/index.ts";
import type { LayerRow } from "../report/index.ts";

/** One layer with its cost. */
export interface SummaryRow extends LayerRow {
  /** Arithmetic that is no multiply-add. */
  readonly other: Dim;
  /** What one position sees of the first input that it depends on, by spatial axis; null where it depends on none. */
  readonly fields: readonly AxisReceptiveField[] | null;
}
/** A model's layers and totals. Costs are per image where the batch is symbolic. */
export interface ModelSummary {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly rows: readonly SummaryRow[];
  readonly parameters: Dim;
  readonly parameterBytes: number;
  readonly macs: Dim;
  readonly other: Dim;
  /** Bytes of activations at the peak of one image's inference; null where sizes are unknown. */
  readonly activationBytes: number | null;
  /** True when costs are those of one image; else they are those of the batch that the model declares. */
  readonly perImage: boolean;
}

/** The summary of a model. */
export function summarize({ graph, inputs, parameters }: Source): ModelSummary {
  const batch = batchSymbol(inputs);
  const one = new Map<string, Dim>(batch === null ? [] : [[batch, 1]]);
  const learnt = new Set(parameters.filter((p) => p.role === "parameter").map((p) => p.value));
  const costs = cost(graph, { isParameter: (value) => learnt.has(value) });
  const weights = new Set(parameters.map((p) => p.value));
  const groups = grouped(costs.nodes).filter((group) =>
    group.some(({ node }) => node.outputs.some((v) => v !== null && v.elements === null)),
  );
  return {
    name: graph.name,
    inputs,
    rows: groups.flatMap((group) => row(graph, inputs, group, one)),
    parameters: costs.parameters,
    parameterBytes: [...learnt].reduce((sum, v) => sum + sizeOf(v), 0),
    macs: substitute(costs.macs, one),
    other: substitute(costs.other, one),
    activationBytes: peak(graph, weights, batch),
    perImage: batch !== null,
  };
}

/** The symbol of the first axis, when it is all that inputs begin with and stands nowhere else. */
function batchSymbol(inputs: readonly Value[]): string | null {
  const [first] = inputs;
  const symbol = first?.type.shape[0];
  if (typeof symbol !== "string" || !inputs.every((v) => v.type.shape[0] === symbol)) return null;
  return inputs.some((v) => v.type.shape.slice(1).some((d) => symbolsOf(d).has(symbol))) ? null : symbol;
}

const sizeOf = ({ type }: Value): number =>
  type.shape.reduce<number>((n, d) => n * (typeof d === "number" ? d : 0), dtypes[type.dtype].size);

function peak(graph: Graph, weights: ReadonlySet<Value>, batch: string | null): number | null {
  const values = [...graph.inputs, ...graph.nodes.flatMap((node) => node.outputs.filter((v) => v !== null))];
  const open = values.some((v) => v.type.shape.some((dim) => isUnknown(dim) || [...symbolsOf(dim)].some((symbol) => symbol !== batch)));
  if (open) return null;
  return activationMemory(graph, { sizes: new Map(batch === null ? [] : [[batch, 1]]), isActivation: (value) => !weights.has(value) })
    .bytes;
}

/** Nodes that were added on behalf of one layer, `name/Op`, one after the other. */
function grouped(costs: readonly NodeCost[]): readonly (readonly NodeCost[])[] {
  const groups: NodeCost[][] = [];
  for (const c of costs) {
    const last = groups.at(-1);
    const [first] = last ?? [];
    if (last !== undefined && first !== undefined && layerName(first) === layerName(c)) last.push(c);
    else groups.push([c]);
  }
  return groups;
}
function layerName({ node }: NodeCost): string {
  const at = node.name.lastIndexOf("/");
  return at > 0 && node.name.slice(at + 1).startsWith(node.opType) ? node.name.slice(0, at) : node.name;
}

function row(graph: Graph, inputs: readonly Value[], group: readonly NodeCost[], one: ReadonlyMap<string, Dim>): readonly SummaryRow[] {
  const output = group.flatMap(({ node }) => node.outputs).findLast((v) => v !== null && v.elements === null);
  const heaviest = group.toSorted((a, b) => weight(b) - weight(a))[0];
  if (output === undefined || output === null || heaviest === undefined) return [];
  const total = (pick: (c: NodeCost) => Dim): Dim =>
    substitute(
      group.reduce<Dim>((sum, c) => addDims(sum, pick(c)), 0),
      one,
    );
  const fields = inputs.map((input) => receptiveField(graph, output, input)).find((f) => f !== null) ?? null;
  return [
    {
      name: layerName(heaviest),
      kind: heaviest.node.opType,
      output: output.type,
      parameters: total((c) => c.parameters),
      macs: total((c) => c.macs),
      other: total((c) => c.other),
      fields,
      receptiveField: fieldText(fields),
    },
  ];
}
const weight = (c: NodeCost): number => (c.macs === 0 ? 0 : typeof c.macs === "number" ? c.macs : Number.MAX_VALUE);

/** A receptive field in words: "3x3, stride 1", "whole input", "5 x whole, stride 2 x 0". */
export function fieldText(fields: readonly AxisReceptiveField[] | null): string {
  if (fields === null || fields.length === 0) return "";
  if (fields.every((f) => f.kind === "whole")) return "whole input";
  const sizes = fields.map((f) => (f.kind === "whole" ? "whole" : String(f.size)));
  const strides = [...new Set(fields.map((f) => (f.kind === "whole" ? 0 : f.stride)))];
  const separator = sizes.includes("whole") ? " x " : "x";
  return `${sizes.join(separator)}, stride ${strides.join(" x ")}`;
}
