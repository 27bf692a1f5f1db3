/** The extension: starts the language server of the workspace's striate once the workspace is trusted, and shows what it says. */
import { dirname } from "node:path";
import * as vscode from "vscode";
import { State as ClientState, CloseAction, ErrorAction, LanguageClient, TransportKind } from "vscode-languageclient/node";
import { reportPage } from "./report.ts";
import { findServer, initializationOptions, type Settings } from "./server.ts";
import { type BufferStatus, type State, statusText } from "./status.ts";

const selector = [{ scheme: "file", language: "typescript" }];

/** Called by VS Code when a TypeScript file is opened. */
export async function activate(context: vscode.ExtensionContext): Promise<Api> {
  const output = vscode.window.createOutputChannel("striate", { log: true });
  const status = vscode.languages.createLanguageStatusItem("striate.status", selector);
  status.name = "striate";
  status.command = { command: "striate.showLog", title: "Show the Log" };
  const buffers = new Map<string, BufferStatus>();
  let state: State = { kind: "untrusted" };
  let client: LanguageClient | null = null;

  const show = (): void => {
    const uri = vscode.window.activeTextEditor?.document.uri.toString();
    const now: State =
      state.kind === "running" ? { kind: "running", buffer: (uri === undefined ? null : buffers.get(uri)) ?? null } : state;
    const { text, detail, mark, busy } = statusText(now);
    Object.assign(status, { text, detail, busy, severity: severities[mark] });
  };
  const become = (next: State): void => {
    state = next;
    show();
  };
  const stop = async (): Promise<void> => {
    const stopped = client;
    client = null;
    buffers.clear();
    await stopped?.dispose();
  };
  const start = async (): Promise<void> => {
    if (!vscode.workspace.isTrusted) return become({ kind: "untrusted" });
    await stop();
    const settings = readSettings();
    const folders = (vscode.workspace.workspaceFolders ?? []).flatMap(({ uri }) => (uri.scheme === "file" ? [uri.fsPath] : []));
    const server = findServer(folders, settings.serverPath);
    if (server.kind === "missing") return become(server);
    output.info(`${settings.node} ${server.program} lsp, in ${server.folder}`);
    const started = createClient(settings, server, output);
    client = started;
    started.onNotification("striate/status", (said: BufferStatus) => {
      buffers.set(vscode.Uri.parse(said.uri).toString(), said);
      show();
    });
    started.onDidChangeState(({ newState }) => {
      if (client !== started) return;
      if (newState === ClientState.Starting) become({ kind: "starting" });
      if (newState === ClientState.Running) become({ kind: "running", buffer: null });
      if (newState === ClientState.Stopped) become({ kind: "stopped", why: "the language server ended; its log says why" });
    });
    try {
      await started.start();
    } catch (error) {
      become({ kind: "stopped", why: error instanceof Error ? error.message : String(error) });
    }
  };

  context.subscriptions.push(
    output,
    status,
    { dispose: () => void stop() },
    vscode.window.onDidChangeActiveTextEditor(show),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void start()),
    vscode.workspace.onDidChangeWorkspaceFolders(() => void start()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("striate.server")) void start();
    }),
    vscode.commands.registerCommand("striate.restart", start),
    vscode.commands.registerCommand("striate.showLog", () => output.show()),
    vscode.commands.registerCommand("striate.showSummary", showSummary),
    vscode.commands.registerCommand("striate.showReport", (uri?: vscode.Uri) => showReport(uri, context)),
  );
  await start();
  return { status: () => statusText(state) };
}

/** What another extension, or a test, can ask. */
export interface Api {
  status(): ReturnType<typeof statusText>;
}

const severities = {
  information: vscode.LanguageStatusSeverity.Information,
  warning: vscode.LanguageStatusSeverity.Warning,
  error: vscode.LanguageStatusSeverity.Error,
} as const;

function readSettings(): Settings {
  const read = vscode.workspace.getConfiguration("striate");
  return {
    inlayHints: read.get("inlayHints", true),
    hints: read.get("hints", "needed"),
    timeLimit: read.get("timeLimit", 5000),
    memoryLimit: read.get("memoryLimit", 1024),
    serverPath: read.get("server.path", ""),
    node: read.get("server.node", "node"),
  };
}

function createClient(
  settings: Settings,
  { program, folder }: { readonly program: string; readonly folder: string },
  output: vscode.LogOutputChannel,
) {
  const run = { command: settings.node, args: [program, "lsp"], options: { cwd: folder }, transport: TransportKind.stdio };
  return new LanguageClient("striate", "striate", run, {
    documentSelector: selector,
    outputChannel: output,
    initializationOptions: initializationOptions(settings, vscode.workspace.isTrusted),
    synchronize: { configurationSection: "striate" },
    // A server that ends is started again by the command, not in a loop.
    errorHandler: {
      error: () => ({ action: ErrorAction.Continue }),
      closed: () => ({ action: CloseAction.DoNotRestart, handled: true }),
    },
    middleware: {
      window: {
        // A model's page is Markdown: it is shown as it is meant to be read.
        async showDocument(params, token, next) {
          if (!params.uri.endsWith(".md")) return next(params, token);
          await vscode.commands.executeCommand("markdown.showPreviewToSide", vscode.Uri.parse(params.uri));
          return { success: true };
        },
      },
    },
  });
}

/** Shows the page of a model in the open file; asks which where there are several. */
async function showSummary(): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  if (document === undefined) return;
  const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>("vscode.executeCodeLensProvider", document.uri, 100);
  const models = lenses.flatMap(({ command, range }) =>
    command?.command === "striate.summary"
      ? [{ label: document.lineAt(range.start.line).text.trim(), detail: command.title, command }]
      : [],
  );
  const chosen = models.length > 1 ? await vscode.window.showQuickPick(models, { placeHolder: "Which model?" }) : models[0];
  if (chosen !== undefined) await vscode.commands.executeCommand(chosen.command.command, ...(chosen.command.arguments ?? []));
  else if (models.length === 0) void vscode.window.showInformationMessage("striate knows no model in this file.");
}

/** Shows a report in a panel, and again whenever it is written. */
async function showReport(given: vscode.Uri | undefined, context: vscode.ExtensionContext): Promise<void> {
  const uri = given ?? (await chosenReport());
  if (uri === undefined) return;
  const panel = vscode.window.createWebviewPanel("striate.report", vscode.workspace.asRelativePath(uri), vscode.ViewColumn.Beside, {
    enableScripts: false,
    localResourceRoots: [],
  });
  const load = async (): Promise<void> => {
    panel.webview.html = reportPage(new TextDecoder().decode(await vscode.workspace.fs.readFile(uri)));
  };
  const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(vscode.Uri.file(dirname(uri.fsPath)), "*.html"));
  const again = (changed: vscode.Uri): void => {
    if (changed.toString() === uri.toString()) void load();
  };
  watcher.onDidChange(again);
  watcher.onDidCreate(again);
  panel.onDidDispose(() => watcher.dispose());
  context.subscriptions.push(panel);
  await load();
}
async function chosenReport(): Promise<vscode.Uri | undefined> {
  const found = await vscode.workspace.findFiles("**/report.html", "**/node_modules/**", 100);
  const [first, second] = found;
  if (first === undefined)
    void vscode.window.showInformationMessage("There is no report.html here: striate train --run FOLDER writes one.");
  if (second === undefined) return first;
  const items = found.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri }));
  return (await vscode.window.showQuickPick(items, { placeHolder: "Which report?" }))?.uri;
}
