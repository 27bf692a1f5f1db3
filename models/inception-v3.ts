/**
 * Inception-v3 (Szegedy et al. 2015, "Rethinking the inception architecture for computer vision", arXiv:1512.00567), in
 * torchvision's structure: 23,834,568 parameters at 1000 classes, 27,161,264 with the auxiliary classifier; 5,713,216,096
 * multiply-adds at 299x299 without it.
 */
import {
  adaptiveAvgPool2d,
  avgPool2d,
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
  type Pair,
  relu,
  scope,
  type Tensor,
  withDefaults,
} from "striate";

/** What an Inception-v3 can be built for. */
export interface InceptionV3Options<K extends number = number> {
  readonly numClasses?: K;
  /** The probability of dropout before the classifier. */
  readonly dropout?: number;
}
const defaults = { numClasses: 1000, dropout: 0.5 } as const;

const weightInit = { weight: init.truncNormal({ std: 0.1 }) };

/** A convolution's sizes. */
interface Sizes<O, K, P, St> {
  readonly outChannels: O;
  readonly kernelSize: K;
  readonly padding?: P;
  readonly stride?: St;
}
/** Convolution, batch normalisation and relu, under the scope `name`. */
function conv<S, O extends number, const K extends Pair, const P extends Pair = 0, St extends number = 1>(
  x: Tensor<S>,
  name: string,
  sizes: Sizes<O, K, P, St>,
) {
  return scope(name, () => {
    const y = conv2d(x, { ...sizes, bias: false, init: weightInit, name: "conv" });
    return relu(batchNorm2d(y, { eps: 0.001, name: "bn" }));
  });
}
const conv1x1 = <S, O extends number>(x: Tensor<S>, name: string, outChannels: O) => conv(x, name, { outChannels, kernelSize: 1 });
const conv3x3 = <S, O extends number>(x: Tensor<S>, name: string, outChannels: O) =>
  conv(x, name, { outChannels, kernelSize: 3, padding: 1 });
const row = <S, O extends number>(x: Tensor<S>, name: string, outChannels: O) =>
  conv(x, name, { outChannels, kernelSize: [1, 7], padding: [0, 3] });
const column = <S, O extends number>(x: Tensor<S>, name: string, outChannels: O) =>
  conv(x, name, { outChannels, kernelSize: [7, 1], padding: [3, 0] });
const pooled = <S, O extends number>(x: Tensor<S>, outChannels: O) =>
  conv1x1(avgPool2d(x, { kernelSize: 3, stride: 1, padding: 1 }), "branch_pool", outChannels);

/** Figure 5 of the paper: 5x5 as two 3x3. */
function mixed5<S, O extends number>(x: Tensor<S>, poolChannels: O) {
  const a = conv1x1(x, "branch1x1", 64);
  const b = conv(conv1x1(x, "branch5x5_1", 48), "branch5x5_2", { outChannels: 64, kernelSize: 5, padding: 2 });
  const c = conv3x3(conv3x3(conv1x1(x, "branch3x3dbl_1", 64), "branch3x3dbl_2", 96), "branch3x3dbl_3", 96);
  return concat([a, b, c, pooled(x, poolChannels)], 1);
}
/** Figure 10: half the height and width. */
function mixed6a<S>(x: Tensor<S>) {
  const a = conv(x, "branch3x3", { outChannels: 384, kernelSize: 3, stride: 2 });
  const b = conv3x3(conv1x1(x, "branch3x3dbl_1", 64), "branch3x3dbl_2", 96);
  const c = conv(b, "branch3x3dbl_3", { outChannels: 96, kernelSize: 3, stride: 2 });
  return concat([a, c, maxPool2d(x, { kernelSize: 3, stride: 2 })], 1);
}
/** Figure 6: 7x7 as rows and columns. */
function mixed6<S, W extends number>(x: Tensor<S>, width: W) {
  const a = conv1x1(x, "branch1x1", 192);
  const b = column(row(conv1x1(x, "branch7x7_1", width), "branch7x7_2", width), "branch7x7_3", 192);
  const c = row(column(conv1x1(x, "branch7x7dbl_1", width), "branch7x7dbl_2", width), "branch7x7dbl_3", width);
  const d = row(column(c, "branch7x7dbl_4", width), "branch7x7dbl_5", 192);
  return concat([a, b, d, pooled(x, 192)], 1);
}
/** Half the height and width once more. */
function mixed7a<S>(x: Tensor<S>) {
  const a = conv(conv1x1(x, "branch3x3_1", 192), "branch3x3_2", { outChannels: 320, kernelSize: 3, stride: 2 });
  const b = column(row(conv1x1(x, "branch7x7x3_1", 192), "branch7x7x3_2", 192), "branch7x7x3_3", 192);
  const c = conv(b, "branch7x7x3_4", { outChannels: 192, kernelSize: 3, stride: 2 });
  return concat([a, c, maxPool2d(x, { kernelSize: 3, stride: 2 })], 1);
}
/** Figure 7: rows and columns side by side. */
function mixed7<S>(x: Tensor<S>) {
  const a = conv1x1(x, "branch1x1", 320);
  const b = conv1x1(x, "branch3x3_1", 384);
  const c = conv3x3(conv1x1(x, "branch3x3dbl_1", 448), "branch3x3dbl_2", 384);
  const wide = { outChannels: 384, kernelSize: [1, 3], padding: [0, 1] } as const;
  const high = { outChannels: 384, kernelSize: [3, 1], padding: [1, 0] } as const;
  const [b1, b2] = [conv(b, "branch3x3_2a", wide), conv(b, "branch3x3_2b", high)];
  const [c1, c2] = [conv(c, "branch3x3dbl_3a", wide), conv(c, "branch3x3dbl_3b", high)];
  return concat([a, b1, b2, c1, c2, pooled(x, 192)], 1);
}
/** The auxiliary classifier: a second loss for the middle of the network. */
function auxiliary<K extends number>(x: Tensor<["N", 768, 17, 17]>, numClasses: K) {
  const y = conv1x1(avgPool2d(x, { kernelSize: 5, stride: 3 }), "conv0", 128);
  const z = conv(y, "conv1", { outChannels: 768, kernelSize: 5 });
  return linear(flatten(adaptiveAvgPool2d(z, 1)), {
    outFeatures: numClasses,
    init: { weight: init.truncNormal({ std: 0.001 }) },
    name: "fc",
  });
}

