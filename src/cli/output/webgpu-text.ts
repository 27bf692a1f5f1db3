/** What a browser would run in wasm beside webgpu, as text. */
import type { OptimizationReport } from "../../passes/index.ts";
import { grouped, harmless } from "./terminal.ts";

/** A line for each op that the webgpu provider hands back, with how often; nothing where it takes all. */
export function webgpuText(report: OptimizationReport): string {
  const counts = new Map<string, number>();
  for (const { pass, skipped } of report)
    if (pass === "fit-webgpu") for (const { reason } of skipped) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, nodes]) => `  ${grouped(nodes)} not on webgpu: ${harmless(reason)}\n`).join("");
}
