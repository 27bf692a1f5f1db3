/** The epoch loop: where it stands is in the trainer's counters alone, so that it can end and go on between any two batches. */
import { existsSync } from "node:fs";
import type { Batch, BatchLoader } from "../data/batch-loader.ts";
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";
import { checkpointFile, type EpochRecord, noTotals, prepareRun, type Scores } from "./checkpoint.ts";
import { addBatch, type EvaluatedBatch, scoresOf } from "./evaluate.ts";
import { constant, type Schedule } from "./schedule.ts";
import type { StopSignal } from "./stop-signal.ts";
import type { ArtifactTrainer } from "./trainer.ts";

/** A training step that is done. */
export interface BatchEvent {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** From 1. */
  readonly batch: number;
  readonly batchesPerEpoch: number;
  /** Steps done in all. */
  readonly step: number;
  /** Rows of this batch. */
  readonly size: number;
  /** This batch's. */
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly learningRate: number;
  /** Of the epoch so far. */
  readonly scores: Scores;
}

/** How long and how a model is trained. */
export interface FitOptions {
  /** Epochs in all, those included that a resumed run has done. */
  readonly epochs: number;
  /** The learning rate of each step; the optimizer's own when absent. */
  readonly schedule?: Schedule;
  /** Scored after every epoch. */
  readonly validate?: BatchLoader;
  /** The folder that checkpoints go to; none are written when absent. */
  readonly run?: string;
  /** A checkpoint after so many steps too; after every epoch there is one in any case. */
  readonly checkpointEvery?: number;
  /** Goes on from the run's checkpoint if it has one. */
  readonly resume?: boolean;
  /** Ends the run after the batch under way, with a checkpoint. */
  readonly signal?: StopSignal;
  readonly onBatch?: (event: BatchEvent) => void | Promise<void>;
  readonly onValidationBatch?: (event: EvaluatedBatch) => void | Promise<void>;
  /** After every epoch, before its checkpoint: a run killed in between tells it again when it is resumed. */
  readonly onEpoch?: (record: EpochRecord) => void | Promise<void>;
  /** After a checkpoint is on the disk. */
  readonly onCheckpoint?: (path: string, step: number) => void | Promise<void>;
}
/** How a run ended. */
export interface FitResult {
  /** True when the signal ended it. */
  readonly stopped: boolean;
  readonly history: readonly EpochRecord[];
  readonly step: number;
}

interface Fit {
  readonly trainer: ArtifactTrainer;
  readonly loader: BatchLoader;
  readonly options: FitOptions;
}

/** Trains; see Trainer.fit. */
export async function runFit(trainer: ArtifactTrainer, loader: BatchLoader, options: FitOptions): Promise<FitResult> {
  checkOptions(options);
  const fit = { trainer, loader, options };
  await begin(fit);
  const last = trainer.counters.firstEpoch + options.epochs;
  let stopped = false;
  while (!stopped && trainer.counters.epoch < last) stopped = !((await trainEpoch(fit)) && (await endEpoch(fit)));
  return { stopped, history: trainer.history, step: trainer.step };
}

function checkOptions({ epochs, checkpointEvery, run, resume }: FitOptions): void {
  const refuse = (problem: string): never => {
    throw userError("fit-option", `fit: ${problem}`, nowhere);
  };
  if (!Number.isSafeInteger(epochs) || epochs < 1) refuse(`epochs is ${epochs}, wanted a whole number from 1 on`);
  if (checkpointEvery !== undefined && !(Number.isSafeInteger(checkpointEvery) && checkpointEvery >= 1))
    refuse(`checkpointEvery is ${checkpointEvery}, wanted a whole number of steps from 1 on`);
  if (run === undefined && (checkpointEvery !== undefined || resume === true))
    refuse("checkpointEvery and resume need `run`, the folder that checkpoints are in");
}

/** Takes up the checkpoint, or sets the counters to a new beginning. */
async function begin({ trainer, loader, options }: Fit): Promise<void> {
  const { batchSize, batchesPerEpoch } = loader;
  if (options.run !== undefined) {
    await prepareRun(options.run);
    const path = checkpointFile(options.run);
    if (options.resume === true && existsSync(path)) {
      await trainer.resume(path);
      const { counters } = trainer;
      if (counters.batchSize === batchSize && counters.batchesPerEpoch === batchesPerEpoch) return;
      throw userError(
        "checkpoint",
        `${path} is of a loader with ${counters.batchesPerEpoch} batches of ${counters.batchSize}, this one has ${batchesPerEpoch} of ${batchSize}`,
        nowhere,
      );
    }
  }
  const { step, epoch } = trainer.counters;
  trainer.counters = { ...trainer.counters, firstStep: step, firstEpoch: epoch, batch: 0, batchSize, batchesPerEpoch, running: noTotals };
}

