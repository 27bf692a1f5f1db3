/** ResNet-50 with every block written out, its sizes exact: what the type checker is measured on. */
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
  name: "ResNet-50",
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
    expectShape(x2_3, ["N", 512, 28, 28]);
    const x3_0 = scope("layer3.0", () => first(x2_3, 256, 1024, 2));
    const x3_1 = scope("layer3.1", () => bottleneck(x3_0, 256, 1024));
    const x3_2 = scope("layer3.2", () => bottleneck(x3_1, 256, 1024));
    const x3_3 = scope("layer3.3", () => bottleneck(x3_2, 256, 1024));
    const x3_4 = scope("layer3.4", () => bottleneck(x3_3, 256, 1024));
    const x3_5 = scope("layer3.5", () => bottleneck(x3_4, 256, 1024));
    expectShape(x3_5, ["N", 1024, 14, 14]);
    const x4_0 = scope("layer4.0", () => first(x3_5, 512, 2048, 2));
    const x4_1 = scope("layer4.1", () => bottleneck(x4_0, 512, 2048));
    const x4_2 = scope("layer4.2", () => bottleneck(x4_1, 512, 2048));
    expectShape(x4_2, ["N", 2048, 7, 7]);
    const logits = linear(flatten(adaptiveAvgPool2d(x4_2, 1)), { inFeatures: 2048, outFeatures: 1000, name: "fc" });
    expectShape(logits, ["N", 1000]);
    return { logits };
  },
});
