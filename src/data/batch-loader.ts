/** What training and evaluation are fed: the contract between data and the runtime. */
import type { TensorData } from "../ir/tensor-data.ts";

/** What one step is fed. Its arrays are not written again once it has been handed over. */
export interface Batch {
  readonly inputs: Readonly<Record<string, TensorData>>;
  readonly targets: Readonly<Record<string, TensorData>>;
  /** How many rows. */
  readonly size: number;
}
/** Epochs of batches that can be entered anywhere. */
export interface BatchLoader {
  readonly batchSize: number;
  readonly batchesPerEpoch: number;
  /** The batches of epoch `index` (from 0), from batch `start` (from 0) on: the same ones whatever was read before. */
  epoch(index: number, start?: number): Iterable<Batch> | AsyncIterable<Batch>;
}
