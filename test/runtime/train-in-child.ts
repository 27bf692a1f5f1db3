/** Trains the tiny regression with a checkpoint after every second step, logging each loss as its bits: for a test that kills it. */
import { appendFileSync } from "node:fs";
import { oneCycle } from "../../src/runtime/schedule.ts";
import { createTrainerFromArtifacts } from "../../src/runtime/trainer.ts";
import { regression, regressionLoader } from "./tiny-models.ts";

const [, , run = "", log = ""] = process.argv;
const trainer = await createTrainerFromArtifacts({ ...regression(500_000), learningRate: 0.01 }, { seed: 3 });
await trainer.fit(regressionLoader(), {
  epochs: 8, schedule: oneCycle({ maxLr: 0.05 }), validate: regressionLoader(3), run, checkpointEvery: 2, resume: true,
  onBatch: ({ step, loss, scores }) => appendFileSync(log, `${step} ${loss} ${scores.loss} ${scores.metrics["close"]}\n`),
  onEpoch: (record) => appendFileSync(log, `epoch ${JSON.stringify(record)}\n`),
});
await trainer.dispose();
