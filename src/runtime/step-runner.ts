/** Runs training steps one after the other: the state goes from generation to generation of tensors that are allocated once. */
import { type StateRow, type TrainingManifest, trainingScalars } from "../codegen/training-manifest.ts";
import type { Batch } from "../data/batch-loader.ts";
import { InternalError, userError } from "../ir/diagnostic.ts";
import { dtypes } from "../ir/dtype.ts";
import { nowhere } from "../ir/location.ts";
import { numbersOf, type TensorData } from "../ir/tensor-data.ts";
import { type BoundRun, createStepSession, type Session } from "./session.ts";
import type { SessionOptions } from "./session-options.ts";
import type { ModelSource } from "./source-map.ts";
import type { Feeds, TensorHandle } from "./tensor-handle.ts";
import { matchWeights } from "./weights.ts";

/** The scalars of one step; those that the graph does not use are left out. */
export interface StepScalars {
  readonly learningRate: number;
  /** From 1. */
  readonly step: number;
  /** What the graph's random numbers are drawn by, together with the step. */
  readonly seed: number;
}
/** What one step gives. */
export interface StepResult {
  readonly loss: number;
  /** Sums over the batch. */
  readonly metrics: Readonly<Record<string, number>>;
}
/** A step that can be run again: what it was fed, its state included. */
export interface StepFeeds {
  readonly step: number;
  readonly feeds: Feeds;
}

/** With less state than this, the generation before the last is kept too: a NaN that an update made can then be traced to its node. */
const smallState = 2 ** 28;

interface Generation {
  readonly handles: ReadonlyMap<string, TensorHandle>;
  readonly run: BoundRun;
}

/** A training graph with its state. */
export class StepRunner {
  readonly session: Session;
  readonly manifest: TrainingManifest;
  readonly #generations: readonly Generation[];
  #current = 0;
  #last: { readonly current: number; readonly step: number; readonly feeds: Feeds }[] = [];

  private constructor(session: Session, manifest: TrainingManifest, generations: readonly Generation[]) {
    this.session = session;
    this.manifest = manifest;
    this.#generations = generations;
  }

  /** Opens the graph and gives it its first state. Throws a CompileError when the state is not the manifest's. */
  static async open(
    model: ModelSource,
    manifest: TrainingManifest,
    state: ReadonlyMap<string, TensorData>,
    options: SessionOptions,
  ): Promise<StepRunner> {
    const first = matchState(manifest, state, "the initial state");
    const session = await createStepSession(model, options);
    try {
      const results = [...new Set([manifest.loss, ...Object.values(manifest.metrics)])];
      const size = manifest.state.reduce((sum, row) => sum + elements(row) * dtypes[row.dtype].size, 0);
      const runner = new StepRunner(session, manifest, generationsOf(session, manifest, results, size <= smallState ? 3 : 2));
      runner.load(first);
      return runner;
    } catch (error) {
      await session.dispose();
      throw error;
    }
  }

  /** Runs a step and moves on to the state that it gives. Throws a CompileError when the batch does not fit the graph. */
  async run(batch: Batch, scalars: StepScalars): Promise<StepResult> {
    const feeds = { ...batchFeeds(this.manifest, batch), ...scalarFeeds(this.manifest, scalars) };
    const generation = this.#generations[this.#current];
    if (generation === undefined) throw new InternalError("the state has no such generation");
    const values = await generation.run(feeds);
    this.#last = [{ current: this.#current, step: scalars.step, feeds }, ...this.#last].slice(0, this.#generations.length - 1);
    this.#current = (this.#current + 1) % this.#generations.length;
    const metrics = Object.entries(this.manifest.metrics).map(([name, output]) => [name, only(values[output], output)] as const);
    return { loss: only(values[this.manifest.loss], this.manifest.loss), metrics: Object.fromEntries(metrics) };
  }

