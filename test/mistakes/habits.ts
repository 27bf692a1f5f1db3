// Mistakes that habits from PyTorch bring along: each is a type error at the argument that is wrong, and throws the same words when it is run.
import {
  adaptiveAvgPool2d,
  add,
  avgPool2d,
  batchNorm1d,
  batchNorm2d,
  concat,
  conv1d,
  conv2d,
  conv3d,
  convTranspose2d,
  dropout,
  expand,
  flatten,
  groupNorm,
  type InputTensors,
  instanceNorm2d,
  interpolate,
  layerNorm,
  linear,
  matmul,
  maxPool2d,
  mean,
  mul,
  multiHeadAttention,
  pad,
  permute,
  pipe,
  pixelShuffle,
  pixelUnshuffle,
  relu,
  reshape,
  select,
  slice,
  softmax,
  split,
  stack,
  transpose,
  unsqueeze,
  view,
} from "../../src/dsl/index.ts";

/** The inputs of all mistakes. */
export const inputs = {
  image: ["N", 3, 224, 224],
  maps: ["N", 64, 8, 8],
  one: [1, 64, 8, 8],
  tokens: ["N", 16, 768],
  shorter: ["N", 15, 768],
  narrow: ["N", 16, 512],
  features: ["N", 512],
  sequence: ["N", 8, 100],
  clip: ["N", 3, 16, 32, 32],
  symbolic: ["N", 3, "H", "W"],
  scores: ["N", 16, 16],
  halfScores: { shape: ["N", 16, 16], dtype: "float16" },
  half: { shape: ["N", 64, 8, 8], dtype: "float16" },
  ids: { shape: ["N", 64, 8, 8], dtype: "int64" },
  mask: { shape: ["N", 16, 16], dtype: "bool" },
} as const;
type Inputs = InputTensors<typeof inputs>;

