/** The report of a training run, from the run itself. */
import { writeFileAtomically } from "../codegen/atomic-file.ts";
import type { Compilable } from "../compile/index.ts";
import { buildInference, type InputShapes, sourceOf } from "../compile/index.ts";
import type { Dataset } from "../data/index.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { grouped } from "../report/html.ts";
import type { Mistake, StepPoint, TrainingReport } from "../report/index.ts";
import type { EpochRecord } from "../runtime/index.ts";
import type { ModelTrainer } from "./create-trainer.ts";
import { passRows } from "./pass-rows.ts";
import type { ClassifierScores, Misclassified } from "./score-classifier.ts";
import { accuracyOf } from "./scores.ts";
import { summarize } from "./summarize.ts";

/** What a report is made of. */
export interface RunToReport {
  readonly model: Compilable;
  readonly shapes?: InputShapes;
  readonly trainer: ModelTrainer;
  /** One line: the data, the loss, the optimizer. */
  readonly subtitle: string;
  /** The figures at the top, beside those of the model. */
  readonly figures: TrainingReport["figures"];
  /** The loss of each step, where it was noted. */
  readonly steps?: readonly StepPoint[];
  /** The scores of the finished model, and the data set of pixels, uint8[channels, height, width], that they were made on. */
  readonly scores?: ClassifierScores;
  readonly pixels?: Dataset;
  readonly footer: string;
}

/** Writes the report of a run as one HTML file, whole or not at all. */
export async function writeTrainingReport(path: string, run: RunToReport): Promise<void> {
  // Charts and pictures are loaded by those who want a report alone.
  const { renderTrainingReport } = await import("../report/index.ts");
  const page = await renderTrainingReport(await reportOf(run));
  await writeFileAtomically(path, [new TextEncoder().encode(page)]);
}

async function reportOf(run: RunToReport): Promise<TrainingReport> {
  const { model, shapes = {}, trainer, scores, pixels } = run;
  const summary = summarize(sourceOf(model, shapes));
  const { graph, source, report } = buildInference(model, { shapes, weights: await trainer.weights() });
  return {
    title: summary.name,
    subtitle: run.subtitle,
    figures: [
      ...run.figures,
      { label: "parameters", value: grouped(summary.parameters) },
      { label: summary.perImage ? "MACs per image" : "MACs", value: grouped(summary.macs) },
    ],
    steps: run.steps ?? [],
    epochs: trainer.history.map(epochPoint),
    classes: pixels?.classes ?? [],
    confusion: scores?.confusion ?? [],
    mistakes: pixels === undefined ? [] : await pictures(scores?.mistakes ?? [], pixels),
    layers: summary.rows,
    before: source,
    after: graph,
    passes: passRows(report),
    footer: run.footer,
  };
}

const epochPoint = ({ epoch, train, validation }: EpochRecord) => ({
  epoch,
  loss: train.loss,
  accuracy: accuracyOf(train),
  validationLoss: validation?.loss ?? null,
  validationAccuracy: validation === null ? null : accuracyOf(validation),
});

async function pictures(mistakes: readonly Misclassified[], pixels: Dataset): Promise<readonly Mistake[]> {
  const { inputs } = await pixels.read(mistakes.map((m) => m.row));
  const [images] = Object.values(inputs);
  return images === undefined ? [] : mistakes.flatMap((mistake, i) => picture(mistake, images, i));
}
/** One image of a batch uint8[N, C, H, W]; none where the batch is no such thing. */
function picture(mistake: Misclassified, { shape, data }: TensorData, i: number): readonly Mistake[] {
  const [, channels, height = 0, width = 0] = shape;
  if (!(data instanceof Uint8Array) || (channels !== 1 && channels !== 3)) return [];
  const size = channels * height * width;
  return [{ ...mistake, pixels: data.slice(i * size, (i + 1) * size), channels, height, width }];
}
