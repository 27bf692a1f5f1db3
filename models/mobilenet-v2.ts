/**
 * MobileNetV2 (Sandler et al. 2018, "MobileNetV2: inverted residuals and linear bottlenecks", arXiv:1801.04381), in torchvision's
 * structure: 3,504,872 parameters at 1000 classes, 300,774,272 multiply-adds at 224x224.
 */
import {
  adaptiveAvgPool2d,
  add,
  batchNorm2d,
  conv2d,
  defineModel,
  dropout,
  flatten,
  init,
  linear,
  relu6,
  scope,
  type Tensor,
  withDefaults,
} from "striate";

/** What a MobileNetV2 can be built for. */
export interface MobilenetV2Options<K extends number = number, C extends number = number, Z extends number = number> {
  readonly numClasses?: K;
  readonly inChannels?: C;
  /** Height and width of the images. */
  readonly imageSize?: Z;
  /** Multiplies the number of channels everywhere. */
  readonly width?: number;
  /** The probability of dropout before the classifier. */
  readonly dropout?: number;
}

const defaults = { numClasses: 1000, inChannels: 3, imageSize: 224, width: 1, dropout: 0.2 } as const;

type Image = Tensor<["N", number, number, number]>;

/** Expansion, channels, repetitions, stride of the first: table 2 of the paper. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** The nearest multiple of 8 that is not more than 10 % below. */
function toMultipleOf8(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

const weights = { weight: init.kaimingNormal({ mode: "fanOut" }) };

interface ConvOptions {
  readonly outChannels: number;
  readonly kernelSize: 1 | 3;
  readonly stride?: number;
  readonly groups?: number;
}
/** Convolution, batch normalisation and relu6, under "0" and "1" of their scope. */
function convBnRelu6(x: Image, { outChannels, kernelSize, stride = 1, groups = 1 }: ConvOptions) {
  const y = conv2d(x, {
    outChannels,
    kernelSize,
    stride,
    padding: kernelSize === 3 ? 1 : 0,
    groups,
    bias: false,
    init: weights,
    name: "0",
  });
  return relu6(batchNorm2d(y, { name: "1" }));
}

/** 1x1 to `expansion` times the channels, depthwise 3x3, and a linear 1x1 to `channels`; a shortcut where the shape stays. */
function invertedResidual(x: Image, inChannels: number, expansion: number, channels: number, stride: number): Image {
  const hidden = inChannels * expansion;
  const branch = scope("conv", () => {
    const expanded = expansion === 1 ? x : scope("0", () => convBnRelu6(x, { outChannels: hidden, kernelSize: 1 }));
    const next = expansion === 1 ? 0 : 1;
    const y = scope(`${next}`, () => convBnRelu6(expanded, { outChannels: hidden, kernelSize: 3, stride, groups: hidden }));
    const z = conv2d(y, { outChannels: channels, kernelSize: 1, bias: false, init: weights, name: `${next + 1}` });
    return batchNorm2d(z, { name: `${next + 2}` });
  });
  return stride === 1 && channels === inChannels ? add(x, branch) : branch;
}

function features(input: Image, width: number): Image {
  let channels = toMultipleOf8(32 * width);
  let x: Image = scope("0", () => convBnRelu6(input, { outChannels: channels, kernelSize: 3, stride: 2 }));
  let index = 1;
  for (const [expansion, base, blocks, stride] of stages) {
    for (let i = 0; i < blocks; i++, index++) {
      const [before, after, image] = [channels, toMultipleOf8(base * width), x];
      x = scope(`${index}`, () => invertedResidual(image, before, expansion, after, i === 0 ? stride : 1));
      channels = after;
    }
  }
  const last = x;
  return scope(`${index}`, () => convBnRelu6(last, { outChannels: toMultipleOf8(1280 * Math.max(1, width)), kernelSize: 1 }));
}

/** MobileNetV2: float32[N, inChannels, imageSize, imageSize] -> logits float32[N, numClasses]. */
export function mobilenetV2<K extends number = 1000, C extends number = 3, Z extends number = 224>(
  options: MobilenetV2Options<K, C, Z> = {},
) {
  const { numClasses, inChannels, imageSize, width, dropout: p } = withDefaults(options, defaults);
  return defineModel({
    name: "MobileNetV2",
    inputs: { input: ["N", inChannels, imageSize, imageSize] },
    forward({ input }) {
      const x = flatten(
        adaptiveAvgPool2d(
          scope("features", () => features(input, width)),
          1,
        ),
      );
      const linearInit = { weight: init.normal({ std: 0.01 }), bias: init.zeros() };
      return { logits: linear(dropout(x, p), { outFeatures: numClasses, init: linearInit, name: "classifier.1" }) };
    },
  });
}

export default mobilenetV2;
