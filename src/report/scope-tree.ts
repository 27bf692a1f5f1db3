/** The nodes of a graph as a tree of scopes, which their names say. */
import type { Graph, Node } from "../ir/graph.ts";
import { scopeLabel, scopePath } from "../ir/scope-names.ts";

/** A scope with what is in it, in the graph's order. */
export interface Scope {
  readonly name: string;
  /** What the scope around it does not say. */
  readonly label: string;
  readonly parts: readonly ScopePart[];
}
/** A node, or a scope within a scope. */
export type ScopePart =
  | { readonly kind: "node"; readonly label: string; readonly node: Node }
  | { readonly kind: "scope"; readonly scope: Scope };

/** More parts than this stand in a scope as pieces of `pieceSize`: names without scopes make graphs that nobody can overlook, or lay out. */
const mostParts = 90;
const pieceSize = 40;

/** The whole graph as one scope. A scope of one part is that part. */
export function scopeTree(graph: Graph): Scope {
  const placed = graph.nodes.map((node) => ({ node, path: scopePath(node.name) }));
  return { name: graph.name, label: graph.name, parts: inPieces(partsOf(placed, 0)) };
}

interface Placed {
  readonly node: Node;
  readonly path: readonly string[];
}

function partsOf(placed: readonly Placed[], depth: number): readonly ScopePart[] {
  const groups = new Map<string, Placed[]>();
  placed.forEach((item, i) => {
    const isLeaf = item.path.length === depth + 1;
    const key = isLeaf ? `${i}` : `scope ${item.path[depth]}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [item]);
    else known.push(item);
  });
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [partOf(group, first, depth)];
  });
}

function partOf(group: readonly Placed[], first: Placed, depth: number): ScopePart {
  const name = first.path[depth] ?? first.node.name;
  const label = scopeLabel(name, first.path[depth - 1]);
  if (first.path.length === depth + 1) return { kind: "node", label, node: first.node };
  const parts = partsOf(group, depth + 1);
  const [only, more] = parts;
  if (only === undefined || more !== undefined) return { kind: "scope", scope: { name, label, parts: inPieces(parts) } };
  if (only.kind === "scope") return { kind: "scope", scope: { ...only.scope, label: `${label}.${only.scope.label}` } };
  // `conv1/Conv`: the op says nothing that the box does not say anyway.
  return { ...only, label: only.label.startsWith(only.node.opType) ? label : `${label}.${only.label}` };
}

function inPieces(parts: readonly ScopePart[]): readonly ScopePart[] {
  if (parts.length <= mostParts) return parts;
  const size = Math.max(pieceSize, Math.ceil(parts.length / mostParts));
  const pieces = Array.from({ length: Math.ceil(parts.length / size) }, (_, i): ScopePart => {
    const label = `parts ${i * size + 1} to ${Math.min(parts.length, (i + 1) * size)}`;
    return { kind: "scope", scope: { name: label, label, parts: inPieces(parts.slice(i * size, (i + 1) * size)) } };
  });
  return pieces;
}

/** All nodes in a part. */
export const nodesIn = (part: ScopePart): readonly Node[] => (part.kind === "node" ? [part.node] : part.scope.parts.flatMap(nodesIn));
