/** `--data`: MNIST, or folders of images, as loaders for a model's input. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Source } from "../../compile/index.ts";
import {
  type ChannelStatistics,
  type Dataset,
  type DatasetLoader,
  imageFolder,
  imagenetStatistics,
  loader,
  mapInputs,
  mnist,
  mnistStatistics,
  normalize,
  renameFields,
  splitDataset,
} from "../../data/index.ts";
import { userError } from "../../ir/diagnostic.ts";
import { printType, type Value } from "../../ir/graph.ts";
import { nowhere } from "../../ir/location.ts";
import { perChannel } from "./shared-options.ts";
import { UsageError } from "./usage.ts";

/** What decides which data are read, and how. */
export interface DataFlags {
  readonly data: string;
  readonly validation?: string;
  readonly batchSize: number;
  readonly seed?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}
/** The data of a training run. */
export interface TrainingData {
  readonly train: DatasetLoader;
  readonly validation: DatasetLoader | null;
  /** The validation images as they are before normalisation: what reports show. */
  readonly pixels: Dataset | null;
  readonly statistics: ChannelStatistics;
  readonly classes: readonly string[];
}

/** The data for a model. Throws a CompileError when there are none, or when they do not fit the model's input. */
export function trainingData(source: Source, flags: DataFlags): TrainingData {
  const image = imageInput(source);
  const { train, validation } = flags.data === "mnist" ? mnistParts(flags) : folderParts(flags, image);
  const statistics = chosenStatistics(flags, image.channels);
  checkFits(train, image);
  checkClasses(train, source);
  const ready = (dataset: Dataset): Dataset => renameFields(mapInputs(dataset, normalize(statistics)), { input: image.name });
  const { batchSize, seed = 0 } = flags;
  if (train.length < batchSize)
    throw userError("data", `${train.name} has ${train.length} images, fewer than a batch of ${batchSize}`, nowhere, {
      help: "give a smaller --batch-size",
    });
  return {
    train: loader(ready(train), { batchSize, shuffle: true, seed }),
    validation: validation === null ? null : loader(ready(validation), { batchSize: Math.max(batchSize, 250) }),
    pixels: validation,
    statistics,
    classes: train.classes,
  };
}

interface Parts {
  readonly train: Dataset;
  readonly validation: Dataset | null;
}
function mnistParts({ validation }: DataFlags): Parts {
  if (validation !== undefined && validation !== "none")
    throw new UsageError("--validation: MNIST is validated on its own test digits", "leave it out, or write none");
  return { train: mnist("train", { transform: "none" }), validation: validation === "none" ? null : mnist("test", { transform: "none" }) };
}

/** Folders that hold the two parts, by the names that data sets in the wild have. */
const trainNames = ["train", "training"] as const;
const validationNames = ["val", "valid", "validation", "test"] as const;
const defaultFraction = 0.1;

function folderParts({ data, validation, seed = 0 }: DataFlags, image: ImageInput): Parts {
  const found = (names: readonly string[]): string | undefined => names.map((name) => join(data, name)).find((path) => existsSync(path));
  const [trainFolder, validationFolder] = [found(trainNames), found(validationNames)];
  const whole = imageFolder(trainFolder ?? data, image);
  if (validation === "none") return { train: whole, validation: null };
  const fraction = fractionOf(validation);
  const other = fraction === null ? (validation ?? (trainFolder === undefined ? undefined : validationFolder)) : undefined;
  if (other !== undefined) return { train: whole, validation: imageFolder(other, { ...image, classes: whole.classes }) };
  const [rest, held] = splitDataset(whole, fraction ?? defaultFraction, seed);
  return { train: rest, validation: held };
}
function fractionOf(text: string | undefined): number | null {
  if (text === undefined || !/^(?:0?\.\d+|\d+\s*%)$/.test(text)) return null;
  const fraction = text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (!(fraction > 0 && fraction < 1)) throw new UsageError(`--validation takes a fraction between 0 and 1, not ${text}`);
  return fraction;
}

interface ImageInput {
  readonly name: string;
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
}
function imageInput({ inputs }: Source): ImageInput {
  const [input, second] = inputs;
  if (input === undefined || second !== undefined) {
    throw userError("data", `--data feeds models of one input; this one has ${inputs.map((v) => v.name).join(", ") || "none"}`, nowhere);
  }
  return imageSize(input);
}
/** The image size that an input wants. Throws a CompileError when it is no image of a known size. */
export function imageSize({ name, type }: Value): ImageInput {
  const [, channels, height, width] = type.shape;
  const isImage = type.shape.length === 4 && type.dtype === "float32" && (channels === 1 || channels === 3);
  if (isImage && typeof height === "number" && typeof width === "number") return { name, channels, height, width };
  throw userError(
    "image-input",
    `input "${name}" is ${printType(type)}; images are float32[N, 1 or 3, height, width] with a known size`,
    nowhere,
    {
      help: isImage
        ? `fix the size, as in --shape ${name}=N,${channels},224,224`
        : "feed such a model through the API: createTrainer and loader",
    },
  );
}

function chosenStatistics({ data, mean, std }: DataFlags, channels: 1 | 3): ChannelStatistics {
  const usual = data === "mnist" ? mnistStatistics : channels === 3 ? imagenetStatistics : { mean: 0.5, std: 0.5 };
  const chosen = { mean: perChannel(mean) ?? usual.mean, std: perChannel(std) ?? usual.std };
  for (const [flag, values] of Object.entries(chosen)) {
    if (typeof values !== "number" && values.length !== channels)
      throw new UsageError(`--${flag} takes one number, or one per channel: ${channels}, not ${values.length}`);
    if (flag === "std" && [values].flat().some((v) => v <= 0)) throw new UsageError("--std takes positive numbers");
  }
  return chosen;
}

function checkFits({ name, inputs }: Dataset, image: ImageInput): void {
  const shape = Object.values(inputs)[0]?.shape ?? [];
  const [channels, height, width] = shape;
  if (channels === image.channels && height === image.height && width === image.width) return;
  throw userError(
    "data",
    `${name} has images ${shape.join("x")}, the model's input "${image.name}" wants ${image.channels}x${image.height}x${image.width}`,
    nowhere,
    {
      help: "set the model's size with --set or --shape",
    },
  );
}

function checkClasses({ name, classes }: Dataset, { graph }: Source): void {
  const [output] = graph.outputs;
  const count = output?.type.shape.length === 2 ? output.type.shape[1] : undefined;
  if (output === undefined || typeof count !== "number" || classes.length <= count) return;
  throw userError("data", `${name} has ${classes.length} classes, the model's output "${output.name}" has ${count}`, nowhere, {
    help: `make the model for ${classes.length} classes, as in --set numClasses=${classes.length}`,
  });
}
