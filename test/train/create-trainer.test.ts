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
  softmax,
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

/** The warnings that Node emits while a function runs. */
async function warned(
  body: () => Promise<unknown>,
): Promise<readonly { readonly name: string; readonly code: unknown; readonly message: string }[]> {
  const seen: { name: string; code: unknown; message: string }[] = [];
  const listen = (warning: Error): unknown =>
    seen.push({ name: warning.name, code: Reflect.get(warning, "code"), message: warning.message });
  process.on("warning", listen);
  try {
    await body();
    // Node emits a warning in the tick after it was asked for.
    await new Promise(setImmediate);
  } finally {
    process.off("warning", listen);
  }
  return seen.filter(({ name }) => name === "StriateWarning");
}
test("a softmax before a loss that takes logits is a warning, and the trainer is made; before one that takes probabilities it is none", async () => {
  const inputs = { input: ["N", 3, 8, 8] } as const;
  const optimizer = sgd({ lr: 0.1 });
  const softmaxed = defineModel({
    name: "Softmaxed",
    inputs,
    forward: ({ input }) => ({ probabilities: softmax(linear(flatten(input), { outFeatures: 10 }), 1) }),
  });
  const batch = {
    size: 1,
    inputs: { input: { dtype: "float32", shape: [1, 3, 8, 8], data: new Float32Array(192) } },
    targets: { target: { dtype: "int64", shape: [1], data: new BigInt64Array(1) } },
  } as const;
  const found = await warned(async () => {
    const trainer = await createTrainer(softmaxed, { loss: crossEntropy(), optimizer });
    const { loss } = await trainer.trainStep(batch);
    await trainer.dispose();
    // Of an image of zeros all logits are the bias, within 1 / sqrt(192) of 0: the loss of nearly equal chances is near log(10) = 2.303.
    expect(loss).toBeGreaterThan(2.2);
    expect(loss).toBeLessThan(2.4);
  });
  expect(found).toEqual([
    {
      name: "StriateWarning",
      code: "softmax-before-cross-entropy",
      message:
        'the output "probabilities" is a softmax, but the loss "cross-entropy" takes logits: return what it is applied to: the loss applies it itself',
    },
  ]);
  expect(await warned(async () => (await createTrainer(softmaxed, { loss: mse(), optimizer })).dispose())).toEqual([]);
  expect(await warned(async () => (await createTrainer(classifier, { loss: crossEntropy(), optimizer })).dispose())).toEqual([]);
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
