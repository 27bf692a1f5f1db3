/** `striate compile`. */
import type { Command } from "commander";
import { defaultOpset, printTrainingManifest, trainingManifestKey, writeModelFile } from "../codegen/index.ts";
import { buildInference, type CompileOptions, compileTraining } from "../compile/index.ts";
import type { Graph } from "../ir/graph.ts";
import { printLocation } from "../ir/location.ts";
import type { OptimizationReport } from "../passes/index.ts";
import { writeSafetensors } from "../runtime/index.ts";
import { type LoadedModel, loadModel } from "./load-model.ts";
import { addMakerOptions, listMakers, type MakerReader } from "./maker-options.ts";
import { readWeights } from "./read-weights.ts";
import {
  type ModelFlags,
  modelCommand,
  opsetOption,
  optimizeOption,
  parseShapes,
  present,
  seedOption,
  targetOption,
} from "./shared-options.ts";
import { harmless, outColors, writeJson, writeOut } from "./terminal.ts";
import { finiteNumber, oneOf, repeatable, UsageError } from "./usage.ts";

interface Flags extends ModelFlags {
  readonly output: string;
  readonly mode: "inference" | "training";
  readonly opset?: number;
  readonly target?: "portable" | "cuda";
  readonly weights?: string;
  readonly seed?: number;
  readonly loss?: string;
  readonly optimizer?: string;
  readonly freeze: readonly string[];
  readonly clipNorm?: number;
  readonly clipValue?: number;
  readonly emitGradients?: boolean;
  readonly optimize?: "none" | "all";
  readonly externalData?: boolean;
  readonly explain?: boolean;
  readonly json?: boolean;
}

const examples = `
Losses:
${listMakers("loss")}

Optimizers:
${listMakers("optimizer")}

Examples:
  striate compile my-net.ts -o my-net.onnx
  striate compile my-net.ts -o my-net.onnx --weights runs/mnist/checkpoint.safetensors --explain
  striate compile models/resnet.ts#resnet18 -o resnet18.onnx --set numClasses=10 --shape input=1,3,64,64
  striate compile my-net.ts -o my-net.train.onnx --mode training --loss cross-entropy --optimizer adam --lr 1e-3
  python examples/train.py my-net.train.onnx`;

/** Compiles a model to an ONNX file; for training, the initial state goes beside it. */
export function compileCommand(): Command {
  const command = modelCommand("compile")
    .requiredOption("-o, --output <file>", "the .onnx file to write")
    .option("--mode <mode>", "inference or training", (text) => oneOf("--mode", text, ["inference", "training"]), "inference")
    .option("--opset <n>", `the ai.onnx opset, 13 to 24 (default: ${defaultOpset})`, opsetOption)
    .option("--target <target>", "portable or cuda: which forms of the ops are fast", targetOption)
    .option("--weights <file>", "a .safetensors file with all parameters and buffers by name")
    .option("--seed <n>", "the seed of initial weights (default: 0)", seedOption)
    .option("--optimize <level>", "none or all (default: all)", optimizeOption)
    .option("--external-data", "weights go into a file of their own, OUTPUT.data, as they do past 1.5 GiB anyway")
    .option("--explain", "tell what each pass did, and why it refused")
    .option("--json", "describe what was written as JSON")
    .option("--loss <name>", "training: the loss (default: cross-entropy)")
    .option("--optimizer <name>", "training: the optimizer (default: sgd)")
    .addOption(repeatable("--freeze <pattern>", "training: parameters that stay as they are, as in layer1.* or !fc.*"))
    .option("--clip-norm <x>", "training: hold the norm of all gradients below this", (text) => finiteNumber("--clip-norm", text))
    .option("--clip-value <x>", "training: hold every element of gradients within this", (text) => finiteNumber("--clip-value", text))
    .option("--emit-gradients", "training: an output NAME.grad for every trained parameter");
  const makers = addMakerOptions(command);
  return command.addHelpText("after", examples).action(async (spec: string, flags: Flags) => {
    const loaded = await loadModel(spec, flags.set);
    const options = await compileOptions(flags);
    await (flags.mode === "inference" ? compileInference(loaded, flags, options) : compileForTraining(loaded, flags, options, makers));
  });
}

