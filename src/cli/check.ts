/** `striate check`. */
import { statSync } from "node:fs";
import { extname } from "node:path";
import { Command } from "commander";
import { checkFiles } from "../editor/check-files.ts";
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";
import { type CheckFormat, checkFormats, printReport } from "./check-formats.ts";
import { naturalNumber, oneOf, SaidAlready, UsageError } from "./usage.ts";

interface Flags {
  readonly format: CheckFormat;
  readonly timeLimit: number;
  readonly memoryLimit: number;
}

const examples = `
Type-checks the files, runs those that export a model, and traces their models: what types can know and what only running shows, each
mistake once. Functions that make a model are called without options. Exit code 1 when there are errors; warnings alone pass.

Examples:
  striate check my-net.ts
  striate check models/*.ts --format github
  striate check my-net.ts --format sarif > striate.sarif`;

const wordOf =
  (option: string, words: readonly CheckFormat[]) =>
  (text: string): CheckFormat =>
    oneOf(option, text, words);

/** Checks model files without compiling them. */
export function checkCommand(): Command {
  return new Command("check")
    .argument("<files...>", "files of TypeScript")
    .option("--format <format>", checkFormats.join(", "), wordOf("--format", checkFormats), "text")
    .option("--time-limit <seconds>", "for the run of each file", (text) => naturalNumber("--time-limit", text, 1), 30)
    .option("--memory-limit <megabytes>", "for the run of each file", (text) => naturalNumber("--memory-limit", text, 64), 2048)
    .addHelpText("after", examples)
    .action(async (files: readonly string[], { format, timeLimit, memoryLimit }: Flags) => {
      for (const file of files) checkFile(file);
      const report = await checkFiles(files, { timeLimit: timeLimit * 1000, memoryLimit });
      printReport(report, format);
      if (report.findings.some((f) => f.severity === "error")) throw new SaidAlready("the check found errors");
    });
}

const extensions: ReadonlySet<string> = new Set([".ts", ".mts", ".tsx"]);
function checkFile(file: string): void {
  if (!extensions.has(extname(file))) throw new UsageError(`${file}: check takes files of TypeScript`);
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true)
    throw userError("model-file", `${file}: there is no such file`, nowhere);
}
