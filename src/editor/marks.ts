/** Marks: calls in a buffer that are wrapped before it runs, so that the values they give can be shown where they stand. */
import { type Insertion, type Overlay, seenKey } from "./protocol.ts";

/** Where a call stands in a text, by offsets, and its number. */
export interface MarkedSpan {
  readonly start: number;
  readonly end: number;
  readonly mark: number;
}

/** The name of the function that notes values, in the texts that run. */
const noteName = "__striateSeen";

/**
 * The text with each span wrapped in a function that notes its value, under its number, and gives it back. No line is added, so
 * that only columns move; the insertions say by how much.
 */
export function markedText(file: string, text: string, spans: readonly MarkedSpan[]): Overlay {
  const noted = `globalThis[Symbol.for(${JSON.stringify(seenKey)})]?.note(${JSON.stringify(file)}, mark, value)`;
  const start = /^#!.*\n/.exec(text)?.[0].length ?? 0;
  const inserted = [
    // A declaration is there before the module's own code runs, also in a cycle of imports.
    { at: start, text: `function ${noteName}(mark, value) { ${noted}; return value; } ` },
    ...spans.flatMap(({ start: from, end, mark }) => [
      { at: from, text: `${noteName}(${mark}, ` },
      { at: end, text: ")" },
    ]),
  ];
  return { file, ...insertAll(text, inserted) };
}

interface Inserted {
  readonly at: number;
  readonly text: string;
}
/** Inserts texts at offsets; where several meet, closing marks come before opening ones, and outer marks open first. */
function insertAll(text: string, inserted: readonly Inserted[]): { readonly text: string; readonly insertions: readonly Insertion[] } {
  const order = inserted
    .map((item, index) => ({ ...item, index }))
    .sort((a, b) => a.at - b.at || Number(b.text === ")") - Number(a.text === ")") || a.index - b.index);
  const parts: string[] = [];
  const insertions: Insertion[] = [];
  let [from, line, lineStart] = [0, 1, 0];
  for (const item of order) {
    for (let at = text.indexOf("\n", Math.max(from, lineStart)); at >= 0 && at < item.at; at = text.indexOf("\n", at + 1)) {
      line++;
      lineStart = at + 1;
    }
    parts.push(text.slice(from, item.at), item.text);
    insertions.push({ line, column: item.at - lineStart + 1, length: item.text.length });
    from = item.at;
  }
  return { text: [...parts, text.slice(from)].join(""), insertions };
}

/** The column in the buffer of a column in the text with marks; both count from 1. */
export function originalColumn(insertions: readonly Insertion[], line: number, column: number): number {
  let shift = 0;
  for (const insertion of insertions) {
    if (insertion.line !== line) continue;
    const at = insertion.column + shift;
    if (column < at) break;
    if (column < at + insertion.length) return insertion.column;
    shift += insertion.length;
  }
  return column - shift;
}