async function compileOptions(flags: Flags): Promise<CompileOptions> {
  const { opset, target: provider, seed, optimize } = flags;
  const weights = flags.weights === undefined ? undefined : await readWeights(flags.weights);
  return { shapes: parseShapes(flags.shape), ...present({ opset, provider, seed, optimize, weights }) };
}
const fileOptions = ({ opset, externalData }: Flags, metadata: Readonly<Record<string, string>>) => ({
  metadata,
  ...present({ opset, externalData }),
});

const trainingOnly = ["loss", "optimizer", "emitGradients", "clipNorm", "clipValue"] as const;

async function compileInference({ model }: LoadedModel, flags: Flags, options: CompileOptions): Promise<void> {
  const stray = trainingOnly.find((key) => flags[key] !== undefined) ?? (flags.freeze.length > 0 ? "freeze" : undefined);
  if (stray !== undefined)
    throw new UsageError(`--${stray.replace(/[A-Z]/g, (l) => `-${l.toLowerCase()}`)} is for training`, "add --mode training");
  const { graph, source, report } = buildInference(model, options);
  await writeModelFile(flags.output, graph, fileOptions(flags, {}));
  if (flags.json === true)
    return writeJson({ output: flags.output, mode: "inference", ...description(graph, flags), passes: passesJson(report) });
  const fewer = source.nodes.length - graph.nodes.length;
  writeOut(`${describe(flags.output, graph, flags)}${fewer > 0 ? ` (${source.nodes.length} before optimisation)` : ""}\n`);
  if (flags.explain === true) writeOut(explanation(report));
}

async function compileForTraining({ model }: LoadedModel, flags: Flags, options: CompileOptions, makers: MakerReader): Promise<void> {
  const { freeze, emitGradients, clipNorm: norm, clipValue: value } = flags;
  const { graph, manifest, state } = compileTraining(model, {
    ...options,
    loss: makers.loss({ ...flags }, flags.loss ?? "cross-entropy"),
    optimizer: makers.optimizer({ ...flags }, flags.optimizer ?? "sgd"),
    freeze,
    clipGradients: present({ norm, value }),
    ...present({ emitGradients }),
  });
  const stateFile = flags.output.replace(/(?:\.onnx)?$/, ".safetensors");
  await writeModelFile(flags.output, graph, fileOptions(flags, { [trainingManifestKey]: printTrainingManifest(manifest) }));
  await writeSafetensors(stateFile, state);
  if (flags.json === true)
    return writeJson({ output: flags.output, state: stateFile, mode: "training", ...description(graph, flags), manifest });
  const reads = ["a batch", "targets", ...Object.keys(manifest.scalars), `${manifest.state.length} state tensors`];
  writeOut(`${describe(flags.output, graph, flags)}; reads ${reads.join(", ")}; initial state in ${stateFile}\n`);
}

const description = (graph: Graph, flags: Flags) => ({
  name: graph.name,
  opset: flags.opset ?? defaultOpset,
  nodes: graph.nodes.length,
  inputs: graph.inputs.map(({ name, type }) => ({ name, ...type })),
  outputs: graph.outputs.map(({ name, type }) => ({ name, ...type })),
});
const describe = (file: string, graph: Graph, flags: Flags): string =>
  `${outColors().bold(harmless(file))}: ${graph.nodes.length} nodes, all ai.onnx ${flags.opset ?? defaultOpset}`;

const passesJson = (report: OptimizationReport) =>
  report.map(({ pass, applied, nodeDelta, skipped }) => ({ pass, applied, nodeDelta, skipped }));

/** A line per pass, and one for each refusal. */
function explanation(report: OptimizationReport): string {
  const width = Math.max(...report.map(({ pass }) => pass.length));
  return report
    .flatMap(({ pass, applied, nodeDelta, skipped }) => [
      `  ${pass.padEnd(width)}  ${applied.length} applied, ${nodeDelta > 0 ? "+" : ""}${nodeDelta} nodes${skipped.length > 0 ? `, ${skipped.length} refused` : ""}\n`,
      ...skipped.map((skip) => `  ${" ".repeat(width)}    ${harmless(skip.node)}: ${harmless(skip.reason)}${place(skip)}\n`),
    ])
    .join("");
}
const place = (skip: OptimizationReport[number]["skipped"][number]): string => {
  const text = printLocation(skip.location);
  return text === "" ? "" : ` (${harmless(text)})`;
};
