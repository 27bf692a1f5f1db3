/** What each pass of the optimiser did, and what it refused. */
import type { Dim } from "../ir/dim.ts";
import { printLocation, type SourceLocation } from "../ir/location.ts";
import { byteText, type Html, html, shownDim, signed } from "./html.ts";
import type { Section } from "./page.ts";

/** What one pass did. */
export interface PassRow {
  readonly name: string;
  /** How many places it changed. */
  readonly applied: number;
  /** How many nodes, multiply-adds, and bytes of weights the graph has more. */
  readonly nodeDelta: number;
  readonly macDelta: Dim;
  readonly byteDelta: number;
  /** Why it left places alone. */
  readonly refusals: readonly { readonly node: string; readonly reason: string; readonly location: SourceLocation }[];
}
/** A graph's size before and after all passes. */
export interface SizeChange {
  readonly what: string;
  readonly before: string;
  readonly after: string;
}

/** A pass that refused in more places than this has the rest counted. */
const mostRefusals = 200;

/** The sizes before and after, and the passes in the order in which they ran; those that found nothing to do are named below. */
export function passesSection(title: string, passes: readonly PassRow[], sizes: readonly SizeChange[] = []): Section | null {
  if (passes.length === 0) return null;
  const idle = passes.filter((pass) => pass.applied + pass.refusals.length === 0 && pass.nodeDelta === 0 && pass.byteDelta === 0);
  const rows = passes.filter((pass) => !idle.includes(pass));
  const table = html`<div class="scroll" tabindex="0" role="region" aria-label="Passes"><table class="passes">
<thead><tr><th scope="col">pass</th><th scope="col">changes</th><th scope="col">nodes</th><th scope="col">MACs</th><th scope="col">weights</th><th scope="col">left alone, and why</th></tr></thead>
<tbody>${rows.map(row)}</tbody></table></div>`;
  const others = idle.length === 0 ? null : html`<p class="idle">Nothing to do: ${idle.map((pass) => pass.name).join(", ")}.</p>`;
  return { id: "passes", title, body: html`${sizes.length === 0 ? null : before(sizes)}${rows.length === 0 ? null : table}${others}` };
}

const before = (sizes: readonly SizeChange[]): Html =>
  html`<dl class="changes">${sizes.map((size) => html`<div><dt>${size.what}</dt><dd>${size.before === size.after ? size.after : html`<span class="was">${size.before}</span> → ${size.after}`}</dd></div>`)}</dl>`;

const row = (
  pass: PassRow,
): Html => html`<tr><th scope="row">${pass.name}</th><td>${pass.applied === 0 ? "" : pass.applied}</td><td>${signed(pass.nodeDelta)}</td><td>${typeof pass.macDelta === "number" ? signed(pass.macDelta) : shownDim(pass.macDelta)}</td><td>${signed(pass.byteDelta, byteText)}</td><td class="note">${refusals(pass)}</td></tr>
`;

function refusals({ refusals: all }: PassRow): Html | null {
  if (all.length === 0) return null;
  const item = ({ node, reason, location }: PassRow["refusals"][number]): Html => {
    const place = printLocation(location);
    return html`<li><b>${node}</b>: ${reason}${place === "" ? null : html` <code>${place}</code>`}</li>`;
  };
  const surplus = all.length > mostRefusals ? html`<li>and ${all.length - mostRefusals} more</li>` : null;
  return html`<details><summary>${all.length} ${all.length === 1 ? "place" : "places"}</summary><ul>${all.slice(0, mostRefusals).map(item)}${surplus}</ul></details>`;
}
