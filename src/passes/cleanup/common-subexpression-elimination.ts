/** Computes once what is computed twice. */
import { GraphBuilder } from "../../ir/builder.ts";
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { nowhere } from "../../ir/location.ts";
import type { AttributeValue } from "../../ir/op-signature.ts";
import { signatures } from "../../ir/op-types.ts";
import { bytesOf, type TensorData } from "../../ir/tensor-data.ts";
import { copyInterface, copyOutputs, mapped, mappedInputs, type ValueMap } from "../copy-graph.ts";
import { type Applied, type PassResult, type Skipped, unchanged } from "../rewrite.ts";

const rule = "common-subexpression";

/** The same call, made by several nodes; the first one's place is where it will be made. */
interface Call {
  readonly nodes: Node[];
  /** One value for each output that any of the nodes asks for. */
  readonly outputs: (Value | null)[];
}

/**
 * The graph with equal calls merged: the same op on the same values with the same attributes. Initializers with the same contents
 * count as the same value. A call that asks for more outputs than an earlier one (the indices of a max pool) takes its place.
 * Ops with a `seed` attribute draw anew each time, so no two of them are the same; two outputs of the graph stay apart.
 */
export function eliminateCommonSubexpressions(graph: Graph): PassResult {
  const sameTensor = equalInitializers(graph);
  const { calls, skipped } = distinctCalls(graph, sameTensor);
  const applied = calls.flatMap(({ nodes }) => nodes.slice(1).map(({ name, location }): Applied => ({ rule, node: name, location })));
  for (const value of sameTensor.keys()) applied.push({ rule: "equal-initializer", node: value.name, location: nowhere });
  return applied.length === 0 ? unchanged(graph, skipped) : { graph: merged(graph, calls, sameTensor), applied, skipped };
}

function merged(graph: Graph, calls: readonly Call[], sameTensor: ReadonlyMap<Value, Value>): Graph {
  const b = new GraphBuilder(graph.name);
  const initializers = new Map([...graph.initializers].filter(([value]) => !sameTensor.has(value)));
  const map: ValueMap = copyInterface(b, { ...graph, initializers });
  for (const [value, leader] of sameTensor) map.set(value, mapped(map, leader));
  for (const { nodes, outputs } of calls) {
    const [first] = nodes;
    if (first === undefined) continue;
    const options = { name: first.name, location: first.location, outputs: outputs.map((v) => v?.name ?? null) };
    const made = b.addNode(first.opType, mappedInputs(map, first), first.attributes, options);
    for (const node of nodes) {
      node.outputs.forEach((old, i) => {
        const value = made.outputs[i];
        if (old !== null && value !== null && value !== undefined) map.set(old, value);
      });
    }
  }
  copyOutputs(b, graph, map);
  return b.build();
}

/** The calls of a graph, in the order in which they are first made. */
function distinctCalls(
  graph: Graph,
  sameTensor: ReadonlyMap<Value, Value>,
): { readonly calls: readonly Call[]; readonly skipped: readonly Skipped[] } {
  const isOutput = new Set(graph.outputs);
  const leaders = new Map(sameTensor);
  const ids = new Map<Value, number>();
  const idOf = (value: Value): number => {
    const leader = leaders.get(value) ?? value;
    const id = ids.get(leader) ?? ids.size;
    ids.set(leader, id);
    return id;
  };
  const byKey = new Map<string, Call>();
  const calls: Call[] = [];
  const skipped: Skipped[] = [];
  for (const node of graph.nodes) {
    const key = callKey(node, idOf);
    const known = key === null ? undefined : byKey.get(key);
    const bothOutputs =
      known !== undefined && node.outputs.some((v, i) => isGraphOutput(v, isOutput) && isGraphOutput(known.outputs[i], isOutput));
    if (known !== undefined && !bothOutputs) {
      join(known, node, leaders);
      continue;
    }
    if (bothOutputs) skipped.push({ rule, node: node.name, location: node.location, reason: "both results are outputs of the graph" });
    const call: Call = { nodes: [node], outputs: [...node.outputs] };
    calls.push(call);
    if (key !== null && known === undefined) byKey.set(key, call);
  }
  return { calls, skipped };
}
const isGraphOutput = (value: Value | null | undefined, outputs: ReadonlySet<Value>): boolean =>
  value !== null && value !== undefined && outputs.has(value);

function join(call: Call, node: Node, leaders: Map<Value, Value>): void {
  call.nodes.push(node);
  node.outputs.forEach((value, i) => {
    const leader = call.outputs[i] ?? null;
    if (leader === null) call.outputs[i] = value;
    else if (value !== null) leaders.set(value, leader);
  });
  for (let i = 0; i < call.outputs.length; i++) call.outputs[i] ??= null;
}

/** A text that equal calls share; null for a call that is equal to none. */
function callKey(node: Node, idOf: (value: Value) => number): string | null {
  if (Object.hasOwn(signatures[node.opType].versions.at(-1)?.attributes ?? {}, "seed")) return null;
  const attributes = Object.entries(node.attributes).map(([name, value]) => [name, attributeKey(value)] as const);
  if (attributes.some(([, key]) => key === null)) return null;
  const inputs = node.inputs.map((v) => (v === null ? "" : idOf(v)));
  return `${node.opType}(${inputs.join()})${attributes.map(([name, key]) => `${name}=${key}`).join(";")}`;
}
/** Tensors in attributes are compared up to this many bytes. */
const maxAttributeBytes = 4096;
function attributeKey(value: AttributeValue): string | null {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if ("nodes" in value) return null;
  if (!("dtype" in value)) return JSON.stringify(value);
  if (value.dtype === "string") return null;
  const bytes = bytesOf(value);
  return bytes.length > maxAttributeBytes ? null : `${value.dtype}[${value.shape.join()}]${bytes.join()}`;
}

/** For each initializer whose contents an earlier one has too, that one. Those that are outputs of the graph stay themselves. */
function equalInitializers(graph: Graph): ReadonlyMap<Value, Value> {
  const outputs = new Set(graph.outputs);
  const buckets = new Map<string, [Value, Uint8Array][]>();
  const leaders = new Map<Value, Value>();
  for (const [value, tensor] of graph.initializers) {
    if (tensor.dtype === "string" || outputs.has(value)) continue;
    const bytes = bytesOf(tensor);
    const key = sampleKey(tensor, bytes);
    const bucket = buckets.get(key) ?? [];
    const equal = bucket.find(([, other]) => Buffer.compare(other, bytes) === 0);
    if (equal !== undefined) leaders.set(value, equal[0]);
    else buckets.set(key, [...bucket, [value, bytes]]);
  }
  return leaders;
}
/** Type and a few bytes: enough to tell nearly all tensors apart without reading them whole. */
function sampleKey({ dtype, shape }: TensorData, bytes: Uint8Array): string {
  const step = Math.max(1, Math.floor(bytes.length / 61));
  const sample: number[] = [];
  for (let i = 0; i < bytes.length; i += step) sample.push(bytes[i] ?? 0);
  return `${dtype}[${shape.join()}]${sample.join()}`;
}
