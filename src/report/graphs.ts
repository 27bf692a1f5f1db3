/** Graphs by scope, folded and opened in the page. */
import type { Graph } from "../ir/graph.ts";
import { type Html, html } from "./html.ts";
import { type FiguresOf, layOutGraph } from "./lay-out-scopes.ts";
import { type Section, scriptData } from "./page.ts";

/** A graph to show. */
export interface ShownGraph {
  readonly title: string;
  readonly graph: Graph;
  readonly figuresOf?: FiguresOf;
}

/** One graph at a time; which one is chosen above it. */
export async function graphsSection(title: string, graphs: readonly ShownGraph[]): Promise<Section | null> {
  if (graphs.length === 0) return null;
  const views: Html[] = [];
  for (const [i, shown] of graphs.entries()) views.push(await view(shown, i));
  const choice = (shown: ShownGraph, i: number): Html =>
    html`<label><input type="radio" name="graph" value="${i}"${i === 0 ? html` checked` : null}>${caption(shown)}</label>`;
  const choices = graphs.length < 2 ? null : html`<fieldset class="choice"><legend>Graph</legend>${graphs.map(choice)}</fieldset>`;
  return { id: "graph", title, body: html`<div class="graphs">${choices}${views}</div>`, scripts: ["view-graphs"] };
}
const caption = ({ title, graph }: ShownGraph): string => `${title}: ${graph.nodes.length} nodes`;

const buttons = [
  ["fold", "Fold all", "Fold all"],
  ["open", "Open all", "Open all"],
  ["out", "Zoom out", "−"],
  ["in", "Zoom in", "+"],
  ["fit", "Fit the width", "Fit"],
] as const;

async function view(shown: ShownGraph, i: number): Promise<Html> {
  const data = await layOutGraph(shown.graph, shown.figuresOf ?? (() => null));
  const tools = buttons.map(
    ([act, label, text]) => html`<button type="button" data-do="${act}" aria-label="${label}" title="${label}">${text}</button>`,
  );
  return html`<div class="graph-view view-${i}" aria-label="${caption(shown)}">
<div class="tools">${tools}<span class="zoom" aria-hidden="true"></span><span class="hint">Press a scope to open it, a node for its details. Keys: arrows, Enter, Esc, + and −.</span></div>
<div class="stage"><div class="canvas" tabindex="-1"><noscript>The graph is drawn by a script, which this browser does not run.</noscript></div><dl class="details" aria-live="polite" hidden></dl></div>
${scriptData(data)}</div>
`;
}
