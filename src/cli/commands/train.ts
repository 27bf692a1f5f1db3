/** `striate train`. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { sourceOf } from "../../compile/index.ts";
import type { Optimizer } from "../../dsl/index.ts";
import { userError } from "../../ir/diagnostic.ts";
import { nowhere } from "../../ir/location.ts";
import type { StepPoint } from "../../report/index.ts";
import {
  checkpointFile,
  constant,
  cosine,
  type FitResult,
  oneCycle,
  polynomial,
  printProvider,
  type Schedule,
  warmup,
} from "../../runtime/index.ts";
import { createTrainer, type ModelTrainer } from "../../train/create-trainer.ts";
import { trainingProgress } from "../../train/progress.ts";
import { type LoadedModel, loadModel } from "../input/load-model.ts";
import { addMakerOptions, listMakers, type MakerReader } from "../input/maker-options.ts";
import { readWeights } from "../input/read-weights.ts";
import { type RunStart, readRun, writeRun } from "../input/run-file.ts";
import {
  type ModelFlags,
  modelCommand,
  numbersOption,
  opsetOption,
  parseShapes,
  present,
  providersOption,
  seedOption,
} from "../input/shared-options.ts";
import { type DataFlags, type TrainingData, trainingData } from "../input/training-data.ts";
import { finiteNumber, naturalNumber, oneOf, repeatable, UsageError } from "../input/usage.ts";
import { interruptSignal } from "../interrupt.ts";
import { harmless, writeErr } from "../output/terminal.ts";
import { finishRun } from "../output/train-results.ts";

const schedules = ["constant", "cosine", "linear", "one-cycle"] as const;

interface Flags extends ModelFlags, DataFlags {
  readonly epochs: number;
  readonly loss: string;
  readonly optimizer: string;
  readonly schedule: (typeof schedules)[number];
  readonly warmup?: number;
  readonly weights?: string;
  readonly freeze: readonly string[];
  readonly clipNorm?: number;
  readonly clipValue?: number;
  readonly opset?: number;
  readonly providers?: readonly ("cpu" | "cuda")[];
  readonly run?: string;
  readonly checkpointEvery?: number;
  readonly json?: boolean;
}

const examples = `
DIR has one folder of images per class, or such folders in DIR/train and DIR/val; otherwise a part of it is held out for validation.
A run's folder gets checkpoint.safetensors, model.onnx and report.html. Ctrl-C stops with a checkpoint.

Losses:
${listMakers("loss")}

Optimizers:
${listMakers("optimizer")}

Examples:
  striate train models/simple-cnn.ts --data mnist --epochs 3 --optimizer adam --run runs/mnist
  striate train models/resnet.ts#resnet18 --set numClasses=5 --data flowers --optimizer sgd --lr 0.05 --momentum 0.9 --schedule cosine
  striate train --resume runs/mnist
  striate train --resume runs/mnist --epochs 10`;

/** Trains a model, with checkpoints, and writes the trained model and a report of the run. */
export function trainCommand(): Command {
  const { command, makers } = newRunCommand();
  return command
    .addHelpText("after", examples)
    .action(async (spec: string | undefined, flags: Flags & { readonly resume?: string }, self: Command) => {
      if (flags.resume !== undefined) return resume(flags.resume, spec, self);
      if (spec === undefined) throw new UsageError("MODEL is missing", "striate train my-net.ts --data mnist");
      if (flags.data === undefined)
        throw new UsageError("--data is missing", "give mnist, or a folder with one folder of images per class");
      const args = self.parent?.args.slice(1) ?? [];
      await train(spec, flags, makers, { start: { args, cwd: process.cwd() }, resume: false });
    });
}

function newRunCommand(): { readonly command: Command; readonly makers: MakerReader } {
  const command = modelCommand("train", "optional")
    .option("--data <data>", "mnist, or a folder of images by class")
    .option("--validation <what>", "a folder, a fraction such as 0.1 of the data, or none")
    .option("--epochs <n>", "how often all data are gone through", (text) => naturalNumber("--epochs", text, 1), 3)
    .option("--batch-size <n>", "images per step", (text) => naturalNumber("--batch-size", text, 1), 64)
    .option("--seed <n>", "the seed of initial weights, shuffling and dropout (default: 0)", seedOption)
    .option("--run <dir>", "the folder for checkpoints and results (default: runs/NAME)")
    .option("--resume <dir>", "go on with the run in this folder, as if it had never stopped; --epochs makes it longer")
    .option("--checkpoint-every <n>", "a checkpoint after so many steps too", (text) => naturalNumber("--checkpoint-every", text, 1))
    .option("--weights <file>", "a .safetensors file to begin with")
    .addOption(repeatable("--freeze <pattern>", "parameters that stay as they are, as in layer1.* or !fc.*"))
    .option(
      "--schedule <name>",
      `the learning rate over the run: ${schedules.join(", ")}`,
      (text) => oneOf("--schedule", text, schedules),
      "constant",
    )
    .option("--warmup <n>", "raise the learning rate over the first steps", (text) => naturalNumber("--warmup", text, 1))
    .option("--clip-norm <x>", "hold the norm of all gradients below this", (text) => finiteNumber("--clip-norm", text))
    .option("--clip-value <x>", "hold every element of gradients within this", (text) => finiteNumber("--clip-value", text))
    .option("--mean <x,...>", "the mean of each channel, from 0 to 1 (default: MNIST's, or ImageNet's)", numbersOption("--mean"))
    .option("--std <x,...>", "the standard deviation of each channel", numbersOption("--std"))
    .option("--providers <names>", "where to run, in order of preference: cuda,cpu (default: cpu)", providersOption)
    .option("--opset <n>", "the ai.onnx opset of the graphs, 13 to 24", opsetOption)
    .option("--json", "the results as JSON")
    .option("--loss <name>", "the loss", "cross-entropy")
    .option("--optimizer <name>", "the optimizer", "adam");
  return { command, makers: addMakerOptions(command) };
}

