/**
 * AlexNet (Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks", arXiv:1404.5997), in torchvision's
 * structure: 61,100,840 parameters at 1000 classes, 714,188,480 multiply-adds at 224x224.
 */
import { adaptiveAvgPool2d, defineModel, dropout, flatten, layers, linear, relu, scope, sequential, type Tensor } from "striate";

/** What an AlexNet can be built for. */
export interface AlexnetOptions {
  readonly numClasses?: number;
  readonly inChannels?: number;
  /** Height and width of the images, at least 63. */
  readonly imageSize?: number;
  /** The probability of dropout in the classifier. */
  readonly dropout?: number;
}

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
function classifier<S>(x: Tensor<S>, numClasses: number, p: number) {
  const y = relu(linear(dropout(x, p), { outFeatures: 4096, name: "1" }));
  const z = relu(linear(dropout(y, p), { outFeatures: 4096, name: "4" }));
  return linear(z, { outFeatures: numClasses, name: "6" });
}

/** AlexNet: float32[N, inChannels, imageSize, imageSize] -> logits float32[N, numClasses]. */
export function alexnet({ numClasses = 1000, inChannels = 3, imageSize = 224, dropout: p = 0.5 }: AlexnetOptions = {}) {
  return defineModel({
    name: "AlexNet",
    inputs: { input: ["N", inChannels, imageSize, imageSize] },
    forward({ input }) {
      const x = adaptiveAvgPool2d(
        scope("features", () => features(input)),
        6,
      );
      return { logits: scope("classifier", () => classifier(flatten(x), numClasses, p)) };
    },
  });
}

export default alexnet;
