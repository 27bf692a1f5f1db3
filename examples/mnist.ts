/**
 * Trains SimpleCNN on MNIST's 60,000 digits, tests it on the other 10,000, and writes to out/ what a training run leaves behind:
 * the trained model, the training graph that any ONNX runtime can train, a checkpoint, and a report for people.
 *
 *   npm run demo
 */
import { writeFile } from "node:fs/promises";
import sharp from "sharp";
import {
  adam,
  createTrainer,
  crossEntropy,
  loader,
  mapInputs,
  mnist,
  mnistStatistics,
  normalize,
  oneCycle,
  preprocessMetadata,
  scoreClassifier,
  trainingProgress,
  version,
  writeSafetensors,
  writeTrainingReport,
} from "striate";
import { simpleCnn } from "../models/simple-cnn.ts";

const [out, epochs, batchSize, seed, maxLr] = ["out", 3, 128, 1, 4e-3];

const model = simpleCnn({ inChannels: 1, imageSize: 28, numClasses: 10 });
const trainer = await createTrainer(model, { loss: crossEntropy(), optimizer: adam({ lr: maxLr }), seed });
const pixels = mnist("test", { transform: "none" });
const train = loader(mnist("train"), { batchSize, shuffle: true, seed });
const test = loader(mapInputs(pixels, normalize(mnistStatistics)), { batchSize: 500 });

// Every step's loss, for the report's curve.
const steps: { readonly epoch: number; readonly loss: number }[] = [];
const progress = trainingProgress();
const started = performance.now();
await trainer.fit(train, {
  ...progress,
  epochs,
  schedule: oneCycle({ maxLr }),
  validate: test,
  run: out,
  onBatch(event) {
    steps.push({ epoch: event.epoch - 1 + event.batch / event.batchesPerEpoch, loss: event.loss });
    return progress.onBatch(event);
  },
});
const seconds = Math.round((performance.now() - started) / 1000);

const scores = await scoreClassifier(trainer, test, { output: "logits" });
// The file says how its images are normalised and what its classes are called, so that `striate run` need not be told.
await trainer.export(`${out}/mnist.onnx`, { metadata: preprocessMetadata({ ...mnistStatistics, classes: pixels.classes }) });
await writeFile(`${out}/mnist.train.onnx`, trainer.compiled.bytes);
await writeSafetensors(`${out}/mnist.train.safetensors`, trainer.compiled.state);
await writeTrainingReport(`${out}/report.html`, {
  model,
  trainer,
  subtitle: `60,000 of MNIST's digits, ${epochs} epochs of batches of ${batchSize}; cross-entropy, Adam, one cycle up to a learning rate of ${maxLr}`,
  figures: [
    { label: "test accuracy", value: `${(100 * scores.accuracy).toFixed(2)} %` },
    { label: "test loss", value: scores.loss.toPrecision(4) },
    { label: "training time", value: `${seconds} s` },
  ],
  steps,
  scores,
  pixels,
  footer: `striate ${version}, on ${trainer.provider.place}, seed ${seed}`,
});
await writeDigit(`${out}/digit.png`);
await trainer.dispose();

/** The first test digit, a seven, as a picture. */
async function writeDigit(path: string): Promise<void> {
  const { inputs } = await pixels.read([0]);
  const bytes = Uint8Array.from(inputs["input"]?.data ?? [], Number);
  await sharp(bytes, { raw: { width: 28, height: 28, channels: 1 } })
    .png()
    .toFile(path);
}

console.log(`
${(100 * scores.accuracy).toFixed(2)} % of 10,000 test digits are right, after ${seconds} s of training.

  ${out}/mnist.onnx              the trained model
  ${out}/mnist.train.onnx        the training graph; its initial state is in mnist.train.safetensors
  ${out}/checkpoint.safetensors  the whole state of the run
  ${out}/report.html             curves, mistakes, layers and graphs: open it in a browser

What to do next:
  npx striate run ${out}/mnist.onnx --input ${out}/digit.png
  npx striate summary models/simple-cnn.ts
  npx striate train models/simple-cnn.ts --data mnist --optimizer sgd --lr 0.05 --momentum 0.9
  npx striate train models/resnet.ts#resnet18 --set numClasses=5 --data FOLDER
  python examples/train.py ${out}/mnist.train.onnx   (with numpy and onnxruntime)
`);
