/** The calls of layers in a trace, whether it came to its end or not. */
import type { Parameter, Trace } from "../dsl/trace.ts";
import { addDims, type Dim, substitute } from "../ir/dim.ts";
import { type Node, printType, type TensorType, type Value } from "../ir/graph.ts";
import type { SourceLocation } from "../ir/location.ts";
import { schemaOf } from "../ir/ops/index.ts";
import { printShape } from "../ir/shape.ts";
import { cost } from "../passes/index.ts";
import type { LayerReport } from "./protocol.ts";
import { sumsOf } from "./sums.ts";

/** The nodes of one call of a layer. */
export interface LayerCall {
  readonly label: string;
  readonly name: string;
  readonly location: SourceLocation;
  readonly nodes: readonly Node[];
  readonly output: Value;
  /** The tensors that it was called with. */
  readonly inputs: readonly Value[];
}

/** A type as the editor shows it: float32, which nearly all are, stays unsaid. */
export const shownType = (type: TensorType): string => (type.dtype === "float32" ? printShape(type.shape) : printType(type));

/** The calls of layers, in order. */
export function layerCalls(trace: Trace): readonly LayerCall[] {
  const groups: Node[][] = [];
  for (const node of trace.builder.nodes) {
    const last = groups.at(-1);
    const [first] = last ?? [];
    if (last !== undefined && first !== undefined && first.location === node.location && callName(first) === callName(node))
      last.push(node);
    else groups.push([node]);
  }
  return groups.flatMap((nodes) => callOf(trace, nodes));
}
/** Nodes that a layer of several adds are called `layer1.0.attention/MatMul`. */
function callName({ name, opType }: Node): string {
  const at = name.lastIndexOf("/");
  return at > 0 && name.slice(at + 1).startsWith(opType) ? name.slice(0, at) : name;
}

function callOf(trace: Trace, nodes: readonly Node[]): readonly LayerCall[] {
  const made = nodes.flatMap((node) => node.outputs.filter((v) => v !== null));
  const output = made.find((value) => trace.origins.has(value));
  const origin = output === undefined ? undefined : trace.origins.get(output);
  const [first] = nodes;
  // Nodes of the compiler's own, and those of a call that failed, have no origin.
  if (output === undefined || origin === undefined || first === undefined) return [];
  const own = new Set(made);
  const read = new Set(nodes.flatMap((node) => node.inputs.filter((v) => v !== null)));
  const inputs = [...read].filter((value) => !own.has(value) && trace.origins.has(value) && !trace.parameters.has(value.name));
  return [{ label: origin.label, name: callName(first), location: origin.location, nodes, output, inputs }];
}

/** What is told of each call. Figures are those of one image where `batch` is a symbol. */
export function layerReports(trace: Trace, calls: readonly LayerCall[], batch: string | null): readonly LayerReport[] {
  const learnt = [...trace.parameters.values()].filter((p) => p.role === "parameter");
  const nodeCosts = new Map(cost(trace.builder.build()).nodes.map((c) => [c.node, c]));
  const one = new Map<string, Dim>(batch === null ? [] : [[batch, 1]]);
  return calls.map((call): LayerReport => {
    const main = call.nodes.toSorted((a, b) => weight(nodeCosts.get(b)?.macs) - weight(nodeCosts.get(a)?.macs))[0];
    const own = learnt.filter((p) => trace.declared.get(p.name) === call.location && isOf(p, call.name));
    return {
      label: call.label,
      name: call.name,
      place: call.location.position,
      inputs: call.inputs.map((value) => shownType(value.type)),
      output: shownType(call.output.type),
      sums: main === undefined ? [] : sumsOf(main, call.output, trace.origins.get(call.output)?.sum),
      ops: call.nodes.filter((node) => node.outputs.some((v) => v !== null && v.elements === null)).map((node) => node.opType),
      formula: main === undefined ? "" : schemaOf(main.opType).docs.formula,
      parameters: own.reduce((sum, p) => sum + elements(p), 0),
      macs: substitute(
        call.nodes.reduce<Dim>((sum, node) => addDims(sum, nodeCosts.get(node)?.macs ?? 0), 0),
        one,
      ),
    };
  });
}
const weight = (macs: Dim | undefined): number =>
  macs === undefined || macs === 0 ? 0 : typeof macs === "number" ? macs : Number.MAX_VALUE;
const isOf = (p: Parameter, call: string): boolean => p.name === call || p.name.startsWith(`${call}.`);
const elements = (p: Parameter): number => p.value.type.shape.reduce<number>((n, d) => n * Number(d), 1);
