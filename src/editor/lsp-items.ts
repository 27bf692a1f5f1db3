/** Findings, fixes and names as the protocol has them. */
import { pathToFileURL } from "node:url";
import {
  type CodeAction,
  CodeActionKind,
  type CompletionItem,
  CompletionItemKind,
  DiagnosticSeverity,
  type Location,
  type Diagnostic as LspDiagnostic,
  type Position,
  type Range,
} from "vscode-languageserver/node";
import type { TextDocument } from "vscode-languageserver-textdocument";
import type { Diagnostic } from "../ir/diagnostic.ts";
import { factsOf } from "./answer.ts";
import { spanOfDiagnostic } from "./argument.ts";
import { completionsAt } from "./completion.ts";
import { type Fix, fixesFor, refactorings } from "./fixes.ts";
import type { Span } from "./source-calls.ts";
import type { Buffer, Workspace } from "./workspace.ts";

/** The range of a stretch of a document. */
export const rangeOf = (document: TextDocument, { start, end }: Span): Range => ({
  start: document.positionAt(start),
  end: document.positionAt(end),
});

/** The findings of a buffer by the document that they stand in; always an entry for the buffer itself. */
export function diagnosticsByUri(buffer: Buffer, buffers: ReadonlyMap<string, Buffer>): ReadonlyMap<string, readonly LspDiagnostic[]> {
  const byUri = new Map<string, LspDiagnostic[]>([[buffer.uri, []]]);
  for (const diagnostic of buffer.findings.traced) {
    const { position } = diagnostic.location;
    const uri = position === null ? buffer.uri : pathToFileURL(position.file).href;
    byUri.set(uri, [...(byUri.get(uri) ?? []), lspDiagnostic(diagnostic, buffer, buffers.get(uri))]);
  }
  const stale = staleRemark(buffer);
  if (stale !== null) byUri.set(buffer.uri, [...(byUri.get(buffer.uri) ?? []), stale]);
  return byUri;
}
/** That the shapes shown are old, where the last run gave none; also when the mistake itself is the type checker's to tell. */
function staleRemark({ stale, answer, findings, document, source }: Buffer): LspDiagnostic | null {
  const [cause] = [...findings.traced, ...findings.both.map((b) => b.diagnostic)];
  // What was stopped says it with its reason.
  if (stale === null || answer === null || cause === undefined || cause.code === "model-stopped") return null;
  return {
    range: rangeOf(document, spanOfDiagnostic(source, cause)),
    severity: DiagnosticSeverity.Information,
    code: "last-good-run",
    source: "striate",
    message: `the shapes shown are those of the last good run: ${stale}`,
  };
}

function lspDiagnostic(d: Diagnostic, owner: Buffer, buffer: Buffer | undefined): LspDiagnostic {
  const remarks = d.notes.filter((note) => note.location.position === null).map((note) => `note: ${note.message}`);
  const help = d.help === undefined ? [] : [`help: ${d.help}`];
  const related = d.notes.flatMap((note) => {
    const location = locationOf(note.location.position);
    return location === null ? [] : [{ location, message: note.message }];
  });
  const inText = buffer ?? (d.location.position === null ? owner : undefined);
  return {
    range:
      inText === undefined
        ? (locationOf(d.location.position)?.range ?? nowhere)
        : rangeOf(inText.document, spanOfDiagnostic(inText.source, d)),
    severity: d.severity === "error" ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
    code: d.code,
    source: "striate",
    message: [d.message, ...remarks, ...help].join("\n"),
    ...(related.length === 0 ? {} : { relatedInformation: related }),
  };
}
const nowhere: Range = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
function locationOf(position: Diagnostic["location"]["position"]): Location | null {
  if (position === null) return null;
  const at = { line: position.line - 1, character: position.column - 1 };
  return { uri: pathToFileURL(position.file).href, range: { start: at, end: at } };
}

/** The fixes for what is wrong in a range, and the changes that are offered at the calls in it. */
export function codeActionsFor(workspace: Workspace, buffer: Buffer, range: Range, only: readonly string[] | null): CodeAction[] {
  const wanted = (kind: string): boolean => only === null || only.some((o) => kind === o || kind.startsWith(`${o}.`));
  const { document, source, file } = buffer;
  const [from, to] = [document.offsetAt(range.start), document.offsetAt(range.end)];
  const touches = ({ start, end }: Span): boolean => start <= to && from <= end;
  const quick = wanted(CodeActionKind.QuickFix) ? quickFixes(workspace, buffer, touches) : [];
  if (!wanted(CodeActionKind.RefactorRewrite)) return quick;
  // Offsets of an older answer are not those of today's text.
  const current = workspace.answersFor(file).filter((answer) => answer.sources.get(file)?.text === source.text);
  const offered = current.flatMap((answer) =>
    factsOf(answer, file)
      .facts.filter((fact) => touches(fact.call.nameSpan))
      .flatMap((fact) => refactorings(source, fact)),
  );
  const known = new Set(quick.map((action) => action.title));
  return [...quick, ...offered.filter((fix) => !known.has(fix.title)).map((fix) => actionOf(buffer, fix, CodeActionKind.RefactorRewrite))];
}

/** Also for mistakes that the type checker shows: their fixes are here. */
function quickFixes(workspace: Workspace, buffer: Buffer, touches: (span: Span) => boolean): CodeAction[] {
  const { document, source, file } = buffer;
  return [...workspace.buffers.values()].flatMap((owner) => {
    // Places of an older text are not those of today's.
    if (owner.checked !== owner.document.version) return [];
    const traced = owner.findings.traced.map((diagnostic) => ({ diagnostic, typeRange: null }));
    const both = owner.findings.both.map(({ diagnostic, type }) => ({ diagnostic, typeRange: type.range }));
    return [...traced, ...both].flatMap(({ diagnostic, typeRange }) => {
      const { position } = diagnostic.location;
      if (position === null ? owner !== buffer : position.file !== file) return [];
      const span = typeRange === null ? spanOfDiagnostic(source, diagnostic) : spanIn(document, typeRange);
      if (!touches(span)) return [];
      const shown = typeRange === null ? [lspDiagnostic(diagnostic, owner, buffer)] : [];
      return fixesFor(source, diagnostic).map((fix, i) => ({
        ...actionOf(buffer, fix, CodeActionKind.QuickFix),
        ...(shown.length === 0 ? {} : { diagnostics: shown }),
        ...(i === 0 ? { isPreferred: true } : {}),
      }));
    });
  });
}
const spanIn = (document: TextDocument, range: Range): Span => ({
  start: document.offsetAt(range.start),
  end: document.offsetAt(range.end),
});
function actionOf({ uri, document }: Buffer, { title, changes }: Fix, kind: string): CodeAction {
  const edits = changes.map((change) => ({ range: rangeOf(document, change), newText: change.text }));
  return { title, kind, edit: { changes: { [uri]: edits } } };
}

/** The names of parameters and values that fit at a position. */
export function completionItems(workspace: Workspace, { document, file }: Buffer, position: Position): CompletionItem[] {
  const own = workspace.answersFor(file);
  // A file without a model, such as one that trains it, is about the models that are open.
  const answers = own.length > 0 ? own : [...workspace.buffers.values()].flatMap((b) => b.answer ?? []);
  const models = answers.flatMap((answer) => answer.analysis.models.slice(0, 1));
  return completionsAt(document.getText(), document.offsetAt(position), models).map(({ label, detail, start }) => ({
    label,
    detail,
    kind: CompletionItemKind.Value,
    filterText: label,
    textEdit: { range: { start: document.positionAt(start), end: position }, newText: label },
  }));
}
