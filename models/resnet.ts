/**
 * ResNet (He et al. 2015, "Deep residual learning for image recognition", arXiv:1512.03385), in torchvision's structure, which
 * puts a bottleneck's stride on its 3x3 convolution.
 *
 * Parameters at 1000 classes, and multiply-adds at 224x224: resnet18 11,689,512 and 1,814,073,344; resnet34 21,797,672 and
 * 3,663,761,408; resnet50 25,557,032 and 4,089,184,256; resnet101 44,549,160 and 7,801,405,440; resnet152 60,192,808 and
 * 11,513,626,624.
 */
import {
  adaptiveAvgPool2d,
  add,
  batchNorm2d,
  conv2d,
  defineModel,
  flatten,
  init,
  linear,
  maxPool2d,
  relu,
  repeat,
  scope,
  type Tensor,
  withDefaults,
} from "striate";

/** What a ResNet can be built for. */
export interface ResnetOptions<K extends number = number, C extends number = number, Z extends number = number> {
  readonly numClasses?: K;
  readonly inChannels?: C;
  /** Height and width of the images. */
  readonly imageSize?: Z;
}
const defaults = { numClasses: 1000, inChannels: 3, imageSize: 224 } as const;

const weights = { weight: init.kaimingNormal({ mode: "fanOut", nonlinearity: "relu" }) };

function conv3x3<S, C extends number, St extends number>(x: Tensor<S>, channels: C, stride: St, name: string) {
  return conv2d(x, { outChannels: channels, kernelSize: 3, stride, padding: 1, bias: false, init: weights, name });
}
function conv1x1<S, C extends number, St extends number>(x: Tensor<S>, channels: C, stride: St, name: string) {
  return conv2d(x, { outChannels: channels, kernelSize: 1, stride, bias: false, init: weights, name });
}
/** The projection on the shortcut of a block that changes the shape. */
function downsample<S, C extends number, St extends number>(x: Tensor<S>, channels: C, stride: St) {
  return scope("downsample", () => batchNorm2d(conv1x1(x, channels, stride, "0"), { name: "1" }));
}

/** Two 3x3 convolutions. */
function basicBranch<S, C extends number, St extends number>(x: Tensor<S>, channels: C, stride: St) {
  const y = relu(batchNorm2d(conv3x3(x, channels, stride, "conv1"), { name: "bn1" }));
  return batchNorm2d(conv3x3(y, channels, 1, "conv2"), { name: "bn2" });
}
/** 1x1 to `width`, 3x3, and 1x1 to `channels`. */
function bottleneckBranch<S, W extends number, C extends number, St extends number>(x: Tensor<S>, width: W, channels: C, stride: St) {
  const y = relu(batchNorm2d(conv1x1(x, width, 1, "conv1"), { name: "bn1" }));
  const z = relu(batchNorm2d(conv3x3(y, width, stride, "conv2"), { name: "bn2" }));
  return batchNorm2d(conv1x1(z, channels, 1, "conv3"), { name: "bn3" });
}

/** Basic blocks, the first of which changes the shape. */
function basicStage<S, C extends number, St extends number>(x: Tensor<S>, channels: C, blocks: number, stride: St) {
  const first = scope("0", () => relu(add(basicBranch(x, channels, stride), downsample(x, channels, stride))));
  return repeat(first, blocks - 1, (y) => relu(add(basicBranch(y, channels, 1), y)), 1);
}
/** Bottlenecks, the first of which changes the shape. */
function bottleneckStage<S, W extends number, C extends number, St extends number>(
  x: Tensor<S>,
  width: W,
  channels: C,
  blocks: number,
  stride: St,
) {
  const first = scope("0", () => relu(add(bottleneckBranch(x, width, channels, stride), downsample(x, channels, stride))));
  return repeat(first, blocks - 1, (y) => relu(add(bottleneckBranch(y, width, channels, 1), y)), 1);
}

/** The 7x7 convolution and the pool that every ResNet begins with. */
function stem<S>(input: Tensor<S>) {
  const x = conv2d(input, { outChannels: 64, kernelSize: 7, stride: 2, padding: 3, bias: false, init: weights, name: "conv1" });
  return maxPool2d(relu(batchNorm2d(x, { name: "bn1" })), { kernelSize: 3, stride: 2, padding: 1 });
}

type Blocks = readonly [number, number, number, number];
// The size of the images stays open inside, so that a call of a factory costs the type checker next to nothing.
type Image = Tensor<["N", number, number, number]>;

/** A ResNet of basic blocks: float32[N, inChannels, imageSize, imageSize] -> logits float32[N, numClasses]. */
function basicResnet<K extends number, C extends number, Z extends number>(name: string, blocks: Blocks, options: ResnetOptions<K, C, Z>) {
  const { numClasses, inChannels, imageSize } = withDefaults(options, defaults);
  return defineModel({
    name,
    inputs: { input: ["N", inChannels, imageSize, imageSize] },
    forward({ input }) {
      const image: Image = input;
      const x = stem(image);
      const x1 = scope("layer1", () => repeat(x, blocks[0], (y) => relu(add(basicBranch(y, 64, 1), y))));
      const x2 = scope("layer2", () => basicStage(x1, 128, blocks[1], 2));
      const x3 = scope("layer3", () => basicStage(x2, 256, blocks[2], 2));
      const x4 = scope("layer4", () => basicStage(x3, 512, blocks[3], 2));
      return { logits: linear(flatten(adaptiveAvgPool2d(x4, 1)), { outFeatures: numClasses, name: "fc" }) };
    },
  });
}
/** A ResNet of bottlenecks, with the same inputs and outputs. */
function bottleneckResnet<K extends number, C extends number, Z extends number>(
  name: string,
  blocks: Blocks,
  options: ResnetOptions<K, C, Z>,
) {
  const { numClasses, inChannels, imageSize } = withDefaults(options, defaults);
  return defineModel({
    name,
    inputs: { input: ["N", inChannels, imageSize, imageSize] },
    forward({ input }) {
      const image: Image = input;
      const x = stem(image);
      const x1 = scope("layer1", () => bottleneckStage(x, 64, 256, blocks[0], 1));
      const x2 = scope("layer2", () => bottleneckStage(x1, 128, 512, blocks[1], 2));
      const x3 = scope("layer3", () => bottleneckStage(x2, 256, 1024, blocks[2], 2));
      const x4 = scope("layer4", () => bottleneckStage(x3, 512, 2048, blocks[3], 2));
      return { logits: linear(flatten(adaptiveAvgPool2d(x4, 1)), { outFeatures: numClasses, name: "fc" }) };
    },
  });
}

/** ResNet-18. */
export const resnet18 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: ResnetOptions<K, C, Z> = {}) =>
  basicResnet("ResNet-18", [2, 2, 2, 2], options);
/** ResNet-34. */
export const resnet34 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: ResnetOptions<K, C, Z> = {}) =>
  basicResnet("ResNet-34", [3, 4, 6, 3], options);
/** ResNet-50. */
export const resnet50 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: ResnetOptions<K, C, Z> = {}) =>
  bottleneckResnet("ResNet-50", [3, 4, 6, 3], options);
/** ResNet-101. */
export const resnet101 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: ResnetOptions<K, C, Z> = {}) =>
  bottleneckResnet("ResNet-101", [3, 4, 23, 3], options);
/** ResNet-152. */
export const resnet152 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: ResnetOptions<K, C, Z> = {}) =>
  bottleneckResnet("ResNet-152", [3, 8, 36, 3], options);

export default resnet18;
