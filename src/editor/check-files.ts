/** `striate check`: type checking and tracing at the same time, and one report of both. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Diagnostic } from "../ir/diagnostic.ts";
import { type AnalyzerLimits, createAnalyzer, type Outcome } from "./analyzer.ts";
import type { MergedFindings } from "./merge-findings.ts";
import type { ModelReport } from "./protocol.ts";
import type { SourceFile } from "./source-calls.ts";
import { createTypeChecker, type TypeFinding } from "./type-checker.ts";

/** A diagnostic with the end of what it underlines; null where only the beginning is known. */
export interface CheckFinding extends Diagnostic {
  readonly end: { readonly line: number; readonly column: number } | null;
}
/** What a check found. */
export interface CheckReport {
  readonly files: readonly string[];
  readonly models: readonly (ModelReport & { readonly file: string })[];
  /** In the order of the files and their lines. */
  readonly findings: readonly CheckFinding[];
  /** False when TypeScript could not be run. */
  readonly typesChecked: boolean;
}

/** Checks files. Those that export a model are run, in a process of their own with limits; all are type-checked. */
export async function checkFiles(given: readonly string[], limits: AnalyzerLimits): Promise<CheckReport> {
  const files = given.map((file) => resolve(file));
  const checker = createTypeChecker(dirname(files[0] ?? process.cwd()));
  const analyzer = createAnalyzer(limits);
  try {
    const texts = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));
    const typing = typeFindings(checker, texts);
    // The parser loads while the two processes start.
    const { readSource } = await import("./source-calls.ts");
    const sources = new Map([...texts].map(([file, text]) => [file, readSource(file, text)]));
    const outcomes = new Map<string, Outcome>();
    for (const source of sources.values()) if (isRun(source)) outcomes.set(source.file, await analyzer.analyze(source.file, []));
    const others = importedFiles(outcomes, texts);
    for (const [file, text] of others) sources.set(file, readSource(file, text));
    const [own, imported] = [await typing, await typeFindings(checker, others)];
    const { mergeFindings } = await import("./merge-findings.ts");
    const sourceOf = (file: string): SourceFile | undefined => sources.get(file);
    const merged = mergeFindings(
      [...outcomes].flatMap(([file, outcome]) => diagnosticsOf(file, outcome)),
      [...(own ?? []), ...(imported ?? [])],
      sourceOf,
    );
    return {
      files,
      models: [...outcomes].flatMap(([file, o]) => (o.kind === "analysis" ? o.analysis.models.map((model) => ({ ...model, file })) : [])),
      findings: await findingsIn(merged, sourceOf),
      typesChecked: own !== null,
    };
  } finally {
    checker.dispose();
    analyzer.dispose();
  }
}
/** Naming a file on the command line is trusting it; one that exports nothing is no model. */
const isRun = (source: SourceFile): boolean => source.exportsModel || source.exports.some((e) => e.name === "default");

async function typeFindings(
  checker: ReturnType<typeof createTypeChecker>,
  texts: ReadonlyMap<string, string>,
): Promise<readonly TypeFinding[] | null> {
  const all: TypeFinding[] = [];
  for (const [file, text] of texts) {
    const found = await checker.check(file, text);
    if (found === null) return null;
    all.push(...found.filter((f) => f.severity === "error"));
  }
  return all;
}

/** The user's files that the checked ones load. */
function importedFiles(outcomes: ReadonlyMap<string, Outcome>, known: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const files = [...outcomes.values()].flatMap((o) => (o.kind === "analysis" ? o.analysis.files : []));
  const others = [...new Set(files)].filter((file) => !known.has(file) && /\.[cm]?tsx?$/.test(file));
  return new Map(others.map((file) => [file, readFileSync(file, "utf8")]));
}

function diagnosticsOf(file: string, outcome: Outcome): readonly Diagnostic[] {
  if (outcome.kind === "analysis") return outcome.analysis.diagnostics;
  const location = { position: { file, line: 1, column: 1 } };
  const help = "look for a loop without an end, or give it more with --time-limit and --memory-limit";
  return [{ severity: "error", code: "model-stopped", message: `the model file was stopped: ${outcome.why}`, location, notes: [], help }];
}

async function findingsIn(
  { traced, both, typed }: MergedFindings,
  sourceOf: (file: string) => SourceFile | undefined,
): Promise<readonly CheckFinding[]> {
  const { spanOfDiagnostic } = await import("./argument.ts");
  const { placeAt } = await import("./source-calls.ts");
  const { ruleIn } = await import("./merge-findings.ts");
  const placed = traced.map((d): CheckFinding => {
    const source = d.location.position === null ? undefined : sourceOf(d.location.position.file);
    if (source === undefined) return { ...d, end: null };
    const span = spanOfDiagnostic(source, d);
    return { ...d, location: { position: { file: source.file, ...placeAt(source, span.start) } }, end: placeAt(source, span.end) };
  });
  const exact = both.map(({ diagnostic, type }): CheckFinding => ({ ...diagnostic, ...placeOf(type) }));
  const types = typed.map((type): CheckFinding => {
    const message = ruleIn(type.message) ?? type.message.split("\n")[0] ?? "";
    return { severity: "error", code: `TS${type.code}`, message, notes: [], help: undefined, ...placeOf(type) };
  });
  return [...placed, ...exact, ...types].sort(byPlace);
}
const placeOf = ({ file, range }: TypeFinding): Pick<CheckFinding, "location" | "end"> => ({
  location: { position: { file, line: range.start.line + 1, column: range.start.character + 1 } },
  end: { line: range.end.line + 1, column: range.end.character + 1 },
});
function byPlace({ location: { position: a } }: Diagnostic, { location: { position: b } }: Diagnostic): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column;
}
