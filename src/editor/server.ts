/** The language server: shapes, findings and figures of the models in open buffers, in the editor's own protocol. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  CodeActionKind,
  type CodeLens,
  type Connection,
  type InitializeParams,
  type InitializeResult,
  InlayHintKind,
  MarkupKind,
  TextDocumentSyncKind,
} from "vscode-languageserver/node";
import { version } from "../version.ts";
import { factsOf } from "./answer.ts";
import { hintsOf } from "./hints.ts";
import { hoverText } from "./hover.ts";
import { codeActionsFor, completionItems, diagnosticsByUri, rangeOf } from "./lsp-items.ts";
import type { ModelSummary } from "./protocol.ts";
import { defaultSettings, type Settings, withSettings } from "./settings.ts";
import type { SourceExport, SourceFile } from "./source-calls.ts";
import { lensTitle, summaryPage } from "./summary-text.ts";
import { type Buffer, createWorkspace, type Workspace } from "./workspace.ts";

/** The command behind a code lens: shows a model's page, and gives its text. */
export const summaryCommand = "striate.summary";
/** The notification by which a client says whether the workspace is trusted: `{ trusted: boolean }`. */
export const trustMethod = "striate/trust";
/** The notification by which the server says how a buffer's shapes stand: `{ uri, state, message }`. */
export const statusMethod = "striate/status";

