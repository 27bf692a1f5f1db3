/** What the optimiser did, as reports show it. */
import type { OptimizationReport } from "../passes/index.ts";
import type { PassRow } from "../report/index.ts";

/** A row for each pass. */
export const passRows = (report: OptimizationReport): readonly PassRow[] =>
  report.map(({ pass, applied, nodeDelta, macDelta, byteDelta, skipped }) => ({
    name: pass,
    applied: applied.length,
    nodeDelta,
    macDelta,
    byteDelta,
    refusals: skipped,
  }));
