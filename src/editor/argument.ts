/** The very argument that a diagnostic is about: tracing knows the call, the text knows its arguments. */
import type { Diagnostic } from "../ir/diagnostic.ts";
import { callNamedAt, offsetAt, type SourceCall, type SourceFile, type Span } from "./source-calls.ts";

/** The call at which a diagnostic points; undefined where it points at none. */
export function callOfDiagnostic(source: SourceFile, { location }: Diagnostic): SourceCall | undefined {
  const { position } = location;
  return position?.file === source.file ? callNamedAt(source, offsetAt(source, position.line, position.column)) : undefined;
}

/**
 * The stretch of the text that a diagnostic should underline: the option that its message names, the axis that it speaks of, the last of
 * several tensors that do not fit each other, or the call's first argument; the function's name for a warning, and the word at the
 * place where there is no call.
 */
export function spanOfDiagnostic(source: SourceFile, diagnostic: Diagnostic): Span {
  const call = callOfDiagnostic(source, diagnostic);
  if (call === undefined) return wordAt(source, diagnostic);
  const text = textOf(diagnostic.message);
  const option = optionNamed(call, diagnostic.severity === "error" ? text : `${text} ${diagnostic.help ?? ""}`);
  if (option !== undefined) return option;
  if (diagnostic.severity === "warning") return call.nameSpan;
  const given = argumentNamed(source, call, diagnostic.code, text);
  if (given !== undefined) return given;
  const axis = /\baxis (-?\d+) is out of range/.exec(text)?.[1];
  const atAxis = call.args.find((arg) => source.text.slice(arg.start, arg.end) === axis);
  if (atAxis !== undefined) return atAxis;
  const tensors = diagnostic.notes.filter((note) => /^input \d+ /.test(note.message)).length;
  const [first, second] = call.args;
  // The first argument may be a list of tensors; the message is about one of its elements, which is not known.
  return (tensors > 1 ? second : undefined) ?? listTarget(source, call, text) ?? first ?? call.nameSpan;
}
/** What a message says of the call, without the layer's name. */
const textOf = (message: string): string => message.replace(/^\w+(?: in)?(?: "[^"]*")?: /, "");

/** The option that a text names first. */
function optionNamed(call: SourceCall, text: string): Span | undefined {
  const named = [...text.matchAll(/\b[a-z]\w*\b/gi)].map(([word]) => word);
  return named.map((word) => call.options.find((o) => o.name === word)).find((o) => o !== undefined);
}
/** Arguments behind the first, by how a message that is about one of them begins. */
const argumentNames: readonly (readonly [RegExp, number])[] = [
  [/^the (?:second operand|key|shape|dims|sizes|pads) (?:is|are) (?:a|an|null|undefined)\b/, 1],
  [/ is not an element type$/, 1],
  [/^the (?:options|body) (?:is|are) /, 1],
  [/^the block is /, 2],
  [/^p is /, 1],
  [/^the value (?:is|are) (?:a|an|null|undefined)\b/, 2],
];
/** The argument that a message is about as a whole: the options that lack one or have one too many, or one that is no tensor or no list. */
function argumentNamed({ text }: SourceFile, call: SourceCall, code: string, message: string): Span | undefined {
  if (code === "unknown-option" || /\bis missing, /.test(message))
    return call.args.find((arg) => text[arg.start] === "{") ?? (call.args.length > 1 ? call.args.at(-1) : call.nameSpan);
  // Of tensors of several element types, the one that is not float32.
  if (code === "dtype-mismatch") return call.args[message.startsWith("float32") && text[call.args[0]?.start ?? 0] !== "[" ? 1 : 0];
  const layer = /^layer (\d+) is /.exec(message)?.[1];
  if (layer !== undefined) return call.args[Number(layer)];
  const index = argumentNames.find(([pattern]) => pattern.test(message))?.[1];
  return index === undefined ? undefined : call.args[index];
}
/** The list of sizes or axes that reshape, permute, expand and their kin take behind the tensor. */
function listTarget({ text }: SourceFile, call: SourceCall, message: string): Span | undefined {
  const second = call.args[1];
  const isList = second !== undefined && text[second.start] === "[";
  return isList && /\b(?:elements|dims|sizes|repeat|shape|axis)\b/.test(message) ? second : undefined;
}

function wordAt(source: SourceFile, { location: { position } }: Diagnostic): Span {
  if (position === null || position.file !== source.file) return firstLine(source);
  const start = offsetAt(source, position.line, position.column);
  const length = /^(?:[\w$]+|\S)?/.exec(source.text.slice(start))?.[0].length ?? 0;
  return { start, end: start + length };
}
/** A fault without a place stands at the model's definition, or at the top. */
function firstLine({ calls, text }: SourceFile): Span {
  const model = calls.find((call) => call.name === "defineModel");
  return model?.nameSpan ?? { start: 0, end: Math.max(0, text.indexOf("\n")) };
}
