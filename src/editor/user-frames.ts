/**
 * Stacks of the user's frames alone. Every call of a layer notes where it stands, and Node maps all frames of a stack through their
 * source maps to say it; most of them are this package's own, and most of the others have been mapped before.
 */
import { findSourceMap } from "node:module";
import { fileURLToPath } from "node:url";

const ownSources = new URL("../", import.meta.url).href;
const isUsers = (url: string): boolean => !url.startsWith(ownSources) && !url.startsWith("node:") && !url.includes("/node_modules/");

/** Makes stacks short for the whole process. */
export function keepUserFrames(): void {
  const known = new Map<string, string>();
  Error.prepareStackTrace = (error, frames) => {
    const users = frames.flatMap((frame) => {
      const url = frame.getScriptNameOrSourceURL();
      if (url === null || url === undefined || !isUsers(url)) return [];
      const [line, column] = [frame.getLineNumber() ?? 1, frame.getColumnNumber() ?? 1];
      const key = `${url}:${line}:${column}`;
      const place = known.get(key) ?? original(url, line, column);
      known.set(key, place);
      return [`    at ${frame.getFunctionName() ?? "<anonymous>"} (${place})`];
    });
    return [`${error.name}: ${error.message}`, ...users].join("\n");
  };
}

/** `file:line:col` in the source that a place in the running code was made from. */
function original(url: string, line: number, column: number): string {
  const entry = findSourceMap(url)?.findEntry(line - 1, column - 1);
  const file = url.startsWith("file:") ? fileURLToPath(url.replace(/[?#].*$/, "")) : url;
  if (entry === undefined || !("originalLine" in entry)) return `${file}:${line}:${column}`;
  return `${file}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
}
