/** Constant folding by onnxruntime, of what the ops' own rules do not compute. */
import { writeModel } from "../../codegen/index.ts";
import type { Graph } from "../../ir/graph.ts";
import type { Target } from "../../ir/op-schema.ts";
import {
  joinReports,
  lower,
  type OptimizationReport,
  type OptimizeOptions,
  type Pass,
  passNames,
  reportOf,
  runConstants,
  unchanged,
} from "../../passes/index.ts";
import { createSession } from "../../runtime/index.ts";

const name = "constant-folding";

/** A graph whose constants are folded, and what the reports of later passes become with that in them. */
export interface FoldedGraph {
  readonly graph: Graph;
  told(report: OptimizationReport): OptimizationReport;
}

/**
 * The graph with what depends on constants alone computed, by onnxruntime where no rule of ours does. The graph stays where there is no such
 * thing, and where the pass "constant-folding" is not to run.
 */
export async function foldByRunning(graph: Graph, target: Target, { until, without = [], onPass }: OptimizeOptions): Promise<FoldedGraph> {
  const isLeftOut = without.includes(name) || (until !== undefined && passNames.indexOf(until) < passNames.indexOf(name));
  if (isLeftOut) return { graph, told: (report) => report };
  const result = await runConstants(graph, (part) => outputsOf(part, target));
  if (result.graph === graph) return { graph, told: (report) => report };
  const pass: Pass = (other) => (other === graph ? result : unchanged(other));
  onPass?.({ name, pass, before: graph, result });
  const mine = reportOf(name, graph, result);
  return { graph: result.graph, told: (report) => report.flatMap((row) => (row.pass === name ? joinReports([mine], [row]) : [row])) };
}
async function outputsOf(graph: Graph, target: Target) {
  const session = await createSession(writeModel(lower(graph, target), { opset: target.opset }), {
    providers: ["cpu"],
    graphOptimization: "none",
  });
  try {
    return new Map(Object.entries(await session.run({})));
  } finally {
    await session.dispose();
  }
}
