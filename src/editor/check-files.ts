/** `striate check`: type checking and tracing at the same time, and one report of both. */
import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import type { Diagnostic } from "../ir/diagnostic.ts";
import { type AnalyzerLimits, createAnalyzer, type Outcome } from "./analyzer.ts";
import type { ModelReport } from "./protocol.ts";
import type { SourceFile } from "./source-calls.ts";
import type { TypeChecker, TypeFinding } from "./type-checker.ts";

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
  /** Why types were not checked, a sentence for each reason. */
  readonly untyped: readonly string[];
}

/** Checks files. Those that export a model are run, in a process of their own with limits; all are type-checked. */
export async function checkFiles(given: readonly string[], limits: AnalyzerLimits): Promise<CheckReport> {
  const files = given.map((file) => resolve(file));
  const texts = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));
  // The process that runs the models has the most to load: it starts first.
  const analyzer = createAnalyzer(limits);
  const { createTypeChecker } = await import("./type-checker.ts");
  const checker = createTypeChecker(dirname(files[0] ?? process.cwd()));
  try {
    const typing = typeFindings(checker, texts);
    // Types are there before the trace is: where they find something, the parser loads while the other process works.
    void typing.then((found) => (found === null || found.length === 0 ? null : placing()));
    const outcomes = new Map<string, Outcome>();
    for (const [file, text] of texts) if (isRun(text)) outcomes.set(file, await analyzer.analyze(file, []));
    const others = importedFiles(outcomes, texts);
    const [own, imported] = [await typing, await typeFindings(checker, others)];
    const { known, untyped } = usable([...(own ?? []), ...(imported ?? [])]);
    const traced = [...outcomes].flatMap(([file, outcome]) => diagnosticsOf(file, outcome));
    return {
      files,
      models: [...outcomes].flatMap(([file, o]) => (o.kind === "analysis" ? o.analysis.models.map((model) => ({ ...model, file })) : [])),
      findings: traced.length + known.length === 0 ? [] : await placedFindings(traced, known, new Map([...texts, ...others])),
      untyped: own === null ? ["TypeScript could not be run"] : untyped,
    };
  } finally {
    checker.dispose();
    analyzer.dispose();
  }
}
/** Naming a file on the command line is trusting it; one that exports nothing is no model. */
const isRun = (text: string): boolean => /\bexport\b/.test(text) && /\bdefineModel\b|\bexport\s+default\b/.test(text);

async function typeFindings(checker: TypeChecker, texts: ReadonlyMap<string, string>): Promise<readonly TypeFinding[] | null> {
  const all: TypeFinding[] = [];
  for (const [file, text] of texts) {
    const found = await checker.check(file, text);
    if (found === null) return null;
    all.push(...found.filter((f) => f.severity === "error"));
  }
  return all;
}

/** Where this package cannot be found by the type checker, a file has no types to speak of: what follows from that is no mistake. */
function usable(findings: readonly TypeFinding[]): { readonly known: readonly TypeFinding[]; readonly untyped: readonly string[] } {
  const without = new Set(findings.filter((f) => f.code === moduleNotFound && f.message.includes("'striate'")).map((f) => f.file));
  const untyped = [...without].map(
    (file) => `${relative(process.cwd(), file)} imports striate, which is not installed there: npm install striate`,
  );
  return { known: findings.filter((f) => !without.has(f.file)), untyped };
}
const moduleNotFound = 2307;

/** The user's files that the checked ones load. */
function importedFiles(outcomes: ReadonlyMap<string, Outcome>, known: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const files = [...outcomes.values()].flatMap((o) => (o.kind === "analysis" ? o.analysis.files : []));
  const others = [...new Set(files)].filter((file) => !known.has(file) && /\.[cm]?tsx?$/.test(file));
  return new Map(others.map((file) => [file, readFileSync(file, "utf8")]));
}

function diagnosticsOf(file: string, outcome: Outcome): readonly Diagnostic[] {
  if (outcome.kind === "analysis") return outcome.analysis.diagnostics;
  if (outcome.kind === "cancelled") return [];
  const location = { position: { file, line: 1, column: 1 } };
  const help = "look for a loop without an end, or give it more with --time-limit and --memory-limit";
  return [{ severity: "error", code: "model-stopped", message: `the model file was stopped: ${outcome.why}`, location, notes: [], help }];
}

/** What places findings in a text: with the parser, which takes as long to load as all else here and is not needed where nothing is found. */
const placing = () => Promise.all([import("./source-calls.ts"), import("./argument.ts"), import("./merge-findings.ts")]);

/** The findings, each once and at the argument that it is about. */
async function placedFindings(
  diagnostics: readonly Diagnostic[],
  types: readonly TypeFinding[],
  texts: ReadonlyMap<string, string>,
): Promise<readonly CheckFinding[]> {
  const [{ readSource, placeAt }, { spanOfDiagnostic }, { mergeFindings, ruleIn }] = await placing();
  const sources = new Map([...texts].map(([file, text]) => [file, readSource(file, text)]));
  const sourceOf = (file: string): SourceFile | undefined => sources.get(file);
  const { traced, both, typed } = mergeFindings(diagnostics, types, sourceOf);
  const placed = traced.map((d): CheckFinding => {
    const source = d.location.position === null ? undefined : sourceOf(d.location.position.file);
    if (source === undefined) return { ...d, end: null };
    const span = spanOfDiagnostic(source, d);
    return { ...d, location: { position: { file: source.file, ...placeAt(source, span.start) } }, end: placeAt(source, span.end) };
  });
  const exact = both.map(({ diagnostic, type }): CheckFinding => ({ ...diagnostic, ...placeOf(type) }));
  const typing = typed.map((type): CheckFinding => {
    const message = ruleIn(type.message) ?? type.message.split("\n")[0] ?? "";
    return { severity: "error", code: `TS${type.code}`, message, notes: [], help: typeHelps[type.code], ...placeOf(type) };
  });
  return [...placed, ...exact, ...typing].sort(byPlace);
}
/** How to mend what the type checker cannot say of shapes, by its error's number. */
const typeHelps: Readonly<Record<number, string>> = {
  2589: "a generic function holds too many layers in a row: split it, and call the parts one after the other where the shape is known",
};
const placeOf = ({ file, range }: TypeFinding): Pick<CheckFinding, "location" | "end"> => ({
  location: { position: { file, line: range.start.line + 1, column: range.start.character + 1 } },
  end: { line: range.end.line + 1, column: range.end.character + 1 },
});
function byPlace({ location: { position: a } }: Diagnostic, { location: { position: b } }: Diagnostic): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column;
}
