/** What a finished training run leaves behind: scores, the trained model, a report. */
import { join } from "node:path";
import { writeModelFile } from "../../codegen/index.ts";
import { buildInference, type InputShapes, type Source } from "../../compile/index.ts";
import { preprocessMetadata } from "../../data/index.ts";
import type { StepPoint } from "../../report/index.ts";
import { printProvider } from "../../runtime/index.ts";
import type { ModelTrainer } from "../../train/create-trainer.ts";
import { type ClassifierScores, scoreClassifier } from "../../train/score-classifier.ts";
import { accuracyOf } from "../../train/scores.ts";
import { writeTrainingReport } from "../../train/write-report.ts";
import { version } from "../../version.ts";
import type { LoadedModel } from "../input/load-model.ts";
import { present } from "../input/shared-options.ts";
import type { TrainingData } from "../input/training-data.ts";
import { harmless, writeJson, writeOut } from "./terminal.ts";

/** A training run that has come to its end. */
export interface FinishedRun {
  readonly loaded: LoadedModel;
  readonly source: Source;
  readonly data: TrainingData;
  readonly shapes: InputShapes;
  readonly flags: {
    readonly opset?: number;
    readonly seed?: number;
    readonly json?: boolean;
    readonly loss: string;
    readonly optimizer: string;
    readonly epochs: number;
    readonly batchSize: number;
  };
  /** The folder for results. */
  readonly run: string;
  readonly trainer: ModelTrainer;
  readonly steps: readonly StepPoint[];
  readonly seconds: number;
}

/** Scores the trained model, and writes it and the report. */
export async function finishRun(run: FinishedRun): Promise<void> {
  const scores = await scored(run);
  const [modelFile, reportFile] = [join(run.run, "model.onnx"), join(run.run, "report.html")];
  await exportModel(run, modelFile);
  await report(run, scores, reportFile);
  const last = run.trainer.history.at(-1);
  const final = scores ?? last?.validation ?? last?.train;
  const accuracy = scores?.accuracy ?? (final === undefined ? null : accuracyOf(final));
  if (run.flags.json === true) {
    return writeJson({
      run: run.run,
      model: modelFile,
      report: reportFile,
      seconds: run.seconds,
      loss: final?.loss,
      accuracy,
      history: run.trainer.history,
    });
  }
  const correct = accuracy === null ? "" : `, ${(100 * accuracy).toFixed(2)} % correct`;
  writeOut(`loss ${final?.loss.toPrecision(4)}${correct} (${run.data.validation === null ? "training" : "validation"})\n`);
  writeOut(`  ${harmless(modelFile)}\n  ${harmless(reportFile)}\n`);
}

/** The scores of a classifier; null for models that are none, and runs without validation. */
async function scored({ source, data, trainer }: FinishedRun): Promise<ClassifierScores | null> {
  const [output] = source.graph.outputs;
  if (data.validation === null || output === undefined || output.type.shape.length !== 2) return null;
  return scoreClassifier(trainer, data.validation, { output: output.name });
}

async function exportModel({ loaded, shapes, data, flags, trainer }: FinishedRun, path: string): Promise<void> {
  const { opset } = flags;
  const { graph } = buildInference(loaded.model, {
    shapes,
    weights: await trainer.weights(),
    ...present({ opset }),
  });
  await writeModelFile(path, graph, { metadata: preprocessMetadata({ ...data.statistics, classes: data.classes }), ...present({ opset }) });
}

async function report(
  { loaded, shapes, data, flags, trainer, steps, seconds }: FinishedRun,
  scores: ClassifierScores | null,
  path: string,
): Promise<void> {
  await writeTrainingReport(path, {
    model: loaded.model,
    shapes,
    trainer,
    subtitle: `${data.train.dataset.name}, ${data.train.dataset.length} images; ${flags.loss}, ${flags.optimizer}, ${flags.epochs} epochs of batches of ${flags.batchSize}`,
    figures: [
      ...(scores === null
        ? []
        : [
            { label: "validation accuracy", value: `${(100 * scores.accuracy).toFixed(2)} %` },
            { label: "validation loss", value: scores.loss.toPrecision(4) },
          ]),
      { label: "training time", value: `${Math.round(seconds)} s` },
    ],
    steps,
    ...(scores === null || data.pixels === null ? {} : { scores, pixels: data.pixels }),
    footer: `striate ${version}, on ${printProvider(trainer.provider)}, seed ${flags.seed ?? 0}`,
  });
}
