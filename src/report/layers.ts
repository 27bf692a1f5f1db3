/** The layer table: what each layer gives, and what it costs. */
import { type Dim, totalOf } from "../ir/dim.ts";
import { printType } from "../ir/graph.ts";
import { grouped, type Html, html } from "./html.ts";
import type { LayerRow, Section, TrainingReport } from "./training-report.ts";

/** The table of layers with totals; bars show each layer's share. */
export function layersSection({ layers }: TrainingReport): Section | null {
  if (layers.length === 0) return null;
  const [parameters, macs] = [totalOf(layers.map((l) => l.parameters)), totalOf(layers.map((l) => l.macs))];
  const row = (
    l: LayerRow,
  ): Html => html`<tr><th scope="row">${l.name}</th><td>${l.kind}</td><td class="type">${printType(l.output)}</td>${cost(l.parameters, parameters)}${cost(l.macs, macs)}<td class="field">${l.receptiveField}</td></tr>
`;
  const body = html`<div class="scroll" tabindex="0" role="region" aria-label="Layers"><table class="layers">
<thead><tr><th scope="col">layer</th><th scope="col">op</th><th scope="col">output</th><th scope="col">parameters</th><th scope="col">MACs per image</th><th scope="col">receptive field</th></tr></thead>
<tbody>${layers.map(row)}</tbody>
<tfoot><tr><th scope="row">total</th><td></td><td></td><td>${shown(parameters)}</td><td>${shown(macs)}</td><td></td></tr></tfoot>
</table></div>`;
  return { id: "layers", title: "Layers", body };
}

const shown = (value: Dim): string => (value === 0 ? "" : typeof value === "number" ? grouped(value) : value);

function cost(value: Dim, total: Dim): Html {
  const share = typeof value === "number" && typeof total === "number" && total > 0 ? value / total : 0;
  return html`<td class="cost" style="--share:${(100 * share).toFixed(1)}%">${shown(value)}</td>`;
}
