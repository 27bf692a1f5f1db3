/** Sizes of values in bytes, where shapes have symbols. */
import { type Dim, isUnknown, substitute, symbolsOf } from "../../ir/dim.ts";
import { dtypes } from "../../ir/dtype.ts";
import type { Graph, Value } from "../../ir/graph.ts";
import { elementCount } from "../../ir/shape.ts";

/** What a symbol counts as where nobody says: which of two orders needs less memory hardly depends on it. */
const likely = 32;

/** A number for each symbol of a graph's shapes: the given one, or a likely one. */
export function likelySizes(graph: Graph, given: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const value of valuesOf(graph)) {
    for (const dim of value.type.shape) for (const symbol of symbolsOf(dim)) sizes.set(symbol, given.get(symbol) ?? likely);
  }
  return sizes;
}
/** The symbols of a graph's shapes that have no number; "?" stands for sizes that depend on the contents of a tensor. */
export function openSymbols(graph: Graph, given: ReadonlyMap<string, number>): readonly string[] {
  const open = new Set<string>();
  for (const { type } of valuesOf(graph)) {
    for (const dim of type.shape) {
      if (isUnknown(dim)) open.add("?");
      else for (const symbol of symbolsOf(dim)) if (!given.has(symbol)) open.add(symbol);
    }
  }
  return [...open].sort();
}
const valuesOf = (graph: Graph): readonly Value[] => [
  ...graph.inputs,
  ...graph.nodes.flatMap((node) => node.outputs.filter((v) => v !== null)),
];

/** A dim as a number; one that stays unknown counts as a likely one. */
export function sizeOf(dim: Dim, sizes: ReadonlyMap<string, number>): number {
  const size = substitute(dim, sizes);
  return typeof size === "number" ? size : likely;
}
/** The bytes of a value. */
export function byteSize({ type: { dtype, shape } }: Value, sizes: ReadonlyMap<string, number>): number {
  return sizeOf(elementCount(shape), sizes) * dtypes[dtype].size;
}
