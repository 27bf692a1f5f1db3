// Mistakes in calls of layers: each is a type error at the argument that is wrong, and throws the same words when it is run.
import {
  adaptiveAvgPool2d,
  add,
  avgPool2d,
  batchNorm2d,
  concat,
  conv1d,
  conv2d,
  convTranspose2d,
  expand,
  expectShape,
  flatten,
  type InputTensors,
  layerNorm,
  layers,
  linear,
  matmul,
  maxPool2d,
  mean,
  multiHeadAttention,
  permute,
  pipe,
  relu,
  repeat,
  reshape,
  scope,
  select,
  sequential,
  slice,
  softmax,
  split,
  squeeze,
  stack,
  type Tensor,
  transpose,
  unsqueeze,
  upsample,
} from "../../src/dsl/index.ts";

/** The inputs of all mistakes. */
export const inputs = {
  image: ["N", 3, 224, 224],
  maps: ["N", 64, 56, 56],
  odd: ["N", 64, "H", 56],
  shifted: ["N", 64, 55, 56],
  small: ["N", 512, 7, 7],
  tokens: ["N", 197, 768],
  other: ["M", 1, 768],
  narrow: ["N", 50, 512],
  heads: ["N", 12, 197, 64],
  unbatched: [3, 224, 224],
} as const;
type Inputs = InputTensors<typeof inputs>;

function residual<S, C extends number>(x: Tensor<S>, channels: C) {
  return relu(add(conv2d(x, { outChannels: channels, kernelSize: 3, padding: 1 }), x));
}

