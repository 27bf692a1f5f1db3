/** The optimising passes, and their order. */
import type { Graph } from "../ir/graph.ts";
import { eliminateCommonSubexpressions } from "./common-subexpression-elimination.ts";
import { foldConstants } from "./constant-folding.ts";
import { eliminateDeadCode } from "./dead-code-elimination.ts";
import { fuseBatchNorm } from "./fuse-batch-norm.ts";
import { removeIdentities } from "./identity-removal.ts";
import type { Applied, PassResult, Skipped } from "./rewrite.ts";

/** How much is done: nothing, or every pass. */
export type OptimizationLevel = "none" | "all";

/** What one pass did, over all the times it ran. */
export interface PassReport {
  readonly pass: string;
  readonly applied: readonly Applied[];
  /** How many nodes the graph has more; negative for fewer. */
  readonly nodeDelta: number;
  /** What it refused when it last ran. */
  readonly skipped: readonly Skipped[];
}
/** What all passes did, in their order. */
export type OptimizationReport = readonly PassReport[];

type Pass = (graph: Graph) => PassResult;
/** Each in the order of the array; all of them again until nothing changes. */
const passes: readonly (readonly [name: string, pass: Pass])[] = [
  ["dead-code-elimination", eliminateDeadCode],
  ["constant-folding", foldConstants],
  ["identity-removal", removeIdentities],
  ["fuse-batch-norm", fuseBatchNorm],
  ["common-subexpression-elimination", eliminateCommonSubexpressions],
];
const passesOf: Readonly<Record<OptimizationLevel, typeof passes>> = { none: [], all: passes };
/** Passes that undo each other would go on for ever; those here have always come to rest in three rounds. */
const maxRounds = 8;

/** The graph after the passes of a level, and what each of them did. The graph is the one given when nothing was changed. */
export function optimize(graph: Graph, level: OptimizationLevel = "all"): { readonly graph: Graph; readonly report: OptimizationReport } {
  const report = new Map<string, PassReport>();
  let current = graph;
  for (let round = 0; round < maxRounds; round++) {
    const before = current;
    for (const [name, pass] of passesOf[level]) {
      const result = pass(current);
      report.set(name, joined(report.get(name), name, result, result.graph.nodes.length - current.nodes.length));
      current = result.graph;
    }
    if (current === before) break;
  }
  return { graph: current, report: [...report.values()] };
}
function joined(known: PassReport | undefined, pass: string, { applied, skipped }: PassResult, nodeDelta: number): PassReport {
  return { pass, applied: [...(known?.applied ?? []), ...applied], nodeDelta: (known?.nodeDelta ?? 0) + nodeDelta, skipped };
}
