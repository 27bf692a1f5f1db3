// Mistakes that people reported, each with its thread: a type error at the argument that is wrong, and the same words when it is run.
import {
  adaptiveAvgPool2d,
  add,
  avgPool2d,
  batchNorm2d,
  bceWithLogits,
  chunk,
  concat,
  conv1d,
  conv2d,
  conv3d,
  convTranspose2d,
  crossEntropy,
  expectShape,
  expectTarget,
  flatten,
  groupNorm,
  type InputTensors,
  layerNorm,
  linear,
  matmul,
  maxPool2d,
  mse,
  mul,
  multiHeadAttention,
  pad,
  permute,
  pixelShuffle,
  pixelUnshuffle,
  relu,
  select,
  sum,
  type Tensor,
  unsqueeze,
  view,
} from "../../src/dsl/index.ts";

/** The inputs of all mistakes. */
export const inputs = {
  rgb: ["N", 3, 512, 512],
  gray: ["N", 1, 1280, 1280],
  nhwc: ["N", 512, 512, 3],
  wide: ["N", 3, 480, 640],
  mnist: ["N", 1, 28, 28],
  tiny: ["N", 2432, 4, 3],
  deep: ["N", 512, 4, 1],
  odd: ["N", 3, 222, 222],
  maps: ["N", 64, 56, 56],
  one: [3, 224, 224],
  tokens: ["N", 197, 1024],
  features: ["N", 512],
  clip: ["N", 3, 16, 112, 112],
  sequence: ["N", 708, 256],
  any: ["N", 16, "H", "W"],
} as const;
type Inputs = InputTensors<typeof inputs>;

/** A level of a U-Net with its skip. */
function level<S>(x: Tensor<S>) {
  return convTranspose2d(maxPool2d(x, { kernelSize: 2 }), { outChannels: 64, kernelSize: 2, stride: 2 });
}

