/** The open buffers, what has been found out about each, and the runs that find it out. */
import { fileURLToPath, pathToFileURL } from "node:url";
import { TextDocument, type TextDocumentContentChangeEvent } from "vscode-languageserver-textdocument";
import type { Diagnostic } from "../ir/diagnostic.ts";
import { type Analyzer, createAnalyzer } from "./analyzer.ts";
import type { Answer, Edit } from "./answer.ts";
import { markedText } from "./marks.ts";
import { type MergedFindings, mergeFindings } from "./merge-findings.ts";
import type { Overlay } from "./protocol.ts";
import type { Settings } from "./settings.ts";
import { readSource, type SourceFile } from "./source-calls.ts";
import { createTypeChecker, type TypeChecker, type TypeFinding } from "./type-checker.ts";

/** An open buffer. */
export interface Buffer {
  readonly uri: string;
  readonly file: string;
  document: TextDocument;
  source: SourceFile;
  /** The last answer in which a model was found; null before the first. */
  answer: Answer | null;
  /** What was found in the text of `checked`, and where the type checker stands. */
  findings: MergedFindings;
  /** The version that was checked last. */
  checked: number;
  /** Why the answer is older than the text, or null. */
  stale: string | null;
}

/** What a workspace tells of. */
export interface WorkspaceEvents {
  /** A buffer's findings are new. */
  checked(buffer: Buffer): void;
  /** Shapes or figures are new. */
  refreshed(): void;
}

/** The open buffers of a client. */
export interface Workspace {
  open(uri: string, languageId: string, version: number, text: string): void;
  change(uri: string, changes: readonly TextDocumentContentChangeEvent[], version: number): void;
  close(uri: string): void;
  /** Takes new settings; what they allow or forbid happens at once. */
  configure(settings: Settings): void;
  get(uri: string): Buffer | undefined;
  readonly buffers: ReadonlyMap<string, Buffer>;
  /** The answers that speak of a file: its own, or those of models that import it. */
  answersFor(file: string): readonly Answer[];
  dispose(): void;
}

const nothing: MergedFindings = { traced: [], both: [], typed: [] };
/** Keys that are struck faster than this are one edit. */
const pause = 25;
/** For the type checker's answer findings wait this long: they would be shown twice without it. */
const typesWithin = 1500;