  /** The state as it stands, by its names: valid until the next step. */
  handles(): ReadonlyMap<string, TensorHandle> {
    return this.#generations[this.#current]?.handles ?? new Map();
  }
  /** A copy of the state, or of those rows that are wanted. */
  async read(wanted: (row: StateRow) => boolean = () => true): Promise<ReadonlyMap<string, TensorData>> {
    const copies = new Map<string, TensorData>();
    const handles = this.handles();
    for (const row of this.manifest.state.filter(wanted)) {
      const handle = handles.get(row.name);
      if (handle !== undefined) copies.set(row.name, await this.session.read(handle));
    }
    return copies;
  }
  /** Replaces the whole state. Throws a CompileError when it is not the manifest's. */
  load(state: ReadonlyMap<string, TensorData>, source = "the state"): void {
    const matched = matchState(this.manifest, state, source);
    for (const [name, handle] of this.handles()) {
      const tensor = matched.get(name);
      if (tensor !== undefined) this.session.write(handle, tensor);
    }
    this.#last = [];
  }
  /** The last steps, newest first, as far as the state that they read is still there. */
  recent(): readonly StepFeeds[] {
    return this.#last.map(({ current, step, feeds }) => ({ step, feeds: { ...feeds, ...this.#stateFeeds(current) } }));
  }
  /** Frees the graph and the state. */
  dispose(): Promise<void> {
    return this.session.dispose();
  }

  #stateFeeds(generation: number): Feeds {
    const handles = this.#generations[generation]?.handles;
    return Object.fromEntries(
      this.manifest.state.flatMap((row) => {
        const handle = handles?.get(row.name);
        return handle === undefined ? [] : [[row.input, handle]];
      }),
    );
  }
}

/** A state with exactly the manifest's tensors. Throws a CompileError that lists all that is missing, surplus or wrong. */
const matchState = (manifest: TrainingManifest, state: ReadonlyMap<string, TensorData>, source: string): ReadonlyMap<string, TensorData> =>
  matchWeights(state, new Map(manifest.state.map(({ name, dtype, shape }) => [name, { dtype, shape }])), { source });

const elements = ({ shape }: StateRow): number => shape.reduce((product, size) => product * size, 1);

/** Sets of state tensors; a step reads one and writes the next, around. */
function generationsOf(session: Session, { state }: TrainingManifest, results: readonly string[], count: number): readonly Generation[] {
  const sets = Array.from({ length: count }, () => new Map(state.map((row) => [row.name, session.allocate(row)])));
  const tensors = (set: ReadonlyMap<string, TensorHandle> | undefined, side: "input" | "output"): Record<string, TensorHandle> =>
    Object.fromEntries(
      state.flatMap((row) => {
        const handle = set?.get(row.name);
        return handle === undefined ? [] : [[row[side], handle]];
      }),
    );
  return sets.map((handles, i) => ({
    handles,
    run: session.bind({ inputs: tensors(handles, "input"), outputs: tensors(sets[(i + 1) % count], "output"), results }),
  }));
}

function batchFeeds({ batch, targets }: TrainingManifest, given: Batch): Record<string, TensorData> {
  const feeds: Record<string, TensorData> = {};
  for (const [what, names, tensors] of [
    ["input", batch, given.inputs],
    ["target", targets, given.targets],
  ] as const) {
    for (const name of names) {
      const tensor = tensors[name];
      if (tensor === undefined) {
        const got = Object.keys(tensors)
          .map((key) => `"${key}"`)
          .join(", ");
        throw userError("batch", `the batch has no ${what} "${name}": it has ${got === "" ? "none" : got}`, nowhere, {
          help: "renameFields changes a data set's names",
        });
      }
      feeds[name] = tensor;
    }
  }
  return feeds;
}

function scalarFeeds({ scalars }: TrainingManifest, { learningRate, step, seed }: StepScalars): Record<string, TensorData> {
  const float = (value: number): TensorData => ({ dtype: trainingScalars.learning_rate, shape: [], data: Float32Array.of(value) });
  const integer = (value: number): TensorData => ({ dtype: trainingScalars.step, shape: [], data: BigInt64Array.of(BigInt(value)) });
  return {
    ...(scalars.learning_rate === undefined ? {} : { learning_rate: float(learningRate) }),
    ...(scalars.step === undefined ? {} : { step: integer(step) }),
    ...(scalars.seed === undefined ? {} : { seed: integer(seed) }),
  };
}

/** The one number in an output. */
export function only(tensor: TensorData | undefined, name: string): number {
  const numbers = tensor === undefined ? null : numbersOf(tensor);
  const [value] = numbers ?? [];
  if (value === undefined || numbers?.length !== 1) throw userError("output-shape", `output "${name}" is not one number`, nowhere);
  return value;
}