/** Runs the rest of the epoch under way. False when the signal ended it. */
async function trainEpoch(fit: Fit): Promise<boolean> {
  const { trainer, loader, options } = fit;
  const { epoch, batch } = trainer.counters;
  if (aborted(fit)) return stop(fit);
  if (batch >= loader.batchesPerEpoch) return true;
  for await (const rows of loader.epoch(epoch, batch)) {
    await trainBatch(fit, rows);
    if (aborted(fit)) return stop(fit);
    const done = trainer.step - trainer.counters.firstStep;
    if (options.checkpointEvery !== undefined && done % options.checkpointEvery === 0) await checkpoint(fit);
  }
  const batches = trainer.counters.batch;
  if (batches !== loader.batchesPerEpoch) {
    throw userError("loader", `epoch ${epoch + 1} ended after ${batches} batches, the loader promised ${loader.batchesPerEpoch}`, nowhere);
  }
  return true;
}
const aborted = ({ options }: Fit): boolean => options.signal?.aborted === true;

async function trainBatch(fit: Fit, rows: Batch): Promise<void> {
  const { trainer, loader, options } = fit;
  const learningRate = rateOf(fit, trainer.step);
  const result = await trainer.trainStep(rows, learningRate);
  const { counters } = trainer;
  const running = addBatch(counters.running, rows, result);
  trainer.counters = { ...counters, batch: counters.batch + 1, running };
  await options.onBatch?.({
    epoch: counters.epoch + 1,
    epochs: counters.firstEpoch + options.epochs,
    batch: counters.batch + 1,
    batchesPerEpoch: loader.batchesPerEpoch,
    step: trainer.step,
    size: rows.size,
    loss: result.loss,
    metrics: result.metrics,
    learningRate,
    scores: scoresOf(running),
  });
}

/** The learning rate of a step, counted from 0 in all. */
function rateOf({ trainer, loader, options }: Fit, step: number): number {
  const stepsPerEpoch = loader.batchesPerEpoch;
  const schedule = options.schedule ?? constant();
  const { firstStep } = trainer.counters;
  return schedule({
    step: step - firstStep,
    totalSteps: options.epochs * stepsPerEpoch,
    stepsPerEpoch,
    learningRate: trainer.learningRate,
  });
}

/** Scores the validation rows, notes the epoch and writes a checkpoint. False when the signal ended it. */
async function endEpoch(fit: Fit): Promise<boolean> {
  const { trainer, options } = fit;
  const validation = options.validate === undefined ? null : await validate(fit, options.validate);
  if (validation === "stopped") return stop(fit);
  const { counters } = trainer;
  const record: EpochRecord = {
    epoch: counters.epoch + 1,
    step: counters.step,
    learningRate: rateOf(fit, counters.step - 1),
    train: scoresOf(counters.running),
    validation,
  };
  trainer.counters = { ...counters, epoch: counters.epoch + 1, batch: 0, running: noTotals, history: [...counters.history, record] };
  // The event before the checkpoint: a run killed in between tells it again, where the other order would never tell it.
  await options.onEpoch?.(record);
  await checkpoint(fit);
  return true;
}
async function validate({ trainer, options: { signal, onValidationBatch } }: Fit, loader: BatchLoader): Promise<Scores | "stopped"> {
  try {
    return await trainer.evaluate(loader, {
      ...(signal === undefined ? {} : { signal }),
      ...(onValidationBatch === undefined ? {} : { onBatch: onValidationBatch }),
    });
  } catch (error) {
    if (signal?.aborted === true && error === signal.reason) return "stopped";
    throw error;
  }
}

async function stop(fit: Fit): Promise<false> {
  await checkpoint(fit);
  return false;
}
/** Writes the run's checkpoint, if it has a folder for it. */
async function checkpoint({ trainer, options: { run, onCheckpoint } }: Fit): Promise<void> {
  if (run === undefined) return;
  const path = checkpointFile(run);
  await trainer.save(path);
  await onCheckpoint?.(path, trainer.step);
}
