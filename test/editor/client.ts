/** An editor without a screen: a client of the real server process, over its standard input and output. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createMessageConnection, type MessageConnection, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";

const root = resolve(import.meta.dirname, "../..");

export interface Position {
  readonly line: number;
  readonly character: number;
}
export interface Range {
  readonly start: Position;
  readonly end: Position;
}
export interface Diagnostic {
  readonly range: Range;
  readonly severity: number;
  readonly code: string;
  readonly message: string;
  readonly relatedInformation?: readonly { readonly message: string; readonly location: { readonly uri: string; readonly range: Range } }[];
}
export interface Hint {
  readonly position: Position;
  readonly label: string;
  readonly tooltip?: string;
}
export interface CodeAction {
  readonly title: string;
  readonly kind: string;
  readonly edit: { readonly changes: Readonly<Record<string, readonly { readonly range: Range; readonly newText: string }[]>> };
}
export interface CodeLens {
  readonly range: Range;
  readonly command: { readonly title: string; readonly command: string; readonly arguments: readonly unknown[] };
}

interface Published {
  readonly version?: number;
  readonly diagnostics: readonly Diagnostic[];
}

/** A buffer of the editor. */
export interface Buffer {
  readonly uri: string;
  text: string;
  version: number;
  /** Replaces the only occurrence of a text, as one edit. */
  replace(from: string, to: string): void;
  /** Replaces a stretch of the text, by offsets. */
  edit(start: number, end: number, text: string): void;
  /** The position of the only occurrence of a text, or of the one behind `after`. */
  find(text: string, after?: string): Position;
  /** The text in a range. */
  at(range: Range): string;
  hints(): Promise<readonly Hint[]>;
  /** The line's text with its hints in place. */
  line(number: number): Promise<string>;
  hover(position: Position): Promise<string | null>;
  lenses(): Promise<readonly CodeLens[]>;
  actions(range: Range): Promise<readonly CodeAction[]>;
  complete(position: Position): Promise<readonly string[]>;
  /** Applies a code action to the buffer. */
  apply(action: CodeAction): void;
  /** The diagnostics of the text as it is now, once they fit. */
  diagnostics(fits: (all: readonly Diagnostic[]) => boolean): Promise<readonly Diagnostic[]>;
}
/** The editor. */
export interface Editor {
  open(file: string, text?: string): Buffer;
  trust(trusted: boolean): Promise<void>;
  execute(command: string, args: readonly unknown[]): Promise<unknown>;
  /** Waits for something to become true, which is asked again whenever the server has sent something. */
  until<T>(ask: () => Promise<T | null>): Promise<T>;
  readonly server: ChildProcess;
  quit(): Promise<void>;
}

