/** Tables of plain aligned text. */
import Table from "cli-table3";
import { harmless, outColors } from "./terminal.ts";

/** One column. */
export interface Column {
  readonly title: string;
  readonly align: "left" | "right";
}

/** The lines of a table: a dim header, and rows of any texts padded to the widest cell. */
export function table(heads: readonly Column[], rows: readonly (readonly string[])[]): string {
  const { dim } = outColors();
  const cells = [heads.map(({ title }) => dim(title)), ...rows.map((row) => row.map(harmless))];
  return columns(cells, { aligns: heads.map(({ align }) => align) });
}

/** How columns are set out. */
export interface ColumnLayout {
  /** "left" where it says nothing. */
  readonly aligns?: readonly Column["align"][];
  /** What lines begin with. */
  readonly indent?: string;
}
/** Cells in columns without rules; colours in them take no room. */
export function columns(rows: readonly (readonly string[])[], { aligns = [], indent = "" }: ColumnLayout = {}): string {
  const layout = new Table({
    chars: { ...noRules, left: indent, middle: "  " },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    colAligns: [...aligns],
  });
  for (const row of rows) layout.push([...row]);
  return layout
    .toString()
    .split("\n")
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}
const noRules = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  mid: "",
  "left-mid": "",
  "mid-mid": "",
  "right-mid": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  right: "",
} as const;
