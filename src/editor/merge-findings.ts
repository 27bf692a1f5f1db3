/** What the type checker says and what tracing says, each mistake once. */
import type { Diagnostic, Note } from "../ir/diagnostic.ts";
import type { SourcePosition } from "../ir/location.ts";
import { callOfDiagnostic, spanOfDiagnostic } from "./argument.ts";
import { callAround, callNamedAt, offsetAt, type SourceFile } from "./source-calls.ts";
import type { TypeFinding } from "./type-checker.ts";

/** The findings of both. */
export interface MergedFindings {
  /** Found by tracing alone. */
  readonly traced: readonly Diagnostic[];
  /** Found by both: the types know the exact argument, the trace what the mistake comes from and how to mend it. */
  readonly both: readonly { readonly diagnostic: Diagnostic; readonly type: TypeFinding }[];
  /** Found by the type checker alone. */
  readonly typed: readonly TypeFinding[];
}

/** Sorts findings by who made them. `sourceOf` gives the text that a place is in; undefined for a file that was not read. */
export function mergeFindings(
  diagnostics: readonly Diagnostic[],
  types: readonly TypeFinding[],
  sourceOf: (file: string) => SourceFile | undefined,
): MergedFindings {
  const open = new Set(types);
  const traced: Diagnostic[] = [];
  const both: { diagnostic: Diagnostic; type: TypeFinding }[] = [];
  for (const diagnostic of diagnostics) {
    // The types may say it twice, at the argument and where the call's result goes: the argument, the narrower of them, stands for both.
    const [type, ...others] = [...open].filter((t) => isSame(diagnostic, t, sourceOf)).sort((a, b) => lengthOf(a) - lengthOf(b));
    if (type === undefined) {
      const elsewhere = onlyTwin(diagnostic, diagnostics, [...open]);
      if (elsewhere !== undefined) open.delete(elsewhere);
      traced.push(elsewhere === undefined ? diagnostic : { ...diagnostic, notes: [...diagnostic.notes, toldAt(elsewhere)] });
    } else if (absentCodes.has(type.code)) {
      // The trace only knows that nothing came; the types know the name that is not there.
      for (const same of others) open.delete(same);
    } else {
      for (const same of [type, ...others]) open.delete(same);
      both.push({ diagnostic, type });
    }
  }
  return { traced, both, typed: [...open] };
}

/** How much of a text a finding underlines; what spans lines is longer than what does not. */
const lengthOf = ({ range: { start, end } }: TypeFinding): number => (end.line - start.line) * 10_000 + end.character - start.character;

/** The rule's message in a type checker's: the text of the literal type that an argument does not fit; null without one. */
export const ruleIn = (message: string): string | null => {
  const found = [...message.matchAll(/"((?:[^"\\]|\\.)*)"/g)]
    .map(([, text = ""]) => text.replaceAll('\\"', '"'))
    .filter((text) => /^\w+: /.test(text));
  return found.at(-1) ?? null;
};
/** A message as the rule says it: without the layer's name and the scope. */
export const nameless = (message: string): string => message.replace(/^(\w+)(?: in)? "[^"]*":/, "$1:");

/** The one finding of the types with a diagnostic's words, where it is told elsewhere: at a call of a generic function or of a sequence. */
function onlyTwin(diagnostic: Diagnostic, all: readonly Diagnostic[], types: readonly TypeFinding[]): TypeFinding | undefined {
  const words = nameless(diagnostic.message);
  const twins = types.filter((type) => ruleIn(type.message) === words);
  return all.filter((d) => nameless(d.message) === words).length === 1 && twins.length === 1 ? twins[0] : undefined;
}
const toldAt = ({ file, range: { start } }: TypeFinding): Note => ({
  message: "its result goes in here",
  location: { position: { file, line: start.line + 1, column: start.character + 1 } },
});

/** The same words at the same call, or at the scope around it, where the type checker reports what happened inside. */
function isSame(diagnostic: Diagnostic, type: TypeFinding, sourceOf: (file: string) => SourceFile | undefined): boolean {
  if (diagnostic.code === "syntax") return type.code < firstSemantic && isOnLine(diagnostic.location.position, type);
  const rule = ruleIn(type.message);
  if (rule === null) return isSameArgument(diagnostic, type, sourceOf);
  if (rule !== nameless(diagnostic.message)) return false;
  const scopes = diagnostic.notes.filter((note) => note.message.startsWith("in the scope")).map((note) => note.location.position);
  return [diagnostic.location.position, ...scopes].some((position) => position !== null && isWithin(position, type, sourceOf));
}
/** The compiler's own words on the argument that tracing is about, or on the number of arguments, from which all else follows. */
function isSameArgument(diagnostic: Diagnostic, type: TypeFinding, sourceOf: (file: string) => SourceFile | undefined): boolean {
  const source = sourceOf(type.file);
  if (source === undefined || diagnostic.severity !== "error" || diagnostic.code === "model-code") return false;
  const call = callOfDiagnostic(source, diagnostic);
  const [start, end] = [type.range.start, type.range.end].map(({ line, character }) => offsetAt(source, line + 1, character + 1));
  if (call === undefined || start === undefined || end === undefined) return false;
  // An argument that is a call itself begins inside of that call.
  if (callAround(source, start) !== call && !call.args.some((arg) => arg.start === start && arg.end === end)) return false;
  const span = spanOfDiagnostic(source, diagnostic);
  return type.code === argumentCount || (start < span.end && span.start < end);
}
/** "Expected 2 arguments, but got 1." */
const argumentCount = 2554;
/** "Property 'x' does not exist", without and with a name that could be meant. */
const absentCodes: ReadonlySet<number> = new Set([2339, 2551]);
/** TypeScript's codes below this are about syntax. */
const firstSemantic = 2000;
const isOnLine = (position: SourcePosition | null, { file, range }: TypeFinding): boolean =>
  position?.file === file && position.line === range.start.line + 1;
function isWithin(position: SourcePosition, type: TypeFinding, sourceOf: (file: string) => SourceFile | undefined): boolean {
  if (position.file !== type.file) return false;
  const source = sourceOf(position.file);
  const call = source === undefined ? undefined : callNamedAt(source, offsetAt(source, position.line, position.column));
  if (source === undefined || call === undefined) return isOnLine(position, type);
  const at = offsetAt(source, type.range.start.line + 1, type.range.start.character + 1);
  return call.start <= at && at <= call.end;
}
