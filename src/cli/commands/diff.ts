/** `striate diff`. */
import { Command } from "commander";
import { compile, type InputShapes, sourceOf, withWeights } from "../../compile/index.ts";
import type { Graph, Node } from "../../ir/graph.ts";
import type { TensorData } from "../../ir/tensor-data.ts";
import { areSame, bindInputs, compareGraphs, type GraphComparison, type NodeChange } from "../../passes/index.ts";
import { type LoadedModel, loadModel } from "../input/load-model.ts";
import { readWeights } from "../input/read-weights.ts";
import { numbersOption, parseShapes, perChannel, present, seedOption, sizeOption } from "../input/shared-options.ts";
import { repeatable, SaidAlready, UsageError } from "../input/usage.ts";
import { diffText } from "../output/diff-text.ts";
import { writeErr, writeJson, writeOut } from "../output/terminal.ts";
import { compareOutputs, type OutputsComparison, type Runnable } from "../running/compare-outputs.ts";

interface Flags {
  readonly setA: readonly string[];
  readonly setB: readonly string[];
  readonly weightsA?: string;
  readonly weightsB?: string;
  readonly shape: readonly string[];
  readonly seed?: number;
  readonly input: readonly string[];
  readonly size?: { readonly height: number; readonly width: number };
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly run: boolean;
  readonly all?: boolean;
  readonly json?: boolean;
  readonly exitCode?: boolean;
}

const examples = `
A and B are FILE.ts, FILE.ts#EXPORT or FILE.onnx, in any mix. Layers are the same by their names, else by their weights, their op and
attributes, and their neighbours: one that has another name alone is told as renamed. Models of TypeScript whose weights are not given
have those of --seed.

Examples:
  striate diff models/resnet.ts#resnet18 models/resnet.ts#resnet34
  striate diff my-net.ts my-net.onnx --weights-a runs/mnist/checkpoint.safetensors --input digit.png
  striate diff net.ts net.ts --set-b width=128
  striate diff before.onnx after.onnx --exit-code`;

/** Prints what changed between two models. */
export function diffCommand(): Command {
  return new Command("diff")
    .argument("<a>", "the model before: FILE.ts, FILE.ts#EXPORT or FILE.onnx")
    .argument("<b>", "the model after")
    .addOption(repeatable("--set-a <key=value>", "an option for the function that makes A"))
    .addOption(repeatable("--set-b <key=value>", "an option for the function that makes B"))
    .option("--weights-a <file>", "a .safetensors file with A's parameters")
    .option("--weights-b <file>", "a .safetensors file with B's parameters")
    .addOption(repeatable("--shape <input=dims>", "fix or free an input's dims in both, as in input=N,3,64,64"))
    .option("--seed <n>", "the seed of the input, and of weights that are not given (default: 0)", seedOption)
    .addOption(repeatable("--input <file>", "run on this image, .npy or .safetensors file, or NAME=FILE, instead of the seeded input"))
    .option("--size <h>x<w>", "the size of images, for a model that leaves it open", sizeOption)
    .option("--mean <x,...>", "the mean of each channel of images, from 0 to 1", numbersOption("--mean"))
    .option("--std <x,...>", "the standard deviation of each channel", numbersOption("--std"))
    .option("--no-run", "do not run the models")
    .option("--all", "list every change, however many there are")
    .option("--json", "the same as JSON")
    .option("--exit-code", "exit with 1 when the models differ")
    .addHelpText("after", examples)
    .action(async (a: string, b: string, flags: Flags) => {
      const [before, after] = [
        await sideOf("a", a, flags.setA, flags.weightsA, flags),
        await sideOf("b", b, flags.setB, flags.weightsB, flags),
      ];
      const graphs = compareGraphs(before.graph, after.graph);
      const outputs = flags.run ? await outputsOf(before, after, flags) : null;
      if (flags.json === true) writeJson(json(a, b, before, after, graphs, outputs));
      else writeOut(diffText({ before: { spec: a, ...before }, after: { spec: b, ...after }, graphs, outputs, all: flags.all === true }));
      if (flags.exitCode === true && !(areSame(graphs) && areEqual(outputs))) throw new SaidAlready("they differ");
    });
}
const areEqual = (outputs: OutputsComparison | null): boolean =>
  outputs === null || !outputs.ran || outputs.outputs.every(({ difference }) => difference === null || difference.absolute === 0);

interface Side {
  readonly name: string;
  /** The graph with its weights as initializers. */
  readonly graph: Graph;
  readonly loaded: LoadedModel;
  readonly shapes: InputShapes;
  readonly weights: ReadonlyMap<string, TensorData>;
  /** True for an ONNX file of which nothing is changed. */
  readonly isFile: boolean;
}

async function sideOf(
  letter: "a" | "b",
  spec: string,
  set: readonly string[],
  weightFile: string | undefined,
  flags: Flags,
): Promise<Side> {
  const loaded = await loadModel(spec, set);
  const given = weightFile === undefined ? undefined : await readWeights(weightFile);
  if (loaded.kind === "source" && given === undefined) writeErr(`the weights of ${spec} are random: give --weights-${letter}\n`);
  const all = parseShapes(flags.shape);
  const source = sourceOf(loaded.model, all);
  const weights = withWeights(source, present({ weights: given, seed: flags.seed }));
  const isFile = loaded.kind === "onnx" && flags.shape.length === 0 && given === undefined;
  return { name: loaded.name, graph: bindInputs(source.graph, weights), loaded, shapes: all, weights, isFile };
}

async function outputsOf(before: Side, after: Side, flags: Flags): Promise<OutputsComparison> {
  const [mean, std] = [perChannel(flags.mean), perChannel(flags.std)];
  if ((mean === undefined) !== (std === undefined)) throw new UsageError("--mean and --std belong together");
  const statistics = mean === undefined || std === undefined ? undefined : { mean, std };
  return compareOutputs(runnable(before), runnable(after), {
    seed: flags.seed ?? 0,
    files: flags.input,
    reading: present({ size: flags.size, statistics }),
  });
}
function runnable({ name, graph, loaded, shapes, weights, isFile }: Side): Runnable {
  const model = isFile ? loaded.file : compile(loaded.model, { shapes, weights, optimize: "none" }).bytes;
  return { name, model, inputs: graph.inputs, outputs: graph.outputs };
}

const nodeJson = ({ name, opType, outputs, location }: Node) => ({
  name,
  op: opType,
  outputs: outputs.flatMap((v) => (v === null ? [] : [{ name: v.name, ...v.type }])),
  location: location.position,
});
const changeJson = ({ before, after, isRenamed, ...rest }: NodeChange) => ({
  before: nodeJson(before),
  after: nodeJson(after),
  isRenamed,
  ...rest,
});

const json = (a: string, b: string, before: Side, after: Side, graphs: GraphComparison, outputs: OutputsComparison | null) => ({
  before: { model: a, name: before.name },
  after: { model: b, name: after.name },
  same: areSame(graphs) && areEqual(outputs),
  ports: graphs.ports,
  nodes: {
    same: graphs.same,
    added: graphs.added.map(nodeJson),
    removed: graphs.removed.map(nodeJson),
    changed: graphs.changed.map(changeJson),
  },
  weights: { same: graphs.sameWeights, changed: graphs.weights },
  cost: graphs.cost,
  receptiveFields: graphs.receptiveFields,
  outputs,
});
