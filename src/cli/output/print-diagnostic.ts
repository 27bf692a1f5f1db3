/** Diagnostics with the user's line under them. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { extname } from "node:path";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import { printLocation, type SourceLocation } from "../../ir/location.ts";
import { errColors, harmless } from "./terminal.ts";

/** A place comes from a stack or from a model file, which may say anything: only source files of a sane size are opened. */
const sourceExtensions: ReadonlySet<string> = new Set([".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx", ".py"]);
const mostBytes = 4_000_000;
/** Longer lines are cut around the column. */
const widest = 140;
/** Beyond this many notes, the rest is counted. */
const mostNotes = 40;

/**
 * A diagnostic as compilers print it: `file:line:col error[code]: message`, the line with the faulty word underlined, notes, help.
 */
export function printDiagnosticWithSource(d: Diagnostic): string {
  const c = errColors();
  const place = (location: SourceLocation): string => (location.position === null ? "" : `${c.bold(harmless(printLocation(location)))} `);
  const severity = d.severity === "error" ? c.red : c.yellow;
  const notes = d.notes.slice(0, mostNotes).map((note) => `  ${c.cyan("note:")} ${place(note.location)}${harmless(note.message)}`);
  const surplus = d.notes.length - mostNotes;
  return [
    `${place(d.location)}${severity(c.bold(`${d.severity}[${d.code}]:`))} ${harmless(d.message)}`,
    ...codeFrame(d.location),
    ...notes,
    ...(surplus > 0 ? [`  ${c.cyan("note:")} and ${surplus} more`] : []),
    ...(d.help === undefined ? [] : [`  ${c.green("help:")} ${harmless(d.help)}`]),
  ].join("\n");
}

function codeFrame({ position }: SourceLocation): readonly string[] {
  const line = position === null ? null : sourceLine(position.file, position.line);
  if (position === null || line === null || position.column > line.length + 1) return [];
  const c = errColors();
  const at = position.column - 1;
  const from = at > widest - 40 ? at - 40 : 0;
  // A tab is one column to the compiler and several to a terminal.
  const shown = harmless(line.slice(from, from + widest)).replaceAll("\t", " ");
  const word = /^(?:[\w$]+(?:\.[\w$]+)*|\S)/.exec(line.slice(at))?.[0].length ?? 1;
  const number = String(position.line);
  const marker = `${" ".repeat(at - from)}${"~".repeat(Math.min(word, widest - (at - from)))}`;
  return ["", `  ${c.dim(`${number} │`)} ${shown}`, `  ${c.dim(`${" ".repeat(number.length)} │`)} ${c.red(marker)}`];
}

/** A line of a source file, counted from 1; null where it cannot, or should not, be read. */
function sourceLine(file: string, line: number): string | null {
  if (!sourceExtensions.has(extname(file))) return null;
  try {
    const descriptor = openSync(file, "r");
    try {
      const { size } = fstatSync(descriptor);
      if (!fstatSync(descriptor).isFile() || size > mostBytes) return null;
      const bytes = Buffer.alloc(size);
      readSync(descriptor, bytes, 0, size, 0);
      return bytes.toString("utf8").split(/\r?\n/)[line - 1] ?? null;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return null;
  }
}