/** Serves a client over a connection. Gives the function that ends the processes which run for it. */
export function serve(connection: Connection): () => void {
  let settings: Settings = defaultSettings;
  let workspace: Workspace | null = null;
  let client: InitializeParams["capabilities"] = {};
  const published = new Map<string, ReadonlySet<string>>();

  const checked = (buffer: Buffer): void => {
    const byUri = diagnosticsByUri(buffer, workspace?.buffers ?? new Map());
    const before = published.get(buffer.uri) ?? new Set();
    for (const uri of before) if (!byUri.has(uri)) void connection.sendDiagnostics({ uri, diagnostics: [] });
    for (const [uri, diagnostics] of byUri) {
      // The version tells an editor to which text the places belong; another file's is not known here.
      const checkedVersion = uri === buffer.uri && buffer.checked >= 0 ? { version: buffer.checked } : {};
      void connection.sendDiagnostics({ uri, ...checkedVersion, diagnostics: [...diagnostics] });
    }
    published.set(buffer.uri, new Set(byUri.keys()));
    const state = buffer.stale === null ? "current" : "stale";
    void connection.sendNotification(statusMethod, { uri: buffer.uri, state, message: buffer.stale ?? "" });
  };
  const refreshed = (): void => {
    if (client.workspace?.inlayHint?.refreshSupport === true) connection.languages.inlayHint.refresh().catch(() => {});
    if (client.workspace?.codeLens?.refreshSupport === true) connection.sendRequest("workspace/codeLens/refresh").catch(() => {});
  };
  const configure = (sent: unknown): void => {
    settings = withSettings(settings, sent);
    workspace?.configure(settings);
    refreshed();
  };

  connection.onInitialize((params): InitializeResult => {
    client = params.capabilities;
    settings = withSettings(settings, params.initializationOptions);
    workspace = createWorkspace(folderOf(params), { checked, refreshed }, settings);
    return { capabilities, serverInfo: { name: "striate", version } };
  });
  connection.onInitialized(() => {
    if (!settings.trusted) connection.console.info("striate: nothing is run before the client says that this workspace is trusted");
  });
  connection.onDidChangeConfiguration(({ settings: sent }: { readonly settings: unknown }) => {
    configure(typeof sent === "object" && sent !== null && "striate" in sent ? sent.striate : null);
  });
  connection.onNotification(trustMethod, configure);
  connection.onDidOpenTextDocument(({ textDocument: { uri, languageId, version: number, text } }) =>
    workspace?.open(uri, languageId, number, text),
  );
  connection.onDidChangeTextDocument(({ textDocument: { uri, version: number }, contentChanges }) =>
    workspace?.change(uri, contentChanges, number),
  );
  connection.onDidCloseTextDocument(({ textDocument: { uri } }) => {
    for (const shown of published.get(uri) ?? []) void connection.sendDiagnostics({ uri: shown, diagnostics: [] });
    published.delete(uri);
    workspace?.close(uri);
  });

  connection.languages.inlayHint.on(({ textDocument: { uri }, range }) => {
    const buffer = workspace?.get(uri);
    if (workspace === null || buffer === undefined || !settings.inlayHints) return [];
    const { document, file } = buffer;
    const [from, to] = [document.offsetAt(range.start), document.offsetAt(range.end)];
    return workspace
      .answersFor(file)
      .slice(0, 1)
      .flatMap((answer) => {
        const { facts, move } = factsOf(answer, file);
        return hintsOf(facts).flatMap(({ offset, label, tooltip }) => {
          const at = move(offset);
          if (at === null || at < from || at > to) return [];
          return [{ position: document.positionAt(at), label, kind: InlayHintKind.Type, ...(tooltip === null ? {} : { tooltip }) }];
        });
      });
  });
  connection.onHover(({ textDocument: { uri }, position }) => {
    const buffer = workspace?.get(uri);
    if (workspace === null || buffer === undefined) return null;
    const at = buffer.document.offsetAt(position);
    for (const answer of workspace.answersFor(buffer.file)) {
      const { facts, move } = factsOf(answer, buffer.file);
      for (const fact of facts) {
        for (const span of [fact.call.nameSpan, fact.call.variable]) {
          const [start, end] = span === null ? [null, null] : [move(span.start), move(span.end)];
          if (start === null || end === null || at < start || at > end) continue;
          const old = buffer.stale === null ? "" : `\n\n*of the last good run: ${buffer.stale}*`;
          return {
            contents: { kind: MarkupKind.Markdown, value: `${hoverText(fact)}${old}` },
            range: rangeOf(buffer.document, { start, end }),
          };
        }
      }
    }
    return null;
  });
  connection.onCodeLens(({ textDocument: { uri } }): CodeLens[] => {
    const buffer = workspace?.get(uri);
    const summaries = buffer?.answer?.details?.summaries ?? [];
    return summaries.flatMap((summary) => {
      const place = buffer === undefined ? undefined : exportOf(buffer.source, summary);
      if (buffer === undefined || place === undefined) return [];
      const command = { title: lensTitle(summary), command: summaryCommand, arguments: [uri, summary.exportName] };
      return [{ range: rangeOf(buffer.document, place), command }];
    });
  });
  connection.onCodeAction(({ textDocument: { uri }, range, context }) => {
    const buffer = workspace?.get(uri);
    return workspace === null || buffer === undefined ? [] : codeActionsFor(workspace, buffer, range, context.only ?? null);
  });
  connection.onCompletion(({ textDocument: { uri }, position }) => {
    const buffer = workspace?.get(uri);
    return workspace === null || buffer === undefined ? [] : completionItems(workspace, buffer, position);
  });
  connection.onExecuteCommand(async ({ command, arguments: [uri, exportName] = [] }) => {
    if (command !== summaryCommand) return null;
    const answer = typeof uri === "string" ? (workspace?.get(uri)?.answer ?? null) : null;
    const summary = answer?.details?.summaries.find((s) => s.exportName === exportName);
    if (answer?.details === undefined || answer.details === null || summary === undefined) return null;
    const page = summaryPage(
      summary,
      answer.analysis.models.find((m) => m.exportName === summary.exportName),
      answer.details,
    );
    if (client.window?.showDocument?.support === true)
      await connection.window.showDocument({ uri: pageFile(summary.name, page), takeFocus: true });
    return page;
  });
  const end = (): void => workspace?.dispose();
  connection.onShutdown(end);
  return end;
}

const capabilities: InitializeResult["capabilities"] = {
  textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
  inlayHintProvider: true,
  hoverProvider: true,
  codeLensProvider: {},
  codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix, CodeActionKind.RefactorRewrite] },
  completionProvider: { triggerCharacters: ['"', "'", ".", "*", "!"] },
  executeCommandProvider: { commands: [summaryCommand] },
};

/** The folder that the client has opened, or where the server was started. */
function folderOf({ workspaceFolders, rootUri }: InitializeParams): string {
  const uri = workspaceFolders?.[0]?.uri ?? rootUri;
  return uri?.startsWith("file:") === true ? fileURLToPath(uri) : process.cwd();
}
/** Where a model stands: at the export of its name, or of a default export that has a name of its own. */
const exportOf = ({ exports }: SourceFile, { exportName }: ModelSummary): SourceExport | undefined =>
  exports.find((e) => e.name === exportName) ?? exports.find((e) => e.name === "default");

/** A model's page as a file, which every editor can show. */
function pageFile(name: string, page: string): string {
  const file = join(mkdtempSync(join(tmpdir(), "striate-")), `${name.replace(/[^\w.-]+/g, "-")}.md`);
  writeFileSync(file, page);
  return pathToFileURL(file).href;
}
