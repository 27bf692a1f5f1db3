/** Training: steps, epochs, evaluation, checkpoints. */
import type { TrainingManifest } from "../codegen/training-manifest.ts";
import type { Batch, BatchLoader } from "../data/batch-loader.ts";
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { checkLabels, type Labels } from "./check-labels.ts";
import { type Counters, type EpochRecord, noTotals, readCheckpoint, type Scores, writeCheckpoint } from "./checkpoint.ts";
import { explainDivergence } from "./divergence.ts";
import { type EvaluateOptions, evaluateSession } from "./evaluate.ts";
import { isFiniteTensor } from "./finite.ts";
import { type FitOptions, type FitResult, runFit } from "./fit.ts";
import type { ProviderReport } from "./providers.ts";
import { createSession, type Session } from "./session.ts";
import { type SessionOptions, withoutFiles } from "./session-options.ts";
import type { ModelSource } from "./source-map.ts";
import { type StepResult, StepRunner } from "./step-runner.ts";

/** What training needs: made by the compiler, or read from the files that it wrote. */
export interface TrainingArtifacts {
  /** The training graph. */
  readonly model: ModelSource;
  readonly manifest: TrainingManifest;
  /** The state before the first step, by the manifest's names. */
  readonly state: ReadonlyMap<string, TensorData>;
  /** The optimizer's learning rate. */
  readonly learningRate: number;
  /** Which class numbers the targets may hold; not checked when absent or null. */
  readonly labels?: Labels | null;
  /**
   * The graph that scores are computed with: its inputs are named like the batch's tensors and the state's, its outputs like the manifest's
   * loss and metrics. Or what makes one of the present state, with its weights inside, where that runs faster.
   */
  readonly evaluation?: ModelSource | ((state: ReadonlyMap<string, TensorData>) => ModelSource | Promise<ModelSource>);
}
/** How a trainer runs. */
export interface TrainerOptions extends SessionOptions {
  /** What the graph's random numbers are drawn by, together with the step; 0 when absent. */
  readonly seed?: number;
}

/** A training run in the making. */
export interface Trainer {
  readonly manifest: TrainingManifest;
  /** Where it really runs. */
  readonly provider: ProviderReport;
  /** Steps done in all. */
  readonly step: number;
  /** Epochs that are over. */
  readonly history: readonly EpochRecord[];
  /** Trains for some epochs. Throws a CompileError when a loss is not finite: it names the first value that went bad. */
  fit(loader: BatchLoader, options: FitOptions): Promise<FitResult>;
  /** Scores over a loader, with the state as it stands. */
  evaluate(loader: BatchLoader, options?: EvaluateOptions): Promise<Scores>;
  /** One step on one batch, at the optimizer's learning rate or another. */
  trainStep(batch: Batch, learningRate?: number): Promise<StepResult>;
  /** A copy of the whole state, optimizer included. */
  state(): Promise<ReadonlyMap<string, TensorData>>;
  /** A copy of the parameters and buffers: what an inference model is compiled with. */
  weights(): Promise<ReadonlyMap<string, TensorData>>;
  /** Replaces the whole state; the counters stay. Throws a CompileError when it is not the manifest's. */
  load(state: ReadonlyMap<string, TensorData>): void;
  /** Writes a checkpoint, at any moment between steps. */
  save(path: string): Promise<void>;
  /**
   * Takes up a checkpoint's state and counters. A `fit` after it begins at the start of the epoch under way; `fit`'s own `resume` goes on
   * within it. Throws a CompileError when the checkpoint is of another model or seed.
   */
  resume(path: string): Promise<void>;
  /** Frees the sessions and the state. */
  dispose(): Promise<void>;
}

/** A trainer of compiled artifacts. Throws a CompileError when the graph, the manifest and the state do not fit each other. */
export async function createTrainerFromArtifacts(artifacts: TrainingArtifacts, options: TrainerOptions = {}): Promise<Trainer> {
  const { seed = 0, ...sessionOptions } = options;
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw userError("trainer-option", `seed is ${seed}, wanted a whole number from 0 on`, nowhere);
  const runner = await StepRunner.open(artifacts.model, artifacts.manifest, artifacts.state, sessionOptions);
  return new ArtifactTrainer(artifacts, runner, sessionOptions, seed);
}

