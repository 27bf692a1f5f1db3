/** `striate run`. */
import { extname } from "node:path";
import type { Command } from "commander";
import { decodeModel } from "../../codegen/index.ts";
import { compile } from "../../compile/index.ts";
import { type Preprocess, readClasses, readPreprocess } from "../../data/index.ts";
import { readDataFile } from "../../data/read-file.ts";
import { createSession, printProvider, type Session, writeSafetensors } from "../../runtime/index.ts";
import { loadModel } from "../input/load-model.ts";
import { readLabels } from "../input/read-labels.ts";
import { readWeights } from "../input/read-weights.ts";
import { runInputs } from "../input/run-inputs.ts";
import {
  type ModelFlags,
  modelCommand,
  numbersOption,
  parseShapes,
  perChannel,
  present,
  providersOption,
  seedOption,
  sizeOption,
} from "../input/shared-options.ts";
import { naturalNumber, oneOf, repeatable, UsageError } from "../input/usage.ts";
import { outputsJson, outputsText } from "../output/run-outputs.ts";
import { harmless, outColors, writeErr, writeJson, writeOut } from "../output/terminal.ts";

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
      const runs = await runnable(spec, flags);
      const session = await createSession(runs.model, present({ providers: flags.providers }));
      try {
        if (session.provider.passedOver.length > 0) writeErr(`running on ${printProvider(session.provider)}\n`);
        await runAll(session, runs, flags);
      } finally {
        await session.dispose();
      }
    });
}

interface Runnable {
  /** The file itself, so that onnxruntime also runs what striate's op table lacks; or the bytes of a compiled model. */
  readonly model: string | Uint8Array;
  readonly preprocess: Preprocess | null;
  /** The names of its classes, where it knows them. */
  readonly classes: readonly string[];
}
async function runnable(spec: string, flags: Flags): Promise<Runnable> {
  const { seed, weights } = flags;
  if (extname(spec).toLowerCase() === ".onnx" && flags.shape.length === 0 && weights === undefined) {
    const { metadataProps = [] } = decodeModel(readDataFile(spec), spec);
    return { model: spec, ...saidBy(new Map(metadataProps.map(({ key = "", value = "" }) => [key, value])), spec) };
  }
  const loaded = await loadModel(spec, flags.set);
  const options = {
    shapes: parseShapes(flags.shape),
    ...present({ seed, weights: weights === undefined ? undefined : await readWeights(weights) }),
  };
  if (loaded.kind === "source" && weights === undefined) writeErr("the weights are random: give --weights\n");
  return { model: compile(loaded.model, options).bytes, ...saidBy(loaded.kind === "onnx" ? loaded.parsed.metadata : new Map(), spec) };
}
const saidBy = (metadata: ReadonlyMap<string, string>, file: string): Omit<Runnable, "model"> => ({
  preprocess: readPreprocess(metadata, file),
  classes: readClasses(metadata, file),
});

async function runAll(session: Session, { preprocess, classes }: Runnable, flags: Flags): Promise<void> {
  const { size, fit } = flags;
  const [mean, std] = [perChannel(flags.mean) ?? preprocess?.mean, perChannel(flags.std) ?? preprocess?.std];
  const statistics = mean === undefined || std === undefined ? undefined : { mean, std };
  if (statistics === undefined && (mean ?? std) !== undefined) throw new UsageError("--mean and --std belong together");
  const runs = await runInputs(flags.input, session.inputs, present({ size, fit, statistics }));
  if (flags.output !== undefined && runs.length > 1)
    throw new UsageError("--output takes the outputs of one run", `there are ${runs.length} inputs without a name`);
  const naming = { labels: flags.labels === undefined ? classes : readLabels(flags.labels), top: flags.top };
  const results: unknown[] = [];
  for (const run of runs) {
    const outputs = await session.run(run.feeds);
    if (flags.output !== undefined) await writeSafetensors(flags.output, new Map(Object.entries(outputs)));
    if (flags.json === true)
      results.push({
        input: run.source,
        outputs: outputsJson(outputs, naming),
      });
    else writeOut(`${runs.length > 1 ? `${outColors().bold(harmless(run.source))}\n` : ""}${outputsText(outputs, naming)}`);
  }
  if (flags.json === true) writeJson(results);
}
