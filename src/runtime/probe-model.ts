/**
 * A graph as a model file in which nodes and values have names of ours. What onnxruntime makes of a model is told by names: kernels in its
 * profile, values in the graph that it executes. With names such as `sn12` and `sv7` in them, what it fuses and renames can be led back, and
 * nothing that a model calls its nodes breaks the profile, whose JSON onnxruntime does not escape.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeModelFile } from "../codegen/index.ts";
import {
  type AttributeProto,
  decodeModelProto,
  encodeModelProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "../codegen/proto/onnx.generated.ts";
import { newWriter, startDecoding } from "../codegen/proto/wire.ts";
import { CompileError, isCompileError } from "../ir/diagnostic.ts";
import type { Graph, Node, Value } from "../ir/graph.ts";

/** A model file for one look at onnxruntime, and what its names stand for. */
export interface ProbeModel {
  readonly path: string;
  readonly graph: Graph;
  /** The graph's inputs and outputs, by their own names, as the file calls them. */
  readonly ports: ReadonlyMap<string, string>;
  /** The value with a name of the file's. */
  value(name: string): Value | null;
  /** The node with a name of the file's. */
  node(name: string): Node | null;
}

/** Writes a graph, weights beside it, to a folder. Throws a CompileError when the opset cannot say it. */
export async function writeProbe(folder: string, graph: Graph, opset: number): Promise<ProbeModel> {
  const path = join(folder, "model.onnx");
  await writeModelFile(path, graph, { opset, externalData: true });
  const model = decodeModelProto(startDecoding(readFileSync(path)));
  const renaming = newRenaming();
  const renamed = model.graph === undefined ? undefined : renamedGraph(model.graph, renaming);
  writeFileSync(path, encodeModelProto(newWriter(), { ...model, graph: renamed }).finish());
  const values = new Map(valuesOf(graph).map((value) => [renaming.value(value.name), value]));
  return {
    path,
    graph,
    ports: new Map([...graph.inputs, ...graph.outputs].map(({ name }) => [name, renaming.value(name)])),
    value: (name) => values.get(name) ?? null,
    // The file has the nodes in the graph's order.
    node: (name) => (/^sn\d+$/.test(name) ? (graph.nodes[Number(name.slice(2))] ?? null) : null),
  };
}

/** The value and the node that a name made by onnxruntime is about, as in `sv7_nchwc` or `fused sn12`; the empty text for none. */
export function namedIn(name: string): { readonly value: string; readonly node: string } {
  return { value: /sv\d+/.exec(name)?.[0] ?? "", node: /sn\d+/.exec(name)?.[0] ?? "" };
}

/** Runs something on a probe: what errors say in the probe's names, they say in the model's. */
export async function inModelsNames<R>(probe: ProbeModel, body: () => Promise<R>): Promise<R> {
  try {
    return await body();
  } catch (error) {
    if (!isCompileError(error)) throw error;
    const own = (text: string): string =>
      text.replaceAll(/\b(?:sv|sn)\d+\b/g, (name) => (probe.node(name) ?? probe.value(name))?.name ?? name);
    throw new CompileError(
      error.diagnostics.map((d) => ({
        ...d,
        message: own(d.message),
        notes: d.notes.map((note) => ({ ...note, message: own(note.message) })),
      })),
    );
  }
}

const valuesOf = (graph: Graph): readonly Value[] => [
  ...graph.inputs,
  ...graph.initializers.keys(),
  ...graph.nodes.flatMap((node) => node.outputs.flatMap((value) => (value === null ? [] : [value]))),
];

interface Renaming {
  value(name: string): string;
  /** The next node's name. */
  node(): string;
}
function newRenaming(): Renaming {
  const values = new Map<string, string>([["", ""]]);
  let nodes = 0;
  return {
    value(name) {
      const known = values.get(name) ?? `sv${values.size}`;
      values.set(name, known);
      return known;
    },
    node: () => `sn${nodes++}`,
  };
}

function renamedGraph(graph: GraphProto, to: Renaming): GraphProto {
  // All nodes of a graph are named before those of the graphs inside of them: the numbers are places in the outer graph's list.
  const names = (graph.node ?? []).map(() => to.node());
  return {
    ...graph,
    node: (graph.node ?? []).map((node, i) => renamedNode(node, names[i] ?? "", to)),
    initializer: (graph.initializer ?? []).map((tensor): TensorProto => ({ ...tensor, name: to.value(tensor.name ?? "") })),
    input: (graph.input ?? []).map((info) => renamedInfo(info, to)),
    output: (graph.output ?? []).map((info) => renamedInfo(info, to)),
    valueInfo: (graph.valueInfo ?? []).map((info) => renamedInfo(info, to)),
  };
}
const renamedInfo = (info: ValueInfoProto, to: Renaming): ValueInfoProto => ({ ...info, name: to.value(info.name ?? "") });
const renamedNode = (node: NodeProto, name: string, to: Renaming): NodeProto => ({
  ...node,
  name,
  input: (node.input ?? []).map((v) => to.value(v)),
  output: (node.output ?? []).map((v) => to.value(v)),
  attribute: (node.attribute ?? []).map(
    (attribute): AttributeProto => (attribute.g === undefined ? attribute : { ...attribute, g: renamedGraph(attribute.g, to) }),
  ),
});
