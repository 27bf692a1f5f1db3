/** The layer table: what each layer gives, and what it costs. */
import { type Dim, totalOf } from "../ir/dim.ts";
import { printType, type TensorType } from "../ir/graph.ts";
import { printLocation, type SourceLocation } from "../ir/location.ts";
import { printShape } from "../ir/shape.ts";
import { byteText, type Html, html, percent, shownDim } from "./html.ts";
import type { Section } from "./page.ts";

/** A row of the layer table. */
export interface LayerRow {
  readonly name: string;
  /** What it does, such as "Conv". */
  readonly kind: string;
  readonly output: TensorType;
  readonly parameters: Dim;
  /** Multiply-adds per image. */
  readonly macs: Dim;
  /** Bytes of its weights, and of what it gives per image. */
  readonly weightBytes: Dim;
  readonly outputBytes: Dim;
  /** In words: "3x3, stride 1", "whole input". */
  readonly receptiveField: string;
  /** The user's line. */
  readonly location: SourceLocation;
}

/** One column. */
interface LayerColumn {
  readonly title: string;
  readonly align: "left" | "right";
  /** Which order comes first when it is sorted by. */
  readonly order: "ascending" | "descending";
  readonly cell: (row: LayerRow, totals: Totals, largest: Largest) => Html;
  readonly total: (totals: Totals) => string;
}
interface Totals {
  readonly parameters: Dim;
  readonly macs: Dim;
  readonly weightBytes: Dim;
}
/** What bars are as long as: the largest number of each column. */
type Largest = (pick: (row: LayerRow) => Dim) => number;

const text = (title: string, pick: (row: LayerRow) => string, style = ""): LayerColumn => ({
  title,
  align: "left",
  order: "ascending",
  cell: (row) => html`<td class="left ${style}">${pick(row)}</td>`,
  total: () => "",
});
const amount = (
  title: string,
  pick: (row: LayerRow) => Dim,
  shown: (value: Dim) => string,
  total: (totals: Totals) => string,
): LayerColumn => ({
  title,
  align: "right",
  order: "descending",
  cell: (row, _, largest) => {
    const value = pick(row);
    const bar = typeof value === "number" ? (100 * value) / Math.max(1, largest(pick)) : 0;
    return html`<td class="cost" data-key="${value}" style="--share:${bar.toFixed(1)}%">${shown(value)}</td>`;
  },
  total,
});
const part = (value: Dim, total: Dim): number | null =>
  typeof value === "number" && typeof total === "number" && total > 0 ? value / total : null;
const bytes = (value: Dim): string => (value === 0 ? "" : typeof value === "number" ? byteText(value) : `${value} B`);

const parametersOf = (row: LayerRow): Dim => row.parameters;
const macsOf = (row: LayerRow): Dim => row.macs;
const weightBytesOf = (row: LayerRow): Dim => row.weightBytes;
const outputBytesOf = (row: LayerRow): Dim => row.outputBytes;

const columns: readonly LayerColumn[] = [
  text("op", (row) => row.kind),
  text("output", (row) => (row.output.dtype === "float32" ? printShape(row.output.shape) : printType(row.output)), "type"),
  amount("parameters", parametersOf, shownDim, (totals) => shownDim(totals.parameters)),
  amount("MACs per image", macsOf, shownDim, (totals) => shownDim(totals.macs)),
  {
    title: "share",
    align: "right",
    order: "descending",
    cell: ({ macs }, totals) => {
      const share = part(macs, totals.macs) ?? 0;
      return html`<td data-key="${share}">${share === 0 ? "" : percent(share, 1)}</td>`;
    },
    total: () => "",
  },
  amount("weights", weightBytesOf, bytes, (totals) => bytes(totals.weightBytes)),
  amount("output bytes", outputBytesOf, bytes, () => ""),
  {
    ...text("receptive field", (row) => row.receptiveField),
    order: "descending",
    // Of the texts, the first number is the size; the whole is more than any.
    cell: ({ receptiveField }) =>
      html`<td class="left field" data-key="${/^\d+/.exec(receptiveField)?.[0] ?? (receptiveField === "" ? -1 : 1e12)}">${receptiveField}</td>`,
  },
  text("source", (row) => printLocation(row.location), "type source"),
];

/** The table of layers with totals; its headings sort, bars show each layer's part. */
export function layersSection(layers: readonly LayerRow[]): Section | null {
  if (layers.length === 0) return null;
  const sum = (pick: (row: LayerRow) => Dim): Dim => totalOf(layers.map(pick));
  const totals = { parameters: sum((l) => l.parameters), macs: sum((l) => l.macs), weightBytes: sum((l) => l.weightBytes) };
  const known = new Map<(row: LayerRow) => Dim, number>();
  const largest: Largest = (pick) => {
    const found = known.get(pick) ?? layers.reduce((most, row) => Math.max(most, Number(pick(row)) || 0), 0);
    known.set(pick, found);
    return found;
  };
  const heading = (title: string, align: string, order: string): Html =>
    html`<th scope="col" class="${align}" aria-sort="none" data-order="${order}"><button type="button">${title}</button></th>`;
  const row = (l: LayerRow): Html => html`<tr><th scope="row">${l.name}</th>${columns.map((column) => column.cell(l, totals, largest))}</tr>
`;
  const body = html`<p class="filter"><label>Only layers with <input type="search" data-filters="layer-table" placeholder="conv, layer3, 3x3"></label></p>
<div class="scroll tall" tabindex="0" role="region" aria-label="Layers"><table class="layers sortable" id="layer-table">
<thead><tr>${heading("layer", "left", "ascending")}${columns.map((c) => heading(c.title, c.align, c.order))}</tr></thead>
<tbody>${layers.map(row)}</tbody>
<tfoot><tr><th scope="row">total</th>${columns.map((c) => html`<td>${c.total(totals)}</td>`)}</tr></tfoot>
</table></div>`;
  return { id: "layers", title: "Layers", body, scripts: ["sort-tables"] };
}