/** Starts the server in a folder. */
export async function startEditor(options: { readonly folder?: string; readonly initializationOptions?: object } = {}): Promise<Editor> {
  const folder = options.folder ?? root;
  const server = spawn(process.execPath, [resolve(root, "bin/striate.js"), "lsp", "--stdio"], {
    cwd: folder,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const connection = createMessageConnection(new StreamMessageReader(server.stdout), new StreamMessageWriter(server.stdin));
  const published = new Map<string, Published>();
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  connection.onNotification("textDocument/publishDiagnostics", (params: Published & { readonly uri: string }) => {
    published.set(params.uri, params);
    changed();
  });
  for (const method of ["workspace/inlayHint/refresh", "workspace/codeLens/refresh"]) {
    connection.onRequest(method, () => {
      changed();
      return null;
    });
  }
  connection.onNotification("striate/status", changed);
  connection.onRequest("window/showDocument", () => ({ success: true }));
  connection.listen();
  await connection.sendRequest("initialize", {
    processId: process.pid,
    rootUri: pathToFileURL(folder).href,
    capabilities: {
      workspace: { inlayHint: { refreshSupport: true }, codeLens: { refreshSupport: true } },
      window: { showDocument: { support: true } },
    },
    initializationOptions: options.initializationOptions ?? { trusted: true, timeLimit: 20_000, hints: "all" },
  });
  await connection.sendNotification("initialized", {});

  const nextChange = (): Promise<void> =>
    new Promise((done) => {
      const listener = (): void => {
        listeners.delete(listener);
        clearTimeout(timer);
        done();
      };
      const timer = setTimeout(listener, 500);
      listeners.add(listener);
    });
  const until = async <T>(ask: () => Promise<T | null>): Promise<T> => {
    for (;;) {
      const change = nextChange();
      const answer = await ask();
      if (answer !== null) return answer;
      await change;
    }
  };
  return {
    server,
    until,
    open: (file, text) => openBuffer(connection, published, until, resolve(folder, file), text),
    trust: (trusted) => connection.sendNotification("striate/trust", { trusted }),
    execute: (command, args) => connection.sendRequest("workspace/executeCommand", { command, arguments: args }),
    async quit() {
      await connection.sendRequest("shutdown");
      await connection.sendNotification("exit");
      await new Promise((done) => server.on("exit", done));
      connection.dispose();
    },
  };
}

function openBuffer(
  connection: MessageConnection,
  published: ReadonlyMap<string, Published>,
  until: Editor["until"],
  file: string,
  given: string | undefined,
): Buffer {
  const uri = pathToFileURL(file).href;
  const textDocument = { uri };
  const offsetOf = (text: string, { line, character }: Position): number =>
    text
      .split("\n")
      .slice(0, line)
      .reduce((n, l) => n + l.length + 1, 0) + character;
  const positionOf = (text: string, offset: number): Position => {
    const lines = text.slice(0, offset).split("\n");
    return { line: lines.length - 1, character: lines.at(-1)?.length ?? 0 };
  };
  const whole = (): Range => ({ start: { line: 0, character: 0 }, end: positionOf(buffer.text, buffer.text.length) });
  const edit = (start: number, end: number, text: string): void => {
    const range = { start: positionOf(buffer.text, start), end: positionOf(buffer.text, end) };
    buffer.text = buffer.text.slice(0, start) + text + buffer.text.slice(end);
    buffer.version++;
    void connection.sendNotification("textDocument/didChange", {
      textDocument: { uri, version: buffer.version },
      contentChanges: [{ range, text }],
    });
  };
  const only = (text: string, after = ""): number => {
    const behind = buffer.text.indexOf(after) + after.length;
    const at = buffer.text.indexOf(text, behind);
    if (at < 0) throw new Error(`"${text}" is not in the buffer`);
    return at;
  };
  const request = <T>(method: string, params: object): Promise<T> => connection.sendRequest(method, { textDocument, ...params });
  const buffer: Buffer = {
    uri,
    text: given ?? readFileSync(file, "utf8"),
    version: 1,
    replace(from, to) {
      const at = only(from);
      edit(at, at + from.length, to);
    },
    edit,
    find: (text, after) => positionOf(buffer.text, only(text, after)),
    at: ({ start, end }) => buffer.text.slice(offsetOf(buffer.text, start), offsetOf(buffer.text, end)),
    hints: () => request<readonly Hint[]>("textDocument/inlayHint", { range: whole() }),
    async line(number) {
      const hints = (await buffer.hints())
        .filter((h) => h.position.line === number)
        .toSorted((a, b) => b.position.character - a.position.character);
      return hints.reduce(
        (l, h) => `${l.slice(0, h.position.character)}«${h.label}»${l.slice(h.position.character)}`,
        buffer.text.split("\n")[number] ?? "",
      );
    },
    async hover(position) {
      const answer = await request<{ readonly contents: { readonly value: string } } | null>("textDocument/hover", { position });
      return answer?.contents.value ?? null;
    },
    lenses: () => request<readonly CodeLens[]>("textDocument/codeLens", {}),
    actions: (range) => request<readonly CodeAction[]>("textDocument/codeAction", { range, context: { diagnostics: [] } }),
    complete: async (position) =>
      (await request<readonly { readonly label: string }[]>("textDocument/completion", { position })).map((item) => item.label),
    apply(action) {
      const edits = (action.edit.changes[uri] ?? []).map(({ range, newText }) => ({
        start: offsetOf(buffer.text, range.start),
        end: offsetOf(buffer.text, range.end),
        newText,
      }));
      for (const { start, end, newText } of edits.toSorted((a, b) => b.start - a.start)) edit(start, end, newText);
    },
    diagnostics: (fits) =>
      until(async () => {
        const last = published.get(uri);
        return last !== undefined && last.version === buffer.version && fits(last.diagnostics) ? last.diagnostics : null;
      }),
  };
  void connection.sendNotification("textDocument/didOpen", {
    textDocument: { uri, languageId: "typescript", version: 1, text: buffer.text },
  });
  return buffer;
}
