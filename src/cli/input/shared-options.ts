/** Options that several commands have, and their reading. */
import { Command } from "commander";
import { defaultOpset } from "../../codegen/index.ts";
import type { InputShapes } from "../../compile/index.ts";
import { type Dim, parseDim } from "../../ir/dim.ts";
import { type TargetName, traitsOf } from "../../ir/targets.ts";
import type { LoadedModel } from "./load-model.ts";
import { finiteNumber, naturalNumber, oneOf, repeatable, UsageError } from "./usage.ts";

/** What every command that takes a model has been given. */
export interface ModelFlags {
  readonly set: readonly string[];
  readonly shape: readonly string[];
}

/** A command with its model argument and the options that shape the model. */
export function modelCommand(name: string, model: "required" | "optional" = "required"): Command {
  return new Command(name)
    .argument(model === "required" ? "<model>" : "[model]", "FILE.ts, FILE.ts#EXPORT or FILE.onnx")
    .addOption(repeatable("--set <key=value>", "an option for the function that makes the model"))
    .addOption(repeatable("--shape <input=dims>", "fix or free an input's dims, as in input=N,3,64,64: letters are symbols"));
}

/** Input shapes from `input=N,3,64,64` texts. Throws a UsageError on anything else. */
export function parseShapes(texts: readonly string[]): InputShapes {
  const shapes: Record<string, readonly Dim[]> = {};
  for (const text of texts) {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`--shape takes INPUT=DIMS, as in input=N,3,64,64, not "${text}"`);
    const name = text.slice(0, at);
    if (Object.hasOwn(shapes, name)) throw new UsageError(`--shape gives "${name}" twice`);
    shapes[name] = text
      .slice(at + 1)
      .replace(/^\[(.*)\]$/, "$1")
      .split(",")
      .map((dim) => readDim(dim.trim(), text));
  }
  return shapes;
}
function readDim(dim: string, text: string): Dim {
  try {
    return parseDim(dim);
  } catch {
    throw new UsageError(
      `--shape: "${dim}" in "${text}" is no dim`,
      "write a number, a letter or a name, or a multiple of one such as 32*H",
    );
  }
}

/** Sizes of symbols from `N=32` texts. Throws a UsageError on anything else. */
export function parseSizes(option: string, texts: readonly string[]): Readonly<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const text of texts) {
    const [, symbol, size] = /^([A-Za-z_]\w*)=(\d+)$/.exec(text) ?? [];
    if (symbol === undefined || !Number.isSafeInteger(Number(size)) || Number(size) < 1)
      throw new UsageError(`${option} takes SYMBOL=SIZE, as in N=32, not "${text}"`);
    if (Object.hasOwn(sizes, symbol)) throw new UsageError(`${option} gives "${symbol}" twice`);
    sizes[symbol] = Number(size);
  }
  return sizes;
}

const byteUnits: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
/** `--memory-budget 2GiB`: bytes, from a number and a unit of powers of 1000 or 1024. */
export function byteSizeOption(text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text) ?? [];
  const scale = Object.hasOwn(byteUnits, unit) ? byteUnits[unit] : undefined;
  const bytes = Math.floor(Number(number) * (scale ?? Number.NaN));
  if (bytes >= 1 && Number.isSafeInteger(bytes)) return bytes;
  throw new UsageError(`--memory-budget takes a size such as 800MB or 2GiB, not "${text}"`);
}

/** `--seed N`. */
export const seedOption = (text: string): number => naturalNumber("--seed", text);
const [oldestOpset, newestOpset] = [13, 24];
/** What `--opset` takes, and what holds without it. */
export const opsetHelp = `${oldestOpset} to ${newestOpset} (default: ${defaultOpset}, or that of a newer .onnx file)`;
/** `--opset N`. */
export function opsetOption(text: string): number {
  const opset = naturalNumber("--opset", text);
  if (opset < oldestOpset || opset > newestOpset) throw new UsageError(`--opset takes ${oldestOpset} to ${newestOpset}, not ${opset}`);
  return opset;
}
/** The opset that a model is written in without `--opset`: a file's own where it is newer than the default, since its ops may need it, and the target takes it. */
export function opsetFor(loaded: LoadedModel, target: TargetName = "portable"): number {
  const wanted = loaded.kind === "source" ? defaultOpset : Math.min(Math.max(loaded.parsed.opset, defaultOpset), newestOpset);
  const limit = traitsOf(target).newestOpset;
  return limit === "any" ? wanted : Math.min(wanted, limit);
}
/** `--providers cuda,cpu`. */
export const providersOption = (text: string): readonly ("cpu" | "cuda")[] =>
  text.split(",").map((name) => oneOf("--providers", name.trim(), ["cpu", "cuda"]));
/** `--size HEIGHTxWIDTH`. */
export function sizeOption(text: string): { readonly height: number; readonly width: number } {
  const [, height, width] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (height === undefined || width === undefined) throw new UsageError(`--size takes HEIGHTxWIDTH, as in 224x224, not "${text}"`);
  return { height: naturalNumber("--size", height, 1), width: naturalNumber("--size", width, 1) };
}
/** An option of one or several numbers, `0.5` or `0.485,0.456,0.406`. */
export const numbersOption =
  (name: string) =>
  (text: string): readonly number[] =>
    text.split(",").map((part) => finiteNumber(name, part.trim()));
/** One number for all channels, or one for each. */
export const perChannel = (values: readonly number[] | undefined): number | readonly number[] | undefined =>
  values?.length === 1 ? values[0] : values;

/** Only the entries that are there: `exactOptionalPropertyTypes` tells an absent option from one that is undefined. */
export function present<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept: { [K in keyof T]?: Exclude<T[K], undefined> } = { ...withoutUndefined(options) };
  return kept;
}
/** Sound because exactly the entries whose value is undefined are left out. */
const withoutUndefined = <T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
