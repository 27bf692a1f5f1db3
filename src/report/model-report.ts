/** The report of a model: one HTML file that needs nothing but a browser. */
import type { Graph } from "../ir/graph.ts";
import { costSection } from "./cost-charts.ts";
import { fieldsSection, type ShownFields } from "./fields.ts";
import { graphsSection } from "./graphs.ts";
import type { FiguresOf } from "./lay-out-scopes.ts";
import { type LayerRow, layersSection } from "./layers.ts";
import { type PageHead, renderPage } from "./page.ts";
import { type PassRow, passesSection, type SizeChange } from "./passes.ts";

/** Everything that a report shows. Sections without data are left out. */
export interface ModelReport extends Omit<PageHead, "kind"> {
  readonly layers: readonly LayerRow[];
  /** The graph with its weights as initializers, before and after optimisation. */
  readonly before: Graph;
  readonly after: Graph | null;
  /** What each node costs per image. */
  readonly figuresOf: FiguresOf;
  readonly fields: ShownFields | null;
  /** What the passes did, and the graph's sizes before and after all of them. */
  readonly passes: readonly PassRow[];
  readonly sizes: readonly SizeChange[];
}

/** The page of a model. */
export async function renderModelReport(report: ModelReport): Promise<string> {
  const { before, after, figuresOf, layers } = report;
  const graphs = [
    { title: "As written", graph: before, figuresOf },
    ...(after === null || after === before ? [] : [{ title: "Optimised", graph: after, figuresOf }]),
  ];
  const sections = [
    await graphsSection("Graph", graphs),
    costSection(layers),
    layersSection(layers),
    await fieldsSection(report.fields),
    passesSection("Optimisations", report.passes, report.sizes),
  ];
  return renderPage(
    { ...report, kind: "model report" },
    sections.filter((section) => section !== null),
  );
}
