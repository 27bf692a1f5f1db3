/** What createTrainer says of data that does not fit: the words of the type checker's messages in test/mistakes/training.ts. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import {
  bceWithLogits,
  CompileError,
  conv2d,
  createTrainer,
  crossEntropy,
  defineModel,
  flatten,
  type Loss,
  linear,
  mse,
  sgd,
} from "striate";
import { expect, test } from "vitest";

const classifier = defineModel({
  name: "Classifier",
  inputs: { input: ["N", 3, 8, 8] },
  forward: ({ input }) => ({ logits: linear(flatten(input), { outFeatures: 10 }) }),
});
const segmenter = defineModel({
  name: "Segmenter",
  inputs: { input: ["N", 3, 8, 8] },
  forward: ({ input }) => conv2d(input, { outChannels: 4, kernelSize: 1 }),
});
const announced = [
  ...readFileSync(resolve(import.meta.dirname, "../mistakes/training.ts"), "utf8").matchAll(/'"(createTrainer: [^"]*)"'\.$/gm),
].map(([, message]) => message);

// The types that would refuse these are forgotten: a user of JavaScript, or of data whose types say nothing, meets the run.
const loosely: (loss: Loss, target: object) => object = (loss, target) => ({ loss, optimizer: sgd({ lr: 0.1 }), target });
const refused = async (model: typeof classifier | typeof segmenter, loss: Loss, target: object): Promise<CompileError> => {
  try {
    await Reflect.apply(createTrainer, undefined, [model, loosely(loss, target)]);
  } catch (error) {
    if (error instanceof CompileError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

test("targets that a loss does not take are refused in the type checker's words, at the caller's line", async () => {
  const cases = [
    await refused(classifier, crossEntropy(), { shape: ["N"], dtype: "float32" }),
    await refused(classifier, bceWithLogits(), { shape: ["N", 10], dtype: "int64" }),
    await refused(classifier, crossEntropy(), { shape: ["N", 10], dtype: "int64" }),
    await refused(segmenter, crossEntropy(), { shape: ["N", 1, 8, 8], dtype: "int64" }),
    await refused(classifier, crossEntropy(), { shape: ["N"], dtype: "int64", classes: 12 }),
    await refused(classifier, mse(), { shape: ["N"], dtype: "float32" }),
  ];
  expect(announced.length).toBe(cases.length);
  expect(cases.map((error) => error.diagnostics[0]?.message)).toEqual(announced);
  expect(cases.map((error) => error.diagnostics[0]?.location.position?.file)).toEqual(cases.map(() => import.meta.filename));
  expect(cases[4]?.diagnostics[0]?.help).toBe("make the head's outFeatures 12");
});

test("a trainer whose targets fit is made, and takes their batches", async () => {
  const trainer = await createTrainer(classifier, {
    loss: crossEntropy(),
    optimizer: sgd({ lr: 0.1 }),
    target: { shape: ["N"], dtype: "int64", classes: 10 },
  });
  const { loss } = await trainer.trainStep({
    size: 2,
    inputs: { input: { dtype: "float32", shape: [2, 3, 8, 8], data: new Float32Array(384) } },
    targets: { target: { dtype: "int64", shape: [2], data: BigInt64Array.from([1n, 9n]) } },
  });
  await trainer.dispose();
  // The images are black, so the logits are the bias, small numbers: near the entropy of ten classes.
  expect(Math.abs(loss - Math.log(10))).toBeLessThan(0.1);
});
