/** Checkpoints: the whole state of a run in one .safetensors file, its counters in the metadata. */
import { mkdir, readdir, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type JsonNode, jsonNode } from "../codegen/json-node.ts";
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";

/** Sums over batches, from which means are made. */
export interface Totals {
  readonly batches: number;
  /** Rows. */
  readonly samples: number;
  /** Elements of the first target: rows for classification, pixels for segmentation. */
  readonly targets: number;
  /** The sum of each batch's loss times its rows. */
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}
/** Means of the loss per row, and sums of the metrics. */
export interface Scores {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly samples: number;
  readonly targets: number;
}
/** One epoch that is over. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  /** Steps done in all. */
  readonly step: number;
  /** The last step's. */
  readonly learningRate: number;
  readonly train: Scores;
  readonly validation: Scores | null;
}

/** Where a run stands; with the state, all that it takes to go on as if nothing had happened. */
export interface Counters {
  readonly seed: number;
  /** Steps done in all. */
  readonly step: number;
  /** The step and epoch before the first of the `fit` that is under way: its schedule counts from there. */
  readonly firstStep: number;
  readonly firstEpoch: number;
  /** The epoch under way, from 0, and how many of its batches are done. */
  readonly epoch: number;
  readonly batch: number;
  /** What the loader said, so that another loader is noticed; 0 before the first. */
  readonly batchSize: number;
  readonly batchesPerEpoch: number;
  /** Sums over the epoch under way. */
  readonly running: Totals;
  readonly history: readonly EpochRecord[];
}
/** A checkpoint's contents. */
export interface Checkpoint {
  readonly counters: Counters;
  readonly state: ReadonlyMap<string, TensorData>;
}

/** The sums before the first batch. */
export const noTotals: Totals = { batches: 0, samples: 0, targets: 0, loss: 0, metrics: {} };

/** The file of a run's checkpoint. */
export const checkpointFile = (run: string): string => join(run, "checkpoint.safetensors");

const key = "striate.checkpoint";

/** Writes a checkpoint: at any moment there is a whole one, the old or the new. Throws a CompileError when it cannot be written. */
export function writeCheckpoint(path: string, { counters, state }: Checkpoint): Promise<void> {
  return writeSafetensors(path, state, { [key]: printCounters(counters) });
}

const printCounters = (counters: Counters): string => JSON.stringify({ version: 1, ...counters });
/** JSON writes null for a number that is not finite: a validation loss may be one. */
const real = (node: JsonNode): number => (node.isNull ? Number.NaN : node.number());

/** Reads a checkpoint. Throws a CompileError when the file is none. */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const { tensors, metadata } = await readSafetensors(path);
  const text = metadata[key];
  const fail = (message: string): never => {
    throw userError("checkpoint", `${path}: ${message}`, nowhere);
  };
  if (text === undefined) return fail(`is no checkpoint: it has no metadata "${key}"`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return fail(`the metadata "${key}" is no JSON`);
  }
  return { counters: parseCounters(jsonNode(parsed, "", (message) => fail(`${key}: ${message.trimStart()}`))), state: tensors };
}

function parseCounters(node: JsonNode): Counters {
  const fields = node.fields([
    "version",
    "seed",
    "step",
    "firstStep",
    "firstEpoch",
    "epoch",
    "batch",
    "batchSize",
    "batchesPerEpoch",
    "running",
    "history",
  ]);
  if (fields.version.number() !== 1) fields.version.fail("is not 1: it was written by a later striate");
  return {
    seed: fields.seed.count(),
    step: fields.step.count(),
    firstStep: fields.firstStep.count(),
    firstEpoch: fields.firstEpoch.count(),
    epoch: fields.epoch.count(),
    batch: fields.batch.count(),
    batchSize: fields.batchSize.count(),
    batchesPerEpoch: fields.batchesPerEpoch.count(),
    running: parseTotals(fields.running),
    history: fields.history.list().map(parseRecord),
  };
}
const numbers = (node: JsonNode): Readonly<Record<string, number>> =>
  Object.fromEntries(node.entries().map(([name, value]) => [name, real(value)]));
function parseTotals(node: JsonNode): Totals {
  const { batches, samples, targets, loss, metrics } = node.fields(["batches", "samples", "targets", "loss", "metrics"]);
  return { batches: batches.count(), samples: samples.count(), targets: targets.count(), loss: real(loss), metrics: numbers(metrics) };
}
function parseScores(node: JsonNode): Scores {
  const { loss, metrics, samples, targets } = node.fields(["loss", "metrics", "samples", "targets"]);
  return { loss: real(loss), metrics: numbers(metrics), samples: samples.count(), targets: targets.count() };
}
function parseRecord(node: JsonNode): EpochRecord {
  const { epoch, step, learningRate, train, validation } = node.fields(["epoch", "step", "learningRate", "train", "validation"]);
  return {
    epoch: epoch.count(),
    step: step.count(),
    learningRate: learningRate.number(),
    train: parseScores(train),
    validation: validation.isNull ? null : parseScores(validation),
  };
}

/** Makes a run's folder, and removes what a killed process left half written in it. */
export async function prepareRun(run: string): Promise<void> {
  try {
    await mkdir(run, { recursive: true });
    const file = checkpointFile(run);
    for (const name of await readdir(dirname(file))) {
      if (name.startsWith(`${basename(file)}.`) && name.endsWith(".tmp")) await unlink(join(run, name));
    }
  } catch (error) {
    throw userError("checkpoint", `${run}: ${error instanceof Error ? error.message : String(error)}`, nowhere);
  }
}