/** Functions that must not compile. */
export const mistakes: readonly ((inputs: Inputs) => unknown)[] = [
  // The layer was written for 128 channels.
  ({ maps }) => conv2d(maps, { inChannels: 128, outChannels: 64, kernelSize: 3 }),
  //                   ^ Argument of type 'Tensor<["N", 64, 56, 56]>' is not assignable to parameter of type '"conv2d: input has 64 channels, but inChannels is 128"'.
  // The features after the pool are 512 * 7 * 7.
  ({ small }) => linear(flatten(small), { inFeatures: 512, outFeatures: 1000 }),
  //                                      ^ Type 'number' is not assignable to type '"linear: inFeatures is 512, but the input has 512 * 7 * 7 = 25088 features"'.
  // The skip has another size.
  ({ maps, shifted }) => concat([maps, shifted], 1),
  //                                   ^ Type 'Tensor<["N", 64, 55, 56]>' is not assignable to type '"concat: axis 2: 56 and 55 differ"'.
  // The second of three has other channels, joined along the height.
  ({ maps, image }) => concat([maps, image, maps], 2),
  //                                 ^ Type 'Tensor<["N", 3, 224, 224]>' is not assignable to type '"concat: axis 1: 64 and 3 differ"'.
  // 3 groups for 64 channels.
  ({ maps }) => conv2d(maps, { outChannels: 96, kernelSize: 3, groups: 3 }),
  //                                                           ^ Type 'number' is not assignable to type '"conv2d: groups 3 does not divide the 64 input channels"'.
  // The groups do not divide the outputs.
  ({ maps }) => conv2d(maps, { outChannels: 100, kernelSize: 3, groups: 64 }),
  //                                                            ^ Type 'number' is not assignable to type '"conv2d: groups 64 does not divide outChannels 100"'.
  // The kernel is larger than the map.
  ({ small }) => conv2d(small, { outChannels: 512, kernelSize: 9 }),
  //                    ^ Argument of type 'Tensor<["N", 512, 7, 7]>' is not assignable to parameter of type '"conv2d: kernel 9 exceeds the input height 7"'.
  // Dilated beyond the map.
  ({ small }) => conv2d(small, { outChannels: 512, kernelSize: 3, dilation: 4, padding: 0 }),
  //                    ^ Argument of type 'Tensor<["N", 512, 7, 7]>' is not assignable to parameter of type '"conv2d: kernel 3 dilated by 4 exceeds the input height 7"'.
  // Pooled away.
  ({ small }) => maxPool2d(adaptiveAvgPool2d(small, 1), { kernelSize: 2 }),
  //                       ^ Argument of type 'Tensor<["N", 512, 1, 1]>' is not assignable to parameter of type '"maxPool2d: kernel 2 exceeds the input height 1"'.
  // A stride of 0.
  ({ image }) => conv2d(image, { outChannels: 64, kernelSize: 3, stride: 0 }),
  //                                                             ^ Type 'number' is not assignable to type '"conv2d: stride is 0, but must be a positive integer"'.
  // A stride in a convolution that keeps the size.
  ({ image }) => conv2d(image, { outChannels: 64, kernelSize: 3, stride: 2, padding: "same" }),
  //                                                             ^ Type 'number' is not assignable to type '"conv2d: padding \"same\" needs stride 1, but stride is 2"'.
  // A negative padding.
  ({ image }) => conv2d(image, { outChannels: 64, kernelSize: 3, padding: -1 }),
  //                                                             ^ Type 'number' is not assignable to type '"conv2d: padding is -1, but must be a natural number"'.
  // A negative kernel.
  ({ image }) => maxPool2d(image, { kernelSize: -2 }),
  //                                ^ Type 'number' is not assignable to type '"maxPool2d: kernelSize is -2, but must be a positive integer"'.
  // More padding than half of the kernel.
  ({ image }) => avgPool2d(image, { kernelSize: 2, padding: 2 }),
  //                                               ^ Type 'number' is not assignable to type '"avgPool2d: padding 2 is more than half of kernelSize 2"'.
  // A grid of 7 cells over a size that is not known.
  ({ odd }) => adaptiveAvgPool2d(odd, 7),
  //                             ^ Argument of type 'Tensor<["N", 64, "H", 56]>' is not assignable to parameter of type '"adaptiveAvgPool2d: outputSize 7 needs a height that is a number, not H"'.
  // A convolution over sequences, on an image.
  ({ image }) => conv1d(image, { outChannels: 64, kernelSize: 3 }),
  //                    ^ Argument of type 'Tensor<["N", 3, 224, 224]>' is not assignable to parameter of type '"conv1d: input has 4 axes, but [N, C, L] are needed"'.
  // The shortcut lacks its projection.
  ({ maps }) => add(conv2d(maps, { outChannels: 256, kernelSize: 1 }), maps),
  //                                                                   ^ Argument of type 'Tensor<["N", 64, 56, 56]>' is not assignable to parameter of type '"add: axis 1: 256 and 64 differ"'.
  // The shortcut lacks its stride.
  ({ maps }) => add(conv2d(maps, { outChannels: 64, kernelSize: 3, stride: 2, padding: 1 }), maps),
  //                                                                                         ^ Argument of type 'Tensor<["N", 64, 56, 56]>' is not assignable to parameter of type '"add: axis 3: 28 and 56 differ"'.
  // No such axis.
  ({ tokens }) => softmax(tokens, 3),
  //                              ^ Argument of type '3' is not assignable to parameter of type '"softmax: axis 3 is out of range for 3 axes"'.
  // No such axis, from the end.
  ({ tokens }) => transpose(tokens, 1, -4),
  //                                   ^ Argument of type '-4' is not assignable to parameter of type '"transpose: axis -4 is out of range for 3 axes"'.
  // Dims of another rank.
  ({ tokens }) => permute(tokens, [0, 2]),
  //                              ^ Argument of type 'number[]' is not assignable to parameter of type '"permute: 2 dims for 3 axes"'.
  // Channels last, of a tensor without images.
  ({ tokens }) => permute(tokens, [0, 2, 3]),
  //                              ^ Argument of type 'number[]' is not assignable to parameter of type '"permute: axis 3 is out of range for 3 axes"'.
  // Concatenated along axis 4 of an image.
  ({ maps }) => concat([maps, maps], 4),
  //                                 ^ Argument of type '4' is not assignable to parameter of type '"concat: axis 4 is out of range for 4 axes"'.
  // The elements do not fill the shape.
  ({ small }) => reshape(small, ["N", 25000]),
  //                            ^ Argument of type '(string | number)[]' is not assignable to parameter of type '"reshape: 25088 elements do not fill a shape of 25000"'.
  // 25088 is no multiple of 500.
  ({ small }) => reshape(small, ["N", -1, 500]),
  //                            ^ Argument of type '(string | number)[]' is not assignable to parameter of type '"reshape: 25088 elements do not split into 500"'.
  // An axis of 197 does not repeat.
  ({ tokens }) => expand(tokens, ["N", 394, 768]),
  //                             ^ Argument of type '(string | number)[]' is not assignable to parameter of type '"expand: axis 1: 197 does not repeat to 394"'.
  // 10 heads for 768 features.
  ({ tokens }) => multiHeadAttention(tokens, tokens, tokens, { numHeads: 10 }),
  //                                                           ^ Type 'number' is not assignable to type '"multiHeadAttention: 10 heads do not divide the embedding size 768"'.
  // The key has another width.
  ({ tokens, narrow }) => multiHeadAttention(tokens, narrow, narrow, { numHeads: 12 }),
  //                                                 ^ Argument of type 'Tensor<["N", 50, 512]>' is not assignable to parameter of type '"multiHeadAttention: embedding sizes 768 and 512 differ"'.
  // The keys were not transposed.
  ({ heads }) => matmul(heads, heads),
  //                           ^ Argument of type 'Tensor<["N", 12, 197, 64]>' is not assignable to parameter of type '"matmul: the inner sizes 64 and 197 differ"'.
  // An image without a batch.
  ({ unbatched }) => conv2d(unbatched, { outChannels: 64, kernelSize: 3 }),
  //                        ^ Argument of type 'Tensor<[3, 224, 224]>' is not assignable to parameter of type '"conv2d: input has 3 axes, but [N, C, H, W] are needed"'.
  // A convolution after flatten.
  ({ small }) => conv2d(flatten(small), { outChannels: 64, kernelSize: 3 }),
  //                    ^ Argument of type 'FlatTensor<["N", 25088], "512 * 7 * 7">' is not assignable to parameter of type '"conv2d: input has 2 axes, but [N, C, H, W] are needed"'.
  // Batch normalisation of another width.
  ({ maps }) => batchNorm2d(maps, { numFeatures: 128 }),
  //                        ^ Argument of type 'Tensor<["N", 64, 56, 56]>' is not assignable to parameter of type '"batchNorm2d: input has 64 channels, but numFeatures is 128"'.
  // Layer normalisation of another width.
  ({ tokens }) => layerNorm(tokens, { normalizedShape: 512 }),
  //                                  ^ Type 'number' is not assignable to type '"layerNorm: normalizedShape is 512, but the last axis has 768"'.
  // Layer normalisation over other axes.
  ({ tokens }) => layerNorm(tokens, { normalizedShape: [196, 768] }),
  //                                  ^ Type 'number[]' is not assignable to type '"layerNorm: normalizedShape is [196, 768], but the last axes have [197, 768]"'.
  // A scale of 0.
  ({ maps }) => upsample(maps, { scaleFactor: 0 }),
  //                             ^ Type 'number' is not assignable to type '"upsample: scaleFactor is 0, but must be a positive integer"'.
  // Another batch.
  ({ tokens, other }) => concat([tokens, other], 1),
  //                                     ^ Type 'Tensor<["M", 1, 768]>' is not assignable to type '"concat: axis 0: N and M differ"'.
  // Another shape on the stack.
  ({ maps, shifted }) => stack([maps, shifted]),
  //                                  ^ Type 'Tensor<["N", 64, 55, 56]>' is not assignable to type '"stack: axis 2: 56 and 55 differ"'.
  // The sizes do not add up.
  ({ maps }) => split(maps, [32, 16], 1),
  //                        ^ Argument of type 'number[]' is not assignable to parameter of type '"split: the sizes add up to 48, but axis 1 has 64"'.
  // An axis that is not 1.
  ({ small }) => squeeze(small, 3),
  //                            ^ Argument of type '3' is not assignable to parameter of type '"squeeze: axis 3 has 7, not 1"'.
  // A new axis too far out.
  ({ tokens }) => unsqueeze(tokens, 5),
  //                                ^ Argument of type '5' is not assignable to parameter of type '"unsqueeze: axis 5 is out of range for 4 axes"'.
  // The mean over an axis that is not there.
  ({ tokens }) => mean(tokens, [1, 3]),
  //                           ^ Argument of type 'number[]' is not assignable to parameter of type '"mean: axis 3 is out of range for 3 axes"'.
  // A step backwards.
  ({ tokens }) => slice(tokens, 1, { step: -1 }),
  //                                 ^ Type 'number' is not assignable to type '"slice: step is -1, but must be a positive integer"'.
  // The skip of an odd height: half of H, doubled, is not H.
  ({ odd }) => concat([odd, convTranspose2d(maxPool2d(odd, { kernelSize: 2 }), { outChannels: 64, kernelSize: 2, stride: 2 })], 1),
  //                        ^ Type 'Tensor<["N", 64, "2*floor(H/2)", 56]>' is not assignable to type '"concat: axis 2: H and 2*floor(H/2) differ"'.
  // A sequence on a tensor that it was not made for.
  ({ maps }) => sequential(layers.conv2d({ inChannels: 3, outChannels: 64, kernelSize: 3 }), layers.relu())(maps),
  //                                                                                                        ^ Argument of type 'Tensor<["N", 64, 56, 56]>' is not assignable to parameter of type '"conv2d: input has 64 channels, but inChannels is 3"'.
  // A repeated block that changes the shape.
  ({ maps }) => repeat(maps, 3, (x) => conv2d(x, { outChannels: 128, kernelSize: 1 })),
  //                                   ^ Type 'Tensor<["N", 128, 56, 56]>' is not assignable to type '"repeat: the block turns [N, 64, 56, 56] into [N, 128, 56, 56]"'.
  // A generic block that does not fit at this call: found where its scope ends.
  ({ maps }) => scope("layer1", () => residual(maps, 128)),
  //                                  ^ Type 'Tensor<"add: axis 1: 128 and 64 differ">' is not assignable to type '"add: axis 1: 128 and 64 differ"'.
  // No such axis.
  ({ tokens }) => select(tokens, 5, 0),
  //                             ^ Argument of type '5' is not assignable to parameter of type '"select: axis 5 is out of range for 3 axes"'.
  // The expected shape.
  ({ small }) => expectShape(flatten(small), ["N", 512]),
  //                                         ^ Argument of type '(string | number)[]' is not assignable to parameter of type '"expectShape: the shape is [N, 25088], not [N, 512]"'.
  // Two sizes are left to be worked out.
  ({ small }) => reshape(small, [-1, 512, -1]),
  //                            ^ Argument of type 'number[]' is not assignable to parameter of type '"reshape: more than one size is -1"'.
  // One of the axes is forgotten.
  ({ heads }) => permute(heads, [0, 2, 1]),
  //                            ^ Argument of type 'number[]' is not assignable to parameter of type '"permute: 3 dims for 4 axes"'.
  // The second layer of a pipe does not fit the first.
  ({ image }) => pipe(image, layers.relu(), layers.conv2d({ inChannels: 4, outChannels: 8, kernelSize: 1 })),
  //                                        ^ Argument of type 'Layer<Conv2d<8, 4, 1, 1, 0, 1>>' is not assignable to parameter of type 'F<NoInfer<Tensor<["N", 3, 224, 224]>>, [], Tensor<Dim[]>>'. Types of parameters 'x' and 'x' are incompatible. Type 'Tensor<["N", 3, 224, 224]>' is not assignable to type '"conv2d: input has 3 channels, but inChannels is 4"'.
];
