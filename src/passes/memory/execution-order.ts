/** In which order onnxruntime runs the nodes of a graph. */
import type { Graph, Node } from "../../ir/graph.ts";

/**
 * The nodes in the order in which onnxruntime runs them, which is not the order of the file: the reverse of a depth-first search from the
 * nodes whose results no node reads, the last of the file first, and from each node through its inputs, again the last of the file first.
 * (`GraphViewer`'s default topological order, in onnxruntime's core/graph; sequential execution follows it exactly. Its other orders,
 * by priority and by memory, cannot be asked for through the session's options: there is no such configuration key.)
 *
 * Measured on onnxruntime 1.30 against the kernels of its profile: with its optimisations off, every one of the 2,159 nodes of ResNet-18's
 * training step stands in its place; with all of them on, those that survive stand in the same order but for one to eight.
 *
 * So a node runs as late as its readers allow, and what a file can say about the order is which of two inputs, and which of two results, is
 * wanted first: the one that stands later.
 */
export function executionOrder(graph: Graph): readonly Node[] {
  const position = new Map(graph.nodes.map((node, i) => [node, i]));
  const producers = graph.nodes.map((node) => producersOf(node, position));
  const isRead = new Uint8Array(graph.nodes.length);
  for (const list of producers) for (const at of list) isRead[at] = 1;
  // A node is entered, and left once all that it reads has been: -1 - i leaves node i.
  const stack = [...graph.nodes.keys()].filter((i) => isRead[i] === 0);
  const entered = new Uint8Array(graph.nodes.length);
  const order: Node[] = [];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const node = graph.nodes[top < 0 ? -1 - top : top];
    if (top < 0) {
      if (node !== undefined) order.push(node);
    } else if (entered[top] === 0) {
      entered[top] = 1;
      stack.push(-1 - top);
      for (const at of producers[top] ?? []) if (entered[at] === 0) stack.push(at);
    }
  }
  return order;
}

/** The places of the nodes that a node reads from, in ascending order. */
function producersOf(node: Node, position: ReadonlyMap<Node, number>): readonly number[] {
  const places = new Set<number>();
  for (const value of node.inputs) {
    const at = value?.producer ? position.get(value.producer) : undefined;
    if (at !== undefined) places.add(at);
  }
  return [...places].sort((a, b) => a - b);
}
