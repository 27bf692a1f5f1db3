/** Orders the nodes of a file so that running them needs the least memory. */
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { nowhere } from "../../ir/location.ts";
import { type Pass, unchanged } from "../rewrite.ts";
import { topologicalOrder } from "../topological-order.ts";
import { executionOrder } from "./execution-order.ts";
import { byteSize, likelySizes } from "./value-sizes.ts";

/**
 * The same nodes in a file order with which onnxruntime, which has an order of its own (see `executionOrder`), has less alive at its worst
 * moment: about the one that always runs the node after which least is alive. The graph itself where that order is no better.
 */
export const scheduleForMemory: Pass = (graph, { memory = {} } = {}) => {
  const net = netOf(graph, likelySizes(graph, memory.sizes ?? new Map()));
  const nodes = fileOrder(net, greedyOrder(net)).flatMap((i) => graph.nodes[i] ?? []);
  if (runtimePeak(net, nodes) >= runtimePeak(net, graph.nodes)) return unchanged(graph);
  return { graph: { ...graph, nodes }, applied: [{ rule: "schedule", node: graph.name, location: nowhere }], skipped: [] };
};

/** A graph in numbers: nodes by their place in the file. */
interface Net {
  readonly graph: Graph;
  readonly place: ReadonlyMap<Node, number>;
  /** Per node: the nodes it reads from and those that read from it. */
  readonly before: readonly (readonly number[])[];
  readonly after: readonly (readonly number[])[];
  /** Per node: the values of nodes that it reads and makes. */
  readonly reads: readonly (readonly Value[])[];
  readonly makes: readonly (readonly Value[])[];
  readonly bytes: ReadonlyMap<Value, number>;
  readonly readers: ReadonlyMap<Value, readonly number[]>;
  readonly outputs: ReadonlySet<Value>;
}
function netOf(graph: Graph, sizes: ReadonlyMap<string, number>): Net {
  const place = new Map(graph.nodes.map((node, i) => [node, i]));
  const reads = graph.nodes.map((node) =>
    [...new Set(node.inputs.filter((v) => v !== null && v.producer !== null))].filter((v) => v !== null),
  );
  const makes = graph.nodes.map((node) => node.outputs.filter((v) => v !== null));
  const before = reads.map((list) => [...new Set(list.flatMap((v) => (v.producer === null ? [] : (place.get(v.producer) ?? []))))]);
  const after = graph.nodes.map((): number[] => []);
  before.forEach((list, i) => {
    for (const at of list) after[at]?.push(i);
  });
  const readers = new Map<Value, number[]>();
  reads.forEach((list, i) => {
    for (const v of list) readers.set(v, [...(readers.get(v) ?? []), i]);
  });
  const bytes = new Map(makes.flatMap((list) => list.map((v) => [v, byteSize(v, sizes)] as const)));
  return { graph, place, before, after, reads, makes, bytes, readers, outputs: new Set(graph.outputs) };
}

/** What is alive while nodes run one after the other. */
interface Alive {
  /** How many bytes a node would add, and how many more are alive once it has run; negative where it frees more. */
  added(node: number): number;
  grown(node: number): number;
  /** Runs a node, and tells which values have one reader left. */
  run(node: number): readonly Value[];
  readonly bytes: number;
}
function aliveIn({ reads, makes, bytes, readers, outputs }: Net): Alive {
  const left = new Map([...readers].map(([v, list]) => [v, list.length]));
  let alive = 0;
  const added = (node: number): number => (makes[node] ?? []).reduce((sum, v) => sum + (bytes.get(v) ?? 0), 0);
  const freed = (node: number): number => {
    const read = (reads[node] ?? []).reduce((sum, v) => sum + (left.get(v) === 1 && !outputs.has(v) ? (bytes.get(v) ?? 0) : 0), 0);
    return (makes[node] ?? []).reduce((sum, v) => sum + (left.has(v) || outputs.has(v) ? 0 : (bytes.get(v) ?? 0)), read);
  };
  return {
    added,
    grown: (node) => added(node) - freed(node),
    run: (node) => {
      alive += added(node) - freed(node);
      for (const v of reads[node] ?? []) left.set(v, (left.get(v) ?? 0) - 1);
      return (reads[node] ?? []).filter((v) => left.get(v) === 1);
    },
    get bytes() {
      return alive;
    },
  };
}

/** The most bytes alive when onnxruntime runs a file with the nodes in this order. */
function runtimePeak(net: Net, nodes: readonly Node[]): number {
  const alive = aliveIn(net);
  let peak = 0;
  for (const node of executionOrder({ ...net.graph, nodes })) {
    const at = net.place.get(node) ?? 0;
    peak = Math.max(peak, alive.bytes + alive.added(at));
    alive.run(at);
  }
  return peak;
}

/** Always the node, of those whose inputs are there, after which least is alive. */
function greedyOrder(net: Net): readonly number[] {
  const alive = aliveIn(net);
  const waiting = net.before.map((list) => list.length);
  const ready = new Set(waiting.flatMap((count, i) => (count === 0 ? [i] : [])));
  const grown = new Map([...ready].map((node) => [node, alive.grown(node)]));
  const order: number[] = [];
  while (ready.size > 0) {
    let [node, least] = [-1, Number.POSITIVE_INFINITY];
    for (const candidate of ready) {
      const growth = grown.get(candidate) ?? 0;
      if (growth < least) [node, least] = [candidate, growth];
    }
    ready.delete(node);
    order.push(node);
    // What a node grows by changes only when it becomes the last reader of something.
    const lastReaders = alive.run(node).flatMap((value) => net.readers.get(value) ?? []);
    for (const next of net.after[node] ?? []) {
      waiting[next] = (waiting[next] ?? 0) - 1;
      if (waiting[next] === 0) ready.add(next);
    }
    for (const changed of [...lastReaders, ...(net.after[node] ?? [])]) if (ready.has(changed)) grown.set(changed, alive.grown(changed));
  }
  return order;
}

/** The order of the file that makes onnxruntime run nodes in about the wanted order: what is wanted first stands last. */
function fileOrder({ after }: Net, wanted: readonly number[]): readonly number[] {
  const ranks: number[] = [];
  wanted.forEach((node, at) => {
    ranks[node] = at;
  });
  return topologicalOrder(after, ranks).toReversed();
}
