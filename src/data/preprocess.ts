/** What a trained model wants its images to be like: written into its file when it is exported, read by `striate run`. */
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";
import type { ChannelStatistics } from "./normalize.ts";

/** How images become a model's input, and what its classes are called. */
export interface Preprocess extends ChannelStatistics {
  readonly classes: readonly string[];
}

const key = "striate.preprocess";

/** The metadata_props entry that says it. */
export const preprocessMetadata = ({ mean, std, classes }: Preprocess): Readonly<Record<string, string>> => ({
  [key]: JSON.stringify({ version: 1, mean, std, classes }),
});

/** What a model's metadata say, or null where they say nothing. Throws a CompileError where they are damaged. */
export function readPreprocess(metadata: ReadonlyMap<string, string>, file: string): Preprocess | null {
  const text = metadata.get(key);
  if (text === undefined) return null;
  const parsed = parsedJson(text);
  if (typeof parsed === "object" && parsed !== null && "mean" in parsed && "std" in parsed && "classes" in parsed) {
    const { mean, std, classes } = parsed;
    if (areNumbers(mean) && areNumbers(std) && areTexts(classes)) return { mean, std, classes };
  }
  throw userError("model-metadata", `${file}: the metadata "${key}" are damaged`, nowhere, {
    help: "give --mean and --std, and export the model again",
  });
}

const classesKey = "striate.classes";

/** The metadata_props entry with the names of a model's classes, for a model that needs no other preparation of its images. */
export const classesMetadata = (classes: readonly string[]): Readonly<Record<string, string>> => ({
  [classesKey]: JSON.stringify(classes),
});

/** The names of the classes in a model's metadata, none where they say nothing. Throws a CompileError where they are damaged. */
export function readClasses(metadata: ReadonlyMap<string, string>, file: string): readonly string[] {
  const text = metadata.get(classesKey);
  if (text === undefined) return readPreprocess(metadata, file)?.classes ?? [];
  const parsed = parsedJson(text);
  if (areTexts(parsed)) return parsed;
  throw userError("model-metadata", `${file}: the metadata "${classesKey}" are damaged`, nowhere, { help: "give --labels" });
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
const areNumbers = (x: unknown): x is number | readonly number[] =>
  typeof x === "number" || (Array.isArray(x) && x.every((v) => typeof v === "number"));
const areTexts = (x: unknown): x is readonly string[] => Array.isArray(x) && x.every((v) => typeof v === "string");
