/** The U-Net of five levels on images of any size that is a multiple of 16, its sizes exact: what the type checker is measured on. */
import { batchNorm2d, concat, conv2d, convTranspose2d, defineModel, expectShape, maxPool2d, relu, scope, type Tensor } from "striate";

function double<S, C extends number>(x: Tensor<S>, channels: C) {
  const y = relu(batchNorm2d(conv2d(x, { outChannels: channels, kernelSize: 3, padding: 1, bias: false, name: "0" }), { name: "1" }));
  return relu(batchNorm2d(conv2d(y, { outChannels: channels, kernelSize: 3, padding: 1, bias: false, name: "3" }), { name: "4" }));
}
const down = <S, C extends number>(x: Tensor<S>, channels: C, name: string) =>
  scope(name, () => double(maxPool2d(x, { kernelSize: 2 }), channels));
const up = <S, C extends number>(x: Tensor<S>, channels: C, name: string) =>
  convTranspose2d(x, { outChannels: channels, kernelSize: 2, stride: 2, name });

export default defineModel({
  name: "U-Net",
  inputs: { input: ["N", 3, "16*H", "16*W"] },
  forward({ input }) {
    const x1 = scope("enc1", () => double(input, 64));
    const x2 = down(x1, 128, "enc2");
    const x3 = down(x2, 256, "enc3");
    const x4 = down(x3, 512, "enc4");
    const x5 = down(x4, 1024, "enc5");
    expectShape(x5, ["N", 1024, "H", "W"]);
    const y4 = scope("dec4", () => double(concat([up(x5, 512, "up"), x4], 1), 512));
    const y3 = scope("dec3", () => double(concat([up(y4, 256, "up"), x3], 1), 256));
    const y2 = scope("dec2", () => double(concat([up(y3, 128, "up"), x2], 1), 128));
    const y1 = scope("dec1", () => double(concat([up(y2, 64, "up"), x1], 1), 64));
    const logits = conv2d(y1, { outChannels: 2, kernelSize: 1, name: "head" });
    expectShape(logits, ["N", 2, "16*H", "16*W"]);
    return { logits };
  },
});
