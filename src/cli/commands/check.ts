/** `striate check`. */
import { readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { Command } from "commander";
import { checkFiles } from "../../editor/check-files.ts";
import { userError } from "../../ir/diagnostic.ts";
import { nowhere } from "../../ir/location.ts";
import { naturalNumber, oneOf, SaidAlready, UsageError } from "../input/usage.ts";
import { type CheckFormat, checkFormats, printReport } from "../output/check-formats.ts";

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
  striate check models --format github
  striate check my-net.ts --format sarif > striate.sarif`;

const wordOf =
  (option: string, words: readonly CheckFormat[]) =>
  (text: string): CheckFormat =>
    oneOf(option, text, words);

/** Checks model files without compiling them. */
export function checkCommand(): Command {
  return new Command("check")
    .argument("<files...>", "files of TypeScript, or folders of them")
    .option("--format <format>", checkFormats.join(", "), wordOf("--format", checkFormats), "text")
    .option("--time-limit <seconds>", "for the run of each file", (text) => naturalNumber("--time-limit", text, 1), 30)
    .option("--memory-limit <megabytes>", "for the run of each file", (text) => naturalNumber("--memory-limit", text, 64), 2048)
    .addHelpText("after", examples)
    .action(async (given: readonly string[], { format, timeLimit, memoryLimit }: Flags) => {
      const files = [...new Set(given.flatMap(filesOf))];
      const report = await checkFiles(files, { timeLimit: timeLimit * 1000, memoryLimit });
      printReport(report, format);
      if (report.findings.some((f) => f.severity === "error")) throw new SaidAlready("the check found errors");
    });
}

const extensions: ReadonlySet<string> = new Set([".ts", ".mts", ".tsx"]);
const isSource = (file: string): boolean => extensions.has(extname(file)) && !/\.d\.m?ts$/.test(file);
/** The file of a name, or the sources below a folder of this name. */
function filesOf(name: string): readonly string[] {
  const found = statSync(name, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) {
    const files = sourcesIn(name);
    if (files.length === 0) throw new UsageError(`${name}: there are no files of TypeScript in this folder`);
    return files;
  }
  if (!extensions.has(extname(name))) throw new UsageError(`${name}: check takes files of TypeScript, or folders of them`);
  if (found?.isFile() !== true) throw userError("model-file", `${name}: there is no such file`, nowhere);
  return [name];
}
/** Not what is installed, nor what starts with a dot. */
const sourcesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { withFileTypes: true })
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .flatMap((entry): readonly string[] => {
      const path = join(folder, entry.name);
      if (entry.name.startsWith(".") || entry.name === "node_modules") return [];
      if (entry.isDirectory()) return sourcesIn(path);
      return entry.isFile() && isSource(path) ? [path] : [];
    });
