/** Batches of a data set, in an order that depends on the seed and the epoch alone. */
import type { Batch, BatchLoader } from "./batch-loader.ts";
import type { Dataset, Rows } from "./dataset.ts";
import { permutation } from "./permutation.ts";

/** How rows become batches. */
export interface LoaderOptions {
  readonly batchSize: number;
  /** Draws another order for every epoch; rows come in their own order when absent. */
  readonly shuffle?: boolean;
  /** The seed of the order, 0 to 2^53 - 1; 0 when absent. */
  readonly seed?: number;
  /** Leaves out a last batch that is smaller than the others. */
  readonly dropLast?: boolean;
  /** How many batches are read while one is in use; 2 when absent. */
  readonly prefetch?: number;
}
/** A loader and the data set behind it. */
export interface DatasetLoader extends BatchLoader {
  readonly dataset: Dataset;
  epoch(index: number, start?: number): AsyncIterable<Batch>;
}

/** Batches of a data set. Throws a RangeError on options that make none. */
export function loader(dataset: Dataset, options: LoaderOptions): DatasetLoader {
  const { batchSize, shuffle = false, seed = 0, dropLast = false, prefetch = 2 } = options;
  checkCount("batchSize", batchSize, 1);
  checkCount("seed", seed, 0);
  checkCount("prefetch", prefetch, 0);
  const batchesPerEpoch = dropLast ? Math.floor(dataset.length / batchSize) : Math.ceil(dataset.length / batchSize);
  if (batchesPerEpoch === 0) {
    throw new RangeError(
      `loader: ${dataset.name} has ${dataset.length} rows, too few for a batch of ${batchSize}${dropLast ? " with dropLast" : ""}`,
    );
  }
  return {
    dataset,
    batchSize,
    batchesPerEpoch,
    epoch(index, start = 0) {
      checkCount("epoch", index, 0);
      checkCount("start", start, 0);
      const order = shuffle ? permutation(dataset.length, seed, index) : Uint32Array.from({ length: dataset.length }, (_, i) => i);
      const rowsOf = (batch: number): readonly number[] => [...order.subarray(batch * batchSize, (batch + 1) * batchSize)];
      return ahead(start, batchesPerEpoch, prefetch, (batch) => read(dataset, rowsOf(batch)));
    },
  };
}

function checkCount(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`loader: ${name} must be a whole number from ${least} on, not ${value}`);
}

async function read(dataset: Dataset, rows: readonly number[]): Promise<Batch> {
  const { inputs, targets }: Rows = await dataset.read(rows);
  return { inputs, targets, size: rows.length };
}

/** Results of start to end - 1 in order, with some always under way. */
async function* ahead<R>(start: number, end: number, depth: number, make: (i: number) => Promise<R>): AsyncGenerator<R> {
  const waiting: Promise<R>[] = [];
  let next = start;
  const fill = (): void => {
    while (next < end && waiting.length <= depth) {
      const result = make(next++);
      // A consumer that stops early never awaits what was read ahead: its failure must not end the process.
      result.catch(() => {});
      waiting.push(result);
    }
  };
  for (fill(); waiting.length > 0; fill()) {
    const first = waiting.shift();
    if (first !== undefined) yield await first;
  }
}
