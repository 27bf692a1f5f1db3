/** The columns of `striate summary`. */
import type { Dim } from "../../ir/dim.ts";
import { printType } from "../../ir/graph.ts";
import { printLocation } from "../../ir/location.ts";
import type { SummaryCost, SummaryRow } from "../../train/summarize.ts";
import { UsageError } from "../input/usage.ts";
import type { Column } from "./table.ts";
import { byteCount, grouped } from "./terminal.ts";

/** What a line of the table is about: a layer, or a scope and the layer that it ends with. */
export interface SummaryLine {
  /** The name, indented below its scope's. */
  readonly label: string;
  readonly cost: SummaryCost;
  readonly layer: SummaryRow;
  readonly isScope: boolean;
}
interface SummaryColumn extends Column {
  /** The cell of a line; `total` is what shares are of. */
  readonly cell: (line: SummaryLine, total: SummaryCost) => string;
}

const number = (value: Dim): string => (value === 0 ? "" : typeof value === "number" ? grouped(value) : value);
const bytes = (value: Dim): string => (value === 0 ? "" : typeof value === "number" ? byteCount(value) : `${value} B`);
/** Only layers have one. */
const ofLayer = (cell: (layer: SummaryRow) => string) => (line: SummaryLine) => (line.isScope ? "" : cell(line.layer));

/** The part of the model's multiply-adds, in per cent; "" where sizes are symbols. */
function share({ cost }: SummaryLine, total: SummaryCost): string {
  if (typeof cost.macs !== "number" || typeof total.macs !== "number" || cost.macs === 0) return "";
  return `${((100 * cost.macs) / total.macs).toFixed(1)} %`;
}

/** All columns by the name under which --columns takes them. */
const columns = {
  name: { title: "layer", align: "left", cell: ({ label }) => label },
  op: { title: "op", align: "left", cell: ofLayer((l) => l.kind) },
  input: { title: "input", align: "left", cell: ofLayer((l) => l.inputs.map(printType).join(", ")) },
  output: { title: "output", align: "left", cell: ({ layer }) => printType(layer.output) },
  params: { title: "parameters", align: "right", cell: ({ cost }) => number(cost.parameters) },
  macs: { title: "MACs", align: "right", cell: ({ cost }) => number(cost.macs) },
  flops: { title: "FLOPs", align: "right", cell: ({ cost }) => number(cost.flops) },
  other: { title: "other operations", align: "right", cell: ({ cost }) => number(cost.other) },
  bytes: { title: "output bytes", align: "right", cell: ({ cost }) => bytes(cost.outputBytes) },
  "weight-bytes": { title: "weight bytes", align: "right", cell: ({ cost }) => bytes(cost.weightBytes) },
  "receptive-field": { title: "receptive field", align: "left", cell: ({ layer }) => layer.receptiveField },
  share: { title: "share of MACs", align: "right", cell: share },
  source: { title: "source", align: "left", cell: ofLayer((l) => printLocation(l.location)) },
} as const satisfies Readonly<Record<string, SummaryColumn>>;

/** The name of a column. */
export type ColumnName = keyof typeof columns;
/** What is shown unless --columns says otherwise. */
export const defaultColumns: readonly ColumnName[] = ["name", "op", "output", "params", "macs", "receptive-field"];
const names = Object.keys(columns).join(", ");
const isColumn = (name: string): name is ColumnName => Object.hasOwn(columns, name);

/** `--columns name,macs,...`: which columns, in which order. Throws a UsageError on a name that no column has, or that comes twice. */
export function columnsOption(text: string): readonly ColumnName[] {
  const wanted = text.split(",").map((name) => name.trim());
  return wanted.map((name, i) => {
    if (!isColumn(name)) throw new UsageError(`--columns: there is no column "${name}"`, `the columns are ${names}`);
    if (wanted.indexOf(name) < i) throw new UsageError(`--columns names "${name}" twice`);
    return name;
  });
}
/** The columns of some names. */
export const columnsNamed = (wanted: readonly ColumnName[]): readonly SummaryColumn[] => wanted.map((name) => columns[name]);
/** All names, for help. */
export const columnNames = names;
