// Data that does not fit a loss or a head: the error stands on the element type, the shape, or the number of classes that is wrong.
import { bceWithLogits, conv2d, crossEntropy, defineModel, flatten, linear, mse, sgd } from "../../src/dsl/index.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";

const classifier = defineModel({
  name: "Classifier",
  inputs: { input: ["N", 3, 8, 8] },
  forward: ({ input }) => ({ logits: linear(flatten(input), { outFeatures: 10 }) }),
});
const segmenter = () =>
  defineModel({
    name: "Segmenter",
    inputs: { input: ["N", 3, 8, 8] },
    forward: ({ input }) => conv2d(input, { outChannels: 4, kernelSize: 1 }),
  });
const net = segmenter();
const optimizer = sgd({ lr: 0.1 });

export async function mistakes() {
  // https://discuss.pytorch.org/t/runtimeerror-expected-scalar-type-long-but-found-float/60133
  await createTrainer(classifier, { loss: crossEntropy(), optimizer, target: { shape: ["N"], dtype: "float32" } });
  //                                                                                         ^ Type '"float32"' is not assignable to type '"createTrainer: this loss takes int64 targets, not float32"'.
  // https://discuss.pytorch.org/t/result-type-float-cant-be-cast-to-the-desired-output-type-long-int/117838
  await createTrainer(classifier, { loss: bceWithLogits(), optimizer, target: { shape: ["N", 10], dtype: "int64" } });
  //                                                                                              ^ Type '"int64"' is not assignable to type '"createTrainer: this loss takes float32 targets, not int64"'.
  // https://discuss.pytorch.org/t/runtimeerror-multi-target-not-supported-newbie/10216
  await createTrainer(classifier, { loss: crossEntropy(), optimizer, target: { shape: ["N", 10], dtype: "int64" } });
  //                                                                           ^ Type '(string | number)[]' is not assignable to type '"createTrainer: this loss takes targets of [N], not [N, 10]"'.
  // https://discuss.pytorch.org/t/runtimeerror-only-batches-of-spatial-targets-supported-3d-tensors-but-got-targets-of-dimension-4/82098
  await createTrainer(net, { loss: crossEntropy(), optimizer, target: { shape: ["N", 1, 8, 8], dtype: "int64" } });
  //                                                                    ^ Type '(string | number)[]' is not assignable to type '"createTrainer: this loss takes targets of [N, 8, 8], not [N, 1, 8, 8]"'.
  // https://discuss.pytorch.org/t/indexerror-target-2-is-out-of-bounds/69614
  await createTrainer(classifier, { loss: crossEntropy(), optimizer, target: { shape: ["N"], dtype: "int64", classes: 12 } });
  //                                                                                                         ^ Type 'number' is not assignable to type '"createTrainer: the prediction has 10 classes, but the data has 12"'.
  // https://discuss.pytorch.org/t/userwarning-using-a-target-size-that-is-different-to-the-input-size/64817
  await createTrainer(classifier, { loss: mse(), optimizer, target: { shape: ["N"], dtype: "float32" } });
  //                                                                  ^ Type 'string[]' is not assignable to type '"createTrainer: this loss takes targets of [N, 10], not [N]"'.

  const trainer = await createTrainer(classifier, { loss: crossEntropy(), optimizer });
  const inputs = { input: { dtype: "float32", shape: [2, 3, 8, 8], data: new Float32Array(384) } } as const;
  const data = new BigInt64Array(2);
  await trainer.trainStep({ size: 2, inputs, targets: { target: { dtype: "float32", shape: [2], data } } });
  //                                                              ^ Type '"float32"' is not assignable to type '"int64"'.
  await trainer.trainStep({ size: 2, inputs, targets: { target: { dtype: "int64", shape: [2, 1], data } } });
  //                                                                              ^ Type 'number[]' is not assignable to type '"2 axes, wanted [N]"'.
}
