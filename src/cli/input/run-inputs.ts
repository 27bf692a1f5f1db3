/** `--input`: images and tensors for a model's inputs. */
import { existsSync } from "node:fs";
import { extname } from "node:path";
import {
  type ChannelStatistics,
  type ImageOptions,
  imagenetStatistics,
  loadImage,
  loadPixels,
  normalize,
  readNpyFile,
} from "../../data/index.ts";
import { userError } from "../../ir/diagnostic.ts";
import { nowhere } from "../../ir/location.ts";
import type { TensorData } from "../../ir/tensor-data.ts";
import { type Port, readSafetensors } from "../../runtime/index.ts";
import { UsageError } from "./usage.ts";

/** How images are read for a model. */
export interface ImageReading {
  /** "WIDTHxHEIGHT" is not said: height first, as in shapes. Needed where the model leaves the size open. */
  readonly size?: { readonly height: number; readonly width: number };
  readonly statistics?: ChannelStatistics;
  readonly fit?: NonNullable<ImageOptions["fit"]>;
}
/** What one run is fed. */
export interface RunInput {
  /** The file that it is about. */
  readonly source: string;
  readonly feeds: Readonly<Record<string, TensorData>>;
}

/**
 * The runs for `FILE` and `NAME=FILE` texts: one per file without a name, each together with all the named ones. Images become
 * float32[1, C, H, W], normalised; a .npy file is one tensor; a .safetensors file holds tensors by the inputs' names.
 * Throws a CompileError on files that cannot be read or are for no input.
 */
export async function runInputs(texts: readonly string[], ports: readonly Port[], reading: ImageReading): Promise<readonly RunInput[]> {
  const named = texts.map(parseInput);
  const shared = await Promise.all(
    named.filter((t) => t.name !== null).map((t) => feedsOf(t.file, portFor(t.name, ports), ports, reading)),
  );
  const own = await Promise.all(
    named
      .filter((t) => t.name === null)
      .map(async ({ file }) => ({ source: file, feeds: await feedsOf(file, portFor(null, ports), ports, reading) })),
  );
  const common: Readonly<Record<string, TensorData>> = Object.fromEntries(shared.flatMap((feeds) => Object.entries(feeds)));
  return own.length === 0
    ? [{ source: named[0]?.file ?? "", feeds: common }]
    : own.map(({ source, feeds }) => ({ source, feeds: { ...common, ...feeds } }));
}

function parseInput(text: string): { readonly name: string | null; readonly file: string } {
  const at = text.indexOf("=");
  return at < 1 || existsSync(text) ? { name: null, file: text } : { name: text.slice(0, at), file: text.slice(at + 1) };
}

function portFor(name: string | null, ports: readonly Port[]): Port {
  const found = name === null ? ports[0] : ports.find((port) => port.name === name);
  if (found !== undefined) return found;
  throw userError("unknown-name", `the model has no input "${name ?? ""}"`, nowhere, {
    help: `its inputs are ${ports.map((p) => p.name).join(", ")}`,
  });
}

async function feedsOf(
  file: string,
  port: Port,
  ports: readonly Port[],
  reading: ImageReading,
): Promise<Readonly<Record<string, TensorData>>> {
  const extension = extname(file).toLowerCase();
  if (extension === ".npy") return { [port.name]: readNpyFile(file) };
  if (extension !== ".safetensors") return { [port.name]: await imageFeed(file, port, reading) };
  const { tensors } = await readSafetensors(file);
  const own = new Map([...tensors].filter(([name]) => ports.some((p) => p.name === name)));
  if (own.size > 0) return Object.fromEntries(own);
  throw userError("run-input", `${file}: it has no tensor named like an input: ${ports.map((p) => p.name).join(", ")}`, nowhere);
}

async function imageFeed(file: string, port: Port, reading: ImageReading): Promise<TensorData> {
  const shape = port.shape?.length === 4 ? port.shape : [];
  const batch = shape[0];
  const [planes, interleaved] = [channelsOf(shape[1]), channelsOf(shape[3])];
  const isBytes = port.dtype === "uint8";
  if (!(planes !== null && (isBytes || port.dtype === "float32")) && !(interleaved !== null && isBytes)) {
    throw userError(
      "image-input",
      `input "${port.name}" is ${port.description}, which is no image: those are float32 or uint8[N, 1 or 3, height, width], or uint8[N, height, width, 1 or 3]`,
      nowhere,
      {
        help: "give a .npy or .safetensors file",
      },
    );
  }
  if (typeof batch === "number" && batch !== 1)
    throw userError("image-input", `input "${port.name}" is ${port.description}: it takes ${batch} images at once`, nowhere, {
      help: "give a .npy file",
    });
  if (planes !== null) return planesFeed(file, port, { ...sized(shape[2], shape[3], port, reading), channels: planes }, reading);
  // A graph that takes any size scales images itself.
  const own = shape.slice(1, 3).every((d) => typeof d !== "number") && reading.size === undefined;
  const channels = interleaved ?? 3;
  return batchOf(await loadPixels(file, own ? { channels } : { ...sized(shape[1], shape[2], port, reading), channels }));
}
const channelsOf = (size: unknown): 1 | 3 | null => (size === 1 || size === 3 ? size : null);
const batchOf = (image: TensorData): TensorData => ({ ...image, shape: [1, ...image.shape] });

/** The size of images for an input, and how they fit it. Throws a UsageError where neither the input nor the options tell it. */
function sized(height: unknown, width: unknown, port: Port, { size, fit }: ImageReading): Omit<ImageOptions, "channels"> {
  const [h, w] = [size?.height ?? height, size?.width ?? width];
  if (typeof h !== "number" || typeof w !== "number")
    throw new UsageError(`input "${port.name}" is ${port.description}, which leaves the size open`, "give --size, as in --size 224x224");
  return { height: h, width: w, ...(fit === undefined ? {} : { fit }) };
}

async function planesFeed(file: string, port: Port, options: ImageOptions, { statistics }: ImageReading): Promise<TensorData> {
  const one = batchOf(await loadImage(file, options));
  if (port.dtype === "uint8") return one;
  return normalize(statistics ?? (options.channels === 3 ? imagenetStatistics : { mean: 0.5, std: 0.5 })).apply(one);
}
