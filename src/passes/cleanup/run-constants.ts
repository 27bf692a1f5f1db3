/** Constants that no rule of an op computes: the part of a graph that makes them, for a runtime to run, and the graph with its results. */
import { GraphBuilder } from "../../ir/builder.ts";
import { dtypes } from "../../ir/dtype.ts";
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { signatures } from "../../ir/op-types.ts";
import { elementCount } from "../../ir/shape.ts";
import type { TensorData } from "../../ir/tensor-data.ts";
import { copyNode, mapped, type ValueMap } from "../copy-graph.ts";
import { type PassResult, type Replacement, rewrite, skip, unchanged } from "../rewrite.ts";
import { foldConstants } from "./constant-folding.ts";
import { eliminateDeadCode } from "./dead-code-elimination.ts";

/** Runs a graph without inputs and gives its outputs by name. */
export type RunGraph = (graph: Graph) => Promise<ReadonlyMap<string, TensorData>>;

/** How many bytes more than the initializers behind it a result may have, as in constant folding. */
const maxGrowth = 2 ** 20;

/**
 * The graph with everything that depends on constants alone replaced by what `run` computes for it, where folding by the ops' own rules
 * leaves a rest; the graph as it was where they leave none. Results that are more than 1 MiB larger than what they are computed from stay computations, and so does what is random.
 */
export async function runConstants(graph: Graph, run: RunGraph): Promise<PassResult> {
  const { graph: folded, ...first } = foldConstants(graph);
  const { nodes, results } = constantPart(folded);
  if (results.length === 0) return unchanged(graph);
  const contents = await run(partGraph(folded, nodes, results));
  const second = rewrite(folded, [
    {
      name: "run-constants",
      opTypes: "all",
      match: (node) => {
        if (!node.outputs.some((v) => v !== null && results.includes(v))) return "keep";
        const tensors = node.outputs.map((v) => (v === null ? null : (contents.get(v.name) ?? null)));
        if (node.outputs.some((v, i) => v !== null && tensors[i] === null)) return skip("it also makes what nobody needs");
        return replaced(node, tensors);
      },
    },
  ]);
  return { ...second, graph: eliminateDeadCode(second.graph).graph, applied: [...first.applied, ...second.applied] };
}
const replaced =
  (node: Node, tensors: readonly (TensorData | null)[]): Replacement =>
  (b) =>
    node.outputs.map((v, i) => {
      const tensor = tensors[i];
      return v === null || tensor === null || tensor === undefined ? null : b.initializer(v.name, tensor);
    });

/** The nodes that depend on constants alone, and of what they make the values that the rest of the graph reads and that are small enough. */
function constantPart(graph: Graph): { readonly nodes: readonly Node[]; readonly results: readonly Value[] } {
  // The initializers behind each constant value.
  const sources = new Map<Value, ReadonlySet<Value>>([...graph.initializers.keys()].map((v) => [v, new Set([v])]));
  const nodes = graph.nodes.filter((node) => {
    const behind = node.inputs.flatMap((v) => (v === null ? [] : [sources.get(v) ?? null]));
    if (isRandom(node) || !behind.every((set) => set !== null)) return false;
    for (const v of node.outputs) if (v !== null) sources.set(v, new Set(behind.flatMap((set) => [...set])));
    return true;
  });
  const constant = new Set(nodes);
  const needed = new Set<Value>(graph.outputs);
  for (const node of graph.nodes) if (!constant.has(node)) for (const v of node.inputs) if (v !== null) needed.add(v);
  const fits = (v: Value): boolean => bytesIn([v]) - bytesIn([...(sources.get(v) ?? [])]) <= maxGrowth;
  // What is needed and too large stays a computation, and what it reads is needed in its place.
  const results = nodes.toReversed().flatMap(({ inputs, outputs }) => {
    const made = outputs.filter((v) => v !== null);
    if (!made.some((v) => needed.has(v))) return [];
    if (made.every(fits)) return made;
    for (const v of inputs) if (v !== null) needed.add(v);
    return [];
  });
  return { nodes, results };
}
const isRandom = ({ opType }: Node): boolean => Object.hasOwn(signatures[opType].versions.at(-1)?.attributes ?? {}, "seed");
/** NaN where a size is not known, which is larger than any limit. */
const bytesIn = (values: readonly Value[]): number =>
  values.reduce((sum, { type }) => sum + Number(elementCount(type.shape)) * dtypes[type.dtype].size, 0);

/** A graph of the nodes alone, with the results as its outputs. */
function partGraph(graph: Graph, nodes: readonly Node[], results: readonly Value[]): Graph {
  const b = new GraphBuilder(`${graph.name} constants`);
  const map: ValueMap = new Map();
  const read = new Set(nodes.flatMap((node) => node.inputs));
  b.reserve(nodes.flatMap((node) => [node.name, ...node.outputs.flatMap((v) => v?.name ?? [])]));
  for (const [value, data] of graph.initializers) if (read.has(value)) map.set(value, b.initializerLike(value, data));
  for (const node of nodes) copyNode(b, node, map);
  for (const value of results) b.output(mapped(map, value), value.name);
  return eliminateDeadCode(b.build()).graph;
}
