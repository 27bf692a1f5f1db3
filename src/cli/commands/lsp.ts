/** `striate lsp`. */
import { Command } from "commander";

const about = `
Speaks the Language Server Protocol over standard input and output: inlay hints with the shape of every tensor, hover, diagnostics, quick
fixes, code lenses and completion, for files that export a model.

Running a model file is running its code, so nothing is run before the client says that the workspace is trusted: by
initializationOptions { "trusted": true }, or by the notification striate/trust { "trusted": true }. Further options are timeLimit
(milliseconds), memoryLimit (megabytes), inlayHints (true or false) and typeErrors ("none" where no TypeScript server shows them).`;

/** Serves an editor until it ends. */
export function lspCommand(): Command {
  return new Command("lsp")
    .option("--stdio", "standard input and output, which is the only way")
    .addHelpText("after", about)
    .action(async () => {
      const { createConnection, StreamMessageReader, StreamMessageWriter } = await import("vscode-languageserver/node");
      const { serve } = await import("../../editor/server.ts");
      const connection = createConnection(new StreamMessageReader(process.stdin), new StreamMessageWriter(process.stdout));
      const end = serve(connection);
      connection.listen();
      await new Promise<void>((resolve) => {
        connection.onExit(resolve);
        process.stdin.on("close", resolve);
      });
      end();
    });
}
