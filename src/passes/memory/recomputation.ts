/** The pass that recomputes under a memory budget, or what the user has marked. */
import { type CompileError, userError } from "../../ir/diagnostic.ts";
import type { Graph, Node } from "../../ir/graph.ts";
import { nowhere } from "../../ir/location.ts";
import { scopePath } from "../../ir/scope-names.ts";
import { type MemoryWishes, type Pass, type PassResult, unchanged } from "../rewrite.ts";
import { peakMemory, type Recomputed, recompute } from "./recompute.ts";
import { likelySizes, openSymbols } from "./value-sizes.ts";

const rule = "recompute";

/**
 * The graph with the values that it would keep for long computed again, as few as bring its memory within the budget, and those of the
 * scopes that are to be recomputed in any case. Every output stays equal bit by bit. The graph itself where nothing is asked for.
 * Throws a CompileError on a budget that cannot be met, which says the least that can, or that cannot be judged because a size is open.
 */
export const recomputeWithin: Pass = (graph, { accept = () => true, memory = {} } = {}) => {
  const { budget, recompute: isMarked, sizes: given = new Map() } = memory;
  if (budget === undefined && isMarked === undefined) return unchanged(graph);
  if (budget !== undefined) checkSizes(graph, given);
  const sizes = likelySizes(graph, given);
  if (isMarked === undefined && budget !== undefined && peakMemory(graph, sizes) <= budget) return unchanged(graph);
  const segments = segmentsOf(graph, isMarked);
  const made = recompute(graph, sizes, {
    budget: budget ?? Number.POSITIVE_INFINITY,
    segmentOf: (node) => segments.get(node) ?? null,
    isKept: (node) => !accept(change(node)) || (budget === undefined && !segments.has(node)),
  });
  if (budget !== undefined && (made === null || made.peak > budget)) throw overBudget(graph, made, budget, sizes);
  // Without second runs the graph may be another still: dead code is gone from it, which can be what the budget wants.
  return made === null || (made.again.length === 0 && budget === undefined) ? unchanged(graph) : resultOf(made);
};
const change = ({ name, location }: Node) => ({ rule, node: name, location });
const resultOf = ({ graph, again }: Recomputed): PassResult => ({ graph, applied: again.map(change), skipped: [] });

/** The segment of each node that is in one: the widest of its scopes that is marked. Throws a CompileError when none is. */
function segmentsOf(graph: Graph, isMarked: MemoryWishes["recompute"]): ReadonlyMap<Node, string> {
  if (isMarked === undefined) return new Map();
  const segments = new Map(
    graph.nodes.flatMap((node) => {
      const scope = scopesOf(node).find(isMarked);
      return scope === undefined ? [] : [[node, scope] as const];
    }),
  );
  if (segments.size > 0) return segments;
  const scopes = [...new Set(graph.nodes.flatMap((node) => scopesOf(node)[0] ?? []))].sort();
  throw userError("unknown-name", "recompute: the patterns fit no scope of the model", nowhere, {
    help: `scopes are ${scopes.slice(0, 12).join(", ")}${scopes.length > 12 ? ` and ${scopes.length - 12} more` : ""}, and those within them`,
  });
}
/**
 * "layer1.0.conv1/Conv" is in layer1, layer1.0 and layer1.0.conv1, and "/layer1/conv1/Conv", as other tools name it, in /layer1 and
 * /layer1/conv1.
 */
function scopesOf({ name }: Node): readonly string[] {
  const [path = ""] = name.split("/");
  if (path === "") return scopePath(name).slice(0, -1);
  const parts = path.split(".");
  return parts.map((_, i) => parts.slice(0, i + 1).join("."));
}

function checkSizes(graph: Graph, sizes: ReadonlyMap<string, number>): void {
  const open = openSymbols(graph, sizes);
  if (open.length === 0) return;
  const symbols = open.filter((symbol) => symbol !== "?");
  const reason = symbols.length > 0 ? `the size of ${symbols.join(", ")}` : "the contents of a tensor";
  throw userError("memory-budget", `memory budget: how much memory the step needs depends on ${reason}`, nowhere, {
    help:
      symbols.length > 0
        ? `fix it with --shape, as in --shape input=32,3,224,224, or judge by one with --assume ${symbols[0]}=32 (in the API: memory.sizes)`
        : "such a graph cannot be held to a budget",
  });
}
function overBudget(graph: Graph, made: Recomputed | null, budget: number, sizes: ReadonlyMap<string, number>): CompileError {
  const before = peakMemory(graph, sizes);
  const least = Math.min(made?.peak ?? before, before);
  return userError(
    "memory-budget",
    `memory budget: the step needs at least ${inMegabytes(least)}, with all the recomputation that helps (${inMegabytes(before)} without), but the budget is ${inMegabytes(budget)}`,
    nowhere,
    { help: `raise the budget to ${Math.ceil(least)} bytes, or make the batch smaller` },
  );
}
const inMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
