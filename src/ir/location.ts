/** Where in the user's source a node was written. */
import { sep } from "node:path";
import { fileURLToPath } from "node:url";

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

/** `file:line:col`, or the empty text; files below the working folder are named from there. */
export function printLocation({ position }: SourceLocation): string {
  if (position === null) return "";
  const folder = `${process.cwd()}${sep}`;
  const file = position.file.startsWith(folder) ? position.file.slice(folder.length) : position.file;
  return `${file}:${position.line}:${position.column}`;
}

/** This package's own source folder, whose frames are never the user's. */
const ownUrl = new URL("../", import.meta.url).href;
const ownFolder = fileURLToPath(ownUrl);
/** `at f (file:///folder/model.ts:1:2)`, where the path may be one of the system's, and `at file:///folder/model.ts:1:2`. */
const frames: readonly RegExp[] = [
  /^\s*at .*? \(((?:file:\/\/|[A-Za-z]:[\\/]|\/).*):(\d+):(\d+)\)$/,
  /^\s*at (?:async )?((?:file:\/\/|[A-Za-z]:[\\/]|\/).*):(\d+):(\d+)$/,
];

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
      if (found === undefined) found = firstUserFrame(holder.stack ?? "");
      return found;
    },
  };
}

/** The first frame of a stack that lies outside this package's sources, installed packages and Node's own code. */
export function firstUserFrame(stack: string): SourcePosition | null {
  for (const line of stack.split("\n").slice(1)) {
    const [, place = "", row, column] = frames.map((frame) => frame.exec(line)).find((match) => match !== null) ?? [];
    if (place === "") continue;
    const file = place.startsWith("file://") ? fileURLToPath(place.replace(/[?#].*$/, "")) : place;
    if (file.startsWith(ownFolder) || /[\\/]node_modules[\\/]/.test(file)) continue;
    return { file, line: Number(row), column: Number(column) };
  }
  return null;
}
/** A stack without the frames of this package: Node prints an error that nobody catches by its stack. */
export const withoutOwnFrames = (stack: string): string =>
  stack
    .split("\n")
    .filter((line) => !(/^\s*at /.test(line) && (line.includes(ownFolder) || line.includes(ownUrl))))
    .join("\n");