/** Functions that must not compile. */
export const mistakes: readonly ((inputs: Inputs) => unknown)[] = [
  // Numbers of another precision in a sum.
  ({ maps, half }) => add(maps, half),
  //                            ^ Argument of type 'TypedTensor<["N", 64, 8, 8], "float16">' is not assignable to parameter of type '"add: float32 and float16 do not go together"'.
  // Class numbers as weights.
  ({ maps, ids }) => mul(maps, ids),
  //                           ^ Argument of type 'TypedTensor<["N", 64, 8, 8], "int64">' is not assignable to parameter of type '"mul: float32 and int64 do not go together"'.
  // A mask of truth values multiplied in.
  ({ scores, mask }) => mul(scores, mask),
  //                                ^ Argument of type 'TypedTensor<["N", 16, 16], "bool">' is not assignable to parameter of type '"mul: float32 and bool do not go together"'.
  // The bias of attention as truth values.
  ({ scores, mask }) => add(scores, mask),
  //                                ^ Argument of type 'TypedTensor<["N", 16, 16], "bool">' is not assignable to parameter of type '"add: float32 and bool do not go together"'.
  // Half of a product in another precision.
  ({ scores, halfScores }) => matmul(scores, halfScores),
  //                                         ^ Argument of type 'TypedTensor<["N", 16, 16], "float16">' is not assignable to parameter of type '"matmul: float32 and float16 do not go together"'.
  // A size of -2 or -64 where -1 was meant.
  ({ maps }) => reshape(maps, ["N", -2]),
  //                          ^ Argument of type '(string | number)[]' is not assignable to parameter of type '"reshape: a size is -2, but must be a natural number or -1"'.
  ({ maps }) => view(maps, ["N", -64, 64]),
  //                       ^ Argument of type '(string | number)[]' is not assignable to parameter of type '"view: a size is -64, but must be a natural number or -1"'.
  // A size that is a ratio.
  ({ maps }) => reshape(maps, ["N", 3, 1365.5]),
  //                          ^ Argument of type '(string | number)[]' is not assignable to parameter of type '"reshape: a size is 1365.5, but must be a natural number or -1"'.
  ({ one }) => expand(one, [-2, 64, 8, 8]),
  //                       ^ Argument of type 'number[]' is not assignable to parameter of type '"expand: a size is -2, but must be a natural number or -1"'.
  // Keys and values of other lengths.
  ({ tokens, shorter }) => multiHeadAttention(tokens, tokens, shorter, { numHeads: 8 }),
  //                                                          ^ Argument of type 'Tensor<["N", 15, 768]>' is not assignable to parameter of type '"multiHeadAttention: the key has 16 positions, but the value has 15"'.
  // The value without its sequence.
  ({ tokens, features }) => multiHeadAttention(tokens, tokens, features, { numHeads: 8 }),
  //                                                           ^ Argument of type 'Tensor<["N", 512]>' is not assignable to parameter of type '"multiHeadAttention: input has 2 axes, but [N, L, E] are needed"'.
  // The value of another width.
  ({ tokens, narrow }) => multiHeadAttention(tokens, tokens, narrow, { numHeads: 8 }),
  //                                                         ^ Argument of type 'Tensor<["N", 16, 512]>' is not assignable to parameter of type '"multiHeadAttention: embedding sizes 768 and 512 differ"'.
  // A percentage in place of a share.
  ({ features }) => dropout(features, 20),
  //                                  ^ Argument of type '20' is not assignable to parameter of type '"dropout: p is 20, but must be at least 0 and less than 1"'.
  ({ features }) => dropout(features, 1),
  //                                  ^ Argument of type '1' is not assignable to parameter of type '"dropout: p is 1, but must be at least 0 and less than 1"'.
  ({ features }) => dropout(features, -0.5),
  //                                  ^ Argument of type '-0.5' is not assignable to parameter of type '"dropout: p is -0.5, but must be at least 0 and less than 1"'.
  // A factor that shrinks to nothing, and one that mirrors.
  ({ maps }) => interpolate(maps, { scaleFactor: 0 }),
  //                                ^ Type 'number' is not assignable to type '"interpolate: scaleFactor is 0, but must be positive"'.
  ({ maps }) => interpolate(maps, { scaleFactor: -0.5 }),
  //                                ^ Type 'number' is not assignable to type '"interpolate: scaleFactor is -0.5, but must be positive"'.
  ({ maps }) => interpolate(maps, { scaleFactor: [2, -2] }),
  //                                ^ Type 'number[]' is not assignable to type '"interpolate: scaleFactor is -2, but must be positive"'.
  // Layers that take options, given to pipe without them.
  ({ image }) => pipe(image, conv2d),
  //                  ^ Argument of type 'Tensor<["N", 3, 224, 224]>' is not assignable to parameter of type '"pipe: function 1 takes more than a tensor: write (x) => f(x, ...)"'.
  ({ image }) => pipe(image, relu, maxPool2d),
  //                  ^ Argument of type 'Tensor<["N", 3, 224, 224]>' is not assignable to parameter of type '"pipe: function 2 takes more than a tensor: write (x) => f(x, ...)"'.
  ({ image }) => pipe(image, relu, relu, softmax, relu),
  //                  ^ Argument of type 'Tensor<["N", 3, 224, 224]>' is not assignable to parameter of type '"pipe: function 3 takes more than a tensor: write (x) => f(x, ...)"'.
  ({ tokens }) => pipe(tokens, layerNorm, linear),
  //                   ^ Argument of type 'Tensor<["N", 16, 768]>' is not assignable to parameter of type '"pipe: function 2 takes more than a tensor: write (x) => f(x, ...)"'.
  // An axis that permute has to be told as well.
  ({ maps }) => permute(maps, [0, 2, 3]),
  //                          ^ Argument of type 'number[]' is not assignable to parameter of type '"permute: 3 dims for 4 axes"'.
  // A kernel of an image on a clip, and the other way round.
  ({ clip }) => conv2d(clip, { outChannels: 8, kernelSize: 3 }),
  //                   ^ Argument of type 'Tensor<["N", 3, 16, 32, 32]>' is not assignable to parameter of type '"conv2d: input has 5 axes, but [N, C, H, W] are needed"'.
  ({ image }) => conv3d(image, { outChannels: 8, kernelSize: 3 }),
  //                    ^ Argument of type 'Tensor<["N", 3, 224, 224]>' is not assignable to parameter of type '"conv3d: input has 4 axes, but [N, C, T, H, W] are needed"'.
  ({ clip }) => maxPool2d(clip, { kernelSize: 2 }),
  //                      ^ Argument of type 'Tensor<["N", 3, 16, 32, 32]>' is not assignable to parameter of type '"maxPool2d: input has 5 axes, but [N, C, H, W] are needed"'.
  ({ sequence }) => avgPool2d(sequence, { kernelSize: 2 }),
  //                          ^ Argument of type 'Tensor<["N", 8, 100]>' is not assignable to parameter of type '"avgPool2d: input has 3 axes, but [N, C, H, W] are needed"'.
  // Batch normalisation of another number of axes.
  ({ image }) => batchNorm1d(image),
  //                         ^ Argument of type 'Tensor<["N", 3, 224, 224]>' is not assignable to parameter of type '"batchNorm1d: input has 4 axes, but [N, C] or [N, C, L] are needed"'.
  ({ sequence }) => batchNorm2d(sequence),
  //                            ^ Argument of type 'Tensor<["N", 8, 100]>' is not assignable to parameter of type '"batchNorm2d: input has 3 axes, but [N, C, H, W] are needed"'.
  ({ tokens }) => instanceNorm2d(tokens),
  //                             ^ Argument of type 'Tensor<["N", 16, 768]>' is not assignable to parameter of type '"instanceNorm2d: input has 3 axes, but [N, C, H, W] are needed"'.
  ({ features }) => groupNorm(features, { numGroups: 8 }),
  //                          ^ Argument of type 'Tensor<["N", 512]>' is not assignable to parameter of type '"groupNorm: input has 2 axes, but [N, C, ...] are needed"'.
  // Sequences with the channels last.
  ({ tokens }) => conv1d(tokens, { inChannels: 768, outChannels: 256, kernelSize: 3 }),
  //                     ^ Argument of type 'Tensor<["N", 16, 768]>' is not assignable to parameter of type '"conv1d: input has 16 channels, but inChannels is 768"'.
  ({ tokens }) => batchNorm1d(tokens, { numFeatures: 768 }),
  //                          ^ Argument of type 'Tensor<["N", 16, 768]>' is not assignable to parameter of type '"batchNorm1d: input has 16 channels, but numFeatures is 768"'.
  // An image given to a layer for features.
  ({ image }) => linear(image, { inFeatures: 150528, outFeatures: 10 }),
  //                             ^ Type 'number' is not assignable to type '"linear: inFeatures is 150528, but the input has 224 features"'.
  // Features that were never flattened.
  ({ maps }) => linear(maps, { inFeatures: 4096, outFeatures: 10 }),
  //                           ^ Type 'number' is not assignable to type '"linear: inFeatures is 4096, but the input has 8 features"'.
  // A grid over a clip.
  ({ clip }) => adaptiveAvgPool2d(clip, 1),
  //                              ^ Argument of type 'Tensor<["N", 3, 16, 32, 32]>' is not assignable to parameter of type '"adaptiveAvgPool2d: input has 5 axes, but [N, C, H, W] are needed"'.
  // Channels that do not make whole pixels, and pixels that do not make whole channels.
  ({ maps }) => pixelShuffle(maps, 3),
  //                         ^ Argument of type 'Tensor<["N", 64, 8, 8]>' is not assignable to parameter of type '"pixelShuffle: upscaleFactor 3 squared does not divide the 64 channels"'.
  ({ image }) => pixelUnshuffle(image, 3),
  //                            ^ Argument of type 'Tensor<["N", 3, 224, 224]>' is not assignable to parameter of type '"pixelUnshuffle: downscaleFactor 3 does not divide the height 224"'.
  // An output padding beyond the stride, and a padding that leaves nothing.
  ({ maps }) => convTranspose2d(maps, { outChannels: 32, kernelSize: 4, stride: 2, padding: 1, outputPadding: 3 }),
  //                                                                                           ^ Type 'number' is not assignable to type '"convTranspose2d: outputPadding is 3, but must be less than stride 2 or dilation 1"'.
  ({ maps }) => convTranspose2d(maps, { outChannels: 32, kernelSize: 2, padding: 8 }),
  //                            ^ Argument of type 'Tensor<["N", 64, 8, 8]>' is not assignable to parameter of type '"convTranspose2d: the padding leaves a result of [N, 32, -7, -7]"'.
  // Sizes, pads and axes.
  ({ maps }) => split(maps, [32, 16, 8], 1),
  //                        ^ Argument of type 'number[]' is not assignable to parameter of type '"split: the sizes add up to 56, but axis 1 has 64"'.
  ({ sequence }) => pad(sequence, [1, 1, 1]),
  //                              ^ Argument of type 'number[]' is not assignable to parameter of type '"pad: pads are [1, 1, 1], but must be an even number of integers, at most 6"'.
  ({ sequence }) => pad(sequence, [1, 1, 1, 1, 1, 1, 1, 1]),
  //                              ^ Argument of type 'number[]' is not assignable to parameter of type '"pad: pads are [1, 1, 1, 1, 1, 1, 1, 1], but must be an even number of integers, at most 6"'.
  ({ tokens }) => mean(tokens, 3),
  //                           ^ Argument of type '3' is not assignable to parameter of type '"mean: axis 3 is out of range for 3 axes"'.
  ({ tokens }) => mean(tokens, [0, 1, 2, 3]),
  //                           ^ Argument of type 'number[]' is not assignable to parameter of type '"mean: axis 3 is out of range for 3 axes"'.
  ({ tokens }) => softmax(tokens, -4),
  //                              ^ Argument of type '-4' is not assignable to parameter of type '"softmax: axis -4 is out of range for 3 axes"'.
  ({ maps }) => flatten(maps, 5),
  //                          ^ Argument of type '5' is not assignable to parameter of type '"flatten: axis 5 is out of range for 4 axes"'.
  ({ maps }) => unsqueeze(maps, 6),
  //                            ^ Argument of type '6' is not assignable to parameter of type '"unsqueeze: axis 6 is out of range for 5 axes"'.
  ({ maps }) => select(maps, 1, 64),
  //                            ^ Argument of type '64' is not assignable to parameter of type '"select: index 64 is outside axis 1, which has 64"'.
  ({ maps }) => slice(maps, 4),
  //                        ^ Argument of type '4' is not assignable to parameter of type '"slice: axis 4 is out of range for 4 axes"'.
  ({ features }) => transpose(features, 1, 2),
  //                                       ^ Argument of type '2' is not assignable to parameter of type '"transpose: axis 2 is out of range for 2 axes"'.
  ({ tokens, features }) => mul(tokens, features),
  //                                    ^ Argument of type 'Tensor<["N", 512]>' is not assignable to parameter of type '"mul: axis 2: 768 and 512 differ"'.
  ({ maps }) => expand(maps, ["N", 64, 16, 16]),
  //                         ^ Argument of type '(string | number)[]' is not assignable to parameter of type '"expand: axis 3: 8 does not repeat to 16"'.
  ({ features, maps }) => matmul(features, maps),
  //                                       ^ Argument of type 'Tensor<["N", 64, 8, 8]>' is not assignable to parameter of type '"matmul: the inner sizes 512 and 8 differ"'.
  ({ symbolic }) => adaptiveAvgPool2d(symbolic, [7, 7]),
  //                                  ^ Argument of type 'Tensor<["N", 3, "H", "W"]>' is not assignable to parameter of type '"adaptiveAvgPool2d: outputSize 7 needs a height that is a number, not H"'.
  ({ maps }) => groupNorm(maps, { numGroups: 5 }),
  //                              ^ Type 'number' is not assignable to type '"groupNorm: numGroups 5 does not divide the 64 channels"'.
  ({ maps }) => layerNorm(maps, { normalizedShape: 64 }),
  //                              ^ Type 'number' is not assignable to type '"layerNorm: normalizedShape is 64, but the last axis has 8"'.
  ({ maps }) => conv2d(maps, { outChannels: 64, kernelSize: 3, groups: 7 }),
  //                                                           ^ Type 'number' is not assignable to type '"conv2d: groups 7 does not divide the 64 input channels"'.
  ({ maps }) => stack([maps, maps, select(maps, 0, 0)]),
  //                               ^ Type 'Tensor<[64, 8, 8]>' is not assignable to type '"stack: 4 and 3 axes"'.
  ({ maps, clip }) => concat([maps, clip], 1),
  //                                ^ Type 'Tensor<["N", 3, 16, 32, 32]>' is not assignable to type '"concat: 4 and 5 axes"'.
];
