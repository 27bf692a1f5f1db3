/** Quick fixes: the change to the text that a diagnostic asks for, with the numbers worked out. */
import type { Diagnostic } from "../ir/diagnostic.ts";
import { callOfDiagnostic } from "./argument.ts";
import type { CallFacts } from "./call-facts.ts";
import { callNamedAt, offsetAt, type SourceCall, type SourceFile, type Span } from "./source-calls.ts";

/** A replacement in a text. */
export interface TextChange extends Span {
  readonly text: string;
}
/** A change that mends something. */
export interface Fix {
  readonly title: string;
  readonly changes: readonly TextChange[];
}

type FixRule = (source: SourceFile, call: SourceCall, diagnostic: Diagnostic) => readonly Fix[];

/** The fixes for a diagnostic; none where the text does not say enough. */
export function fixesFor(source: SourceFile, diagnostic: Diagnostic): readonly Fix[] {
  const call = callOfDiagnostic(source, diagnostic);
  return call === undefined ? [] : rules.flatMap((rule) => rule(source, call, diagnostic));
}

const textOf = (source: SourceFile, { start, end }: Span): string => source.text.slice(start, end);
const optionOf = (call: SourceCall, name: string) => call.options.find((o) => o.name === name);

/** Sets an option of a call, which gets an object for its options where it has none. */
function setOption(source: SourceFile, call: SourceCall, name: string, value: string): TextChange {
  const known = optionOf(call, name);
  if (known !== undefined) return { start: known.start, end: known.end, text: `${name}: ${value}` };
  if (call.optionsEnd === null) return { start: call.end - 1, end: call.end - 1, text: `, { ${name}: ${value} }` };
  const isEmpty = call.options.length === 0 && source.text[call.optionsEnd - 1] === "{";
  return { start: call.optionsEnd, end: call.optionsEnd, text: isEmpty ? ` ${name}: ${value} ` : `, ${name}: ${value}` };
}
/** Removes an option together with the comma that parts it from the next, or the last. */
function removeOption(source: SourceFile, option: Span): TextChange {
  const behind = /^\s*,\s*/.exec(source.text.slice(option.end))?.[0].length ?? 0;
  const before = behind > 0 ? 0 : (/,\s*$/.exec(source.text.slice(0, option.start))?.[0].length ?? 0);
  return { start: option.start - before, end: option.end + behind, text: "" };
}
/** Adds names to the import from this package. */
function importing({ imported }: SourceFile, name: string): readonly TextChange[] {
  return imported === null || imported.names.includes(name) ? [] : [{ start: imported.end, end: imported.end, text: `, ${name}` }];
}

/** "inFeatures is 1024, but the input has 1568 features", "input has 64 channels, but inChannels is 3": the number that is there goes in. */
const setToWhatIsThere: FixRule = (source, call, { message }) => {
  const [, option = "", actual = ""] =
    /(\w+) is [^,]*?,? but (?:the )?(?:input|last axis) has (?:.* = )?(\d+)/.exec(message) ??
    swap(/has (\d+) channels,? but (\w+) is/.exec(message));
  const known = optionOf(call, option);
  if (known === undefined || actual === "") return [];
  return [
    { title: `Set ${option} to ${actual}`, changes: [setOption(source, call, option, actual)] },
    { title: `Remove ${option}: it is inferred`, changes: [removeOption(source, known)] },
  ];
};
const swap = (match: RegExpExecArray | null): readonly string[] => (match === null ? [] : [match[0], match[2] ?? "", match[1] ?? ""]);

/** The shapes of the inputs, as the notes tell them. */
const inputShapes = ({ notes }: Diagnostic): readonly (readonly string[])[] =>
  notes.flatMap(({ message }) => {
    const found =
      /^(?:the input|input \d+) .*?, \w+\[([^\]]*)\]/.exec(message) ?? /^(?:the input|input \d+) .*\b\w+\[([^\]]*)\]/.exec(message);
    return found?.[1] === undefined ? [] : [found[1].split(", ")];
  });

/** A linear layer behind feature maps, with the features of all of them: they were meant to be flattened. */
const addFlatten: FixRule = (source, call, diagnostic) => {
  const [shape = []] = inputShapes(diagnostic);
  const [input] = call.args;
  const features = Number(textOf(source, optionOf(call, "inFeatures")?.value ?? { start: 0, end: 0 }));
  const product = shape.slice(1).reduce((n, d) => n * Number(d), 1);
  if (input === undefined || shape.length < 3 || product !== features) return [];
  const changes = [{ ...input, text: `flatten(${textOf(source, input)})` }, ...importing(source, "flatten")];
  return [{ title: `Flatten the input: ${shape.slice(1).join(" * ")} = ${product}`, changes }];
};

