/** What a classifier gets right and wrong: accuracy, confusions, and the mistakes that it was most sure of. */
import type { DatasetLoader } from "../data/index.ts";
import { numbersOf, type TensorData } from "../ir/tensor-data.ts";
import type { EvaluatedBatch, Scores, StopSignal, Trainer } from "../runtime/index.ts";

/** An example that was classified wrongly. */
export interface Misclassified {
  /** Its number in the data set. */
  readonly row: number;
  readonly truth: number;
  readonly predicted: number;
  /** The softmax of the predicted class's output. */
  readonly probability: number;
}
/** The scores of a classifier over a data set. */
export interface ClassifierScores extends Scores {
  /** The part that was classified rightly, 0 to 1. */
  readonly accuracy: number;
  /** `confusion[truth][predicted]` examples. */
  readonly confusion: readonly (readonly number[])[];
  /** The mistakes of the highest probability, the worst first. */
  readonly mistakes: readonly Misclassified[];
}
/** How a classifier is scored. */
export interface ScoreOptions {
  /** The name of the model's output that gives a number per class. */
  readonly output: string;
  /** How many mistakes are kept; 24 when absent. */
  readonly mistakes?: number;
  readonly signal?: StopSignal;
  readonly onBatch?: (event: EvaluatedBatch) => void;
}

/**
 * Scores a trainer's model, an output of which gives a number per class, float[N, classes], over a loader whose target is int64[N].
 * Throws a RangeError when the output or the target has another form.
 */
export async function scoreClassifier(
  trainer: Pick<Trainer, "evaluate">,
  loader: DatasetLoader,
  options: ScoreOptions,
): Promise<ClassifierScores> {
  const { output } = options;
  const confusion: number[][] = [];
  const wrong: Misclassified[] = [];
  let row = 0;
  const scores = await trainer.evaluate(loader, {
    outputs: [output],
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onBatch(event) {
      for (const { truth, predicted, probability } of decisions(event, output)) {
        count(confusion, truth, predicted);
        if (truth !== predicted) wrong.push({ row, truth, predicted, probability });
        row++;
      }
      options.onBatch?.(event);
    },
  });
  const right = confusion.reduce((sum, counts, k) => sum + (counts[k] ?? 0), 0);
  const mistakes = wrong.sort((a, b) => b.probability - a.probability || a.row - b.row).slice(0, options.mistakes ?? 24);
  return { ...scores, accuracy: row === 0 ? Number.NaN : right / row, confusion: squared(confusion), mistakes };
}

function* decisions({ rows, outputs }: EvaluatedBatch, output: string): Iterable<Omit<Misclassified, "row">> {
  const [target] = Object.values(rows.targets);
  const logits = outputs[output];
  const classes = logits?.shape[1];
  if (logits?.shape.length !== 2 || classes === undefined || target?.shape.length !== 1) {
    throw new RangeError(
      `a classifier's output is float[N, classes] and its target int64[N]; "${output}" is ${shapeText(logits)}, the target ${shapeText(target)}`,
    );
  }
  const [values, truths] = [numbersOf(logits) ?? [], numbersOf(target) ?? []];
  for (const [i, truth] of truths.entries()) {
    const scores = values.slice(i * classes, (i + 1) * classes);
    const most = Math.max(...scores);
    yield { truth, predicted: scores.indexOf(most), probability: 1 / scores.reduce((sum, s) => sum + Math.exp(s - most), 0) };
  }
}
const shapeText = (tensor: TensorData | undefined): string =>
  tensor === undefined ? "absent" : `${tensor.dtype}[${tensor.shape.join(", ")}]`;

function count(confusion: number[][], truth: number, predicted: number): void {
  confusion[truth] ??= [];
  const counts = confusion[truth];
  counts[predicted] = (counts[predicted] ?? 0) + 1;
}
/** The counts as a square without gaps. */
function squared(confusion: readonly (readonly number[] | undefined)[]): readonly (readonly number[])[] {
  const size = Math.max(confusion.length, ...confusion.map((counts) => counts?.length ?? 0));
  return Array.from({ length: size }, (_, truth) => Array.from({ length: size }, (_, predicted) => confusion[truth]?.[predicted] ?? 0));
}
