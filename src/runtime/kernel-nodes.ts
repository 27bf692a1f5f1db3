/** From the kernels that onnxruntime runs back to the nodes of the graph that it was given. */
import type { Graph, Node, Value } from "../ir/graph.ts";
import type { ExecutedGraph, ExecutedNode } from "./executed-graph.ts";
import { blockedDomain } from "./executed-types.ts";
import { namedIn, type ProbeModel } from "./probe-model.ts";

/** A kernel and what it computes. */
export interface KernelNodes {
  readonly kernel: ExecutedNode;
  /** The nodes that it computes and no other kernel does, in the graph's order. */
  readonly nodes: readonly Node[];
  /** The node that it stands for or works for; null for what onnxruntime adds of its own, such as changes of layout. */
  readonly main: Node | null;
}
/** All kernels with their nodes. */
export interface KernelMap {
  /** In the order of execution. */
  readonly kernels: readonly KernelNodes[];
  /** Nodes that no kernel runs for: onnxruntime has computed them when the session was made. */
  readonly folded: readonly Node[];
}

/** Kernels that move data about; what a node computes is done by another one where there is one. */
const movers: ReadonlySet<string> = new Set(["Reshape", "Transpose", "Squeeze", "Unsqueeze", "Cast", "Flatten", "Identity"]);
/** True for a kernel that changes the layout of a tensor, which is nobody's node. */
export const isReorder = ({ domain, opType }: ExecutedNode): boolean => domain === blockedDomain && opType.startsWith("Reorder");

/**
 * Which kernel computes which node. A kernel is known by the values that it makes and by its own name. It has taken in what lies before that
 * node, up to one of its own kind, where no other kernel computes it; what is left has been fused into the last of the kernels that its
 * inputs come from, or else into the first that reads it.
 */
export function kernelNodes(executed: ExecutedGraph, probe: ProbeModel): KernelMap {
  const mains = executed.nodes.map((kernel) => mainNode(kernel, probe));
  const owners = new Map<Node, number>();
  for (const [k, main] of mains.entries()) {
    if (main === null) continue;
    const owner = owners.get(main);
    if (owner === undefined || closeness(executed.nodes[k], main) > closeness(executed.nodes[owner], main)) owners.set(main, k);
  }
  const isConstant = constantNodes(probe.graph);
  for (const [main, k] of [...owners]) takeIn(main, k, executed.nodes[k]?.opType.replace(/^Fused/, "") ?? "", owners, isConstant);
  const folded = ownTheRest(probe.graph, owners, isConstant);
  const nodes = executed.nodes.map((): Node[] => []);
  for (const node of probe.graph.nodes) nodes[owners.get(node) ?? -1]?.push(node);
  return { kernels: executed.nodes.map((kernel, k) => ({ kernel, nodes: nodes[k] ?? [], main: mains[k] ?? null })), folded };
}

/** Gives the nodes that lead to a kernel's node to the kernel, as long as they are nobody's and none of them is of the kernel's kind. */
function takeIn(main: Node, kernel: number, kind: string, owners: Map<Node, number>, isConstant: (node: Node) => boolean): void {
  const reached = [main];
  for (let node = reached.pop(); node !== undefined; node = reached.pop()) {
    if (node.opType === kind) return;
    for (const value of node.inputs) {
      const producer = value?.producer ?? null;
      if (producer === null || owners.has(producer) || isConstant(producer)) continue;
      owners.set(producer, kernel);
      reached.push(producer);
    }
  }
}

function mainNode(kernel: ExecutedNode, probe: ProbeModel): Node | null {
  if (isReorder(kernel)) return null;
  const { value, node } = namedIn(kernel.name);
  const own = kernel.name === node ? probe.node(node) : null;
  const made = kernel.outputs.map((name) => probe.value(name)?.producer ?? null).find((producer) => producer !== null);
  return own ?? made ?? probe.value(value)?.producer ?? probe.node(node);
}
const closeness = (kernel: ExecutedNode | undefined, node: Node): number =>
  kernel === undefined ? 0 : kernel.opType === node.opType ? 2 : movers.has(kernel.opType) ? 0 : 1;

/** Gives the nodes without an owner to one. What depends on constants alone has none: such nodes are returned. */
function ownTheRest(graph: Graph, owners: Map<Node, number>, isConstant: (node: Node) => boolean): readonly Node[] {
  const rest = graph.nodes.filter((node) => !owners.has(node) && !isConstant(node));
  for (const node of rest) {
    const makers = node.inputs.map((value) => (value === null ? undefined : ownerOf(value, owners))).filter((k) => k !== undefined);
    if (makers.length > 0) owners.set(node, Math.max(...makers));
  }
  const readers = readersOf(graph);
  for (const node of rest.toReversed()) {
    if (owners.has(node)) continue;
    const takers = (readers.get(node) ?? []).map((reader) => owners.get(reader)).filter((k) => k !== undefined);
    if (takers.length > 0) owners.set(node, Math.min(...takers));
  }
  return graph.nodes.filter((node) => !owners.has(node));
}
const ownerOf = ({ producer }: Value, owners: ReadonlyMap<Node, number>): number | undefined =>
  producer === null ? undefined : owners.get(producer);

/** Whether a node depends on initializers and known contents alone. */
function constantNodes(graph: Graph): (node: Node) => boolean {
  const constant = new Set<Value>(graph.initializers.keys());
  const nodes = new Set<Node>();
  for (const node of graph.nodes) {
    const known = node.outputs.every((value) => value === null || value.elements?.every((e) => typeof e === "number") === true);
    if (!known && !node.inputs.every((value) => value === null || constant.has(value))) continue;
    nodes.add(node);
    for (const value of node.outputs) if (value !== null) constant.add(value);
  }
  return (node) => nodes.has(node);
}
function readersOf(graph: Graph): ReadonlyMap<Node, readonly Node[]> {
  const readers = new Map<Node, Node[]>();
  for (const node of graph.nodes) {
    for (const value of node.inputs) {
      const producer = value?.producer ?? null;
      if (producer !== null) readers.set(producer, [...(readers.get(producer) ?? []), node]);
    }
  }
  return readers;
}
