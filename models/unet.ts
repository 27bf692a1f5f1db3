/**
 * A two-level U-Net (Ronneberger et al. 2015, "U-Net: convolutional networks for biomedical image segmentation",
 * arXiv:1505.04597) with padded convolutions and batch normalisation: 29,643 parameters at a width of 8, for 3 channels and 3
 * classes. Height and width have to be multiples of 4.
 */
import { batchNorm2d, concat, conv2d, convTranspose2d, defineModel, maxPool2d, relu, scope, type Tensor, withDefaults } from "striate";

/** What a U-Net can be built for. */
export interface UnetOptions<K extends number = number, C extends number = number, Z extends number = number> {
  readonly numClasses?: K;
  readonly inChannels?: C;
  /** Height and width of the images, a multiple of 4. */
  readonly imageSize?: Z;
  /** Channels of the first level; each level below has twice as many. */
  readonly width?: number;
}
const defaults = { numClasses: 2, inChannels: 3, imageSize: 128, width: 64 } as const;

/** Twice: 3x3 convolution, batch normalisation, relu. */
function doubleConv<S, C extends number>(x: Tensor<S>, channels: C) {
  const y = relu(batchNorm2d(conv2d(x, { outChannels: channels, kernelSize: 3, padding: 1, bias: false, name: "0" }), { name: "1" }));
  return relu(batchNorm2d(conv2d(y, { outChannels: channels, kernelSize: 3, padding: 1, bias: false, name: "3" }), { name: "4" }));
}

/** U-Net: float32[N, inChannels, imageSize, imageSize] -> logits of each pixel, float32[N, numClasses, imageSize, imageSize]. */
export function unet<K extends number = 2, C extends number = 3, Z extends number = 128>(options: UnetOptions<K, C, Z> = {}) {
  const { numClasses, inChannels, imageSize, width } = withDefaults(options, defaults);
  const up = <S, C extends number>(x: Tensor<S>, channels: C, name: string) =>
    convTranspose2d(x, { outChannels: channels, kernelSize: 2, stride: 2, name });
  return defineModel({
    name: "U-Net",
    inputs: { input: ["N", inChannels, imageSize, imageSize] },
    forward({ input }) {
      const image: Tensor<["N", number, number, number]> = input;
      const enc1 = scope("enc1", () => doubleConv(image, width));
      const enc2 = scope("enc2", () => doubleConv(maxPool2d(enc1, { kernelSize: 2 }), 2 * width));
      const middle = scope("bottleneck", () => doubleConv(maxPool2d(enc2, { kernelSize: 2 }), 4 * width));
      const up2 = up(middle, 2 * width, "up2");
      const dec2 = scope("dec2", () => doubleConv(concat([up2, enc2], 1), 2 * width));
      const up1 = up(dec2, width, "up1");
      const dec1 = scope("dec1", () => doubleConv(concat([up1, enc1], 1), width));
      return { logits: conv2d(dec1, { outChannels: numClasses, kernelSize: 1, name: "head" }) };
    },
  });
}

export default unet;
