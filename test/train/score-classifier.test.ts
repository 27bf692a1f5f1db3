import { expect, test } from "vitest";
import { columnsDataset, createTrainer, crossEntropy, defineModel, linear, loader, scoreClassifier, sgd } from "../../src/index.ts";
import { tensorFrom } from "../../src/ir/tensor-data.ts";

test("a classifier's accuracy, confusions and worst mistakes are those of its outputs", async () => {
  const model = defineModel({
    name: "identity",
    inputs: { input: ["N", 3] },
    forward: ({ input }) => ({ logits: linear(input, { outFeatures: 3, bias: false, name: "fc" }) }),
  });
  const weights = new Map([["fc.weight", tensorFrom("float32", [3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1])]]);
  const trainer = await createTrainer(model, { loss: crossEntropy(), optimizer: sgd({ lr: 1 }), weights });
  const logits = [
    [2, 0, 0],
    [0, 1, 0],
    [0, 3, 0],
    [0, 0, 5],
    [0, 0.5, 0],
  ];
  const data = columnsDataset({
    name: "five",
    inputs: { input: tensorFrom("float32", [5, 3], logits.flat()) },
    targets: { target: tensorFrom("int64", [5], [0, 1, 2, 0, 1]) },
  });
  const scores = await scoreClassifier(trainer, loader(data, { batchSize: 2 }), { output: "logits", mistakes: 1 });
  await trainer.dispose();
  expect(scores.accuracy).toBe(3 / 5);
  expect(scores.confusion).toEqual([
    [1, 0, 1],
    [0, 2, 0],
    [0, 1, 0],
  ]);
  // softmax of [0, 0, 5]: e^5 / (e^5 + 2)
  expect(scores.mistakes).toEqual([{ row: 3, truth: 0, predicted: 2, probability: expect.closeTo(0.9867, 5) }]);
  expect(scores.metrics["correct"]).toBe(3);
});
