/** `striate compile`. */
import type { Command } from "commander";
import { defaultOpset, printTrainingManifest, trainingManifestKey, writeModelFile } from "../codegen/index.ts";
import { buildInference, type CompileOptions, compileTraining, targetOf } from "../compile/index.ts";
import { userError } from "../ir/diagnostic.ts";
import type { Graph } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { printGraph } from "../ir/print.ts";
import { type OptimizationLevel, type OptimizationReport, type OptimizeOptions, type PassRun, passNames } from "../passes/index.ts";
import { writeSafetensors } from "../runtime/index.ts";
import { explanation, verificationText } from "./explain-passes.ts";
import { type LoadedModel, loadModel } from "./load-model.ts";
import { addMakerOptions, listMakers, type MakerReader } from "./maker-options.ts";
import { readWeights } from "./read-weights.ts";
import {
  type ModelFlags,
  modelCommand,
  numbersOption,
  opsetOption,
  parseShapes,
  present,
  seedOption,
  targetOption,
} from "./shared-options.ts";
import { harmless, outColors, writeErr, writeJson, writeOut } from "./terminal.ts";
import { finiteNumber, oneOf, repeatable, UsageError } from "./usage.ts";
import { type Verification, verifyPasses } from "./verify-passes.ts";

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
  readonly optimize?: OptimizationLevel;
  readonly image: readonly string[];
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly float16?: boolean;
  readonly float16Io?: boolean;
  readonly keepFloat32: readonly string[];
  readonly externalData?: boolean;
  readonly explain?: boolean;
  readonly verify?: boolean;
  readonly until?: string;
  readonly without: readonly string[];
  readonly printAfter: readonly string[];
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
  striate compile my-net.ts -o my-net.onnx --verify --without fuse-batch-norm
  striate compile my-net.ts -o my-net.onnx --image input --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
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
    .option("--optimize <level>", "none, exact (every bit stays) or all (default: all)", (text) => oneOf("--optimize", text, levels))
    .addOption(repeatable("--image <input>", "inference: an input that takes uint8 [N, H, W, C] images"))
    .option("--mean <list>", "inference: the mean per channel of --image, of bytes divided by 255", numbersOption("--mean"))
    .option("--std <list>", "inference: the standard deviation per channel of --image", numbersOption("--std"))
    .option("--float16", "inference: arithmetic in float16, with float32 inputs and outputs")
    .option("--float16-io", "inference: inputs and outputs in float16 too")
    .addOption(repeatable("--keep-float32 <pattern>", "inference: nodes or ops that stay in float32, as in fc or Softmax"))
    .option("--external-data", "weights go into a file of their own, OUTPUT.data, as they do past 1.5 GiB anyway")
    .option("--explain", "tell what each pass did, and why it refused")
    .option("--verify", "run the graph before and after each pass, and tell the largest error")
    .option("--until <pass>", "the last pass that runs", (text) => passNamed("--until", text))
    .addOption(repeatable("--without <pass>", "a pass that does not run"))
    .addOption(repeatable("--print-after <pass>", "print the graph after this pass, each time that it changed something"))
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

const levels = ["none", "exact", "all"] as const satisfies readonly OptimizationLevel[];
const trainingOnly = ["loss", "optimizer", "emitGradients", "clipNorm", "clipValue"] as const;

async function compileInference({ model }: LoadedModel, flags: Flags, options: CompileOptions): Promise<void> {
  const stray = trainingOnly.find((key) => flags[key] !== undefined) ?? (flags.freeze.length > 0 ? "freeze" : undefined);
  if (stray !== undefined)
    throw new UsageError(`--${stray.replace(/[A-Z]/g, (l) => `-${l.toLowerCase()}`)} is for training`, "add --mode training");
  const watched = watch(flags);
  const { graph, source, report } = buildInference(model, { ...options, ...halfOf(flags), ...imagesOf(flags), passes: watched.passes });
  const verification = await watched.verified(options);
  await writeModelFile(flags.output, graph, fileOptions(flags, {}));
  if (flags.json === true)
    return writeJson({ output: flags.output, mode: "inference", ...description(graph, flags), ...proof(report, verification) });
  const fewer = source.nodes.length - graph.nodes.length;
  writeOut(`${describe(flags.output, graph, flags)}${fewer > 0 ? ` (${source.nodes.length} before optimisation)` : ""}\n`);
  writeOut(toldOf(flags, report, verification));
}

