/** `striate summary`. */
import type { Command } from "commander";
import { sourceOf } from "../compile/index.ts";
import type { Dim } from "../ir/dim.ts";
import { printType } from "../ir/graph.ts";
import { type ModelSummary, summarize } from "../train/summarize.ts";
import { loadModel } from "./load-model.ts";
import { type ModelFlags, modelCommand, parseShapes } from "./shared-options.ts";
import { table } from "./table.ts";
import { byteCount, grouped, outColors, writeJson, writeOut } from "./terminal.ts";

interface Flags extends ModelFlags {
  readonly json?: boolean;
}

const examples = `
MACs are multiply-adds of convolutions and matrix products. A receptive field is what one position of the layer's output sees of the input.

Examples:
  striate summary my-net.ts
  striate summary models/resnet.ts#resnet18 --set numClasses=10 --shape input=N,3,64,64
  striate summary resnet18.onnx --json`;

/** Prints the layers of a model with shapes, parameters, MACs and receptive fields. */
export function summaryCommand(): Command {
  return modelCommand("summary")
    .option("--json", "the same as JSON")
    .addHelpText("after", examples)
    .action(async (spec: string, flags: Flags) => {
      const { model } = await loadModel(spec, flags.set);
      const summary = summarize(sourceOf(model, parseShapes(flags.shape)));
      if (flags.json === true) writeJson(json(summary));
      else writeOut(text(summary));
    });
}

const shown = (value: Dim): string => (value === 0 ? "" : typeof value === "number" ? grouped(value) : value);

function text(summary: ModelSummary): string {
  const columns = [
    { title: "layer", align: "left" },
    { title: "op", align: "left" },
    { title: "output", align: "left" },
    { title: "parameters", align: "right" },
    { title: "MACs", align: "right" },
    { title: "receptive field", align: "left" },
  ] as const;
  const inputs = summary.inputs.map((v) => [v.name, "", printType(v.type), "", "", ""]);
  const rows = summary.rows.map((r) => [r.name, r.kind, printType(r.output), shown(r.parameters), shown(r.macs), r.receptiveField]);
  return `${table(columns, [...inputs, ...rows])}${totals(summary)}\n`;
}

function totals({ parameters, parameterBytes, macs, other, activationBytes, perImage }: ModelSummary): string {
  const per = perImage ? " per image" : "";
  const count = (value: Dim): string => (typeof value === "number" ? grouped(value) : value);
  const peak = activationBytes === null ? "" : `, ${byteCount(activationBytes)} of activations at the peak`;
  return `${outColors().bold("total")} ${count(parameters)} parameters (${byteCount(parameterBytes)}), ${count(macs)} MACs and ${count(other)} other operations${per}${peak}`;
}

const json = (s: ModelSummary) => ({
  name: s.name,
  inputs: s.inputs.map(({ name, type }) => ({ name, ...type })),
  layers: s.rows.map(({ name, kind, output, parameters, macs, other, fields }) => ({
    name,
    op: kind,
    output,
    parameters,
    macs,
    other,
    receptiveField: fields,
  })),
  total: {
    parameters: s.parameters,
    parameterBytes: s.parameterBytes,
    macs: s.macs,
    other: s.other,
    activationBytes: s.activationBytes,
    perImage: s.perImage,
  },
});
