/** Completion of the names of parameters and values, in the texts that select them. */
import type { ModelReport } from "./protocol.ts";

/** A name that can stand at the cursor, and the stretch of the text that it replaces. */
export interface NameCompletion {
  readonly label: string;
  readonly detail: string;
  /** Offset where the text that it replaces starts; its end is the cursor. */
  readonly start: number;
}

/** Options whose texts are patterns over parameter names: those of freezing and of the groups of optimizers. */
const patternOptions = "match|freeze";
/** Options whose texts are names of values. */
const valueOptions = "value|values|wrt|outputs";
const within = (options: string): RegExp => new RegExp(`\\b(?:${options})\\s*:\\s*(?:\\[[^\\]]*)?["'\`]([^"'\`\\n]*)$`);
const inPattern = within(patternOptions);
const inValue = within(valueOptions);
/** Looking further back than this for the option's name is in vain. */
const lookBack = 2000;

/** The names that fit at an offset; none outside of the options that take names. */
export function completionsAt(text: string, offset: number, models: readonly ModelReport[]): readonly NameCompletion[] {
  const before = text.slice(Math.max(0, offset - lookBack), offset);
  const pattern = inPattern.exec(before);
  if (pattern !== null) {
    const typed = pattern[1] ?? "";
    const start = offset - typed.length + (typed.startsWith("!") ? 1 : 0);
    return models.flatMap((model) => patternsOf(model)).map(({ label, detail }) => ({ label, detail, start }));
  }
  const value = inValue.exec(before);
  if (value === null) return [];
  return models.flatMap((model) =>
    model.values.map((label) => ({ label, detail: `a value of ${model.name}`, start: offset - (value[1] ?? "").length })),
  );
}

/** Every parameter, every scope with all below it, and every last name in all layers: "layer1.0.conv1.weight", "layer1.*", "*.bias". */
function patternsOf({ name, parameters }: ModelReport): readonly { readonly label: string; readonly detail: string }[] {
  const counted = new Map<string, number>();
  for (const { name: full } of parameters) {
    const parts = full.split(".");
    for (let n = 1; n < parts.length; n++) count(counted, `${parts.slice(0, n).join(".")}.*`);
    if (parts.length > 1) count(counted, `*.${parts.at(-1)}`);
  }
  const patterns = [...counted].map(([label, n]) => ({ label, detail: `${n} of ${name}` }));
  return [...patterns, ...parameters.map((p) => ({ label: p.name, detail: `${p.role} ${p.shape}` }))];
}
const count = (counted: Map<string, number>, key: string): void => void counted.set(key, (counted.get(key) ?? 0) + 1);