async function compileForTraining({ model }: LoadedModel, flags: Flags, options: CompileOptions, makers: MakerReader): Promise<void> {
  if (imagesOf(flags).images !== undefined) throw new UsageError("--image is for inference", "leave out --mode training");
  if (halfOf(flags).float16 !== undefined) throw new UsageError("--float16 is for inference", "leave out --mode training");
  const { freeze, emitGradients, clipNorm: norm, clipValue: value } = flags;
  const watched = watch(flags);
  const { graph, manifest, state, report } = compileTraining(model, {
    ...options,
    passes: watched.passes,
    loss: makers.loss({ ...flags }, flags.loss ?? "cross-entropy"),
    optimizer: makers.optimizer({ ...flags }, flags.optimizer ?? "sgd"),
    freeze,
    clipGradients: present({ norm, value }),
    ...present({ emitGradients }),
  });
  const verification = await watched.verified(options);
  const stateFile = flags.output.replace(/(?:\.onnx)?$/, ".safetensors");
  await writeModelFile(flags.output, graph, fileOptions(flags, { [trainingManifestKey]: printTrainingManifest(manifest) }));
  await writeSafetensors(stateFile, state);
  if (flags.json === true)
    return writeJson({
      output: flags.output,
      state: stateFile,
      mode: "training",
      ...description(graph, flags),
      manifest,
      ...proof(report, verification),
    });
  const reads = ["a batch", "targets", ...Object.keys(manifest.scalars), `${manifest.state.length} state tensors`];
  writeOut(`${describe(flags.output, graph, flags)}; reads ${reads.join(", ")}; initial state in ${stateFile}\n`);
  writeOut(toldOf(flags, report, verification));
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

function imagesOf({ image, mean, std }: Flags): Pick<CompileOptions, "images"> {
  if (image.length === 0 && (mean ?? std) !== undefined) throw new UsageError("--mean and --std are those of --image", "add --image INPUT");
  return image.length === 0 ? {} : { images: Object.fromEntries(image.map((input) => [input, present({ mean, std })])) };
}
function halfOf({ float16, float16Io, keepFloat32: keep }: Flags): Pick<CompileOptions, "float16"> {
  const isHalf = float16 === true || float16Io === true;
  if (!isHalf && keep.length > 0) throw new UsageError("--keep-float32 is an exception from --float16", "add --float16");
  return isHalf ? { float16: { keep, io: float16Io === true ? "float16" : "float32" } } : {};
}

/** Which passes run, and the proof of what they did, where it is asked for. */
interface Watched {
  readonly passes: OptimizeOptions;
  /** Runs the graphs before and after each pass. Throws a CompileError when one of them computes something else: no file is written then. */
  verified(options: CompileOptions): Promise<Verification | null>;
}
const passNamed = (option: string, text: string): string => oneOf(option, text, passNames);
function watch({ until, without, printAfter, verify, seed = 0 }: Flags): Watched {
  const runs: PassRun[] = [];
  const printed = new Set(printAfter.map((name) => passNamed("--print-after", name)));
  const onPass = (run: PassRun): void => {
    if (verify === true) runs.push(run);
    if (printed.has(run.name) && run.result.graph !== run.before) writeErr(`after ${run.name}:\n${harmless(printGraph(run.result.graph))}`);
  };
  return {
    passes: { without: without.map((name) => passNamed("--without", name)), onPass, ...present({ until }) },
    verified: async (options) => {
      if (verify !== true) return null;
      const verification = await verifyPasses(runs, targetOf(options), seed);
      refuseBroken(verification);
      return verification;
    },
  };
}
function refuseBroken(verification: Verification): void {
  const wrong = verification.verdicts.find((verdict) => verdict.error > verdict.tolerance);
  if (wrong === undefined) return;
  throw userError(
    "verify",
    `the graph computes something else after ${wrong.pass}:\n${verificationText(verification)}`,
    wrong.culprit?.location ?? nowhere,
    { help: `compile with --without ${wrong.pass}, and report this as a fault of striate` },
  );
}

const proof = (report: OptimizationReport, verification: Verification | null) => ({
  passes: report,
  ...(verification === null ? {} : { verification: verification.verdicts }),
});
const toldOf = ({ explain }: Flags, report: OptimizationReport, verification: Verification | null): string =>
  `${explain === true ? explanation(report) : ""}${verification === null ? "" : verificationText(verification)}`;
