/** `striate report`. */
import type { Command } from "commander";
import { writeModelReport } from "../../train/write-model-report.ts";
import { version } from "../../version.ts";
import { addCompileOptions, type CompileFlags, readCompileOptions } from "../input/compile-options.ts";
import { type LoadedModel, loadModel } from "../input/load-model.ts";
import { modelCommand, present } from "../input/shared-options.ts";
import { repeatable } from "../input/usage.ts";
import { harmless, outColors, writeOut } from "../output/terminal.ts";

interface Flags extends CompileFlags {
  readonly output: string;
  readonly image?: string;
  readonly value: readonly string[];
}

const examples = `
The page needs nothing but a browser: it loads nothing from anywhere. It holds the graph by scope, before and after optimisation, the
layers with their costs, charts, receptive fields over a picture, and what each pass did and why it refused.

Examples:
  striate report my-net.ts -o report.html
  striate report models/resnet.ts#resnet50 -o report.html --image cat.jpg
  striate report detector.onnx -o report.html --shape input=1,3,640,640 --value backbone_out`;

/** Writes a report about a model as one HTML file. */
export function reportCommand(): Command {
  const command = addCompileOptions(modelCommand("report").requiredOption("-o, --output <file>", "the .html file to write"));
  return command
    .option("--image <file>", "the picture over which receptive fields are drawn")
    .addOption(repeatable("--value <name>", "a value whose receptive field is drawn; the last of each size when absent"))
    .addHelpText("after", examples)
    .action(async (spec: string, flags: Flags) => {
      const loaded = await loadModel(spec, flags.set);
      const { image, value: values } = flags;
      const report = {
        model: loaded.model,
        options: await readCompileOptions(flags, loaded),
        subtitle: subtitleOf(spec, loaded, flags),
        values,
        footer: footerOf(flags),
      };
      await writeModelReport(flags.output, { ...report, ...present({ image }) });
      writeOut(`${outColors().bold(harmless(flags.output))}: ${harmless(loaded.name)}\n`);
    });
}

function subtitleOf(spec: string, loaded: LoadedModel, { set, shape }: Flags): string {
  const from =
    loaded.kind === "onnx" && loaded.parsed.producer !== "" ? [`written by ${loaded.parsed.producer}, opset ${loaded.parsed.opset}`] : [];
  return [spec, ...set, ...shape, ...from].join(" · ");
}
const footerOf = ({ weights, seed = 0 }: Flags): string =>
  `striate ${version} · MACs are multiply-adds of convolutions and matrix products · ${weights === undefined ? `initial weights from seed ${seed} where the model has none` : `weights from ${weights}`}`;
