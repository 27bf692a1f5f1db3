/** Where in the user's source a node was written. */

/** A place in a source file; lines and columns count from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}
/** A place that is worked out when first asked for; null when no user file is on the stack. */
export interface SourceLocation {
  readonly position: SourcePosition | null;
}

/** A location that is known already. */
export const locationAt = (file: string, line: number, column: number): SourceLocation => ({ position: { file, line, column } });
/** No location. */
export const nowhere: SourceLocation = { position: null };

/** `file:line:col`, or the empty text. */
export const printLocation = ({ position }: SourceLocation): string =>
  position === null ? "" : `${position.file}:${position.line}:${position.column}`;

/** This package's own source folder, whose frames are never the user's. */
const ownFolder = new URL("../", import.meta.url).href;
const frame = /\(?((?:file:\/\/|[A-Za-z]:[\\/]|\/)[^()]*?):(\d+):(\d+)\)?$/;

/** The place of the call of a public function, read from the stack only when asked for. */
export function captureLocation(publicFunction?: (...args: never) => unknown): SourceLocation {
  const holder: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 32;
  Error.captureStackTrace(holder, publicFunction ?? captureLocation);
  Error.stackTraceLimit = limit;
  let found: SourcePosition | null | undefined;
  return {
    get position() {
      found ??= firstUserFrame(holder.stack ?? "");
      return found;
    },
  };
}

/** The first frame of a stack that lies outside this package's sources and Node's own code. */
export function firstUserFrame(stack: string): SourcePosition | null {
  for (const line of stack.split("\n").slice(1)) {
    const [, path, row, column] = frame.exec(line) ?? [];
    if (path === undefined || row === undefined || column === undefined) continue;
    const url = path.startsWith("file://") ? path : `file://${path}`;
    if (url.startsWith(ownFolder) || url.includes("/node_modules/")) continue;
    return { file: decodeURI(url.replace(/[?#].*$/, "").slice("file://".length)), line: Number(row), column: Number(column) };
  }
  return null;
}
