/**
 * AlexNet (Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks", arXiv:1404.5997), in torchvision's
 * structure: 61,100,840 parameters at 1000 classes, 714,188,480 multiply-adds at 224x224.
 */
import {
  adaptiveAvgPool2d,
  defineModel,
  dropout,
  flatten,
  layers,
  linear,
  relu,
  scope,
  sequential,
  type Tensor,
  withDefaults,
} from "striate";

/** What an AlexNet can be built for. */
export interface AlexnetOptions<K extends number = number, C extends number = number, Z extends number = number> {
  readonly numClasses?: K;
  readonly inChannels?: C;
  /** Height and width of the images, at least 63. */
  readonly imageSize?: Z;
  /** The probability of dropout in the classifier. */
  readonly dropout?: number;
}
const defaults = { numClasses: 1000, inChannels: 3, imageSize: 224, dropout: 0.5 } as const;

/** Five convolutions; each takes its place in the sequence as its name. */
const features = sequential(
  layers.conv2d({ outChannels: 64, kernelSize: 11, stride: 4, padding: 2 }),
  layers.relu(),
  layers.maxPool2d({ kernelSize: 3, stride: 2 }),
  layers.conv2d({ outChannels: 192, kernelSize: 5, padding: 2 }),
  layers.relu(),
  layers.maxPool2d({ kernelSize: 3, stride: 2 }),
  layers.conv2d({ outChannels: 384, kernelSize: 3, padding: 1 }),
  layers.relu(),
  layers.conv2d({ outChannels: 256, kernelSize: 3, padding: 1 }),
  layers.relu(),
  layers.conv2d({ outChannels: 256, kernelSize: 3, padding: 1 }),
  layers.relu(),
  layers.maxPool2d({ kernelSize: 3, stride: 2 }),
);
function classifier<S, K extends number>(x: Tensor<S>, numClasses: K, p: number) {
  const y = relu(linear(dropout(x, p), { outFeatures: 4096, name: "1" }));
  const z = relu(linear(dropout(y, p), { outFeatures: 4096, name: "4" }));
  return linear(z, { outFeatures: numClasses, name: "6" });
}

/** AlexNet: float32[N, inChannels, imageSize, imageSize] -> logits float32[N, numClasses]. */
export function alexnet<K extends number = 1000, C extends number = 3, Z extends number = 224>(options: AlexnetOptions<K, C, Z> = {}) {
  const { numClasses, inChannels, imageSize, dropout: p } = withDefaults(options, defaults);
  return defineModel({
    name: "AlexNet",
    inputs: { input: ["N", inChannels, imageSize, imageSize] },
    forward({ input }) {
      const image: Tensor<["N", number, number, number]> = input;
      const x = adaptiveAvgPool2d(
        scope("features", () => features(image)),
        6,
      );
      return { logits: scope("classifier", () => classifier(flatten(x), numClasses, p)) };
    },
  });
}

export default alexnet;
