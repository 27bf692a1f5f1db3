/** What a conversion to 16 bits left in float32, as text. */
import type { OptimizationReport } from "../../passes/index.ts";
import { grouped, harmless } from "./terminal.ts";

/** A line for each reason that kept nodes in float32, unless nothing was refused but by the user's list. */
export function halfText(report: OptimizationReport): string {
  return report
    .filter(({ pass }) => pass === "to-float16" || pass === "to-bfloat16")
    .map(({ pass, applied, skipped }) => {
      const refused = skipped.filter(({ reason }) => !reason.includes("is on the list"));
      const counts = new Map<string, number>();
      for (const { reason } of refused) counts.set(reason, (counts.get(reason) ?? 0) + 1);
      if (counts.size === 0) return "";
      const all = applied.length + skipped.length;
      const lines = [...counts].map(([reason, nodes]) => `    ${grouped(nodes)} in float32: ${harmless(reason)}\n`);
      return `  ${pass.slice(3)} in ${grouped(applied.length)} of ${grouped(all)} nodes\n${lines.join("")}`;
    })
    .join("");
}
