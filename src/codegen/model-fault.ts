/** What is wrong with a file, found deep inside it; the reader of the file adds its name. */
import { CompileError, userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";

/** A fault of a model file. */
export class ModelFault extends Error {
  readonly code: string;
  readonly help: string | undefined;
  constructor(code: string, message: string, help?: string) {
    super(message);
    this.code = code;
    this.help = help;
  }
}
/** A file that breaks the rules of its format. */
export const fault = (message: string, help?: string): ModelFault => new ModelFault("model-file", message, help);
/** A file that says something striate does not take. */
export const unsupported = (message: string, help?: string): ModelFault => new ModelFault("model-unsupported", message, help);

/** Runs what reads a file. Throws a CompileError that names the file where it meets a fault. */
export function explained<R>(fileName: string, read: () => R): R {
  try {
    return read();
  } catch (error) {
    if (error instanceof ModelFault) {
      throw userError(error.code, `${fileName}: ${error.message}`, nowhere, error.help === undefined ? {} : { help: error.help });
    }
    if (!(error instanceof CompileError)) throw error;
    const note = { message: `while reading ${fileName}`, location: nowhere };
    throw new CompileError(error.diagnostics.map((d) => ({ ...d, notes: [...d.notes, note] })));
  }
}
