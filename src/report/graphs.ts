/** The graph before and after optimisation, and what each pass did. */
import type { Graph } from "../ir/graph.ts";
import { drawGraph } from "./draw-graph.ts";
import { type Html, html } from "./html.ts";
import type { PassRow, Section, TrainingReport } from "./training-report.ts";

/** Both graphs side by side, drawn by Graphviz. */
export async function graphsSection({ before, after }: TrainingReport): Promise<Section | null> {
  const shown = [
    { title: "Before", graph: before },
    { title: "After", graph: after },
  ].flatMap(({ title, graph }) => (graph === null ? [] : [{ title, graph }]));
  if (shown.length === 0) return null;
  const panels = await Promise.all(shown.map(({ title, graph }) => panel(title, graph)));
  return { id: "graph", title: "Graph before and after optimisation", body: html`<div class="graphs">${panels}</div>` };
}

async function panel(title: string, graph: Graph): Promise<Html> {
  const caption = `${title}: ${graph.nodes.length} nodes`;
  const picture = await drawGraph(graph);
  if (picture === null)
    return html`<figure><figcaption>${caption}</figcaption><p>Too large to draw; <code>striate print</code> shows it as text.</p></figure>`;
  return html`<figure><figcaption>${caption}</figcaption><div class="scroll graph" tabindex="0" role="img" aria-label="${caption}">${picture}</div></figure>`;
}

/** The passes in the order in which they ran. */
export function passesSection({ passes }: TrainingReport): Section | null {
  if (passes.length === 0) return null;
  const refusals = (pass: PassRow): Html | null =>
    pass.refusals.length === 0
      ? null
      : html`<details><summary>${pass.refusals.length} left alone</summary><ul>${pass.refusals.map((r) => html`<li>${r}</li>`)}</ul></details>`;
  const row = (
    pass: PassRow,
  ): Html => html`<tr><th scope="row">${pass.name}</th><td>${pass.applied}</td><td>${pass.nodesBefore}</td><td>${pass.nodesAfter}</td><td class="note">${refusals(pass)}</td></tr>
`;
  const body = html`<div class="scroll" tabindex="0" role="region" aria-label="Passes"><table class="passes">
<thead><tr><th scope="col">pass</th><th scope="col">changes</th><th scope="col">nodes before</th><th scope="col">nodes after</th><th scope="col">remarks</th></tr></thead>
<tbody>${passes.map(row)}</tbody></table></div>`;
  return { id: "passes", title: "Passes", body };
}