/** The trainer as `runFit` sees it: with its counters. */
export class ArtifactTrainer implements Trainer {
  readonly #artifacts: TrainingArtifacts;
  readonly #runner: StepRunner;
  readonly #options: SessionOptions;
  #evaluation: Session | undefined;
  #learningRate: number;
  /** Where the run stands. Only `runFit` and the methods here change it. */
  counters: Counters;

  constructor(artifacts: TrainingArtifacts, runner: StepRunner, options: SessionOptions, seed: number) {
    this.#artifacts = artifacts;
    this.#runner = runner;
    this.#options = options;
    this.#learningRate = artifacts.learningRate;
    this.counters = {
      seed,
      step: 0,
      firstStep: 0,
      firstEpoch: 0,
      epoch: 0,
      batch: 0,
      batchSize: 0,
      batchesPerEpoch: 0,
      running: noTotals,
      history: [],
    };
  }

  get manifest(): TrainingManifest {
    return this.#runner.manifest;
  }
  get provider(): ProviderReport {
    return this.#runner.session.provider;
  }
  get step(): number {
    return this.counters.step;
  }
  get history(): readonly EpochRecord[] {
    return this.counters.history;
  }
  /** The optimizer's learning rate. */
  get learningRate(): number {
    return this.#artifacts.learningRate;
  }

  fit(loader: BatchLoader, options: FitOptions): Promise<FitResult> {
    return runFit(this, loader, options);
  }

  async evaluate(loader: BatchLoader, options: EvaluateOptions = {}): Promise<Scores> {
    const { evaluation } = this.#artifacts;
    if (evaluation === undefined)
      throw userError("trainer", "there is no evaluation graph", nowhere, { help: "give createTrainerFromArtifacts an `evaluation`" });
    if (typeof evaluation !== "function") {
      this.#evaluation ??= await createSession(evaluation, withoutFiles(this.#options));
      return evaluateSession(this.#evaluation, this.manifest, this.#runner.handles(), loader, options);
    }
    const session = await createSession(await evaluation(await this.state()), withoutFiles(this.#options));
    try {
      return await evaluateSession(session, this.manifest, this.#runner.handles(), loader, options);
    } finally {
      await session.dispose();
    }
  }

  async trainStep(batch: Batch, learningRate: number = this.learningRate): Promise<StepResult> {
    checkLabels(batch, this.manifest.targets, this.#artifacts.labels ?? null);
    const step = this.counters.step + 1;
    this.#learningRate = learningRate;
    const result = await this.#runner.run(batch, { learningRate, step, seed: this.counters.seed });
    this.counters = { ...this.counters, step };
    if (!Number.isFinite(result.loss))
      throw await this.#diverged(`the loss of step ${step} is ${Number.isNaN(result.loss) ? "NaN" : "infinite"}`);
    return result;
  }

  state(): Promise<ReadonlyMap<string, TensorData>> {
    return this.#runner.read();
  }
  weights(): Promise<ReadonlyMap<string, TensorData>> {
    return this.#runner.read((row) => row.role !== "optimizer");
  }
  load(state: ReadonlyMap<string, TensorData>): void {
    this.#runner.load(state);
  }

  async save(path: string): Promise<void> {
    const state = await this.state();
    // A good checkpoint is not replaced by one from which nothing can go on.
    const bad = [...state].find(([, tensor]) => !isFiniteTensor(tensor));
    if (bad !== undefined) throw await this.#diverged(`"${bad[0]}" is not finite after step ${this.step}`);
    await writeCheckpoint(path, { counters: this.counters, state });
  }
  async resume(path: string): Promise<void> {
    const { counters, state } = await readCheckpoint(path);
    if (counters.seed !== this.counters.seed) {
      throw userError("checkpoint", `${path} is of a run with seed ${counters.seed}, this one has seed ${this.counters.seed}`, nowhere, {
        help: `create the trainer with seed: ${counters.seed}`,
      });
    }
    this.#runner.load(state, path);
    this.counters = counters;
  }

  async dispose(): Promise<void> {
    await this.#runner.dispose();
    await this.#evaluation?.dispose();
    this.#evaluation = undefined;
  }

  #diverged(seen: string): Promise<Error> {
    return explainDivergence(this.#runner, this.#artifacts.model, { seen, learningRate: this.#learningRate }, this.#options);
  }
}
