/**
 * The small convolutional network that PyTorch courses start with: two blocks of a 3x3 convolution, relu and 2x2 max pooling,
 * then a linear classifier. 25,578 parameters for 32x32x3 and 10 classes, 20,490 for 28x28x1.
 */
import { conv2d, defineModel, flatten, linear, maxPool2d, relu, withDefaults } from "striate";

/** What simpleCnn can be built for. */
export interface SimpleCnnOptions<K extends number = number, C extends number = number, Z extends number = number> {
  readonly numClasses?: K;
  readonly inChannels?: C;
  /** Height and width of the images. */
  readonly imageSize?: Z;
}
const defaults = { numClasses: 10, inChannels: 1, imageSize: 28 } as const;

/** SimpleCNN: float32[N, inChannels, imageSize, imageSize] -> logits float32[N, numClasses]. */
export function simpleCnn<K extends number = 10, C extends number = 1, Z extends number = 28>(options: SimpleCnnOptions<K, C, Z> = {}) {
  const { numClasses, inChannels, imageSize } = withDefaults(options, defaults);
  return defineModel({
    name: "SimpleCNN",
    inputs: { input: ["N", inChannels, imageSize, imageSize] },
    forward({ input }) {
      const x = maxPool2d(relu(conv2d(input, { outChannels: 16, kernelSize: 3, padding: 1, name: "conv1" })), { kernelSize: 2 });
      const y = maxPool2d(relu(conv2d(x, { outChannels: 32, kernelSize: 3, padding: 1, name: "conv2" })), { kernelSize: 2 });
      return { logits: linear(flatten(y), { outFeatures: numClasses, name: "fc" }) };
    },
  });
}

export default simpleCnn;
