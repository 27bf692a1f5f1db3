/**
 * GoogLeNet (Szegedy et al. 2014, "Going deeper with convolutions", arXiv:1409.4842), in torchvision's structure, which has batch
 * normalisation and 3x3 convolutions in place of the paper's 5x5: 6,624,904 parameters at 1000 classes and 1,498,376,192
 * multiply-adds at 224x224, without auxiliary classifiers.
 */
import {
  adaptiveAvgPool2d,
  batchNorm2d,
  concat,
  conv2d,
  defineModel,
  dropout,
  expectShape,
  flatten,
  init,
  linear,
  maxPool2d,
  relu,
  scope,
  type Tensor,
  withDefaults,
} from "striate";

/** What a GoogLeNet can be built for. */
export interface GooglenetOptions<K extends number = number> {
  readonly numClasses?: K;
  /** The probability of dropout before the classifier. */
  readonly dropout?: number;
}
const defaults = { numClasses: 1000, dropout: 0.2 } as const;
const weightInit = { weight: init.truncNormal({ std: 0.01 }) };

/** Convolution, batch normalisation and relu, under the scope `name`. */
function conv<S, O extends number, K extends number, P extends number = 0, St extends number = 1>(
  x: Tensor<S>,
  name: string,
  sizes: { readonly outChannels: O; readonly kernelSize: K; readonly padding?: P; readonly stride?: St },
) {
  return scope(name, () => {
    const y = conv2d(x, { ...sizes, bias: false, init: weightInit, name: "conv" });
    return relu(batchNorm2d(y, { eps: 0.001, name: "bn" }));
  });
}
const conv1x1 = <S, O extends number>(x: Tensor<S>, name: string, outChannels: O) => conv(x, name, { outChannels, kernelSize: 1 });
const conv3x3 = <S, O extends number>(x: Tensor<S>, name: string, outChannels: O) =>
  conv(x, name, { outChannels, kernelSize: 3, padding: 1 });

/** The channels of an inception module: 1x1, 3x3 and what feeds it, the second 3x3 and what feeds it, and behind the pool. */
interface Widths<A, B, C, D> {
  readonly one: A;
  readonly three: readonly [reduced: number, channels: B];
  readonly five: readonly [reduced: number, channels: C];
  readonly pool: D;
}
/** Figure 2b of the paper: four branches, joined along the channels. */
function inception<S, A extends number, B extends number, C extends number, D extends number>(x: Tensor<S>, w: Widths<A, B, C, D>) {
  const a = conv1x1(x, "branch1", w.one);
  const b = conv3x3(conv1x1(x, "branch2.0", w.three[0]), "branch2.1", w.three[1]);
  const c = conv3x3(conv1x1(x, "branch3.0", w.five[0]), "branch3.1", w.five[1]);
  const pooled = maxPool2d(x, { kernelSize: 3, stride: 1, padding: 1, ceilMode: true });
  return concat([a, b, c, conv1x1(pooled, "branch4.1", w.pool)], 1);
}

/** float32[N, 3, 224, 224] -> float32[N, 1024, 7, 7]. */
function features(input: Tensor<["N", 3, 224, 224]>) {
  const pool = { kernelSize: 3, stride: 2, ceilMode: true } as const;
  const x1 = maxPool2d(conv(input, "conv1", { outChannels: 64, kernelSize: 7, stride: 2, padding: 3 }), pool);
  const x2 = maxPool2d(conv3x3(conv1x1(x1, "conv2", 64), "conv3", 192), pool);
  expectShape(x2, ["N", 192, 28, 28]);
  const x3a = scope("inception3a", () => inception(x2, { one: 64, three: [96, 128], five: [16, 32], pool: 32 }));
  const x3b = scope("inception3b", () => inception(x3a, { one: 128, three: [128, 192], five: [32, 96], pool: 64 }));
  const x3 = maxPool2d(x3b, pool);
  const x4a = scope("inception4a", () => inception(x3, { one: 192, three: [96, 208], five: [16, 48], pool: 64 }));
  const x4b = scope("inception4b", () => inception(x4a, { one: 160, three: [112, 224], five: [24, 64], pool: 64 }));
  const x4c = scope("inception4c", () => inception(x4b, { one: 128, three: [128, 256], five: [24, 64], pool: 64 }));
  const x4d = scope("inception4d", () => inception(x4c, { one: 112, three: [144, 288], five: [32, 64], pool: 64 }));
  const x4e = scope("inception4e", () => inception(x4d, { one: 256, three: [160, 320], five: [32, 128], pool: 128 }));
  const x4 = maxPool2d(x4e, { kernelSize: 2, stride: 2, ceilMode: true });
  const x5a = scope("inception5a", () => inception(x4, { one: 256, three: [160, 320], five: [32, 128], pool: 128 }));
  const x5b = scope("inception5b", () => inception(x5a, { one: 384, three: [192, 384], five: [48, 128], pool: 128 }));
  expectShape(x5b, ["N", 1024, 7, 7]);
  return x5b;
}

/** GoogLeNet: float32[N, 3, 224, 224] -> logits float32[N, numClasses]. */
export function googlenet<K extends number = 1000>(options: GooglenetOptions<K> = {}) {
  const { numClasses, dropout: p } = withDefaults(options, defaults);
  return defineModel({
    name: "GoogLeNet",
    inputs: { input: ["N", 3, 224, 224] },
    forward({ input }) {
      const x = dropout(flatten(adaptiveAvgPool2d(features(input), 1)), p);
      return { logits: linear(x, { outFeatures: numClasses, init: weightInit, name: "fc" }) };
    },
  });
}

export default googlenet;
