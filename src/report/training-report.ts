/** The report of a training run: one HTML file that needs nothing but a browser. */
import type { Graph } from "../ir/graph.ts";
import { confusionSection } from "./confusion.ts";
import { curvesSection } from "./curves.ts";
import { graphsSection } from "./graphs.ts";
import { type LayerRow, layersSection } from "./layers.ts";
import { mistakesSection } from "./mistakes.ts";
import { type PageHead, renderPage } from "./page.ts";
import { type PassRow, passesSection } from "./passes.ts";
import type { Picture } from "./picture.ts";

/** The loss at one step; `epoch` counts fractions, so 1.5 is the middle of the second epoch. */
export interface StepPoint {
  readonly epoch: number;
  readonly loss: number;
}
/** The results of one epoch, counted from 1; accuracies from 0 to 1. */
export interface EpochPoint {
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number | null;
  readonly validationLoss: number | null;
  readonly validationAccuracy: number | null;
}
/** An example that the model got wrong. */
export interface Mistake extends Picture {
  /** Class numbers. */
  readonly predicted: number;
  readonly truth: number;
  /** What the model gave the predicted class, 0 to 1. */
  readonly probability: number;
  /** Its number in the data set. */
  readonly row: number;
}
/** Everything that a report shows. Sections without data are left out. */
export interface TrainingReport extends Omit<PageHead, "kind"> {
  readonly steps: readonly StepPoint[];
  readonly epochs: readonly EpochPoint[];
  readonly classes: readonly string[];
  /** `confusion[truth][predicted]` examples. */
  readonly confusion: readonly (readonly number[])[];
  readonly mistakes: readonly Mistake[];
  readonly layers: readonly LayerRow[];
  readonly before: Graph | null;
  readonly after: Graph | null;
  readonly passes: readonly PassRow[];
}

/** The page of a training run. */
export async function renderTrainingReport(report: TrainingReport): Promise<string> {
  const { before, after } = report;
  const graphs = [
    { title: "As written", graph: before },
    { title: "Optimised", graph: after },
  ].flatMap(({ title, graph }) => (graph === null ? [] : [{ title, graph }]));
  const sections = [
    curvesSection(report),
    confusionSection(report),
    await mistakesSection(report),
    layersSection(report.layers),
    await graphsSection("Graph before and after optimisation", graphs),
    passesSection("Passes", report.passes),
  ];
  return renderPage(
    { ...report, kind: "training report" },
    sections.filter((section) => section !== null),
  );
}
