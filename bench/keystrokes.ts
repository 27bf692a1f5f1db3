/** Times the language service of TypeScript 7 (`tsc --lsp --stdio`) from an edit to its diagnostics. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";
import { checkFiles, declarationPaths } from "../test/support/check-types.ts";

const root = resolve(import.meta.dirname, "..");

/** Milliseconds of each of n edits of a model's file; every second one makes a size wrong. The first opens the file. */
export async function keystrokes(file: string, n: number): Promise<readonly number[]> {
  // Writes the declarations that the service reads.
  await checkFiles("typescript", root, [file]);
  const folder = mkdtempSync(join(tmpdir(), "striate-keys-"));
  const text = readFileSync(file, "utf8");
  writeFileSync(join(folder, "model.ts"), text);
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { paths: declarationPaths, types: [] },
    include: [],
    files: ["model.ts"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const server = spawn(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--lsp", "--stdio"], { cwd: folder });
  const connection = createMessageConnection(new StreamMessageReader(server.stdout), new StreamMessageWriter(server.stdin));
  connection.onRequest("client/registerCapability", () => null);
  connection.onRequest("workspace/configuration", ({ items }: { items: readonly unknown[] }) => items.map(() => null));
  connection.listen();
  try {
    const uri = pathToFileURL(join(folder, "model.ts")).href;
    await connection.sendRequest("initialize", {
      processId: process.pid,
      rootUri: pathToFileURL(folder).href,
      capabilities: { textDocument: { diagnostic: {} } },
      workspaceFolders: [{ uri: pathToFileURL(folder).href, name: "model" }],
    });
    await connection.sendNotification("initialized", {});
    await connection.sendNotification("textDocument/didOpen", { textDocument: { uri, languageId: "typescript", version: 1, text } });
    const times: number[] = [];
    for (let i = 0; i < n; i++) {
      const size = 225 + i;
      const edited = i % 2 === 0 ? text.replaceAll("224", `${size}`) : text.replace("inFeatures: 2048", `inFeatures: ${size}`);
      const begin = performance.now();
      await connection.sendNotification("textDocument/didChange", {
        textDocument: { uri, version: i + 2 },
        contentChanges: [{ text: edited }],
      });
      const report = await connection.sendRequest<{ readonly items?: readonly unknown[] }>("textDocument/diagnostic", {
        textDocument: { uri },
      });
      times.push(performance.now() - begin);
      if (report.items === undefined || report.items.length === 0) throw new Error(`edit ${i} made an error that was not reported`);
    }
    return times;
  } finally {
    connection.dispose();
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}
