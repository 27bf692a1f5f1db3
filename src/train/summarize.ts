/** The layers of a model: what the summary and the report show. */
import type { Source } from "../compile/index.ts";
import { addDims, type Dim, isUnknown, mulDims, substitute, symbolsOf, totalOf } from "../ir/dim.ts";
import { dtypes } from "../ir/dtype.ts";
import type { Graph, Node, TensorType, Value } from "../ir/graph.ts";
import type { SourceLocation } from "../ir/location.ts";
import type { Flops } from "../ir/op-schema.ts";
import { scopePath } from "../ir/scope-names.ts";
import { elementCount } from "../ir/shape.ts";
import {
  type AxisReceptiveField,
  activationMemory,
  cost,
  flopsIn,
  type NodeCost,
  type OtherByKind,
  otherByKind,
  receptiveFields,
  runningStatistics,
} from "../passes/index.ts";
import type { LayerRow } from "../report/index.ts";

/** What a layer, a scope or a whole model costs; of one image where the model's batch is symbolic. */
export interface SummaryCost extends Flops {
  /** Elements of the learnt tensors. */
  readonly parameters: Dim;
  /** Bytes of the learnt tensors and the buffers. */
  readonly weightBytes: Dim;
  /** Bytes of all values that the nodes make. */
  readonly outputBytes: Dim;
  /** All arithmetic, 2 for each multiply-add. */
  readonly flops: Dim;
  /** `other` by the kind of work; kinds without any are absent. */
  readonly otherByKind: OtherByKind;
}
/** One layer with its cost. */
export interface SummaryRow extends LayerRow, SummaryCost {
  /** The ops of its nodes, in order; `kind` is the costliest of them. */
  readonly ops: readonly string[];
  /** The values that it reads, weights and constants aside. */
  readonly inputs: readonly TensorType[];
  /** What one position sees of the first input that it depends on, by spatial axis; null where it depends on none. */
  readonly fields: readonly AxisReceptiveField[] | null;
  /** The user's line. */
  readonly location: SourceLocation;
}
/** A model's layers and totals. Costs are per image where the batch is symbolic. */
export interface ModelSummary extends SummaryCost {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly rows: readonly SummaryRow[];
  readonly parameterBytes: number;
  /** Bytes of activations at the peak of one image's inference; null where sizes are unknown. */
  readonly activationBytes: number | null;
  /** True when costs are those of one image; else they are those of the batch that the model declares. */
  readonly perImage: boolean;
  /** The costs before one image is put in for the batch. */
  readonly formulas: { readonly macs: Dim; readonly flops: Dim; readonly other: Dim };
}

/** The summary of a model. */
export function summarize({ graph, inputs, parameters }: Source): ModelSummary {
  const batch = batchSymbol(inputs);
  const one = new Map<string, Dim>(batch === null ? [] : [[batch, 1]]);
  const statistics = runningStatistics(graph);
  const learnt = new Set(parameters.filter((p) => p.role === "parameter" && !statistics.has(p.value)).map((p) => p.value));
  const costs = cost(graph, { isParameter: (value) => learnt.has(value) });
  const weights = new Set([...parameters.map((p) => p.value), ...graph.initializers.keys()]);
  const groups = grouped(costs.nodes).filter((group) =>
    group.costs.some(({ node }) => node.outputs.some((v) => v !== null && v.elements === null)),
  );
  const fieldsOf = inputs.map((input) => receptiveFields(graph, input));
  const context: Context = { one, weights, counted: new Set(), fieldsOf };
  return {
    ...costOf(costs.nodes, { ...context, counted: new Set() }),
    name: graph.name,
    inputs,
    outputs: graph.outputs,
    rows: groups.flatMap((group) => row(group, context)),
    parameters: costs.parameters,
    weightBytes: totalOf(parameters.map((p) => bytesOf(p.value))),
    parameterBytes: [...learnt].reduce((sum, v) => sum + Number(bytesOf(v)), 0),
    activationBytes: peak(graph, new Set(parameters.map((p) => p.value)), batch),
    perImage: batch !== null,
    formulas: { macs: costs.macs, flops: flopsIn(costs), other: costs.other },
  };
}

/** The symbol of the first axis, when it is all that inputs begin with and stands nowhere else. */
function batchSymbol(inputs: readonly Value[]): string | null {
  const [first] = inputs;
  const symbol = first?.type.shape[0];
  if (typeof symbol !== "string" || !inputs.every((v) => v.type.shape[0] === symbol)) return null;
  return inputs.some((v) => v.type.shape.slice(1).some((d) => symbolsOf(d).has(symbol))) ? null : symbol;
}

const bytesOf = ({ type }: Value): Dim => mulDims(dtypes[type.dtype].size, elementCount(type.shape));

function peak(graph: Graph, weights: ReadonlySet<Value>, batch: string | null): number | null {
  const values = [...graph.inputs, ...graph.nodes.flatMap((node) => node.outputs.filter((v) => v !== null))];
  const open = values.some((v) => v.type.shape.some((dim) => isUnknown(dim) || [...symbolsOf(dim)].some((symbol) => symbol !== batch)));
  if (open) return null;
  return activationMemory(graph, { sizes: new Map(batch === null ? [] : [[batch, 1]]), isActivation: (value) => !weights.has(value) })
    .bytes;
}