/** An empty workspace. */
export function createWorkspace(folder: string, events: WorkspaceEvents, first: Settings): Workspace {
  const buffers = new Map<string, Buffer>();
  let settings = first;
  let analyzer: Analyzer | null = null;
  let checker: TypeChecker | null = null;
  const timers = new Map<string, NodeJS.Timeout>();
  const busy = new Set<string>();

  function schedule(buffer: Buffer): void {
    if (!settings.trusted || !buffer.source.exportsModel) return;
    clearTimeout(timers.get(buffer.uri));
    timers.set(
      buffer.uri,
      setTimeout(() => void check(buffer), pause),
    );
  }
  async function check(buffer: Buffer): Promise<void> {
    // One run at a time for a buffer; whatever has been typed meanwhile is run after it.
    if (busy.has(buffer.uri) || analyzer === null) return;
    busy.add(buffer.uri);
    const { version } = buffer.document;
    const { overlays, sources } = overlaysOf(buffers);
    const types = settings.typeErrors === "editor" ? (checker?.check(buffer.file, buffer.source.text) ?? null) : null;
    const outcome = await analyzer.analyze(buffer.file, overlays, (details) => {
      if (buffer.answer?.analysis !== analysis) return;
      buffer.answer.details = details;
      if (details.diagnostics.length > 0) {
        buffer.findings = { ...buffer.findings, traced: [...buffer.findings.traced, ...details.diagnostics] };
        events.checked(buffer);
      }
      events.refreshed();
    });
    const analysis = outcome.kind === "analysis" ? outcome.analysis : null;
    busy.delete(buffer.uri);
    if (buffers.get(buffer.uri) !== buffer || !settings.trusted) return;
    if (buffer.document.version !== version) return schedule(buffer);
    const found = outcome.kind === "analysis" ? outcome.analysis.diagnostics : [stopped(buffer, outcome.why)];
    if (analysis !== null && (analysis.models.some((m) => m.layers.length > 0) || found.length === 0)) {
      buffer.answer = { analysis, details: null, sources, edits: new Map() };
    }
    buffer.stale = buffer.answer?.analysis === analysis ? null : (found[0]?.message ?? null);
    events.refreshed();
    await publish(buffer, version, found, types);
  }
  async function publish(
    buffer: Buffer,
    version: number,
    found: readonly Diagnostic[],
    types: Promise<readonly TypeFinding[] | null> | null,
  ): Promise<void> {
    const typed =
      types === null ? null : await Promise.race([types, new Promise<null>((resolve) => setTimeout(resolve, typesWithin, null))]);
    if (buffers.get(buffer.uri) !== buffer || buffer.document.version !== version) return;
    const late = buffer.answer?.details?.diagnostics ?? [];
    buffer.findings = mergeFindings([...found, ...late], typed ?? [], (file) => sourceOf(buffers, file));
    buffer.checked = version;
    events.checked(buffer);
  }
  function importersOf({ file, uri }: Buffer): readonly Buffer[] {
    return [...buffers.values()].filter((b) => b.uri !== uri && b.answer?.analysis.files.includes(file) === true);
  }
  function start(): void {
    analyzer = createAnalyzer(settings);
    checker = createTypeChecker(folder);
    for (const buffer of buffers.values()) schedule(buffer);
  }
  function stop(): void {
    analyzer?.dispose();
    checker?.dispose();
    [analyzer, checker] = [null, null];
    for (const buffer of buffers.values()) {
      Object.assign(buffer, { answer: null, findings: nothing, stale: null });
      events.checked(buffer);
    }
    events.refreshed();
  }
  if (settings.trusted) start();
  return {
    buffers,
    open(uri, languageId, version, text) {
      if (!uri.startsWith("file:")) return;
      const file = fileURLToPath(uri);
      const document = TextDocument.create(uri, languageId, version, text);
      const buffer: Buffer = {
        uri,
        file,
        document,
        source: readSource(file, text),
        answer: null,
        findings: nothing,
        checked: -1,
        stale: null,
      };
      buffers.set(uri, buffer);
      schedule(buffer);
    },
    change(uri, changes, version) {
      const buffer = buffers.get(uri);
      if (buffer === undefined) return;
      for (const change of changes) {
        const edit = editOf(buffer.document, change);
        for (const { answer } of buffers.values())
          if (answer !== null) answer.edits.set(buffer.file, [...(answer.edits.get(buffer.file) ?? []), edit]);
        buffer.document = TextDocument.update(buffer.document, [change], version);
      }
      buffer.source = readSource(buffer.file, buffer.document.getText());
      schedule(buffer);
      for (const importer of importersOf(buffer)) schedule(importer);
    },
    close(uri) {
      clearTimeout(timers.get(uri));
      buffers.delete(uri);
    },
    configure(next) {
      const restart =
        next.trusted !== settings.trusted || next.timeLimit !== settings.timeLimit || next.memoryLimit !== settings.memoryLimit;
      settings = next;
      if (restart && analyzer !== null) stop();
      if (restart && next.trusted) start();
    },
    get: (uri) => buffers.get(uri),
    answersFor(file) {
      const own = buffers.get(pathToFileURL(file).href)?.answer;
      if (own !== null && own !== undefined) return [own];
      return [...buffers.values()].flatMap(({ answer }) => (answer?.analysis.files.includes(file) === true ? [answer] : []));
    },
    dispose() {
      for (const timer of timers.values()) clearTimeout(timer);
      analyzer?.dispose();
      checker?.dispose();
    },
  };
}

/** The text of a file: its buffer's, where it is open. */
export const sourceOf = (buffers: ReadonlyMap<string, Buffer>, file: string): SourceFile | undefined =>
  buffers.get(pathToFileURL(file).href)?.source;

/** The buffers as the files that run, with marks on their calls. */
function overlaysOf(buffers: ReadonlyMap<string, Buffer>): {
  readonly overlays: readonly Overlay[];
  readonly sources: ReadonlyMap<string, SourceFile>;
} {
  const all = [...buffers.values()].filter(({ file }) => /\.[cm]?[jt]sx?$/.test(file));
  return {
    overlays: all.map(({ file, source }) =>
      markedText(
        file,
        source.text,
        source.calls.filter((call) => call.markable),
      ),
    ),
    sources: new Map(all.map(({ file, source }) => [file, source])),
  };
}

function editOf(document: TextDocument, change: TextDocumentContentChangeEvent): Edit {
  if (!("range" in change)) return { start: 0, end: document.getText().length, length: change.text.length };
  return { start: document.offsetAt(change.range.start), end: document.offsetAt(change.range.end), length: change.text.length };
}

function stopped({ file, answer }: Buffer, why: string): Diagnostic {
  const shown = answer === null ? "" : "; the shapes shown are those of its last good run";
  const message = `the model file was stopped: ${why}${shown}`;
  return {
    severity: "error",
    code: "model-stopped",
    message,
    location: { position: { file, line: 1, column: 1 } },
    notes: [],
    help: "look for a loop without an end",
  };
}
