/** Shapes and figures as the protocol has them: hints, hovers, lenses, and the page behind a lens. */
import {
  type CodeLens,
  type Hover,
  type InlayHint,
  InlayHintKind,
  MarkupKind,
  type Position,
  type Range,
} from "vscode-languageserver/node";
import { type Answer, factsOf } from "./answer.ts";
import type { CallFacts } from "./call-facts.ts";
import { hintsOf, isSaidByType } from "./hints.ts";
import { hoverText } from "./hover.ts";
import { rangeOf } from "./lsp-items.ts";
import type { ModelSummary } from "./protocol.ts";
import type { SourceExport, SourceFile } from "./source-calls.ts";
import { lensTitle, summaryPage } from "./summary-text.ts";
import type { Buffer, Workspace } from "./workspace.ts";

/** The command behind a code lens: shows a model's page, and gives its text. */
export const summaryCommand = "striate.summary";

/** The hints in a range, at the places that their calls have by now. */
export function inlayHints(workspace: Workspace, { document, file }: Buffer, range: Range, which: "needed" | "all"): InlayHint[] {
  const [from, to] = [document.offsetAt(range.start), document.offsetAt(range.end)];
  const [answer] = workspace.answersFor(file);
  if (answer === undefined) return [];
  const { facts, move } = factsOf(answer, file);
  const text = answer.sources.get(file)?.text ?? "";
  const hides = (fact: CallFacts): boolean =>
    which === "needed" && answer.open !== null && isSaidByType(fact) && !answer.open.has(text.slice(fact.call.start, fact.call.end));
  return hintsOf(facts, hides).flatMap(({ offset, label, tooltip }) => {
    const at = move(offset);
    if (at === null || at < from || at > to) return [];
    return [{ position: document.positionAt(at), label, kind: InlayHintKind.Type, ...(tooltip === null ? {} : { tooltip }) }];
  });
}

/** What is known of the call, or of the variable with a call's value, at a position. */
export function hoverAt(workspace: Workspace, buffer: Buffer, position: Position): Hover | null {
  const at = buffer.document.offsetAt(position);
  const hovers = workspace.answersFor(buffer.file).map((answer) => hoverIn(answer, buffer, at));
  return hovers.find((hover) => hover !== null) ?? null;
}
function hoverIn(answer: Answer, { file, document, stale }: Buffer, at: number): Hover | null {
  const { facts, move } = factsOf(answer, file);
  for (const fact of facts) {
    for (const span of [fact.call.nameSpan, fact.call.variable]) {
      const [start, end] = span === null ? [null, null] : [move(span.start), move(span.end)];
      if (start === null || end === null || at < start || at > end) continue;
      const old = stale === null ? "" : `\n\n*of the last good run: ${stale}*`;
      return { contents: { kind: MarkupKind.Markdown, value: `${hoverText(fact)}${old}` }, range: rangeOf(document, { start, end }) };
    }
  }
  return null;
}

/** A line of figures above each model. */
export function codeLenses({ answer, source, document, uri }: Buffer): CodeLens[] {
  return (answer?.details?.summaries ?? []).flatMap((summary) => {
    const place = exportOf(source, summary);
    if (place === undefined) return [];
    const command = { title: lensTitle(summary), command: summaryCommand, arguments: [uri, summary.exportName] };
    return [{ range: rangeOf(document, place), command }];
  });
}
/** Where a model stands: at the export of its name, or at the default export. */
const exportOf = ({ exports }: SourceFile, { exportName }: ModelSummary): SourceExport | undefined =>
  exports.find((e) => e.name === exportName) ?? exports.find((e) => e.name === "default");

/** A page about a model, in Markdown. */
export interface ModelPage {
  readonly name: string;
  readonly text: string;
}
/** The page of an exported model; null while its figures are not known. */
export function pageOf({ answer }: Buffer, exportName: unknown): ModelPage | null {
  const details = answer?.details ?? null;
  const summary = details?.summaries.find((s) => s.exportName === exportName);
  if (answer === null || details === null || summary === undefined) return null;
  const model = answer.analysis.models.find((m) => m.exportName === exportName);
  return { name: summary.name, text: summaryPage(summary, model, details) };
}