/** Nodes that were added on behalf of one layer, `name/Op`, one after the other. */
function grouped(costs: readonly NodeCost[]): readonly Group[] {
  const scopes = new Set(costs.flatMap(({ node }) => prefixesOf(withoutOp(node))));
  const groups: { name: string; costs: NodeCost[] }[] = [];
  for (const c of costs) {
    // What PyTorch's exporter names `/layer1/layer1.0/Add` is no part of a layer, but stands in a scope beside others.
    const name = scopes.has(withoutOp(c.node)) ? c.node.name : withoutOp(c.node);
    const last = groups.at(-1);
    if (last?.name === name) last.costs.push(c);
    else groups.push({ name, costs: [c] });
  }
  return groups;
}
interface Group {
  readonly name: string;
  readonly costs: readonly NodeCost[];
}
function withoutOp({ name, opType }: Node): string {
  const at = name.lastIndexOf("/");
  return at > 0 && name.slice(at + 1).startsWith(opType) ? name.slice(0, at) : name;
}
/** What stands before each slash of a name. */
const prefixesOf = (name: string): readonly string[] => (name.includes("/") ? scopePath(name).slice(0, -1) : []);

interface Context {
  /** The size 1 for the batch, where it is a symbol. */
  readonly one: ReadonlyMap<string, Dim>;
  readonly weights: ReadonlySet<Value>;
  /** The weights that an earlier layer has read. */
  readonly counted: Set<Value>;
  readonly fieldsOf: readonly ((value: Value) => readonly AxisReceptiveField[] | null)[];
}

function costOf(nodes: readonly NodeCost[], { one, weights, counted }: Context): SummaryCost {
  const read = new Set(nodes.flatMap(({ node }) => node.inputs.filter((v) => v !== null && weights.has(v) && !counted.has(v))));
  const fresh = [...read].flatMap((v) => (v === null ? [] : [v]));
  for (const value of fresh) counted.add(value);
  const made = nodes.flatMap(({ node }) => node.outputs.flatMap((v) => (v === null || v.elements !== null ? [] : [v])));
  const [macs, other] = [totalOf(nodes.map((c) => c.macs)), totalOf(nodes.map((c) => c.other))].map((dim) => substitute(dim, one));
  const work = { macs: macs ?? 0, other: other ?? 0 };
  return {
    ...work,
    parameters: totalOf(nodes.map((c) => c.parameters)),
    weightBytes: totalOf(fresh.map(bytesOf)),
    outputBytes: substitute(totalOf(made.map(bytesOf)), one),
    flops: flopsIn(work),
    otherByKind: new Map([...otherByKind(nodes)].map(([kind, dim]) => [kind, substitute(dim, one)])),
  };
}

function row({ name, costs: group }: Group, context: Context): readonly SummaryRow[] {
  const output = group.flatMap(({ node }) => node.outputs).findLast((v) => v !== null && v.elements === null);
  const heaviest = group.toSorted((a, b) => weight(b) - weight(a))[0];
  if (output === undefined || output === null || heaviest === undefined) return [];
  const own = new Set(group.flatMap(({ node }) => node.outputs));
  const read = new Set(group.flatMap(({ node }) => node.inputs.filter((v) => v !== null && !own.has(v) && !context.weights.has(v))));
  const fields = context.fieldsOf.map((fieldOf) => fieldOf(output)).find((f) => f !== null) ?? null;
  return [
    {
      ...costOf(group, context),
      name,
      kind: heaviest.node.opType,
      ops: group.map(({ node }) => node.opType),
      inputs: [...read].flatMap((v) => (v === null || v.elements !== null ? [] : [v.type])),
      output: output.type,
      fields,
      receptiveField: fieldText(fields),
      location: heaviest.node.location,
    },
  ];
}
const weight = (c: NodeCost): number => (c.macs === 0 ? 0 : typeof c.macs === "number" ? c.macs : Number.MAX_VALUE);

/** The cost of several layers together. */
export function joinedCost(rows: readonly SummaryCost[]): SummaryCost {
  const total = (pick: (cost: SummaryCost) => Dim): Dim => totalOf(rows.map(pick));
  const kinds = new Map<NodeCost["kind"], Dim>();
  for (const [kind, dim] of rows.flatMap((r) => [...r.otherByKind])) kinds.set(kind, addDims(kinds.get(kind) ?? 0, dim));
  return {
    parameters: total((c) => c.parameters),
    weightBytes: total((c) => c.weightBytes),
    outputBytes: total((c) => c.outputBytes),
    macs: total((c) => c.macs),
    other: total((c) => c.other),
    flops: total((c) => c.flops),
    otherByKind: kinds,
  };
}

/** A receptive field in words: "3x3, stride 1", "whole input", "5 x whole, stride 2 x 0". */
export function fieldText(fields: readonly AxisReceptiveField[] | null): string {
  if (fields === null || fields.length === 0) return "";
  if (fields.every((f) => f.kind === "whole")) return "whole input";
  const sizes = fields.map((f) => (f.kind === "whole" ? "whole" : String(f.size)));
  const strides = [...new Set(fields.map((f) => (f.kind === "whole" ? 0 : f.stride)))];
  const separator = sizes.includes("whole") ? " x " : "x";
  return `${sizes.join(separator)}, stride ${strides.join(" x ")}`;
}
