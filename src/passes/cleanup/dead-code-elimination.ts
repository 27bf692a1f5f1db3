/** Removes what no output depends on. */
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { type PassResult, unchanged } from "../rewrite.ts";

/**
 * The graph without nodes and initializers that no output depends on; inputs stay, they are the graph's interface. Nodes that remain
 * are shared with the old graph, outputs that nobody reads included: what a node computes is the node's affair.
 */
export function eliminateDeadCode(graph: Graph): PassResult {
  const live = new Set<Value>(graph.outputs);
  const kept: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((v) => v !== null && live.has(v))) continue;
    kept.push(node);
    for (const input of node.inputs) if (input !== null) live.add(input);
  }
  const initializers = new Map([...graph.initializers].filter(([value]) => live.has(value)));
  if (kept.length === graph.nodes.length && initializers.size === graph.initializers.size) return unchanged(graph);
  const alive = new Set(kept);
  const applied = graph.nodes.filter((node) => !alive.has(node)).map(({ name, location }) => ({ rule: "dead-code", node: name, location }));
  return { graph: { ...graph, nodes: kept.reverse(), initializers }, applied, skipped: [] };
}
