/** A feature pyramid (Lin et al. 2016, arXiv:1612.03144) over a small backbone, for images of any size that is a multiple of 32, its sizes exact. */
import { add, conv2d, defineModel, expectShape, maxPool2d, relu, scope, type Tensor, upsample } from "striate";

const stage = <S, C extends number>(x: Tensor<S>, channels: C, name: string) =>
  relu(conv2d(x, { outChannels: channels, kernelSize: 3, stride: 2, padding: 1, name }));
const lateral = <S>(x: Tensor<S>, name: string) => conv2d(x, { outChannels: 256, kernelSize: 1, name });
const smooth = <S>(x: Tensor<S>, name: string) => conv2d(x, { outChannels: 256, kernelSize: 3, padding: 1, name });
const merge = <S, T>(below: Tensor<S>, above: Tensor<T>) => add(below, upsample(above, { scaleFactor: 2 }));
/** The class scores of nine anchors at each place, by the same weights on every level. */
const head = <S>(x: Tensor<S>, name: string) => conv2d(smooth(x, `${name}.conv`), { outChannels: 9 * 80, kernelSize: 3, padding: 1, name });

export default defineModel({
  name: "FPN",
  inputs: { input: ["N", 3, "32*H", "32*W"] },
  forward({ input }) {
    const c2 = stage(stage(input, 64, "stem"), 128, "stage2");
    const c3 = stage(c2, 256, "stage3");
    const c4 = stage(c3, 512, "stage4");
    const c5 = stage(c4, 1024, "stage5");
    expectShape(c5, ["N", 1024, "H", "W"]);
    const p5 = lateral(c5, "lateral5");
    const p4 = scope("fpn4", () => merge(lateral(c4, "lateral"), p5));
    const p3 = scope("fpn3", () => merge(lateral(c3, "lateral"), p4));
    expectShape(p3, ["N", 256, "4*H", "4*W"]);
    const p6 = maxPool2d(p5, { kernelSize: 1, stride: 2 });
    expectShape(p6, ["N", 256, "floor((H+1)/2)", "floor((W+1)/2)"]);
    return { p3: head(p3, "head3"), p4: head(p4, "head4"), p5: head(p5, "head5"), p6: head(p6, "head6") };
  },
});
