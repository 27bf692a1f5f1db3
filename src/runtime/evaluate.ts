/** Scores of a model over a loader. */
import type { TrainingManifest } from "../codegen/training-manifest.ts";
import type { Batch, BatchLoader } from "../data/batch-loader.ts";
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { noTotals, type Scores, type Totals } from "./checkpoint.ts";
import type { Session } from "./session.ts";
import { only } from "./step-runner.ts";
import type { StopSignal } from "./stop-signal.ts";
import type { Feed, TensorHandle } from "./tensor-handle.ts";

/** A batch that has been evaluated. */
export interface EvaluatedBatch {
  /** From 1. */
  readonly batch: number;
  readonly batches: number;
  readonly rows: Batch;
  /** The outputs asked for. */
  readonly outputs: Readonly<Record<string, TensorData>>;
  /** The scores so far. */
  readonly scores: Scores;
}
/** How a model is evaluated. */
export interface EvaluateOptions {
  /** Outputs that `onBatch` wants to see besides the loss and the metrics. */
  readonly outputs?: readonly string[];
  readonly onBatch?: (event: EvaluatedBatch) => void | Promise<void>;
  /** Ends the evaluation after the batch under way: it throws the signal's reason. */
  readonly signal?: StopSignal;
}

/**
 * The scores of a session over epoch 0 of a loader. Its inputs are found by name among the batch's inputs and targets and the state; the
 * loss is the mean over rows, metrics are summed. What the session has no output for is left out (a loss of NaN). Throws a CompileError
 * when an input is found nowhere.
 */
export async function evaluateSession(
  session: Session,
  manifest: TrainingManifest,
  state: ReadonlyMap<string, TensorHandle>,
  loader: BatchLoader,
  options: EvaluateOptions = {},
): Promise<Scores> {
  const available = new Set(session.outputs.map((port) => port.name));
  const measured = [manifest.loss, ...Object.values(manifest.metrics)].filter((name) => available.has(name));
  const outputs = [...new Set([...measured, ...(options.outputs ?? [])])];
  const byInput = new Map(
    manifest.state.flatMap(
      (row) =>
        [
          [row.name, row.name],
          [row.input, row.name],
        ] as const,
    ),
  );
  let totals = noTotals;
  let batch = 0;
  for await (const rows of loader.epoch(0)) {
    const feeds = Object.fromEntries(
      session.inputs.map((port) => [port.name, feedFor(port.name, rows, state.get(byInput.get(port.name) ?? ""))]),
    );
    const values = await session.run(feeds, outputs);
    const metrics = Object.entries(manifest.metrics).filter(([, output]) => available.has(output));
    totals = addBatch(totals, rows, {
      loss: available.has(manifest.loss) ? only(values[manifest.loss], manifest.loss) : Number.NaN,
      metrics: Object.fromEntries(metrics.map(([name, output]) => [name, only(values[output], output)])),
    });
    batch++;
    await options.onBatch?.({ batch, batches: loader.batchesPerEpoch, rows, outputs: values, scores: scoresOf(totals) });
    options.signal?.throwIfAborted();
  }
  return scoresOf(totals);
}

function feedFor(name: string, { inputs, targets }: Batch, state: TensorHandle | undefined): Feed {
  const feed = inputs[name] ?? targets[name] ?? state;
  if (feed === undefined) {
    const known = [...Object.keys(inputs), ...Object.keys(targets)].map((key) => `"${key}"`).join(", ");
    throw userError("batch", `the model wants "${name}", which is neither in the batch (${known}) nor in the state`, nowhere);
  }
  return feed;
}

/** The sums with one batch more. */
export function addBatch(
  totals: Totals,
  rows: Batch,
  result: { readonly loss: number; readonly metrics: Readonly<Record<string, number>> },
): Totals {
  const [target] = Object.values(rows.targets);
  return {
    batches: totals.batches + 1,
    samples: totals.samples + rows.size,
    targets: totals.targets + (target === undefined ? rows.size : target.data.length),
    loss: totals.loss + result.loss * rows.size,
    metrics: Object.fromEntries(Object.entries(result.metrics).map(([name, value]) => [name, (totals.metrics[name] ?? 0) + value])),
  };
}
/** Means of the loss, sums of the metrics. */
export const scoresOf = ({ loss, metrics, samples, targets }: Totals): Scores => ({
  loss: samples === 0 ? Number.NaN : loss / samples,
  metrics,
  samples,
  targets,
});
