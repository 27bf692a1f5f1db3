/** What passes did, and what verification found, as text. */
import type { Dim } from "../../ir/dim.ts";
import { printLocation, type SourceLocation } from "../../ir/location.ts";
import type { OptimizationReport } from "../../passes/index.ts";
import type { Sizes, Verification } from "../running/verify-passes.ts";
import { byteCount, grouped, harmless, outColors } from "./terminal.ts";

/** A line per pass with what it changed, and one for each refusal with its reason and the user's line. */
export function explanation(report: OptimizationReport): string {
  if (report.length === 0) return "  no pass ran\n";
  const width = Math.max(...report.map(({ pass }) => pass.length));
  return report
    .flatMap(({ pass, applied, nodeDelta, macDelta, byteDelta, skipped }) => {
      const deltas = [
        delta(nodeDelta, "nodes"),
        macText(macDelta),
        byteDelta === 0 ? "" : `${sign(byteDelta)}${byteCount(Math.abs(byteDelta))}`,
      ];
      const parts = [`${applied.length} applied`, ...deltas, skipped.length > 0 ? `${skipped.length} refused` : ""];
      return [
        `  ${pass.padEnd(width)}  ${parts.filter((text) => text !== "").join(", ")}\n`,
        ...skipped.map((skip) => `  ${" ".repeat(width)}    ${harmless(skip.node)}: ${harmless(skip.reason)}${place(skip.location)}\n`),
      ];
    })
    .join("");
}
const sign = (n: number): string => (n < 0 ? "-" : "+");
const delta = (n: number, what: string): string => (n === 0 ? "" : `${sign(n)}${grouped(Math.abs(n))} ${what}`);
const macText = (macs: Dim): string => (typeof macs === "number" ? delta(macs, "MACs") : `${macs} MACs`);
const place = (location: SourceLocation): string => {
  const text = printLocation(location);
  return text === "" ? "" : ` (${harmless(text)})`;
};

/** A line per run of a pass with the largest relative error; what broke it stands below. */
export function verificationText({ verdicts, sizes, skipped }: Verification): string {
  if (verdicts.length === 0) return "  nothing changed, nothing to verify\n";
  const width = Math.max(...verdicts.map(({ pass }) => pass.length));
  const lines = verdicts.map(({ pass, changes, error, tolerance, worst, culprit }) => {
    const isWrong = error > tolerance;
    const mark = isWrong ? outColors().red("WRONG") : "same";
    const where = worst === null || !isWrong ? "" : ` in "${harmless(worst.output)}"${sizesText(worst.sizes, " at ")}`;
    const broken =
      culprit === null ? "" : `\n  ${" ".repeat(width)}    ${culprit.rule} at ${harmless(culprit.node)}${place(culprit.location)}`;
    return `  ${pass.padEnd(width)}  ${mark}: largest relative error ${error.toExponential(1)}${where}${changes === 0 ? "" : ` (${changes} changes)`}${broken}\n`;
  });
  const ran = sizes.map((size) => (size.size === 0 ? "the sizes it has" : sizesText(size, "")));
  const notes = skipped.map(({ sizes: size, reason }) => `  not run${sizesText(size, " at ")}: ${harmless(reason.split("\n")[0] ?? "")}\n`);
  return [...lines, ...(ran.length > 0 ? [`  verified at ${ran.join("; ")}\n`] : []), ...notes].join("");
}
const sizesText = (sizes: Sizes, before: string): string =>
  sizes.size === 0 ? "" : `${before}${[...sizes].map(([symbol, size]) => `${symbol}=${size}`).join(", ")}`;
