/** What changed between two graphs: inputs and outputs, nodes, weights, and what they cost. */
import type { Dim } from "../../ir/dim.ts";
import { type Graph, type Node, printType, type TensorType, type Value } from "../../ir/graph.ts";
import { printAttributes } from "../../ir/print.ts";
import { cost, weightBytes } from "../answers/cost.ts";
import { type AxisReceptiveField, receptiveField } from "../answers/receptive-field.ts";
import { compareWeights, type WeightChange } from "./compare-weights.ts";
import { matchNodes, type NodePairs, pairValues } from "./match-nodes.ts";

/** One side of a comparison that the other may lack: null stands for what is not there. */
export interface Change<T> {
  readonly before: T;
  readonly after: T;
}
/** An input or output that differs. */
export interface PortChange {
  readonly what: "input" | "output";
  readonly name: Change<string | null>;
  readonly type: Change<TensorType | null>;
}
/** A node that both graphs have. */
export interface NodeChange {
  readonly before: Node;
  readonly after: Node;
  readonly isRenamed: boolean;
  readonly op: Change<string> | null;
  /** Texts of attributes; null for one at its default. */
  readonly attributes: readonly (Change<string | null> & { readonly name: string })[];
  /** Outputs of another type. */
  readonly types: readonly (Change<TensorType> & { readonly output: number })[];
  /** The names of what it reads, where that is something else: nodes that one graph lacks are looked through. */
  readonly reads: Change<readonly string[]> | null;
}
/** What a graph costs. */
export interface Costs {
  readonly nodes: number;
  readonly parameters: Dim;
  readonly macs: Dim;
  /** Arithmetic that is no multiply-add. */
  readonly other: Dim;
  /** Of all initializers. */
  readonly weightBytes: number;
}
/** What an output sees of the graph's inputs; null where it does not depend on one. */
export interface OutputField {
  readonly output: string;
  readonly fields: readonly { readonly input: string; readonly axes: readonly AxisReceptiveField[] | null }[];
}
/** What changed between two graphs. */
export interface GraphComparison {
  readonly ports: readonly PortChange[];
  readonly added: readonly Node[];
  readonly removed: readonly Node[];
  /** Nodes that both have, and that differ, in the order of the first graph. */
  readonly changed: readonly NodeChange[];
  /** How many nodes are the same in all but what they read. */
  readonly same: number;
  readonly weights: readonly WeightChange[];
  /** How many weights have the same contents and the same name. */
  readonly sameWeights: number;
  readonly cost: Change<Costs>;
  readonly receptiveFields: Change<readonly OutputField[]>;
}

/** Compares two graphs whose weights are initializers. */
export function compareGraphs(before: Graph, after: Graph): GraphComparison {
  const pairs = matchNodes(before, after);
  const taken = new Set(pairs.values());
  const frontiers = { before: frontierOf(before, new Set(pairs.keys())), after: frontierOf(after, taken) };
  const all = before.nodes.flatMap((node) => [pairs.get(node)].flatMap((other) => (other === undefined ? [] : [[node, other] as const])));
  const changed = all.map(([x, y]) => nodeChange(x, y, pairs, frontiers)).filter(isChange);
  const weights = compareWeights(before, after, pairs);
  return {
    ports: [...portChanges("input", before.inputs, after.inputs), ...portChanges("output", before.outputs, after.outputs)],
    added: after.nodes.filter((node) => !taken.has(node)),
    removed: before.nodes.filter((node) => !pairs.has(node)),
    changed,
    same: all.length - changed.length,
    ...weights,
    cost: { before: costsOf(before), after: costsOf(after) },
    receptiveFields: { before: fieldsOf(before), after: fieldsOf(after) },
  };
}
/** True when two graphs are the same: names, nodes, attributes, shapes and weights. */
export const areSame = ({ ports, added, removed, changed, weights }: GraphComparison): boolean =>
  ports.length + added.length + removed.length + changed.length + weights.length === 0;

