/** What is wrong with a file, found deep inside it; the reader of the file adds its name. */

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
