/**
 * DenseNet (Huang et al. 2016, "Densely connected convolutional networks", arXiv:1608.06993), in torchvision's structure.
 *
 * Parameters at 1000 classes, and multiply-adds at 224x224: densenet121 7,978,856 and 2,834,161,664; densenet161 28,681,000 and
 * 7,727,907,072; densenet169 14,149,480 and 3,359,843,328; densenet201 20,013,928 and 4,291,365,888.
 */
import {
  adaptiveAvgPool2d,
  avgPool2d,
  batchNorm2d,
  concat,
  conv2d,
  defineModel,
  flatten,
  init,
  linear,
  maxPool2d,
  relu,
  scope,
  type Tensor,
  withDefaults,
} from "striate";

/** What a DenseNet can be built for. */
export interface DensenetOptions<K extends number = number, C extends number = number, Z extends number = number> {
  readonly numClasses?: K;
  readonly inChannels?: C;
  /** Height and width of the images, at least 32. */
  readonly imageSize?: Z;
}
const defaults = { numClasses: 1000, inChannels: 3, imageSize: 224 } as const;
const weightInit = { weight: init.kaimingNormal() };
type Image = Tensor<["N", number, number, number]>;

/** What tells one DenseNet from another. */
interface Plan {
  /** The number of layers of each block. */
  readonly blocks: readonly number[];
  /** The channels that each layer adds; 32 unless given. */
  readonly growthRate?: number;
  /** The channels of the first convolution; 64 unless given. */
  readonly initialChannels?: number;
}

/** What a layer adds to its block: batch norm, relu, 1x1 to four times the growth rate, and the same again with 3x3. */
function denseLayer(x: Image, growthRate: number): Image {
  const a = relu(batchNorm2d(x, { name: "norm1" }));
  const b = conv2d(a, { outChannels: 4 * growthRate, kernelSize: 1, bias: false, init: weightInit, name: "conv1" });
  const c = relu(batchNorm2d(b, { name: "norm2" }));
  return conv2d(c, { outChannels: growthRate, kernelSize: 3, padding: 1, bias: false, init: weightInit, name: "conv2" });
}
/** Layers that each read all before them; the result is all of them. */
function denseBlock(input: Image, layers: number, growthRate: number): Image {
  let x = input;
  for (let i = 1; i <= layers; i++) {
    const before = x;
    x = concat([before, scope(`denselayer${i}`, () => denseLayer(before, growthRate))], 1);
  }
  return x;
}
/** Half the channels, and half the height and width. */
function transition(x: Image, outChannels: number): Image {
  const y = conv2d(relu(batchNorm2d(x, { name: "norm" })), { outChannels, kernelSize: 1, bias: false, init: weightInit, name: "conv" });
  return avgPool2d(y, { kernelSize: 2, stride: 2 });
}
function features(input: Image, { blocks, growthRate = 32, initialChannels = 64 }: Plan) {
  const stem = conv2d(input, {
    outChannels: initialChannels,
    kernelSize: 7,
    stride: 2,
    padding: 3,
    bias: false,
    init: weightInit,
    name: "conv0",
  });
  let x: Image = maxPool2d(relu(batchNorm2d(stem, { name: "norm0" })), { kernelSize: 3, stride: 2, padding: 1 });
  let channels = initialChannels;
  for (const [i, layers] of blocks.entries()) {
    const before = x;
    const joined = scope(`denseblock${i + 1}`, () => denseBlock(before, layers, growthRate));
    channels += layers * growthRate;
    if (i === blocks.length - 1) return batchNorm2d(joined, { name: "norm5" });
    channels = Math.floor(channels / 2);
    x = scope(`transition${i + 1}`, () => transition(joined, channels));
  }
  return x;
}

/** A DenseNet: float32[N, inChannels, imageSize, imageSize] -> logits float32[N, numClasses]. */
function densenet<K extends number, C extends number, Z extends number>(name: string, plan: Plan, options: DensenetOptions<K, C, Z>) {
  const { numClasses, inChannels, imageSize } = withDefaults(options, defaults);
  return defineModel({
    name,
    inputs: { input: ["N", inChannels, imageSize, imageSize] },
    forward({ input }) {
      const image: Image = input;
      const x = relu(scope("features", () => features(image, plan)));
      const linearInit = { bias: init.zeros() };
      return { logits: linear(flatten(adaptiveAvgPool2d(x, 1)), { outFeatures: numClasses, init: linearInit, name: "classifier" }) };
    },
  });
}

/** DenseNet-121. */
export const densenet121 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(
  options: DensenetOptions<K, C, Z> = {},
) => densenet("DenseNet-121", { blocks: [6, 12, 24, 16] }, options);
/** DenseNet-161, which is wider: layers that add 48 channels each. */
export const densenet161 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(
  options: DensenetOptions<K, C, Z> = {},
) => densenet("DenseNet-161", { blocks: [6, 12, 36, 24], growthRate: 48, initialChannels: 96 }, options);
/** DenseNet-169. */
export const densenet169 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(
  options: DensenetOptions<K, C, Z> = {},
) => densenet("DenseNet-169", { blocks: [6, 12, 32, 32] }, options);
/** DenseNet-201. */
export const densenet201 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(
  options: DensenetOptions<K, C, Z> = {},
) => densenet("DenseNet-201", { blocks: [6, 12, 48, 32] }, options);

export default densenet121;
