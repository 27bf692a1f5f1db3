/** TypeScript's own findings, from its native language server: the one that this package brings, or the project's own from version 7 on. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { createMessageConnection, type MessageConnection, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";

/** One error of the type checker; lines and characters count from 0, as in the protocol. */
export interface TypeFinding {
  readonly file: string;
  readonly range: { readonly start: TypePosition; readonly end: TypePosition };
  /** 2345 in TS2345. */
  readonly code: number;
  readonly message: string;
  readonly severity: "error" | "warning";
}
/** A position that counts from 0. */
export interface TypePosition {
  readonly line: number;
  readonly character: number;
}
/** The type checker of a folder. */
export interface TypeChecker {
  /** The findings in a text; null when the checker cannot be run. */
  check(file: string, text: string): Promise<readonly TypeFinding[] | null>;
  /** What an editor shows over places of the text that was checked last: a variable's type, or the signature of a call; "" for nothing. */
  hovers(file: string, places: readonly TypePosition[]): Promise<readonly string[] | null>;
  /** Ends the process. */
  dispose(): void;
}

/** Starts a type checker for the files below a folder. */
export function createTypeChecker(folder: string): TypeChecker {
  const started = start(folder);
  const versions = new Map<string, number>();
  started.catch(() => {});
  return {
    async check(file, text) {
      try {
        const { connection } = await started;
        await show(connection, versions, file, text);
        const report: unknown = await connection.sendRequest("textDocument/diagnostic", {
          textDocument: { uri: pathToFileURL(file).href },
        });
        return findingsIn(file, report);
      } catch {
        return null;
      }
    },
    async hovers(file, places) {
      try {
        const { connection } = await started;
        const textDocument = { uri: pathToFileURL(file).href };
        const answers = places.map((position) => connection.sendRequest<unknown>("textDocument/hover", { textDocument, position }));
        return (await Promise.all(answers)).map(hoverText);
      } catch {
        return null;
      }
    },
    dispose() {
      void started.then(
        ({ connection, child }) => {
          connection.dispose();
          child.kill("SIGKILL");
        },
        () => {},
      );
    },
  };
}

interface Started {
  readonly child: ChildProcess;
  readonly connection: MessageConnection;
}
async function start(folder: string): Promise<Started> {
  const { command, args } = nativeCompiler(folder);
  const child = spawn(command, [...args, "--lsp", "--stdio"], { cwd: folder, stdio: ["pipe", "pipe", "ignore"] });
  const gone = new Promise<never>((_, reject) => {
    child.on("error", reject);
    child.on("exit", () => reject(new Error("the type checker ended")));
  });
  gone.catch(() => {});
  const connection = createMessageConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin));
  connection.onError(() => {});
  connection.onRequest("workspace/configuration", (params: { readonly items: readonly unknown[] }) => params.items.map(() => null));
  connection.onRequest("client/registerCapability", () => null);
  connection.onRequest("window/workDoneProgress/create", () => null);
  connection.listen();
  child.on("exit", () => connection.dispose());
  const initialized = connection.sendRequest("initialize", {
    processId: process.pid,
    rootUri: pathToFileURL(folder).href,
    workspaceFolders: [{ uri: pathToFileURL(folder).href, name: "model" }],
    capabilities: { textDocument: { diagnostic: {} } },
  });
  await Promise.race([initialized, gone]);
  await connection.sendNotification("initialized", {});
  return { child, connection };
}

async function show(connection: MessageConnection, versions: Map<string, number>, file: string, text: string): Promise<void> {
  const uri = pathToFileURL(file).href;
  const version = (versions.get(file) ?? 0) + 1;
  versions.set(file, version);
  if (version === 1)
    await connection.sendNotification("textDocument/didOpen", { textDocument: { uri, languageId: "typescript", version, text } });
  else await connection.sendNotification("textDocument/didChange", { textDocument: { uri, version }, contentChanges: [{ text }] });
}

/** The native compiler: its executable where it is found, else Node with the package's own starter. */
function nativeCompiler(folder: string): { readonly command: string; readonly args: readonly string[] } {
  const own = createRequire(import.meta.url);
  const project = createRequire(join(folder, "model.ts"));
  const packageFile = typescriptFrom(project) ?? own.resolve("typescript/package.json");
  try {
    const platform = createRequire(packageFile).resolve(`@typescript/typescript-${process.platform}-${process.arch}/package.json`);
    const command = join(dirname(platform), "lib", process.platform === "win32" ? "tsc.exe" : "tsc");
    if (existsSync(command)) return { command, args: [] };
  } catch {}
  return { command: process.execPath, args: [join(dirname(packageFile), "bin", "tsc")] };
}
function typescriptFrom(require: NodeJS.Require): string | null {
  try {
    const file = require.resolve("typescript/package.json");
    const { version }: { readonly version: unknown } = require(file);
    return Number(String(version).split(".")[0]) >= 7 ? file : null;
  } catch {
    return null;
  }
}

/** The text of a hover; "" where there is none. */
function hoverText(hover: unknown): string {
  const contents = typeof hover === "object" && hover !== null && "contents" in hover ? hover.contents : null;
  const value = typeof contents === "object" && contents !== null && "value" in contents ? contents.value : contents;
  return typeof value === "string" ? value : "";
}
/** Sound as far as a report keeps to the protocol; anything else has no items. */
const itemsOf = (report: unknown): readonly ReportItem[] => (report as { readonly items?: readonly ReportItem[] } | null)?.items ?? [];
interface ReportItem {
  readonly range: TypeFinding["range"];
  readonly code?: number | string;
  readonly message: string;
  readonly severity?: number;
}
const findingsIn = (file: string, report: unknown): readonly TypeFinding[] =>
  itemsOf(report).flatMap(({ range, code, message, severity = 1 }) =>
    severity > 2 ? [] : [{ file, range, code: Number(code ?? 0), message, severity: severity === 1 ? "error" : "warning" }],
  );
