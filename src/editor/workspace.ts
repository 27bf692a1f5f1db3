/** The open buffers, what has been found out about each, and the runs that find it out. */
import { fileURLToPath, pathToFileURL } from "node:url";
import { TextDocument, type TextDocumentContentChangeEvent } from "vscode-languageserver-textdocument";
import type { Diagnostic } from "../ir/diagnostic.ts";
import { type Analyzer, createAnalyzer } from "./analyzer.ts";
import { type Answer, type Edit, factsOf, narrowedEdit } from "./answer.ts";
import { isSaidByType, saysShape } from "./hints.ts";
import { markedText } from "./marks.ts";
import { type MergedFindings, mergeFindings } from "./merge-findings.ts";
import type { Analysis, Details, Overlay } from "./protocol.ts";
import type { Settings } from "./settings.ts";
import { readSource, type SourceCall, type SourceFile } from "./source-calls.ts";
import { createTypeChecker, type TypeChecker, type TypeFinding, type TypePosition } from "./type-checker.ts";

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

const nothing: MergedFindings = { traced: [], both: [], typed: [] };
/** Keys that are struck faster than this are one edit. */
const pause = 25;
/** For the type checker's answer findings wait this long: they would be shown twice without it. */
const typesWithin = 1500;

/** The open buffers of a client. Files are run only while the settings say that the workspace is trusted. */
export class Workspace {
  readonly #buffers = new Map<string, Buffer>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #busy = new Set<string>();
  readonly #again = new Set<string>();
  readonly #folder: string;
  readonly #events: WorkspaceEvents;
  #settings: Settings;
  #analyzer: Analyzer | null = null;
  #checker: TypeChecker | null = null;

