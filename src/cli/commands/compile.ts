/** `striate compile`. */
import type { Command } from "commander";
import { printTrainingManifest, trainingManifestKey, writeModelFile } from "../../codegen/index.ts";
import {
  buildInference,
  type CompileOptions,
  compileTraining,
  type InputShapes,
  sourceOf,
  type TrainingOptions,
  targetOf,
} from "../../compile/index.ts";
import { classesMetadata } from "../../data/index.ts";
import type { Graph } from "../../ir/graph.ts";
import { isMicrosoftOp, microsoftDomain, microsoftVersion } from "../../ir/microsoft-ops.ts";
import type { OptimizationReport } from "../../passes/index.ts";
import { writeSafetensors } from "../../runtime/index.ts";
import { addCompileOptions, type CompileFlags, readCompileOptions } from "../input/compile-options.ts";
import { type LoadedModel, loadModel } from "../input/load-model.ts";
import { addMakerOptions, listMakers, type MakerReader } from "../input/maker-options.ts";
import { addForMode, addMode, type Mode } from "../input/modes.ts";
import { readLabels } from "../input/read-labels.ts";
import { modelCommand, numbersOption, parseShapes, present } from "../input/shared-options.ts";
import { addMemoryOptions, type MemoryFlags, memoryOf, memoryText } from "../input/step-memory.ts";
import { finiteNumber, naturalNumber, repeatable, UsageError } from "../input/usage.ts";
import { explanation, verificationText } from "../output/explain-passes.ts";
import { halfText } from "../output/half-text.ts";
import { harmless, outColors, writeJson, writeOut } from "../output/terminal.ts";
import { webgpuText } from "../output/webgpu-text.ts";
import { foldByRunning } from "../running/fold-by-running.ts";
import type { Verification } from "../running/verify-passes.ts";
import { passNamed, watchPasses } from "../running/watch-passes.ts";

