/** A model in figures, as the line above it and as a page. */
import { shortFigure } from "./figures.ts";
import type { Details, ModelReport, ModelSummary } from "./protocol.ts";

/** The line above a model. */
export function lensTitle(s: ModelSummary): string {
  const parts = [
    `${shortFigure(s.parameters)} parameters`,
    `${shortFigure(s.macs)} MACs`,
    ...(s.activationBytes === null ? [] : [`${shortFigure(s.activationBytes)}B of activations${s.perImage ? " for one image" : ""}`]),
    ...(s.receptiveField === "" ? [] : [`receptive field ${s.receptiveField}`]),
  ];
  return parts.join(" | ");
}

/** The page of a model, in Markdown: its figures, and its layers where they are known. */
export function summaryPage(s: ModelSummary, model: ModelReport | undefined, details: Details): string {
  const head = [`# ${s.name}`, "", `${s.inputs.join(", ")} -> ${s.outputs.join(", ")}`, "", lensTitle(s), ""];
  if (model === undefined) return head.join("\n");
  const cells = model.layers.map((layer, i) => [
    layer.name,
    [...new Set(layer.ops)].join(", "),
    layer.output,
    layer.parameters === 0 ? "" : String(layer.parameters),
    layer.macs === 0 ? "" : String(layer.macs),
    details.fields[i] ?? "",
  ]);
  const row = (texts: readonly string[]): string => `| ${texts.map((t) => t.replaceAll("|", "\\|")).join(" | ")} |`;
  const titles = ["layer", "op", "output", "parameters", "MACs", "receptive field"];
  return [...head, row(titles), row(["---", "---", "---", "---:", "---:", "---"]), ...cells.map(row), ""].join("\n");
}
