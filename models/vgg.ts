/**
 * VGG (Simonyan and Zisserman 2014, "Very deep convolutional networks for large-scale image recognition", arXiv:1409.1556), in
 * torchvision's structure.
 *
 * Parameters at 1000 classes, and multiply-adds at 224x224: vgg11 132,863,336 and 7,609,090,048; vgg13 133,047,848 and
 * 11,308,466,176; vgg16 138,357,544 and 15,470,264,320; vgg19 143,667,240 and 19,632,062,464. With batch normalisation, at as many
 * multiply-adds: vgg11Bn 132,868,840; vgg13Bn 133,053,736; vgg16Bn 138,365,992; vgg19Bn 143,678,248.
 */
import {
  adaptiveAvgPool2d,
  batchNorm2d,
  conv2d,
  defineModel,
  dropout,
  flatten,
  init,
  linear,
  maxPool2d,
  relu,
  scope,
  type Tensor,
  withDefaults,
} from "striate";

/** What a VGG can be built for. */
export interface VggOptions<K extends number = number, C extends number = number, Z extends number = number> {
  readonly numClasses?: K;
  readonly inChannels?: C;
  /** Height and width of the images, at least 32. */
  readonly imageSize?: Z;
  /** The probability of dropout in the classifier. */
  readonly dropout?: number;
}
const defaults = { numClasses: 1000, inChannels: 3, imageSize: 224, dropout: 0.5 } as const;

/** Channels of the 3x3 convolutions, block by block; a 2x2 pool ends each block. */
type Blocks = readonly (readonly number[])[];
const vgg11Blocks = [[64], [128], [256, 256], [512, 512], [512, 512]] as const;
const vgg13Blocks = [
  [64, 64],
  [128, 128],
  [256, 256],
  [512, 512],
  [512, 512],
] as const;
const vgg16Blocks = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
] as const;
const vgg19Blocks = [
  [64, 64],
  [128, 128],
  [256, 256, 256, 256],
  [512, 512, 512, 512],
  [512, 512, 512, 512],
] as const;

const convInit = { weight: init.kaimingNormal({ mode: "fanOut", nonlinearity: "relu" }), bias: init.zeros() };
const linearInit = { weight: init.normal({ std: 0.01 }), bias: init.zeros() };

/** The convolutions, named by their place in torchvision's list of layers, in which norms, relus and pools count too. */
function features(input: Tensor<["N", number, number, number]>, blocks: Blocks, batchNorm: boolean) {
  let x = input;
  let index = 0;
  for (const block of blocks) {
    for (const channels of block) {
      x = conv2d(x, { outChannels: channels, kernelSize: 3, padding: 1, init: convInit, name: `${index}` });
      if (batchNorm) x = batchNorm2d(x, { name: `${index + 1}` });
      x = relu(x);
      index += batchNorm ? 3 : 2;
    }
    x = maxPool2d(x, { kernelSize: 2 });
    index++;
  }
  return x;
}
/** Two hidden layers of 4096, with dropout. */
function classifier<S, K extends number>(x: Tensor<S>, numClasses: K, p: number) {
  const y = dropout(relu(linear(x, { outFeatures: 4096, init: linearInit, name: "0" })), p);
  const z = dropout(relu(linear(y, { outFeatures: 4096, init: linearInit, name: "3" })), p);
  return linear(z, { outFeatures: numClasses, init: linearInit, name: "6" });
}

/** A VGG: float32[N, inChannels, imageSize, imageSize] -> logits float32[N, numClasses]. */
function vgg<K extends number, C extends number, Z extends number>(
  name: string,
  blocks: Blocks,
  batchNorm: boolean,
  options: VggOptions<K, C, Z>,
) {
  const { numClasses, inChannels, imageSize, dropout: p } = withDefaults(options, defaults);
  return defineModel({
    name,
    inputs: { input: ["N", inChannels, imageSize, imageSize] },
    forward({ input }) {
      const x = adaptiveAvgPool2d(
        scope("features", () => features(input, blocks, batchNorm)),
        7,
      );
      return { logits: scope("classifier", () => classifier(flatten(x), numClasses, p)) };
    },
  });
}

/** VGG-11. */
export const vgg11 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: VggOptions<K, C, Z> = {}) =>
  vgg("VGG-11", vgg11Blocks, false, options);
/** VGG-13. */
export const vgg13 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: VggOptions<K, C, Z> = {}) =>
  vgg("VGG-13", vgg13Blocks, false, options);
/** VGG-16. */
export const vgg16 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: VggOptions<K, C, Z> = {}) =>
  vgg("VGG-16", vgg16Blocks, false, options);
/** VGG-19. */
export const vgg19 = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: VggOptions<K, C, Z> = {}) =>
  vgg("VGG-19", vgg19Blocks, false, options);
/** VGG-11 with batch normalisation. */
export const vgg11Bn = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: VggOptions<K, C, Z> = {}) =>
  vgg("VGG-11-BN", vgg11Blocks, true, options);
/** VGG-13 with batch normalisation. */
export const vgg13Bn = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: VggOptions<K, C, Z> = {}) =>
  vgg("VGG-13-BN", vgg13Blocks, true, options);
/** VGG-16 with batch normalisation. */
export const vgg16Bn = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: VggOptions<K, C, Z> = {}) =>
  vgg("VGG-16-BN", vgg16Blocks, true, options);
/** VGG-19 with batch normalisation. */
export const vgg19Bn = <K extends number = 1000, C extends number = 3, Z extends number = 224>(options: VggOptions<K, C, Z> = {}) =>
  vgg("VGG-19-BN", vgg19Blocks, true, options);

export default vgg16Bn;
