/** Trains with a checkpoint after every second step, logging each loss as its shortest exact text: for a test that kills it. */
import { appendFileSync } from "node:fs";
import { simpleCnn } from "../../models/simple-cnn.ts";
import { compileTraining } from "../../src/compile/index.ts";
import type { Batch, BatchLoader } from "../../src/data/batch-loader.ts";
import { adam, crossEntropy } from "../../src/dsl/index.ts";
import { oneCycle } from "../../src/runtime/schedule.ts";
import { createTrainerFromArtifacts, type TrainingArtifacts } from "../../src/runtime/trainer.ts";
import { regression, regressionLoader } from "./tiny-models.ts";

const [, , what = "", run = "", log = ""] = process.argv;

/** Two blobs whose place tells the class, 12 x 12, drawn by epoch and batch. */
function blobs(batchesPerEpoch: number): BatchLoader {
  const size = 16;
  const batchAt = (epoch: number, index: number): Batch => {
    const image = new Float32Array(size * 144);
    const target = BigInt64Array.from({ length: size }, (_, i) => BigInt((epoch * 7 + index * 3 + i * 5) % 10));
    target.forEach((label, i) => {
      for (let p = 0; p < 144; p++)
        image[i * 144 + p] = Math.exp(-((p - 14 * Number(label)) ** 2) / 40) + 0.3 * Math.sin(p * 12.9898 + i * 78.233 + index + epoch);
    });
    return {
      size,
      inputs: { input: { dtype: "float32", shape: [size, 1, 12, 12], data: image } },
      targets: { target: { dtype: "int64", shape: [size], data: target } },
    };
  };
  return {
    batchSize: size,
    batchesPerEpoch,
    *epoch(index, start = 0) {
      for (let b = start; b < batchesPerEpoch; b++) yield batchAt(index, b);
    },
  };
}

interface Job {
  readonly artifacts: TrainingArtifacts;
  readonly loader: BatchLoader;
  readonly validate?: BatchLoader;
}
function simpleCnnJob(): Job {
  const {
    bytes: model,
    manifest,
    state,
  } = compileTraining(simpleCnn({ imageSize: 12 }), { loss: crossEntropy(), optimizer: adam({ lr: 0.01 }), seed: 1 });
  return { artifacts: { model, manifest, state, learningRate: 0.01 }, loader: blobs(6) };
}
const regressionJob = (): Job => ({
  artifacts: { ...regression(500_000), learningRate: 0.01 },
  loader: regressionLoader(),
  validate: regressionLoader(3),
});

const { artifacts, loader, validate } = what === "simple-cnn" ? simpleCnnJob() : regressionJob();
const trainer = await createTrainerFromArtifacts(artifacts, { seed: 3 });
await trainer.fit(loader, {
  epochs: 8,
  schedule: oneCycle({ maxLr: 0.05 }),
  run,
  checkpointEvery: 2,
  resume: true,
  ...(validate === undefined ? {} : { validate }),
  onBatch: ({ step, loss, scores }) => appendFileSync(log, `${step} ${loss} ${scores.loss} ${JSON.stringify(scores.metrics)}\n`),
  onEpoch: (record) => appendFileSync(log, `epoch ${JSON.stringify(record)}\n`),
});
await trainer.dispose();
