/** `striate run`. */
import { extname } from "node:path";
import type { Command } from "commander";
import { decodeModel } from "../codegen/index.ts";
import { compile } from "../compile/index.ts";
import { type Preprocess, readPreprocess } from "../data/index.ts";
import { readDataFile } from "../data/read-file.ts";
import { numbersOf, type TensorData } from "../ir/tensor-data.ts";
import { createSession, printProvider, type Session, writeSafetensors } from "../runtime/index.ts";
import { loadModel } from "./load-model.ts";
import { readWeights } from "./read-weights.ts";
import { type RunInput, runInputs } from "./run-inputs.ts";
import { type ModelFlags, modelCommand, numbersOption, parseShapes, present, providersOption, seedOption } from "./shared-options.ts";
import { table } from "./table.ts";
import { harmless, outColors, writeErr, writeJson, writeOut } from "./terminal.ts";
import { naturalNumber, oneOf, repeatable, UsageError } from "./usage.ts";

interface Flags extends ModelFlags {
  readonly input: readonly string[];
  readonly output?: string;
  readonly weights?: string;
  readonly seed?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly size?: { readonly height: number; readonly width: number };
  readonly fit?: "cover" | "fill" | "contain";
  readonly labels?: string;
  readonly top: number;
  readonly providers?: readonly ("cpu" | "cuda")[];
  readonly json?: boolean;
}

const examples = `
Images are resized to the model's input and normalised: as the model was trained, if striate train wrote it, else with ImageNet's mean and
deviation. An output of one number per class is shown as the most likely classes.

Examples:
  striate run runs/mnist/model.onnx --input digit.png
  striate run resnet18.onnx --input cat.jpg --input dog.jpg --labels imagenet.txt --top 3
  striate run my-net.onnx --input image=x.npy --output y.safetensors`;

/** Runs a model on images or tensors and prints what it answers. */
export function runCommand(): Command {
  return modelCommand("run")
    .addOption(repeatable("--input <file>", "an image, .npy or .safetensors file, or NAME=FILE for the input of that name"))
    .option("--output <file>", "write all outputs to a .safetensors file")
    .option("--weights <file>", "for a model of TypeScript: a .safetensors file with its parameters")
    .option("--seed <n>", "for a model of TypeScript: the seed of initial weights", seedOption)
    .option("--mean <x,...>", "the mean of each channel, from 0 to 1", numbersOption("--mean"))
    .option("--std <x,...>", "the standard deviation of each channel", numbersOption("--std"))
    .option("--size <h>x<w>", "the size of images, for a model that leaves it open", sizeOption)
    .option("--fit <how>", "cover (crop the middle), fill (stretch) or contain (pad)", (text) =>
      oneOf("--fit", text, ["cover", "fill", "contain"]),
    )
    .option("--labels <file>", "the names of the classes, one a line")
    .option("--top <n>", "how many classes are shown", (text) => naturalNumber("--top", text, 1), 5)
    .option("--providers <names>", "where to run, in order of preference: cuda,cpu (default: cpu)", providersOption)
    .option("--json", "the outputs as JSON")
    .addHelpText("after", examples)
    .action(async (spec: string, flags: Flags) => {
      if (flags.input.length === 0) throw new UsageError("--input is missing", "give an image, a .npy or a .safetensors file");
      const { model, preprocess } = await runnable(spec, flags);
      const session = await createSession(model, present({ providers: flags.providers }));
      try {
        if (session.provider.passedOver.length > 0) writeErr(`running on ${printProvider(session.provider)}\n`);
        await runAll(session, preprocess, flags);
      } finally {
        await session.dispose();
      }
    });
}

function sizeOption(text: string): { readonly height: number; readonly width: number } {
  const [, height, width] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (height === undefined || width === undefined) throw new UsageError(`--size takes HEIGHTxWIDTH, as in 224x224, not "${text}"`);
  return { height: naturalNumber("--size", height, 1), width: naturalNumber("--size", width, 1) };
}

interface Runnable {
  /** The file itself, so that onnxruntime also runs what striate's op table lacks; or the bytes of a compiled model. */
  readonly model: string | Uint8Array;
  readonly preprocess: Preprocess | null;
}
async function runnable(spec: string, flags: Flags): Promise<Runnable> {
  const { seed, weights } = flags;
  if (extname(spec).toLowerCase() === ".onnx" && flags.shape.length === 0 && weights === undefined) {
    const { metadataProps = [] } = decodeModel(readDataFile(spec), spec);
    return { model: spec, preprocess: readPreprocess(new Map(metadataProps.map(({ key = "", value = "" }) => [key, value])), spec) };
  }
  const loaded = await loadModel(spec, flags.set);
  const options = {
    shapes: parseShapes(flags.shape),
    ...present({ seed, weights: weights === undefined ? undefined : await readWeights(weights) }),
  };
  if (loaded.kind === "source" && weights === undefined) writeErr("the weights are random: give --weights\n");
  return {
    model: compile(loaded.model, options).bytes,
    preprocess: loaded.kind === "onnx" ? readPreprocess(loaded.parsed.metadata, spec) : null,
  };
}