/** Functions that must not compile. */
export const mistakes: readonly ((inputs: Inputs) => unknown)[] = [
  // The convolutions give 32 * 7 * 7 features: https://androidkt.com/fix-runtimeerror-mat1-and-mat2-shapes-cannot-be-multiplied/
  ({ mnist }) => {
    const x = maxPool2d(relu(conv2d(mnist, { outChannels: 16, kernelSize: 5, padding: 2 })), { kernelSize: 2 });
    const y = maxPool2d(relu(conv2d(x, { outChannels: 32, kernelSize: 5, padding: 2 })), { kernelSize: 2 });
    return linear(flatten(y), { inFeatures: 1050, outFeatures: 10 });
    //                          ^ Type 'number' is not assignable to type '"linear: inFeatures is 1050, but the input has 32 * 7 * 7 = 1568 features"'.
  },
  // linear on maps that were not flattened: https://apxml.com/zh/courses/getting-started-with-pytorch/chapter-8-monitoring-debugging-models/debugging-shape-mismatches
  ({ maps }) => linear(maps, { inFeatures: 200704, outFeatures: 10 }),
  //                           ^ Type 'number' is not assignable to type '"linear: inFeatures is 200704, but the input has 56 features"'.
  // A gray image into a net for colour: https://github.com/xinge008/SCDA/issues/7
  ({ gray }) => conv2d(gray, { inChannels: 3, outChannels: 64, kernelSize: 3 }),
  //                   ^ Argument of type 'Tensor<["N", 1, 1280, 1280]>' is not assignable to parameter of type '"conv2d: input has 1 channels, but inChannels is 3"'.
  // Channels last: https://github.com/LeeJunHyun/Image_Segmentation/issues/29
  ({ nhwc }) => conv2d(nhwc, { inChannels: 3, outChannels: 64, kernelSize: 3 }),
  //                   ^ Argument of type 'Tensor<["N", 512, 512, 3]>' is not assignable to parameter of type '"conv2d: input has 512 channels, but inChannels is 3"'.
  // Channels last in a sequence: https://openillumi.com/en/en-pytorch-permute-fix-channel-error
  ({ sequence }) => conv1d(sequence, { inChannels: 256, outChannels: 24, kernelSize: 5 }),
  //                       ^ Argument of type 'Tensor<["N", 708, 256]>' is not assignable to parameter of type '"conv1d: input has 708 channels, but inChannels is 256"'.
  // The wrong permutation to channels first: https://discuss.pytorch.org/t/how-to-convert-a-pre-trained-model-from-nchw-to-nhwc-format/97589
  ({ nhwc }) => conv2d(permute(nhwc, [0, 2, 3, 1]), { inChannels: 3, outChannels: 64, kernelSize: 7 }),
  //                   ^ Argument of type 'Tensor<["N", 512, 3, 512]>' is not assignable to parameter of type '"conv2d: input has 512 channels, but inChannels is 3"'.
  // Height and width swapped: a 480x640 image is 480 high.
  ({ wide }) => expectShape(maxPool2d(wide, { kernelSize: 2 }), ["N", 3, 320, 240]),
  //                                                            ^ Argument of type '(string | number)[]' is not assignable to parameter of type '"expectShape: the shape is [N, 3, 240, 320], not [N, 3, 320, 240]"'.
  // An image without a batch: https://aionyx-blog.pages.dev/en/post/pytorch-dimension-error
  ({ one }) => maxPool2d(one, { kernelSize: 2 }),
  //                     ^ Argument of type 'Tensor<[3, 224, 224]>' is not assignable to parameter of type '"maxPool2d: input has 3 axes, but [N, C, H, W] are needed"'.
  // The batch axis added at the end: https://duoke360.com/post/34064
  ({ one }) => conv2d(unsqueeze(one, 3), { inChannels: 3, outChannels: 64, kernelSize: 7 }),
  //                  ^ Argument of type 'Tensor<[3, 224, 224, 1]>' is not assignable to parameter of type '"conv2d: input has 224 channels, but inChannels is 3"'.
  // A flat image into a convolution: https://e-com-net.com/article/1743708265516122112.htm
  ({ mnist }) => conv2d(view(mnist, ["N", 784]), { outChannels: 10, kernelSize: 3, padding: 1 }),
  //                    ^ Argument of type 'Tensor<["N", 784]>' is not assignable to parameter of type '"conv2d: input has 2 axes, but [N, C, H, W] are needed"'.
  // A pool that leaves nothing of the width: https://github.com/milesial/Pytorch-UNet/issues/134
  ({ deep }) => maxPool2d(deep, { kernelSize: 2 }),
  //                      ^ Argument of type 'Tensor<["N", 512, 4, 1]>' is not assignable to parameter of type '"maxPool2d: kernel 2 exceeds the input width 1"'.
  // The global pool of another image size: https://github.com/ABadCandy/BaiDuBigData19-URFC/issues/4
  ({ tiny }) => avgPool2d(tiny, { kernelSize: 4 }),
  //                      ^ Argument of type 'Tensor<["N", 2432, 4, 3]>' is not assignable to parameter of type '"avgPool2d: kernel 4 exceeds the input width 3"'.
  // A 4x4 kernel on a map of 3x3: https://github.com/Ha0Tang/SelectionGAN/issues/5
  ({ tiny }) => conv2d(tiny, { outChannels: 1, kernelSize: 4 }),
  //                   ^ Argument of type 'Tensor<["N", 2432, 4, 3]>' is not assignable to parameter of type '"conv2d: kernel 4 exceeds the input width 3"'.
  // The skip of an odd size: https://github.com/ptrblck/pytorch_misc/issues/2
  ({ odd }) => {
    const x = conv2d(odd, { outChannels: 64, kernelSize: 3, padding: 1, stride: 2 });
    return concat([level(x), x], 1);
    //                       ^ Type 'Tensor<["N", 64, 111, 111]>' is not assignable to type '"concat: axis 2: 110 and 111 differ"'.
  },
  // The skip of an unknown size: https://github.com/milesial/Pytorch-UNet/issues/32
  ({ any }) => concat([level(any), any], 1),
  //                               ^ Type 'Tensor<["N", 16, "H", "W"]>' is not assignable to type '"concat: axis 2: 2*floor(H/2) and H differ"'.
  // The residual of another width, as in https://github.com/AndreaCodegoni/Tiny_model_4_CD/issues/2
  ({ maps }) => mul(maps, avgPool2d(maps, { kernelSize: 2 })),
  //                      ^ Argument of type 'Tensor<["N", 64, 28, 28]>' is not assignable to parameter of type '"mul: axis 3: 56 and 28 differ"'.
  // 1024 features in 12 heads: https://github.com/open-mmlab/mmaction2/issues/1271
  ({ tokens }) => multiHeadAttention(tokens, tokens, tokens, { numHeads: 12 }),
  //                                                           ^ Type 'number' is not assignable to type '"multiHeadAttention: 12 heads do not divide the embedding size 1024"'.
  // 1600 features in 48 heads, the number of layers: https://github.com/rasbt/LLMs-from-scratch/issues/444
  ({ tokens }) => {
    const x = linear(tokens, { outFeatures: 1600 });
    return multiHeadAttention(x, x, x, { numHeads: 48 });
    //                                   ^ Type 'number' is not assignable to type '"multiHeadAttention: 48 heads do not divide the embedding size 1600"'.
  },
  // 69 channels in 4 groups: https://github.com/iduta/pyconv/issues/6
  ({ rgb }) => {
    const x = conv2d(rgb, { outChannels: 69, kernelSize: 1 });
    return conv2d(x, { outChannels: 64, kernelSize: 3, padding: 1, groups: 4 });
    //                                                             ^ Type 'number' is not assignable to type '"conv2d: groups 4 does not divide the 69 input channels"'.
  },
  // 73 outputs of 2 groups, in the same thread: https://github.com/iduta/pyconv/issues/6
  ({ maps }) => conv2d(maps, { outChannels: 73, kernelSize: 3, padding: 1, groups: 2 }),
  //                                                                       ^ Type 'number' is not assignable to type '"conv2d: groups 2 does not divide outChannels 73"'.
  // A depthwise convolution that is to widen by half: https://github.com/huggingface/pytorch-image-models/issues/354
  ({ maps }) => conv2d(maps, { outChannels: 96, kernelSize: 3, groups: 96 }),
  //                                                           ^ Type 'number' is not assignable to type '"conv2d: groups 96 does not divide the 64 input channels"'.
  // Eight groups for one channel: https://github.com/Seunggu0305/VLCounter/issues/6
  ({ gray }) => groupNorm(gray, { numGroups: 8 }),
  //                              ^ Type 'number' is not assignable to type '"groupNorm: numGroups 8 does not divide the 1 channels"'.
  // 9600 elements are no [16, 400]: https://www.bytezonex.com/archives/QBoC8wIS.html
  ({ rgb }) => {
    const x = adaptiveAvgPool2d(conv2d(rgb, { outChannels: 24, kernelSize: 3 }), 5);
    return view(x, ["N", 400]);
    //             ^ Argument of type '(string | number)[]' is not assignable to parameter of type '"view: 600 elements do not fill a shape of 400"'.
  },
  // A hidden layer that was not widened with the one before it: https://scientyficworld.org/fix-hidden-layer-shape-mismatches-in-pytorch/
  ({ features }) => linear(linear(features, { outFeatures: 16 }), { inFeatures: 12, outFeatures: 10 }),
  //                                                                ^ Type 'number' is not assignable to type '"linear: inFeatures is 12, but the input has 16 features"'.
  // Logits of 133 classes against a target of 10: http://www.kouhan.cn/en/article/00050409
  ({ features }) => {
    const logits = linear(features, { outFeatures: 133 });
    return expectShape(logits, ["N", 10]);
    //                         ^ Argument of type '(string | number)[]' is not assignable to parameter of type '"expectShape: the shape is [N, 133], not [N, 10]"'.
  },
  // A batch norm of the channels before the convolution.
  ({ rgb }) => batchNorm2d(conv2d(rgb, { outChannels: 64, kernelSize: 3 }), { numFeatures: 3 }),
  //                       ^ Argument of type 'Tensor<["N", 64, 510, 510]>' is not assignable to parameter of type '"batchNorm2d: input has 64 channels, but numFeatures is 3"'.
  // A layer norm over the channels of an image, which are not the last axis.
  ({ maps }) => layerNorm(maps, { normalizedShape: 64 }),
  //                              ^ Type 'number' is not assignable to type '"layerNorm: normalizedShape is 64, but the last axis has 56"'.
  // Attention scores without the transpose.
  ({ tokens }) => matmul(tokens, tokens),
  //                             ^ Argument of type 'Tensor<["N", 197, 1024]>' is not assignable to parameter of type '"matmul: the inner sizes 1024 and 197 differ"'.
  // A sum over the channels and again over the same axis.
  ({ maps }) => sum(maps, [1, -3]),
  //                      ^ Argument of type 'number[]' is not assignable to parameter of type '"sum: axis -3 comes twice"'.
  // A token behind the last.
  ({ tokens }) => select(tokens, 1, 197),
  //                                ^ Argument of type '197' is not assignable to parameter of type '"select: index 197 is outside axis 1, which has 197"'.
  // Padding of three sides.
  ({ rgb }) => pad(rgb, [1, 1, 1]),
  //                    ^ Argument of type 'number[]' is not assignable to parameter of type '"pad: pads are [1, 1, 1], but must be an even number of integers, at most 8"'.
  // Axes named twice.
  ({ maps }) => permute(maps, [0, 2, 2, 1]),
  //                          ^ Argument of type 'number[]' is not assignable to parameter of type '"permute: axis 2 comes twice"'.
  // Pieces of a batch that is not known.
  ({ maps }) => chunk(maps, 2, 0),
  //                           ^ Argument of type '0' is not assignable to parameter of type '"chunk: axis 0 has N, but must be a number"'.
  // 64 channels are no 3x3 pixels.
  ({ maps }) => pixelShuffle(maps, 3),
  //                         ^ Argument of type 'Tensor<["N", 64, 56, 56]>' is not assignable to parameter of type '"pixelShuffle: upscaleFactor 3 squared does not divide the 64 channels"'.
  // A size that is not known to be even.
  ({ any }) => pixelUnshuffle(any, 2),
  //                          ^ Argument of type 'Tensor<["N", 16, "H", "W"]>' is not assignable to parameter of type '"pixelUnshuffle: downscaleFactor 2 does not divide the height H"'.
  // A clip of 16 frames under a kernel of 17.
  ({ clip }) => conv3d(clip, { outChannels: 64, kernelSize: [17, 3, 3] }),
  //                   ^ Argument of type 'Tensor<["N", 3, 16, 112, 112]>' is not assignable to parameter of type '"conv3d: kernel 17 exceeds the input depth 16"'.
  // A clip into a layer for images.
  ({ clip }) => conv2d(clip, { outChannels: 64, kernelSize: 3 }),
  //                   ^ Argument of type 'Tensor<["N", 3, 16, 112, 112]>' is not assignable to parameter of type '"conv2d: input has 5 axes, but [N, C, H, W] are needed"'.
  // More padding than there is result.
  ({ maps }) => convTranspose2d(maps, { outChannels: 64, kernelSize: 3, padding: 40 }),
  //                            ^ Argument of type 'Tensor<["N", 64, 56, 56]>' is not assignable to parameter of type '"convTranspose2d: the padding leaves a result of [N, 64, -22, -22]"'.
  // A bias for each image, in place of one for each channel.
  ({ maps, features }) => add(maps, features),
  //                                ^ Argument of type 'Tensor<["N", 512]>' is not assignable to parameter of type '"add: axis 3: 56 and 512 differ"'.
  // Float targets for class numbers: https://github.com/qubvel-org/segmentation_models.pytorch/issues/197
  ({ rgb }) => expectTarget(conv2d(rgb, { outChannels: 21, kernelSize: 1 }), crossEntropy(), { shape: ["N", 512, 512], dtype: "float32" }),
  //                                                                                                                   ^ Type '"float32"' is not assignable to type '"expectTarget: this loss takes int64 targets, not float32"'.
  // Class numbers for a binary loss: https://github.com/pytorch/pytorch/issues/45373
  ({ features }) => expectTarget(linear(features, { outFeatures: 1 }), bceWithLogits(), { shape: ["N", 1], dtype: "int64" }),
  //                                                                                                       ^ Type '"int64"' is not assignable to type '"expectTarget: this loss takes float32 targets, not int64"'.
  // Masks that kept their channel: https://github.com/milesial/Pytorch-UNet/issues/93
  ({ rgb }) => expectTarget(conv2d(rgb, { outChannels: 2, kernelSize: 1 }), crossEntropy(), { shape: ["N", 8, 512, 512], dtype: "int64" }),
  //                                                                                          ^ Type '(string | number)[]' is not assignable to type '"expectTarget: this loss takes targets of [N, 512, 512], not [N, 8, 512, 512]"'.
  // 102 classes of flowers and a head of 2: https://github.com/udacity/aipnd-project/issues/1
  ({ features }) => expectTarget(linear(features, { outFeatures: 2 }), crossEntropy(), { shape: ["N"], dtype: "int64", classes: 102 }),
  //                                                                                                                   ^ Type 'number' is not assignable to type '"expectTarget: the prediction has 2 classes, but the data has 102"'.
  // Predictions [N, 1] and targets [N] of a squared error, which PyTorch broadcasts with a warning only.
  ({ features }) => expectTarget(linear(features, { outFeatures: 1 }), mse(), { shape: ["N"], dtype: "float32" }),
  //                                                                            ^ Type 'string[]' is not assignable to type '"expectTarget: this loss takes targets of [N, 1], not [N]"'.
];