/** Two feature maps that should be added: a 1x1 convolution gives the second the channels, and the stride, of the first. */
const projectShortcut: FixRule = (source, call, diagnostic) => {
  const [a = [], b = []] = inputShapes(diagnostic);
  const second = call.args[1];
  if (
    diagnostic.code !== "shape-mismatch" ||
    a.length !== 4 ||
    b.length !== 4 ||
    second === undefined ||
    textOf(source, second).startsWith("{")
  )
    return [];
  const strides = [2, 3].map((i) => (a[i] === b[i] ? 1 : Math.ceil(Number(b[i]) / Number(a[i]))));
  const [s = 0] = strides;
  const fits = [2, 3].every((i) => a[i] === b[i] || Math.floor((Number(b[i]) - 1) / s) + 1 === Number(a[i]));
  if (!/^\d+$/.test(a[1] ?? "") || !strides.every((each) => each === s) || s < 1 || !fits) return [];
  const options = `{ outChannels: ${a[1]}, kernelSize: 1${s === 1 ? "" : `, stride: ${s}`} }`;
  const changes = [{ ...second, text: `conv2d(${textOf(source, second)}, ${options})` }, ...importing(source, "conv2d")];
  return [{ title: `Insert a 1x1 convolution to ${a[1]} channels${s === 1 ? "" : ` with stride ${s}`}`, changes }];
};

/** Maps of different sizes: a convolution that made one of them may keep its input's size. */
const keepSizeBefore: FixRule = (source, _, diagnostic) => {
  if (diagnostic.code !== "shape-mismatch") return [];
  const makers = diagnostic.notes.flatMap(({ location: { position } }) =>
    position?.file === source.file ? (callNamedAt(source, offsetAt(source, position.line, position.column)) ?? []) : [],
  );
  return makers.flatMap((maker) => keepSize(source, maker) ?? []);
};

/** `padding` that keeps the size, d (k - 1) / 2, of a convolution whose options the text says; null where it has it, or where none does. */
function keepSize(source: SourceFile, call: SourceCall): Fix | null {
  const number = (name: string, otherwise: number): number =>
    Number(textOf(source, optionOf(call, name)?.value ?? { start: 0, end: 0 }) || otherwise);
  const [k, s, d, p] = [number("kernelSize", Number.NaN), number("stride", 1), number("dilation", 1), number("padding", 0)];
  const padding = (d * (k - 1)) / 2;
  if (!/^conv\dd$/.test(call.name) || s !== 1 || !Number.isInteger(padding) || padding === p) return null;
  return { title: `Set padding to ${padding} to keep the size`, changes: [setOption(source, call, "padding", String(padding))] };
}

/** "expectShape: the shape is [N, 32, 8, 8], not [...]": the shape that is there. */
const expectActual: FixRule = (_, call, { code, message }) => {
  const [, actual = ""] = /the shape is \[([^\]]*)\], not/.exec(message) ?? [];
  const second = call.args[1];
  if (code !== "expect-shape" || second === undefined || actual.includes("?")) return [];
  const dims = actual.split(", ").map((d) => (/^\d+$/.test(d) ? d : JSON.stringify(d)));
  return [{ title: `Expect [${actual}]`, changes: [{ ...second, text: `[${dims.join(", ")}]` }] }];
};

/** Warnings whose change is always the same. */
const byCode: Readonly<Record<string, FixRule>> = {
  "bias-before-batch-norm": (source, call) => [{ title: "Write bias: false", changes: [setOption(source, call, "bias", "false")] }],
  "softmax-before-cross-entropy": (source, call) => {
    const [input] = call.args;
    return input === undefined
      ? []
      : [{ title: "Return the logits", changes: [{ start: call.start, end: call.end, text: textOf(source, input) }] }];
  },
  "border-dropped": (source, call) =>
    call.name.endsWith("Pool2d") ? [{ title: "Set ceilMode to true", changes: [setOption(source, call, "ceilMode", "true")] }] : [],
};
const fixedByCode: FixRule = (source, call, diagnostic) =>
  Object.hasOwn(byCode, diagnostic.code) ? (byCode[diagnostic.code]?.(source, call, diagnostic) ?? []) : [];

const rules: readonly FixRule[] = [addFlatten, setToWhatIsThere, projectShortcut, keepSizeBefore, expectActual, fixedByCode];

/** Changes that are offered at a call without anything being wrong: padding that keeps the size, where a convolution changes it. */
export function refactorings(source: SourceFile, { call, layers }: CallFacts): readonly Fix[] {
  const changesSize = layers.some((layer) => layer.inputs[0]?.split(", ").slice(2).join() !== layer.output.split(", ").slice(2).join());
  const fix = changesSize ? keepSize(source, call) : null;
  return fix === null ? [] : [fix];
}