/** float32[N, 3, 299, 299] -> float32[N, 768, 17, 17]. */
function lower(input: Tensor<["N", 3, 299, 299]>) {
  const a = conv(input, "Conv2d_1a_3x3", { outChannels: 32, kernelSize: 3, stride: 2 });
  const b = conv3x3(conv(a, "Conv2d_2a_3x3", { outChannels: 32, kernelSize: 3 }), "Conv2d_2b_3x3", 64);
  const c = conv1x1(maxPool2d(b, { kernelSize: 3, stride: 2 }), "Conv2d_3b_1x1", 80);
  const d = conv(c, "Conv2d_4a_3x3", { outChannels: 192, kernelSize: 3 });
  const stem = maxPool2d(d, { kernelSize: 3, stride: 2 });
  expectShape(stem, ["N", 192, 35, 35]);
  const x5b = scope("Mixed_5b", () => mixed5(stem, 32));
  const x5c = scope("Mixed_5c", () => mixed5(x5b, 64));
  const x5d = scope("Mixed_5d", () => mixed5(x5c, 64));
  const x6a = scope("Mixed_6a", () => mixed6a(x5d));
  const x6b = scope("Mixed_6b", () => mixed6(x6a, 128));
  const x6c = scope("Mixed_6c", () => mixed6(x6b, 160));
  const x6d = scope("Mixed_6d", () => mixed6(x6c, 160));
  return scope("Mixed_6e", () => mixed6(x6d, 192));
}
/** float32[N, 768, 17, 17] -> logits float32[N, numClasses]. */
function upper<K extends number>(x: Tensor<["N", 768, 17, 17]>, numClasses: K, p: number) {
  const x7a = scope("Mixed_7a", () => mixed7a(x));
  const x7b = scope("Mixed_7b", () => mixed7(x7a));
  const x7c = scope("Mixed_7c", () => mixed7(x7b));
  expectShape(x7c, ["N", 2048, 8, 8]);
  const y = dropout(flatten(adaptiveAvgPool2d(x7c, 1)), p);
  return linear(y, { outFeatures: numClasses, init: weightInit, name: "fc" });
}

const inputs = { input: ["N", 3, 299, 299] } as const;

/** Inception-v3: float32[N, 3, 299, 299] -> logits float32[N, numClasses]. */
export function inceptionV3<K extends number = 1000>(options: InceptionV3Options<K> = {}) {
  const { numClasses, dropout: p } = withDefaults(options, defaults);
  return defineModel({
    name: "Inception-v3",
    inputs,
    forward: ({ input }) => ({ logits: upper(lower(input), numClasses, p) }),
  });
}
/** Inception-v3 with its auxiliary classifier: logits and auxLogits, each float32[N, numClasses]. */
export function inceptionV3Aux<K extends number = 1000>(options: InceptionV3Options<K> = {}) {
  const { numClasses, dropout: p } = withDefaults(options, defaults);
  return defineModel({
    name: "Inception-v3",
    inputs,
    forward({ input }) {
      const x = lower(input);
      const auxLogits = scope("AuxLogits", () => auxiliary(x, numClasses));
      return { logits: upper(x, numClasses, p), auxLogits };
    },
  });
}

export default inceptionV3;
