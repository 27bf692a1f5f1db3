/** Which striate serves a workspace, and what it is told: nothing here needs an editor. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, isAbsolute, join, resolve } from "node:path";

/** The settings of the extension, as package.json declares them under "striate". */
export interface Settings {
  readonly inlayHints: boolean;
  readonly hints: string;
  readonly timeLimit: number;
  readonly memoryLimit: number;
  /** The program to run; "" for the workspace's own. */
  readonly serverPath: string;
  /** The Node that runs it. */
  readonly node: string;
}

/** A server that can be started, or why there is none. */
export type Server =
  | { readonly kind: "found"; readonly program: string; readonly folder: string }
  | { readonly kind: "missing"; readonly why: string };

/** The program of the first of the folders that has striate; paths in the settings count from the first folder. */
export function findServer(folders: readonly string[], serverPath: string): Server {
  const [first] = folders;
  if (first === undefined) return { kind: "missing", why: "no folder is open" };
  if (serverPath !== "") {
    const program = isAbsolute(serverPath) ? serverPath : resolve(first, serverPath);
    return existsSync(program)
      ? { kind: "found", program, folder: first }
      : { kind: "missing", why: `striate.server.path: there is no ${program}` };
  }
  for (const folder of folders) {
    const program = programIn(folder);
    if (program !== null) return { kind: "found", program, folder };
  }
  return { kind: "missing", why: "striate is not installed here: npm install striate" };
}

/** The program of the package as a module in the folder would import it: also from a folder above, and in the package's own checkout. */
function programIn(folder: string): string | null {
  try {
    const manifest = createRequire(join(folder, "package.json")).resolve("striate/package.json");
    const program = join(dirname(manifest), "bin/striate.js");
    return existsSync(program) ? program : null;
  } catch {
    return null;
  }
}

/** What the server is told when it starts. The editor's own TypeScript shows type errors, so the server need not say them again. */
export const initializationOptions = ({ inlayHints, hints, timeLimit, memoryLimit }: Settings, trusted: boolean) =>
  ({ trusted, inlayHints, hints, timeLimit, memoryLimit, typeErrors: "editor" }) as const;
