/** Tables of plain aligned text. */
import { harmless, outColors } from "./terminal.ts";

/** One column. */
export interface Column {
  readonly title: string;
  readonly align: "left" | "right";
}

/** The lines of a table: a dim header, and rows padded to the widest cell. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(harmless));
  const widths = columns.map((column, i) => Math.max(column.title.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (texts: readonly string[]): string =>
    columns
      .map(({ align }, i) => (align === "left" ? (texts[i] ?? "").padEnd(widths[i] ?? 0) : (texts[i] ?? "").padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  return [outColors().dim(line(columns.map((c) => c.title))), ...cells.map(line)].map((text) => `${text}\n`).join("");
}