  constructor(folder: string, events: WorkspaceEvents, settings: Settings) {
    this.#folder = folder;
    this.#events = events;
    this.#settings = settings;
    if (settings.trusted) this.#start();
  }
  /** The open buffers by their addresses. */
  get buffers(): ReadonlyMap<string, Buffer> {
    return this.#buffers;
  }
  /** Takes a buffer that was opened. Those that are no files, such as an editor's own pages, are left alone. */
  open(uri: string, languageId: string, version: number, text: string): void {
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
    this.#buffers.set(uri, buffer);
    this.#schedule(buffer);
  }
  /** Takes edits of a buffer; models that import it are run again too. */
  change(uri: string, changes: readonly TextDocumentContentChangeEvent[], version: number): void {
    const buffer = this.#buffers.get(uri);
    if (buffer === undefined) return;
    for (const change of changes) {
      const edit = editOf(buffer.document, change);
      for (const { answer } of this.#buffers.values()) {
        answer?.edits.set(buffer.file, [...(answer.edits.get(buffer.file) ?? []), edit]);
      }
      buffer.document = TextDocument.update(buffer.document, [change], version);
    }
    buffer.source = readSource(buffer.file, buffer.document.getText());
    this.#schedule(buffer);
    for (const other of this.#buffers.values()) if (other !== buffer && imports(other, buffer.file)) this.#schedule(other);
  }
  /** Forgets a buffer. */
  close(uri: string): void {
    clearTimeout(this.#timers.get(uri));
    this.#buffers.delete(uri);
  }
  /** Takes new settings; what they allow or forbid happens at once. */
  configure(next: Settings): void {
    const { trusted, timeLimit, memoryLimit } = this.#settings;
    const restart = next.trusted !== trusted || next.timeLimit !== timeLimit || next.memoryLimit !== memoryLimit;
    this.#settings = next;
    if (restart && this.#analyzer !== null) this.#stop();
    if (restart && next.trusted) this.#start();
  }
  /** The answers that speak of a file: its own, or those of models that import it. */
  answersFor(file: string): readonly Answer[] {
    const own = this.#buffers.get(pathToFileURL(file).href)?.answer ?? null;
    return own !== null ? [own] : [...this.#buffers.values()].flatMap((b) => (b.answer !== null && imports(b, file) ? [b.answer] : []));
  }
  /** Ends all processes. */
  dispose(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#analyzer?.dispose();
    this.#checker?.dispose();
  }

  #start(): void {
    this.#analyzer = createAnalyzer(this.#settings);
    this.#checker = createTypeChecker(this.#folder);
    for (const buffer of this.#buffers.values()) this.#schedule(buffer);
  }
  #stop(): void {
    this.dispose();
    [this.#analyzer, this.#checker] = [null, null];
    for (const buffer of this.#buffers.values()) {
      Object.assign(buffer, { answer: null, findings: nothing, stale: null });
      this.#events.checked(buffer);
    }
    this.#events.refreshed();
  }
  #schedule(buffer: Buffer): void {
    if (!this.#settings.trusted || !buffer.source.exportsModel) return;
    clearTimeout(this.#timers.get(buffer.uri));
    this.#timers.set(
      buffer.uri,
      setTimeout(() => void this.#check(buffer), pause),
    );
  }
  async #check(buffer: Buffer): Promise<void> {
    // One run at a time for a buffer; whatever has been typed meanwhile is run after it.
    if (this.#analyzer === null) return;
    if (this.#busy.has(buffer.uri)) return void this.#again.add(buffer.uri);
    this.#busy.add(buffer.uri);
    this.#again.delete(buffer.uri);
    const { version } = buffer.document;
    const { overlays, sources } = overlaysOf(this.#buffers);
    const types = this.#settings.typeErrors === "editor" ? (this.#checker?.check(buffer.file, buffer.source.text) ?? null) : null;
    let analysis: Analysis | null = null;
    const outcome = await this.#analyzer.analyze(buffer.file, overlays, (details) => {
      if (analysis !== null && buffer.answer?.analysis === analysis) this.#detail(buffer, buffer.answer, details);
    });
    this.#busy.delete(buffer.uri);
    if (this.#buffers.get(buffer.uri) !== buffer || !this.#settings.trusted) return;
    const isOld = buffer.document.version !== version || this.#again.has(buffer.uri);
    if (isOld || outcome.kind === "cancelled") return this.#schedule(buffer);
    analysis = outcome.kind === "analysis" ? outcome.analysis : null;
    const found = outcome.kind === "analysis" ? outcome.analysis.diagnostics : [stopped(buffer, outcome.why)];
    if (analysis !== null && (analysis.models.some((m) => m.layers.length > 0) || found.length === 0)) {
      const open = types === null ? null : (buffer.answer?.open ?? new Set<string>());
      buffer.answer = { analysis, details: null, sources, edits: new Map(), open };
    }
    buffer.stale = buffer.answer !== null && buffer.answer.analysis === analysis ? null : (found[0]?.message ?? null);
    this.#events.refreshed();
    await this.#publish(buffer, version, found, types);
    if (types !== null && this.#settings.hints === "needed" && buffer.answer?.analysis === analysis)
      await this.#askTypes(buffer, buffer.answer);
  }
  /** Asks for the types of calls that could say their shapes, and tells the editor where some do not. */
  async #askTypes(buffer: Buffer, answer: Answer): Promise<void> {
    const { version } = buffer.document;
    const { text } = buffer.source;
    const asked = factsOf(answer, buffer.file).facts.filter(isSaidByType);
    const places = asked.map(({ call }) => positionIn(buffer.document, call));
    const hovers = asked.length === 0 ? [] : await this.#checker?.hovers(buffer.file, places);
    if (this.#buffers.get(buffer.uri) !== buffer || buffer.answer !== answer || buffer.document.version !== version) return;
    const before = answer.open;
    answer.open =
      hovers === null || hovers === undefined
        ? null
        : new Set(asked.filter((fact, i) => !saysShape(hovers[i] ?? "", fact)).map(({ call }) => text.slice(call.start, call.end)));
    if (answer.open === null || before === null || !isSameSet(answer.open, before)) this.#events.refreshed();
  }
  #detail(buffer: Buffer, answer: Answer, details: Details): void {
    answer.details = details;
    if (details.diagnostics.length > 0) {
      buffer.findings = { ...buffer.findings, traced: [...buffer.findings.traced, ...details.diagnostics] };
      this.#events.checked(buffer);
    }
    this.#events.refreshed();
  }
  async #publish(
    buffer: Buffer,
    version: number,
    found: readonly Diagnostic[],
    types: Promise<readonly TypeFinding[] | null> | null,
  ): Promise<void> {
    const typed =
      types === null ? null : await Promise.race([types, new Promise<null>((resolve) => setTimeout(resolve, typesWithin, null))]);
    if (this.#buffers.get(buffer.uri) !== buffer || buffer.document.version !== version) return;
    const late = buffer.answer?.details?.diagnostics ?? [];
    buffer.findings = mergeFindings([...found, ...late], typed ?? [], (file) => this.#buffers.get(pathToFileURL(file).href)?.source);
    buffer.checked = version;
    this.#events.checked(buffer);
  }
}

const isSameSet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean => a.size === b.size && [...a].every((text) => b.has(text));
const positionIn = (document: TextDocument, { variable, nameSpan }: SourceCall): TypePosition =>
  document.positionAt((variable ?? nameSpan).start);
const imports = ({ answer }: Buffer, file: string): boolean => answer?.analysis.files.includes(file) === true;

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
  const text = document.getText();
  const [start, end] = "range" in change ? [document.offsetAt(change.range.start), document.offsetAt(change.range.end)] : [0, text.length];
  return narrowedEdit(start, text.slice(start, end), change.text);
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
