/** `striate summary`. */
import type { Command } from "commander";
import { sourceOf } from "../../compile/index.ts";
import type { Dim } from "../../ir/dim.ts";
import { printType } from "../../ir/graph.ts";
import { type ModelSummary, type SummaryCost, type SummaryRow, summarize } from "../../train/summarize.ts";
import { type SummaryPart, type SummaryScope, scopesOf } from "../../train/summary-scopes.ts";
import { loadModel } from "../input/load-model.ts";
import { type ModelFlags, modelCommand, parseShapes } from "../input/shared-options.ts";
import { naturalNumber } from "../input/usage.ts";
import { type ColumnName, columnNames, columnsNamed, columnsOption, defaultColumns, type SummaryLine } from "../output/summary-columns.ts";
import { table } from "../output/table.ts";
import { byteCount, grouped, outColors, writeJson, writeOut } from "../output/terminal.ts";

interface Flags extends ModelFlags {
  readonly depth?: number;
  readonly columns: readonly ColumnName[];
  readonly json?: boolean;
}

const convention = {
  macs: "multiply-adds of convolutions and matrix products, attention's two included",
  flops: "2 for each MAC and 1 for every other operation",
  other: "operations that are no MACs: additions of biases, pooling, normalization, activations and so on, by kind",
  parameters: "elements of learnt tensors, running statistics of normalisations not included",
} as const;

const examples = `
MACs are ${convention.macs}; FLOPs are
${convention.flops}. A line of a scope is the sum of its layers, with the output of the last one. A receptive
field is what one position of the layer's output sees of the input.

Columns: ${columnNames}

Examples:
  striate summary my-net.ts
  striate summary models/resnet.ts#resnet18 --set numClasses=10 --shape input=N,3,64,64
  striate summary models/vit.ts --depth 2 --columns name,params,macs,share
  striate summary resnet18.onnx --json`;

/** Prints the layers of a model by scope, with shapes, parameters, arithmetic, memory and receptive fields. */
export function summaryCommand(): Command {
  return modelCommand("summary")
    .option("--depth <n>", "how many scopes deep; all when absent", (text) => naturalNumber("--depth", text, 1))
    .option("--columns <names>", "which columns, separated by commas", columnsOption, defaultColumns)
    .option("--json", "all figures of all layers and scopes as JSON")
    .addHelpText("after", examples)
    .action(async (spec: string, flags: Flags) => {
      const { model } = await loadModel(spec, flags.set);
      const summary = summarize(sourceOf(model, parseShapes(flags.shape)));
      if (flags.json === true) writeJson(json(summary));
      else writeOut(text(summary, flags));
    });
}

function text(summary: ModelSummary, { depth = Number.POSITIVE_INFINITY, columns: wanted }: Flags): string {
  const columns = columnsNamed(wanted);
  const inputs = summary.inputs.map((v) => wanted.map((name) => (name === "name" ? v.name : name === "output" ? printType(v.type) : "")));
  const rows = linesOf(scopesOf(summary), depth, "").map((line) => columns.map(({ cell }) => cell(line, summary)));
  return `${table(columns, [...inputs, ...rows])}${totals(summary)}`;
}

function linesOf(parts: readonly SummaryPart[], depth: number, indent: string): readonly SummaryLine[] {
  return parts.flatMap((part): readonly SummaryLine[] => {
    if (part.kind === "layer") return [{ label: indent + part.label, cost: part.layer, layer: part.layer, isScope: false }];
    const { label, cost, last, parts: inner } = part.scope;
    const own = { label: indent + label, cost, layer: last, isScope: true };
    return depth <= 1 ? [own] : [own, ...linesOf(inner, depth - 1, `${indent}  `)];
  });
}

function totals(s: ModelSummary): string {
  const count = (value: Dim): string => (typeof value === "number" ? grouped(value) : value);
  const kinds = [...s.otherByKind].map(([kind, n]) => `${count(n)} ${kind}`).join(", ");
  const memory = s.activationBytes === null ? "" : `\n${byteCount(s.activationBytes)} of activations at the peak`;
  const c = outColors();
  return [
    `${c.bold("total")} ${count(s.parameters)} parameters (${byteCount(s.parameterBytes)}), ${count(s.macs)} MACs and ${count(s.other)} other operations${s.perImage ? " per image" : ""}${memory}`,
    ...(kinds === "" ? [] : [`other operations: ${kinds}`]),
    c.dim(`MACs: ${convention.macs}; ${count(s.flops)} FLOPs at ${convention.flops}`),
    "",
  ].join("\n");
}

const costJson = (c: SummaryCost) => ({
  parameters: c.parameters,
  weightBytes: c.weightBytes,
  macs: c.macs,
  flops: c.flops,
  other: c.other,
  otherByKind: c.otherByKind,
  outputBytes: c.outputBytes,
});
const layerJson = (row: SummaryRow) => ({
  name: row.name,
  op: row.kind,
  ops: row.ops,
  inputs: row.inputs,
  output: row.output,
  ...costJson(row),
  receptiveField: row.fields,
  source: row.location.position,
});
const scopeJson = ({ name, cost, last, parts }: SummaryScope, depth: number): readonly object[] => [
  { name, depth, layers: layersIn(parts), output: last.output, ...costJson(cost), receptiveField: last.fields },
  ...scopesJson(parts, depth + 1),
];
const scopesJson = (parts: readonly SummaryPart[], depth: number): readonly object[] =>
  parts.flatMap((part) => (part.kind === "scope" ? scopeJson(part.scope, depth) : []));
/** The names of all layers below. */
const layersIn = (parts: readonly SummaryPart[]): readonly string[] =>
  parts.flatMap((part) => (part.kind === "scope" ? layersIn(part.scope.parts) : [part.layer.name]));

const json = (s: ModelSummary) => ({
  name: s.name,
  convention,
  inputs: s.inputs.map(({ name, type }) => ({ name, ...type })),
  outputs: s.outputs.map(({ name, type }) => ({ name, ...type })),
  layers: s.rows.map(layerJson),
  scopes: scopesJson(scopesOf(s), 1),
  total: {
    ...costJson(s),
    parameterBytes: s.parameterBytes,
    activationBytes: s.activationBytes,
    perImage: s.perImage,
    formulas: s.formulas,
  },
});
