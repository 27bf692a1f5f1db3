/** `striate receptive-field --effective`. */
import { extname } from "node:path";
import { writeFileAtomically } from "../../codegen/atomic-file.ts";
import type { Source } from "../../compile/index.ts";
import { loadImage, readPreprocess } from "../../data/index.ts";
import { drawEffectiveField, type EffectiveField, effectiveField, type GradientMeasure } from "../../inspect/index.ts";
import { printType } from "../../ir/graph.ts";
import type { TensorData } from "../../ir/tensor-data.ts";
import type { LoadedModel } from "../input/load-model.ts";
import { readWeights } from "../input/read-weights.ts";
import { runInputs } from "../input/run-inputs.ts";
import { type ModelFlags, parseShapes, present } from "../input/shared-options.ts";
import { UsageError } from "../input/usage.ts";
import { effectiveText, pictureLegend } from "../output/field-text.ts";
import { harmless, writeErr, writeJson, writeOut } from "../output/terminal.ts";

/** What the command has been given. */
export interface EffectiveFlags extends ModelFlags {
  readonly value?: string;
  readonly input?: string;
  readonly unit?: readonly number[];
  readonly samples?: number;
  readonly image: readonly string[];
  readonly measure?: GradientMeasure;
  readonly weights?: string;
  readonly seed?: number;
  readonly picture?: string;
  readonly json?: boolean;
}

/** The first option given that means nothing without --effective. */
export function onlyEffective({ samples, image, measure, weights, seed, picture }: EffectiveFlags): string | undefined {
  const given = { samples, image: image.length > 0 ? image : undefined, measure, weights, seed, picture };
  const [name] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
  return name === undefined ? undefined : `--${name}`;
}

/** Measures and prints the effective receptive field of a unit, and draws it. */
export async function effectiveFields(loaded: LoadedModel, source: Source, flags: EffectiveFlags): Promise<void> {
  if (flags.image.length > 0 && flags.samples !== undefined)
    throw new UsageError("--samples counts inputs of noise, and --image takes their place", "give one of them");
  const { value, input, unit, samples, seed, measure, json, picture } = flags;
  const weights = flags.weights === undefined ? undefined : await readWeights(flags.weights);
  if (loaded.kind === "source" && weights === undefined) writeErr("the weights are random: give --weights\n");
  const images = flags.image.length === 0 ? undefined : await imageFeeds(loaded, source, flags.image);
  const shapes = parseShapes(flags.shape);
  const field = await effectiveField(loaded.model, { shapes, ...present({ value, input, unit, samples, seed, measure, weights, images }) });
  if (picture !== undefined) await writePicture(picture, field, flags.image[0]);
  if (json === true) return writeJson(fieldJson(field, seed ?? 0, flags));
  const over = images === undefined ? `${field.samples} samples of noise` : flags.image.join(", ");
  writeOut(effectiveText(field, over));
  if (picture !== undefined) writeOut(`${harmless(picture)}: ${pictureLegend}\n`);
}

/** Images as the model's inputs, normalised as it was trained. */
async function imageFeeds(
  loaded: LoadedModel,
  { inputs }: Source,
  files: readonly string[],
): Promise<readonly Readonly<Record<string, TensorData>>[]> {
  const preprocess = loaded.kind === "onnx" ? readPreprocess(loaded.parsed.metadata, loaded.file) : null;
  const ports = inputs.map(({ name, type }) => ({ name, dtype: type.dtype, shape: type.shape, description: printType(type) }));
  const runs = await runInputs(files, ports, preprocess === null ? {} : { statistics: preprocess });
  return runs.map(({ feeds }) => feeds);
}

async function writePicture(path: string, field: EffectiveField, image: string | undefined): Promise<void> {
  const { height, width } = field.map;
  const isTensor = image === undefined || [".npy", ".safetensors"].includes(extname(image).toLowerCase());
  const background = isTensor ? undefined : await loadImage(image, { height, width, channels: 3 });
  const bytes = await drawEffectiveField(field, background);
  await writeFileAtomically(path, [bytes]);
}

const fieldJson = (field: EffectiveField, seed: number, { image }: EffectiveFlags) => ({
  value: field.value.name,
  type: field.value.type,
  input: field.input.name,
  unit: field.unit,
  measure: field.measure,
  samples: field.samples,
  ...(image.length === 0 ? { seed } : { images: image }),
  theoretical: field.theoretical,
  gaussian: field.gaussian,
  halfMass: field.halfMass,
  aboveThreshold: field.aboveThreshold,
});
