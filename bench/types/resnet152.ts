/** ResNet-152 with every block written out, its sizes exact: what the type checker is measured on. */
import {
  adaptiveAvgPool2d,
  add,
  batchNorm2d,
  conv2d,
  defineModel,
  expectShape,
  flatten,
  linear,
  maxPool2d,
  relu,
  scope,
  type Tensor,
} from "striate";

function stem<S>(x: Tensor<S>) {
  const y = conv2d(x, { outChannels: 64, kernelSize: 7, stride: 2, padding: 3, bias: false, name: "conv1" });
  return maxPool2d(relu(batchNorm2d(y, { name: "bn1" })), { kernelSize: 3, stride: 2, padding: 1 });
}
function branch<S, W extends number, C extends number, St extends number>(x: Tensor<S>, width: W, channels: C, stride: St) {
  const a = relu(batchNorm2d(conv2d(x, { outChannels: width, kernelSize: 1, bias: false, name: "conv1" }), { name: "bn1" }));
  const b = conv2d(a, { outChannels: width, kernelSize: 3, stride, padding: 1, bias: false, name: "conv2" });
  const c = conv2d(relu(batchNorm2d(b, { name: "bn2" })), { outChannels: channels, kernelSize: 1, bias: false, name: "conv3" });
  return batchNorm2d(c, { name: "bn3" });
}
/** A bottleneck with a projection on its shortcut. */
function first<S, W extends number, C extends number, St extends number>(x: Tensor<S>, width: W, channels: C, stride: St) {
  const shortcut = conv2d(x, { outChannels: channels, kernelSize: 1, stride, bias: false, name: "downsample.0" });
  return relu(add(branch(x, width, channels, stride), batchNorm2d(shortcut, { name: "downsample.1" })));
}
function bottleneck<S, W extends number, C extends number>(x: Tensor<S>, width: W, channels: C) {
  return relu(add(branch(x, width, channels, 1), x));
}

export default defineModel({
  name: "ResNet-152",
  inputs: { input: ["N", 3, 224, 224] },
  forward({ input }) {
    const x0 = stem(input);
    const x1_0 = scope("layer1.0", () => first(x0, 64, 256, 1));
    const x1_1 = scope("layer1.1", () => bottleneck(x1_0, 64, 256));
    const x1_2 = scope("layer1.2", () => bottleneck(x1_1, 64, 256));
    expectShape(x1_2, ["N", 256, 56, 56]);
    const x2_0 = scope("layer2.0", () => first(x1_2, 128, 512, 2));
    const x2_1 = scope("layer2.1", () => bottleneck(x2_0, 128, 512));
    const x2_2 = scope("layer2.2", () => bottleneck(x2_1, 128, 512));
    const x2_3 = scope("layer2.3", () => bottleneck(x2_2, 128, 512));
    const x2_4 = scope("layer2.4", () => bottleneck(x2_3, 128, 512));
    const x2_5 = scope("layer2.5", () => bottleneck(x2_4, 128, 512));
    const x2_6 = scope("layer2.6", () => bottleneck(x2_5, 128, 512));
    const x2_7 = scope("layer2.7", () => bottleneck(x2_6, 128, 512));
    expectShape(x2_7, ["N", 512, 28, 28]);
    const x3_0 = scope("layer3.0", () => first(x2_7, 256, 1024, 2));
    const x3_1 = scope("layer3.1", () => bottleneck(x3_0, 256, 1024));
    const x3_2 = scope("layer3.2", () => bottleneck(x3_1, 256, 1024));
    const x3_3 = scope("layer3.3", () => bottleneck(x3_2, 256, 1024));
    const x3_4 = scope("layer3.4", () => bottleneck(x3_3, 256, 1024));
    const x3_5 = scope("layer3.5", () => bottleneck(x3_4, 256, 1024));
    const x3_6 = scope("layer3.6", () => bottleneck(x3_5, 256, 1024));
    const x3_7 = scope("layer3.7", () => bottleneck(x3_6, 256, 1024));
    const x3_8 = scope("layer3.8", () => bottleneck(x3_7, 256, 1024));
    const x3_9 = scope("layer3.9", () => bottleneck(x3_8, 256, 1024));
    const x3_10 = scope("layer3.10", () => bottleneck(x3_9, 256, 1024));
    const x3_11 = scope("layer3.11", () => bottleneck(x3_10, 256, 1024));
    const x3_12 = scope("layer3.12", () => bottleneck(x3_11, 256, 1024));
    const x3_13 = scope("layer3.13", () => bottleneck(x3_12, 256, 1024));
    const x3_14 = scope("layer3.14", () => bottleneck(x3_13, 256, 1024));
    const x3_15 = scope("layer3.15", () => bottleneck(x3_14, 256, 1024));
    const x3_16 = scope("layer3.16", () => bottleneck(x3_15, 256, 1024));
    const x3_17 = scope("layer3.17", () => bottleneck(x3_16, 256, 1024));
    const x3_18 = scope("layer3.18", () => bottleneck(x3_17, 256, 1024));
    const x3_19 = scope("layer3.19", () => bottleneck(x3_18, 256, 1024));
    const x3_20 = scope("layer3.20", () => bottleneck(x3_19, 256, 1024));
    const x3_21 = scope("layer3.21", () => bottleneck(x3_20, 256, 1024));
    const x3_22 = scope("layer3.22", () => bottleneck(x3_21, 256, 1024));
    const x3_23 = scope("layer3.23", () => bottleneck(x3_22, 256, 1024));
    const x3_24 = scope("layer3.24", () => bottleneck(x3_23, 256, 1024));
    const x3_25 = scope("layer3.25", () => bottleneck(x3_24, 256, 1024));
    const x3_26 = scope("layer3.26", () => bottleneck(x3_25, 256, 1024));
    const x3_27 = scope("layer3.27", () => bottleneck(x3_26, 256, 1024));
    const x3_28 = scope("layer3.28", () => bottleneck(x3_27, 256, 1024));
    const x3_29 = scope("layer3.29", () => bottleneck(x3_28, 256, 1024));
    const x3_30 = scope("layer3.30", () => bottleneck(x3_29, 256, 1024));
    const x3_31 = scope("layer3.31", () => bottleneck(x3_30, 256, 1024));
    const x3_32 = scope("layer3.32", () => bottleneck(x3_31, 256, 1024));
    const x3_33 = scope("layer3.33", () => bottleneck(x3_32, 256, 1024));
    const x3_34 = scope("layer3.34", () => bottleneck(x3_33, 256, 1024));
    const x3_35 = scope("layer3.35", () => bottleneck(x3_34, 256, 1024));
    expectShape(x3_35, ["N", 1024, 14, 14]);
    const x4_0 = scope("layer4.0", () => first(x3_35, 512, 2048, 2));
    const x4_1 = scope("layer4.1", () => bottleneck(x4_0, 512, 2048));
    const x4_2 = scope("layer4.2", () => bottleneck(x4_1, 512, 2048));
    expectShape(x4_2, ["N", 2048, 7, 7]);
    const logits = linear(flatten(adaptiveAvgPool2d(x4_2, 1)), { inFeatures: 2048, outFeatures: 1000, name: "fc" });
    expectShape(logits, ["N", 1000]);
    return { logits };
  },
});
