/** What is wrong, where, and how to mend it. */
import { printLocation, type SourceLocation, withoutOwnFrames } from "./location.ts";

/** A remark with a place of its own. */
export interface Note {
  readonly message: string;
  readonly location: SourceLocation;
}
/** One finding about the user's model, files or options. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  /** A short kebab-case name, such as "channel-mismatch". */
  readonly code: string;
  /** One line: the op or file, what it got, what it wanted. */
  readonly message: string;
  readonly location: SourceLocation;
  readonly notes: readonly Note[];
  readonly help: string | undefined;
}

/** `file:line:col error[code]: message`, its notes, and its help. */
export function printDiagnostic(d: Diagnostic): string {
  const place = (location: SourceLocation): string => (location.position === null ? "" : `${printLocation(location)} `);
  return [
    `${place(d.location)}${d.severity}[${d.code}]: ${d.message}`,
    ...d.notes.map((note) => `  note: ${place(note.location)}${note.message}`),
    ...(d.help === undefined ? [] : [`  help: ${d.help}`]),
  ].join("\n");
}

const brand = Symbol.for("striate.CompileError");

/** The user's mistake: what diagnostics say, and no stack of ours. */
export class CompileError extends Error {
  override readonly name = "CompileError";
  declare readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(printDiagnostic).join("\n"));
    // Node prints what is enumerable too, and the message says it all.
    Object.defineProperties(this, { diagnostics: { value: diagnostics }, [brand]: { value: true } });
    if (this.stack !== undefined) this.stack = withoutOwnFrames(this.stack);
  }
}
/** True for a CompileError, also one of another copy of this package. */
export const isCompileError = (error: unknown): error is CompileError => typeof error === "object" && error !== null && brand in error;

/** A CompileError of one diagnostic. */
export function userError(
  code: string,
  message: string,
  location: SourceLocation,
  more: { readonly notes?: readonly Note[]; readonly help?: string } = {},
): CompileError {
  return new CompileError([{ severity: "error", code, message, location, notes: more.notes ?? [], help: more.help }]);
}

/** A fault of this package: please report it. */
export class InternalError extends Error {
  override readonly name = "InternalError";
}
/** The end of a switch that covers every case. */
export function assertNever(value: never): never {
  throw new InternalError(`unexpected ${String(value)}`);
}
