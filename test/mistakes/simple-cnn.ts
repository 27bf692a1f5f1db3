// SimpleCNN with the features of another image size: the mistake that every course on convolutional networks meets first.
import { conv2d, defineModel, flatten, linear, maxPool2d, relu } from "../../src/dsl/index.ts";

export const simpleCnn = defineModel({
  name: "SimpleCNN",
  inputs: { input: ["N", 3, 32, 32] },
  forward({ input }) {
    const x = maxPool2d(relu(conv2d(input, { outChannels: 16, kernelSize: 3, padding: 1, name: "conv1" })), { kernelSize: 2 });
    const y = maxPool2d(relu(conv2d(x, { outChannels: 32, kernelSize: 3, padding: 1, name: "conv2" })), { kernelSize: 2 });
    return { logits: linear(flatten(y), { inFeatures: 1024, outFeatures: 10, name: "fc" }) };
    //                                    ^ Type 'number' is not assignable to type '"linear: inFeatures is 1024, but the input has 32 * 8 * 8 = 2048 features"'.
  },
});