/** Takes up a run: its own arguments, read again, with the few that may change. */
async function resume(folder: string, spec: string | undefined, given: Command): Promise<void> {
  const changeable = ["resume", "epochs", "providers", "json"];
  const fixed = given.options
    .map((o) => o.attributeName())
    .find((name) => given.getOptionValueSource(name) === "cli" && !changeable.includes(name));
  if (spec !== undefined || fixed !== undefined) {
    const what = fixed === undefined ? "MODEL" : (given.options.find((o) => o.attributeName() === fixed)?.long ?? fixed);
    throw new UsageError(`--resume goes on with the run as it was: ${what} cannot change`, "give --epochs, --providers and --json at most");
  }
  const start = readRun(folder);
  const run = resolve(folder);
  if (existsSync(start.cwd)) process.chdir(start.cwd);
  const { command, makers } = newRunCommand();
  command.exitOverride().action(async (model: string | undefined, flags: Flags) => {
    if (model === undefined) throw userError("run-file", `${folder}: the run does not say what its model is`, nowhere);
    const changed = Object.fromEntries(
      changeable.filter((name) => given.getOptionValueSource(name) === "cli").map((name) => [name, given.getOptionValue(name)]),
    );
    await train(model, { ...flags, ...changed, run }, makers, { start, resume: true });
  });
  await command.parseAsync([...start.args], { from: "user" });
}

interface Origin {
  readonly start: RunStart;
  readonly resume: boolean;
}

async function train(spec: string, flags: Flags, makers: MakerReader, origin: Origin): Promise<void> {
  const loaded = await loadModel(spec, flags.set);
  const shapes = parseShapes(flags.shape);
  const source = sourceOf(loaded.model, shapes);
  const data = trainingData(source, flags);
  const run = flags.run ?? join("runs", loaded.name.replace(/[^\w.-]+/g, "-"));
  if (!origin.resume && existsSync(checkpointFile(run))) {
    throw userError("run-folder", `${run} holds another run already`, nowhere, {
      help: `give another --run, or go on with it: striate train --resume ${run}`,
    });
  }
  const optimizer = makers.optimizer({ ...flags }, flags.optimizer);
  const trainer = await openTrainer(loaded, flags, makers, optimizer);
  try {
    writeErr(
      `training ${harmless(loaded.name)} on ${harmless(data.train.dataset.name)}: ${data.train.dataset.length} images, on ${printProvider(trainer.provider)}\n`,
    );
    await writeRun(run, origin.start);
    const started = performance.now();
    const { result, steps } = await runFit(trainer, data, { flags, schedule: scheduleOf(flags, optimizer), run, resume: origin.resume });
    if (result.stopped) return stopped(run, trainer);
    const seconds = (performance.now() - started) / 1000;
    await finishRun({ loaded, shapes, source, data, flags, run, trainer, steps, seconds });
  } finally {
    await trainer.dispose();
  }
}

async function openTrainer({ model }: LoadedModel, flags: Flags, makers: MakerReader, optimizer: Optimizer): Promise<ModelTrainer> {
  const { freeze, seed, opset, providers, clipNorm: norm, clipValue: value } = flags;
  const weights = flags.weights === undefined ? undefined : await readWeights(flags.weights);
  return createTrainer(model, {
    loss: makers.loss({ ...flags }, flags.loss),
    optimizer,
    shapes: parseShapes(flags.shape),
    freeze,
    clipGradients: present({ norm, value }),
    ...present({ seed, opset, providers, weights }),
  });
}

interface FitPlan {
  readonly flags: Flags;
  readonly schedule: Schedule;
  readonly run: string;
  readonly resume: boolean;
}
/** Trains with progress; Ctrl-C ends it with a checkpoint. */
async function runFit(
  trainer: ModelTrainer,
  data: TrainingData,
  { flags, schedule, run, resume }: FitPlan,
): Promise<{ readonly result: FitResult; readonly steps: readonly StepPoint[] }> {
  const progress = trainingProgress();
  const interrupt = interruptSignal();
  const steps: StepPoint[] = [];
  try {
    const result = await trainer.fit(data.train, {
      ...progress,
      epochs: flags.epochs,
      schedule,
      run,
      resume,
      signal: interrupt.signal,
      ...(data.validation === null ? {} : { validate: data.validation }),
      ...present({ checkpointEvery: flags.checkpointEvery }),
      onBatch(event) {
        steps.push({ epoch: event.epoch - 1 + event.batch / event.batchesPerEpoch, loss: event.loss });
        return progress.onBatch(event);
      },
    });
    return { result, steps };
  } finally {
    progress.stop();
    interrupt.dispose();
  }
}

function scheduleOf({ schedule, warmup: steps }: Flags, optimizer: Optimizer): Schedule {
  const made: Readonly<Record<Flags["schedule"], () => Schedule>> = {
    constant: () => constant(),
    cosine: () => cosine(),
    linear: () => polynomial(),
    "one-cycle": () => oneCycle({ maxLr: optimizer.defaults.lr }),
  };
  const base = made[schedule]();
  return steps === undefined ? base : warmup({ steps }, base);
}

/** Ends with the exit code of an interrupted program. */
function stopped(run: string, trainer: ModelTrainer): never {
  writeErr(`stopped after step ${trainer.step}, with a checkpoint\n  go on with: striate train --resume ${harmless(run)}\n`);
  throw new DOMException("stopped", "AbortError");
}
