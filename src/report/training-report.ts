/** The report of a training run: one HTML file that needs nothing but a browser. */
import type { Dim } from "../ir/dim.ts";
import type { Graph, TensorType } from "../ir/graph.ts";
import { confusionSection } from "./confusion.ts";
import { curvesSection } from "./curves.ts";
import { graphsSection, passesSection } from "./graphs.ts";
import { type Html, html, trustedMarkup } from "./html.ts";
import { layersSection } from "./layers.ts";
import { mistakesSection } from "./mistakes.ts";
import { styles } from "./styles.ts";

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
export interface Mistake {
  /** uint8[channels, height, width]. */
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  /** Class numbers. */
  readonly predicted: number;
  readonly truth: number;
  /** What the model gave the predicted class, 0 to 1. */
  readonly probability: number;
  /** Its number in the data set. */
  readonly row: number;
}
/** A row of the layer table. */
export interface LayerRow {
  readonly name: string;
  /** What it does, such as "Conv". */
  readonly kind: string;
  readonly output: TensorType;
  readonly parameters: Dim;
  /** Multiply-adds per image. */
  readonly macs: Dim;
  /** In words: "3x3, stride 1", "whole input". */
  readonly receptiveField: string;
}
/** What one pass of the optimiser did. */
export interface PassRow {
  readonly name: string;
  /** How many places it changed. */
  readonly applied: number;
  readonly nodesBefore: number;
  readonly nodesAfter: number;
  /** Why it left places alone, one sentence each. */
  readonly refusals: readonly string[];
}
/** Everything that a report shows. Sections without data are left out. */
export interface TrainingReport {
  readonly title: string;
  /** One line under the title: the data, the loss, the optimizer. */
  readonly subtitle: string;
  /** The figures at the top: what it is, and its value as it is shown. */
  readonly figures: readonly { readonly label: string; readonly value: string }[];
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
  /** The last line: versions, seed, date, command. */
  readonly footer: string;
}

/** One part of the page. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Html;
}

/** The page. It loads nothing, runs no script, follows the reader's light or dark preference, and shows all names as text. */
export async function renderTrainingReport(report: TrainingReport): Promise<string> {
  const sections = (
    await Promise.all([
      curvesSection(report),
      confusionSection(report),
      mistakesSection(report),
      layersSection(report),
      graphsSection(report),
      passesSection(report),
    ])
  ).filter((section) => section !== null);
  return page(report, sections).markup;
}

const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

function page({ title, subtitle, figures, footer }: TrainingReport, sections: readonly Section[]): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="color-scheme" content="light dark">
<title>${title}: training report</title>
<style>${trustedMarkup(styles)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the results</a>
<header>
<h1>${title}</h1>
<p>${subtitle}</p>
<nav aria-label="Sections">${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>
</header>
<main id="main">
<dl class="figures">${figures.map(({ label, value }) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>
${sections.map(
  ({ id, title, body }) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${body}</section>
`,
)}</main>
<footer><p>${footer}</p></footer>
</body>
</html>
`;
}