interface Flags extends CompileFlags, MemoryFlags {
  readonly output: string;
  readonly mode: Mode;
  readonly loss?: string;
  readonly optimizer?: string;
  readonly freeze: readonly string[];
  readonly clipNorm?: number;
  readonly clipValue?: number;
  readonly emitGradients?: boolean;
  readonly image: readonly string[];
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly resize?: boolean;
  readonly softmax?: boolean;
  readonly topK?: number;
  readonly labels?: string;
  readonly dropUnusedInputs?: boolean;
  readonly float16?: boolean;
  readonly float16Io?: boolean;
  readonly bfloat16?: boolean;
  readonly bfloat16Io?: boolean;
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
  striate compile my-net.ts -o my-net.onnx --image input --resize --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  striate compile my-net.ts -o my-net.onnx --softmax --top-k 5 --labels imagenet.txt
  striate compile models/resnet.ts#resnet50 -o resnet50.onnx --mode training --shape input=32,3,224,224 --memory-budget 2GiB
  striate compile models/resnet.ts#resnet18 -o resnet18.onnx --set numClasses=10 --shape input=1,3,64,64
  striate compile my-net.ts -o my-net.train.onnx --mode training --loss cross-entropy --optimizer adam --lr 1e-3
  python examples/train.py my-net.train.onnx`;

/** Compiles a model to an ONNX file; for training, the initial state goes beside it. */
export function compileCommand(): Command {
  const command = addMode(addCompileOptions(modelCommand("compile").requiredOption("-o, --output <file>", "the .onnx file to write")))
    .option("--external-data", "weights go into a file of their own, OUTPUT.data, as they do past 1.5 GiB anyway")
    .option("--explain", "tell what each pass did, and why it refused")
    .option("--verify", "run the graph before and after each pass, and tell the largest error")
    .option("--until <pass>", "the last pass that runs", (text) => passNamed("--until", text))
    .addOption(repeatable("--without <pass>", "a pass that does not run"))
    .addOption(repeatable("--print-after <pass>", "print the graph after this pass, each time that it changed something"))
    .option("--json", "describe what was written as JSON");
  addForMode("inference", command, addInferenceOptions);
  const makers = addForMode("training", command, (c) => addMakerOptions(addMemoryOptions(addTrainingOptions(c))));
  return command.addHelpText("after", examples).action(async (spec: string, flags: Flags) => {
    const loaded = await loadModel(spec, flags.set);
    const options = await readCompileOptions(flags, loaded);
    await (flags.mode === "inference" ? compileInference(loaded, flags, options) : compileForTraining(loaded, flags, options, makers));
  });
}

const addInferenceOptions = (command: Command): Command =>
  command
    .addOption(repeatable("--image <input>", "an input that takes uint8 [N, H, W, C] images"))
    .option("--mean <list>", "the mean per channel of --image, of bytes divided by 255", numbersOption("--mean"))
    .option("--std <list>", "the standard deviation per channel of --image", numbersOption("--std"))
    .option("--resize", "--image takes images of any size, and the graph scales them")
    .option("--softmax", "the first output as probabilities")
    .option("--top-k <n>", "the likeliest classes of the first output", (text) => naturalNumber("--top-k", text, 1))
    .option("--labels <file>", "the names of the classes, one a line, which go into the metadata")
    .option("--drop-unused-inputs", "leave out inputs that no output depends on")
    .option("--float16", "arithmetic in float16, with float32 inputs and outputs")
    .option("--float16-io", "inputs and outputs in float16 too")
    .option("--bfloat16", "arithmetic in bfloat16, where the opset and the target have it: --opset 22 --target onnxruntime-cuda")
    .option("--bfloat16-io", "inputs and outputs in bfloat16 too")
    .addOption(repeatable("--keep-float32 <pattern>", "nodes or ops that stay in float32, as in fc or Softmax"));

const addTrainingOptions = (command: Command): Command =>
  command
    .option("--loss <name>", "the loss (default: cross-entropy)")
    .option("--optimizer <name>", "the optimizer (default: sgd)")
    .addOption(repeatable("--freeze <pattern>", "parameters that stay as they are, as in layer1.* or !fc.*"))
    .option("--clip-norm <x>", "hold the norm of all gradients below this", (text) => finiteNumber("--clip-norm", text))
    .option("--clip-value <x>", "hold every element of gradients within this", (text) => finiteNumber("--clip-value", text))
    .option("--emit-gradients", "an output NAME.grad for every trained parameter");

type Options = CompileOptions & { readonly opset: number };
const fileOptions = ({ externalData }: Flags, { opset }: Options, metadata: Readonly<Record<string, string>>) => ({
  metadata,
  opset,
  ...present({ externalData }),
});

async function compileInference(loaded: LoadedModel, flags: Flags, options: Options): Promise<void> {
  const watched = watchPasses(flags);
  // Weights of another file take the places of initializers, which nothing may have been computed from by then.
  const isFixed = loaded.kind === "source" || options.optimize === "none" || options.weights !== undefined;
  const folded = isFixed ? null : await foldByRunning(loaded.model, targetOf(options), watched.passes);
  const model = folded?.graph ?? loaded.model;
  const build = (shapes: InputShapes = {}) =>
    buildInference(model, {
      ...options,
      shapes,
      ...halfOf(flags),
      ...imagesOf(flags),
      ...classesOf(model, flags),
      ...present({ dropUnusedInputs: flags.dropUnusedInputs }),
      passes: watched.passes,
    });
  const { graph, source, report: built } = build(options.shapes);
  const report = folded?.told(built) ?? built;
  const verification = await watched.verified({ model, options, again: build });
  const metadata = flags.labels === undefined ? {} : classesMetadata(readLabels(flags.labels));
  await writeModelFile(flags.output, graph, fileOptions(flags, options, metadata));
  if (flags.json === true)
    return writeJson({ output: flags.output, mode: "inference", ...description(graph, options), ...proof(report, verification) });
  const fewer = source.nodes.length - graph.nodes.length;
  writeOut(`${describe(flags.output, graph, options)}${fewer > 0 ? ` (${source.nodes.length} before optimisation)` : ""}\n`);
  writeOut(toldOf(flags, report, verification));
}

async function compileForTraining({ model }: LoadedModel, flags: Flags, options: Options, makers: MakerReader): Promise<void> {
  const { freeze, emitGradients, clipNorm: norm, clipValue: value } = flags;
  const watched = watchPasses(flags);
  const { memory } = memoryOf(flags);
  const training: TrainingOptions = {
    ...options,
    passes: watched.passes,
    loss: makers.loss({ ...flags }, flags.loss ?? "cross-entropy"),
    optimizer: makers.optimizer({ ...flags }, flags.optimizer ?? "sgd"),
    freeze,
    clipGradients: present({ norm, value }),
    ...present({ emitGradients, memory }),
  };
  const { graph, manifest, state, report } = compileTraining(model, training);
  // The budget is one for the size that was asked for.
  const again = (shapes: InputShapes) => compileTraining(model, { ...training, shapes, memory: { recompute: flags.recompute } });
  const verification = await watched.verified({ model, options, again });
  const stateFile = flags.output.replace(/(?:\.onnx)?$/, ".safetensors");
  await writeModelFile(flags.output, graph, fileOptions(flags, options, { [trainingManifestKey]: printTrainingManifest(manifest) }));
  await writeSafetensors(stateFile, state);
  if (flags.json === true)
    return writeJson({
      output: flags.output,
      state: stateFile,
      mode: "training",
      ...description(graph, options),
      manifest,
      ...proof(report, verification),
    });
  const reads = ["a batch", "targets", ...Object.keys(manifest.scalars), `${manifest.state.length} state tensors`];
  writeOut(`${describe(flags.output, graph, options)}; reads ${reads.join(", ")}; initial state in ${stateFile}\n`);
  writeOut(memoryText(flags, graph));
  writeOut(toldOf(flags, report, verification));
}

const description = (graph: Graph, { opset }: Options) => ({
  name: graph.name,
  opset,
  nodes: graph.nodes.length,
  inputs: graph.inputs.map(({ name, type }) => ({ name, ...type })),
  outputs: graph.outputs.map(({ name, type }) => ({ name, ...type })),
});
const describe = (file: string, graph: Graph, options: Options): string =>
  `${outColors().bold(harmless(file))}: ${graph.nodes.length} nodes, ${opsetsText(graph, options)}`;
const opsetsText = ({ nodes }: Graph, { opset }: Options): string => {
  const fused = nodes.filter(({ opType }) => isMicrosoftOp(opType)).length;
  return fused === 0 ? `all ai.onnx ${opset}` : `${fused} of ${microsoftDomain} ${microsoftVersion} and the others ai.onnx ${opset}`;
};

function imagesOf({ image, mean, std, resize }: Flags): Pick<CompileOptions, "images"> {
  if (image.length === 0 && (mean ?? std ?? resize) !== undefined)
    throw new UsageError("--mean, --std and --resize are those of --image", "add --image INPUT");
  return image.length === 0 ? {} : { images: Object.fromEntries(image.map((input) => [input, present({ mean, std, resize })])) };
}
function classesOf(model: LoadedModel["model"], { softmax, topK, shape }: Flags): Pick<CompileOptions, "classes"> {
  if (softmax === undefined && topK === undefined) return {};
  const [first] = sourceOf(model, parseShapes(shape)).graph.outputs;
  return first === undefined ? {} : { classes: { [first.name]: present({ softmax, topK }) } };
}
function halfOf({ float16, float16Io, bfloat16, bfloat16Io, keepFloat32: keep }: Flags): Pick<CompileOptions, "float16" | "bfloat16"> {
  const [isHalf, isShort] = [float16 === true || float16Io === true, bfloat16 === true || bfloat16Io === true];
  if (isHalf && isShort) throw new UsageError("--float16 and --bfloat16 exclude each other", "leave out one of them");
  if (!isHalf && !isShort && keep.length > 0)
    throw new UsageError("--keep-float32 is an exception from --float16 or --bfloat16", "add one of them");
  if (isHalf) return { float16: { keep, io: float16Io === true ? "float16" : "float32" } };
  return isShort ? { bfloat16: { keep, io: bfloat16Io === true ? "bfloat16" : "float32" } } : {};
}

const proof = (report: OptimizationReport, verification: Verification | null) => ({
  passes: report,
  ...(verification === null ? {} : { verification: verification.verdicts }),
});
const toldOf = ({ explain }: Flags, report: OptimizationReport, verification: Verification | null): string =>
  `${explain === true ? explanation(report) : `${halfText(report)}${webgpuText(report)}`}${verification === null ? "" : verificationText(verification)}`;