function portChanges(what: PortChange["what"], before: readonly Value[], after: readonly Value[]): readonly PortChange[] {
  const pairs = pairValues(before, after);
  const taken = new Set(pairs.values());
  const change = (x: Value | null, y: Value | null): PortChange => ({
    what,
    name: { before: x?.name ?? null, after: y?.name ?? null },
    type: { before: x?.type ?? null, after: y?.type ?? null },
  });
  const kept = before.map((value) => change(value, pairs.get(value) ?? null));
  const added = after.filter((value) => !taken.has(value)).map((value) => change(null, value));
  return [...kept, ...added].filter(({ name, type }) => name.before !== name.after || typeText(type.before) !== typeText(type.after));
}
const typeText = (type: TensorType | null): string => (type === null ? "" : printType(type));

/** What stands behind an input: a graph's input, or a node that the other graph has too. */
type Source = Node | Value;
type Frontier = (node: Node) => ReadonlySet<Source>;

/** The nearest nodes on the way to each input that are in `known`, weights left out. */
function frontierOf(graph: Graph, known: ReadonlySet<Node>): Frontier {
  const behind = new Map<Node, ReadonlySet<Source>>();
  const sources = (node: Node): ReadonlySet<Source> => {
    const found = new Set<Source>();
    for (const value of node.inputs) {
      if (value === null || graph.initializers.has(value)) continue;
      const { producer } = value;
      if (producer === null) found.add(value);
      else if (known.has(producer)) found.add(producer);
      else for (const source of behind.get(producer) ?? []) found.add(source);
    }
    return found;
  };
  // Forwards, so that long stretches of nodes that one graph lacks are no deep recursion.
  for (const node of graph.nodes) behind.set(node, sources(node));
  return (node) => behind.get(node) ?? new Set();
}

function nodeChange(before: Node, after: Node, pairs: NodePairs, frontiers: Change<Frontier>): NodeChange {
  const [x, y] = [printAttributes(before), printAttributes(after)];
  const names = before.opType === after.opType ? [...new Set([...x.keys(), ...y.keys()])] : [];
  const isOther = (name: string): boolean => x.get(name) !== y.get(name);
  return {
    before,
    after,
    isRenamed: before.name !== after.name,
    op: before.opType === after.opType ? null : { before: before.opType, after: after.opType },
    attributes: names.filter(isOther).map((name) => ({ name, before: x.get(name) ?? null, after: y.get(name) ?? null })),
    types: before.outputs.flatMap((value, output) => {
      const other = after.outputs[output];
      if (value === null || other === null || other === undefined || printType(value.type) === printType(other.type)) return [];
      return [{ output, before: value.type, after: other.type }];
    }),
    reads: readsOf(before, after, pairs, frontiers),
  };
}
const isChange = ({ isRenamed, op, attributes, types, reads }: NodeChange): boolean =>
  isRenamed || op !== null || attributes.length > 0 || types.length > 0 || reads !== null;

function readsOf(before: Node, after: Node, pairs: NodePairs, frontiers: Change<Frontier>): NodeChange["reads"] {
  const [x, y] = [frontiers.before(before), frontiers.after(after)];
  // Inputs of the graphs are told of on their own: here one is as good as another.
  const translated = new Set([...x].map((source) => ("opType" in source ? pairs.get(source) : "input")));
  const wanted = new Set([...y].map((source) => ("opType" in source ? source : "input")));
  if (translated.size === wanted.size && [...translated].every((source) => source !== undefined && wanted.has(source))) return null;
  const names = (sources: ReadonlySet<Source>): readonly string[] => [...sources].map(({ name }) => name);
  return { before: names(x), after: names(y) };
}

function costsOf(graph: Graph): Costs {
  const { parameters, macs, other } = cost(graph);
  return { nodes: graph.nodes.length, parameters, macs, other, weightBytes: weightBytes(graph) };
}

const fieldsOf = (graph: Graph): readonly OutputField[] =>
  graph.outputs.map((value) => ({
    output: value.name,
    fields: graph.inputs.map((input) => ({ input: input.name, axes: receptiveField(graph, value, input) })),
  }));
