/** Copies a graph into a builder, which infers every type and every known content anew. */
import type { GraphBuilder } from "../ir/builder.ts";
import { InternalError } from "../ir/diagnostic.ts";
import type { Graph, Node, Value } from "../ir/graph.ts";

/** Which value of the copy stands for a value of the original. */
export type ValueMap = Map<Value, Value>;

/** The value that stands for one of the original. Throws an InternalError when the graph uses a value before it is made. */
export function mapped(map: Pick<ReadonlyMap<Value, Value>, "get">, value: Value): Value {
  const found = map.get(value);
  if (found === undefined) throw new InternalError(`"${value.name}" is used before it is made, or belongs to another graph`);
  return found;
}
/** The same for a node's inputs, where null stays null. */
export const mappedInputs = (map: Pick<ReadonlyMap<Value, Value>, "get">, node: Node): readonly (Value | null)[] =>
  node.inputs.map((v) => (v === null ? null : mapped(map, v)));

/** Declares a graph's inputs and initializers in a builder, and keeps the names of all that the graph holds. Values in `replace` are not added. */
export function copyInterface(b: GraphBuilder, graph: Graph, replace: ReadonlyMap<Value, Value> = new Map()): ValueMap {
  const map: ValueMap = new Map(replace);
  b.reserve(graph.nodes.flatMap((node) => [node.name, ...node.outputs.flatMap((v) => (v === null ? [] : [v.name]))]));
  b.reserve(graph.outputs.map((v) => v.name));
  for (const input of graph.inputs) if (!map.has(input)) map.set(input, b.input(input.name, input.type));
  for (const [value, data] of graph.initializers) if (!map.has(value)) map.set(value, b.initializerLike(value, data));
  return map;
}

/** Adds a node like one of another graph, under the same names, with the inputs that `map` has for its own; `map` learns its outputs. */
export function copyNode(b: GraphBuilder, node: Node, map: ValueMap): Node {
  const copy = b.addLike(node, mappedInputs(map, node));
  node.outputs.forEach((old, i) => {
    const made = copy.outputs[i];
    if (old !== null && made !== null && made !== undefined) map.set(old, made);
  });
  return copy;
}

/**
 * Adds a graph's inputs, initializers and nodes to a builder and tells which value became which; outputs are not declared.
 * A value in `replace` is not copied: what it maps to, a value of the builder, takes its place.
 */
export function copyGraph(b: GraphBuilder, graph: Graph, { replace }: { readonly replace?: ReadonlyMap<Value, Value> } = {}): ValueMap {
  const map = copyInterface(b, graph, replace);
  for (const node of graph.nodes) {
    // A node all of whose outputs are replaced has nothing left to compute.
    if (node.outputs.every((v) => v === null || map.has(v))) continue;
    const overridden = node.outputs.flatMap((v) => (v !== null && map.has(v) ? [[v, mapped(map, v)] as const] : []));
    copyNode(b, node, map);
    for (const [old, instead] of overridden) map.set(old, instead);
  }
  return map;
}

/** Declares the outputs of a copied graph under their own names. */
export function copyOutputs(b: GraphBuilder, graph: Graph, map: ReadonlyMap<Value, Value>): void {
  for (const output of graph.outputs) b.output(mapped(map, output), output.name);
}
