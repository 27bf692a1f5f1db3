/** The language server: shapes, findings and figures of the models in open buffers, in the editor's own protocol. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  CodeActionKind,
  type CodeActionParams,
  type CodeLensParams,
  type CompletionParams,
  type Connection,
  type HoverParams,
  type InitializeParams,
  type InitializeResult,
  type InlayHintParams,
  TextDocumentSyncKind,
} from "vscode-languageserver/node";
import { version } from "../version.ts";
import { codeActionsFor, completionItems, diagnosticsByUri } from "./lsp-items.ts";
import { codeLenses, hoverAt, inlayHints, type ModelPage, pageOf, summaryCommand } from "./lsp-shapes.ts";
import { defaultSettings, type Settings, withSettings } from "./settings.ts";
import { type Buffer, Workspace } from "./workspace.ts";

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
    workspace = new Workspace(folderOf(params), { checked, refreshed }, settings);
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

  /** Answers a request about an open buffer; others get what an empty one would. */
  const about = <P extends { readonly textDocument: { readonly uri: string } }, R>(
    answer: (w: Workspace, b: Buffer, params: P) => R,
    none: R,
  ) => {
    return (params: P): R => {
      const buffer = workspace?.buffers.get(params.textDocument.uri);
      return workspace === null || buffer === undefined ? none : answer(workspace, buffer, params);
    };
  };
  connection.languages.inlayHint.on(
    about((w, b, p: InlayHintParams) => (settings.inlayHints ? inlayHints(w, b, p.range, settings.hints) : []), []),
  );
  connection.onHover(about((w, b, p: HoverParams) => hoverAt(w, b, p.position), null));
  connection.onCodeLens(about((_, b, _p: CodeLensParams) => codeLenses(b), []));
  connection.onCodeAction(about((w, b, p: CodeActionParams) => codeActionsFor(w, b, p.range, p.context.only ?? null), []));
  connection.onCompletion(about((w, b, p: CompletionParams) => completionItems(w, b, p.position), []));
  connection.onExecuteCommand(async ({ command, arguments: [uri, exportName] = [] }) => {
    const buffer = command === summaryCommand && typeof uri === "string" ? workspace?.buffers.get(uri) : undefined;
    const page = buffer === undefined ? null : pageOf(buffer, exportName);
    if (page !== null && client.window?.showDocument?.support === true) {
      await connection.window.showDocument({ uri: pageFile(page), takeFocus: true });
    }
    return page?.text ?? null;
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
/** A model's page as a file, which every editor can show. */
function pageFile({ name, text }: ModelPage): string {
  const file = join(mkdtempSync(join(tmpdir(), "striate-")), `${name.replace(/[^\w.-]+/g, "-")}.md`);
  writeFileSync(file, text);
  return pathToFileURL(file).href;
}