async function runAll(session: Session, preprocess: Preprocess | null, flags: Flags): Promise<void> {
  const { size, fit } = flags;
  const single = (values: readonly number[] | undefined) => (values?.length === 1 ? values[0] : values);
  const [mean, std] = [single(flags.mean) ?? preprocess?.mean, single(flags.std) ?? preprocess?.std];
  const statistics = mean === undefined || std === undefined ? undefined : { mean, std };
  if (statistics === undefined && (mean ?? std) !== undefined) throw new UsageError("--mean and --std belong together");
  const runs = await runInputs(flags.input, session.inputs, present({ size, fit, statistics }));
  if (flags.output !== undefined && runs.length > 1)
    throw new UsageError("--output takes the outputs of one run", `there are ${runs.length} inputs without a name`);
  const labels = flags.labels === undefined ? (preprocess?.classes ?? []) : readLabels(flags.labels);
  const results: unknown[] = [];
  for (const run of runs) {
    const outputs = await session.run(run.feeds);
    if (flags.output !== undefined) await writeSafetensors(flags.output, new Map(Object.entries(outputs)));
    if (flags.json === true)
      results.push({
        input: run.source,
        outputs: Object.entries(outputs).map(([name, tensor]) => outputJson(name, tensor, labels, flags.top)),
      });
    else writeOut(outputText(run, outputs, labels, flags.top, runs.length > 1));
  }
  if (flags.json === true) writeJson(results);
}

const readLabels = (file: string): readonly string[] =>
  Buffer.from(readDataFile(file, 10_000_000))
    .toString("utf8")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");

interface Answer {
  readonly class: string;
  readonly probability: number;
}
/** The most likely classes of an output of one number per class, float[1, classes]; null for other outputs. */
function answers({ dtype, shape, data }: TensorData, labels: readonly string[], top: number): readonly Answer[] | null {
  const values = numbersOf({ dtype, shape, data }) ?? [];
  if (!dtype.startsWith("float") || shape.length !== 2 || shape[0] !== 1 || values.length < 2) return null;
  // What adds up to one are probabilities already; anything else is taken for logits.
  const sum = values.reduce((a, b) => a + b, 0);
  const most = Math.max(...values);
  const normal = values.every((v) => v >= 0) && Math.abs(sum - 1) < 1e-3;
  const scale = values.reduce((total, v) => total + Math.exp(v - most), 0);
  const probabilities = values.map((v, k) => ({ class: labels[k] ?? String(k), probability: normal ? v : Math.exp(v - most) / scale }));
  return probabilities.sort((a, b) => b.probability - a.probability).slice(0, top);
}

/** More elements than this are described, not listed. */
const mostListed = 10_000;
function outputJson(name: string, tensor: TensorData, labels: readonly string[], top: number) {
  const found = answers(tensor, labels, top);
  const listed = tensor.data.length <= mostListed ? { data: Array.from<unknown>(tensor.data) } : {};
  return { name, dtype: tensor.dtype, shape: tensor.shape, ...(found === null ? {} : { top: found }), ...listed };
}

function outputText(
  { source }: RunInput,
  outputs: Readonly<Record<string, TensorData>>,
  labels: readonly string[],
  top: number,
  several: boolean,
): string {
  const title = several ? `${outColors().bold(harmless(source))}\n` : "";
  return (
    title +
    Object.entries(outputs)
      .map(([name, tensor]) => oneOutput(name, tensor, labels, top))
      .join("")
  );
}
function oneOutput(name: string, tensor: TensorData, labels: readonly string[], top: number): string {
  const found = answers(tensor, labels, top);
  if (found !== null) {
    const rows = found.map((a) => [a.class, `${(100 * a.probability).toFixed(2)} %`]);
    return table(
      [
        { title: name, align: "left" },
        { title: "probability", align: "right" },
      ],
      rows,
    );
  }
  return `${harmless(name)} ${tensor.dtype}[${tensor.shape.join(", ")}]${statistics(tensor)}\n`;
}
function statistics(tensor: TensorData): string {
  const values = numbersOf(tensor) ?? [];
  if (values.length === 0) return "";
  if (values.length <= 8) return ` ${values.join(", ")}`;
  let [least, most, sum] = [Infinity, -Infinity, 0];
  for (const v of values) {
    least = Math.min(least, v);
    most = Math.max(most, v);
    sum += v;
  }
  return `, least ${least.toPrecision(5)}, mean ${(sum / values.length).toPrecision(5)}, most ${most.toPrecision(5)}`;
}
