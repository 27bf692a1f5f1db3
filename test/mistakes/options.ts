// Mistakes in the options of layers, in joining and in cutting: each is a type error at the argument that is wrong, and throws the same words.
import {
  adaptiveAvgPool2d,
  avgPool2d,
  batchNorm1d,
  cast,
  chunk,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  embedding,
  expand,
  flatten,
  groupNorm,
  type InputTensors,
  interpolate,
  layerNorm,
  linear,
  matmul,
  maxPool2d,
  maxPool3d,
  mean,
  multiHeadAttention,
  pad,
  pixelShuffle,
  relu,
  repeat,
  select,
  split,
  stack,
  upsample,
} from "../../src/dsl/index.ts";

/** The inputs of all mistakes. */
export const inputs = {
  image: ["N", 3, 32, 32],
  maps: ["N", 64, 8, 8],
  tokens: ["N", 16, 768],
  features: ["N", 512],
  sequence: ["N", 8, 100],
  clip: ["N", 3, 16, 32, 32],
  ids: { shape: ["N", 16], dtype: "int64" },
} as const;
type Inputs = InputTensors<typeof inputs>;

/** Functions that must not compile. */
export const mistakes: readonly ((inputs: Inputs) => unknown)[] = [
  // A kernel with the depth of a volume.
  ({ image }) => conv2d(image, { outChannels: 8, kernelSize: [3, 3, 3] }),
  //                                             ^ Type 'number[]' is not assignable to type '"conv2d: kernelSize is [3, 3, 3], but must be a number or 2 numbers"'.
  // A stride in brackets, as configurations write it.
  ({ image }) => conv2d(image, { outChannels: 8, kernelSize: 3, stride: [2] }),
  //                                                            ^ Type 'number[]' is not assignable to type '"conv2d: stride is [2], but must be a number or 2 numbers"'.
  // Two sizes for three axes.
  ({ clip }) => conv3d(clip, { outChannels: 8, kernelSize: [3, 3] }),
  //                                           ^ Type 'number[]' is not assignable to type '"conv3d: kernelSize is [3, 3], but must be a number or 3 numbers"'.
  // A pool over clips with the stride of images.
  ({ clip }) => maxPool3d(clip, { kernelSize: 2, stride: [2, 2] }),
  //                                             ^ Type 'number[]' is not assignable to type '"maxPool3d: stride is [2, 2], but must be a number or 3 numbers"'.
  // ONNX's four pads.
  ({ maps }) => maxPool2d(maps, { kernelSize: 3, padding: [1, 1, 1, 1] }),
  //                                             ^ Type 'number[]' is not assignable to type '"maxPool2d: padding is [1, 1, 1, 1], but must be a number or 2 numbers"'.
  // A grid of three axes.
  ({ maps }) => adaptiveAvgPool2d(maps, [1, 1, 1]),
  //                                    ^ Argument of type 'number[]' is not assignable to parameter of type '"adaptiveAvgPool2d: outputSize is [1, 1, 1], but must be a number or 2 numbers"'.
  // No output at all.
  ({ image }) => conv2d(image, { outChannels: 0, kernelSize: 3 }),
  //                             ^ Type 'number' is not assignable to type '"conv2d: outChannels is 0, but must be a positive integer"'.
  // A kernel of a ratio.
  ({ image }) => conv2d(image, { outChannels: 8, kernelSize: 2.5 }),
  //                                             ^ Type 'number' is not assignable to type '"conv2d: kernelSize is 2.5, but must be a positive integer"'.
  // Dilation counts from 1.
  ({ image }) => conv2d(image, { outChannels: 8, kernelSize: 3, dilation: 0 }),
  //                                                            ^ Type 'number' is not assignable to type '"conv2d: dilation is 0, but must be a positive integer"'.
  // Groups count from 1.
  ({ maps }) => conv2d(maps, { outChannels: 32, kernelSize: 3, groups: 0 }),
  //                                                           ^ Type 'number' is not assignable to type '"conv2d: groups is 0, but must be a positive integer"'.
  ({ maps }) => convTranspose2d(maps, { outChannels: 32, kernelSize: 3, groups: 5 }),
  //                                                                    ^ Type 'number' is not assignable to type '"convTranspose2d: groups 5 does not divide the 64 input channels"'.
  ({ sequence }) => conv1d(sequence, { outChannels: 12, kernelSize: 3, groups: 8 }),
  //                                                                   ^ Type 'number' is not assignable to type '"conv1d: groups 8 does not divide outChannels 12"'.
  // An output padding as large as the stride.
  ({ maps }) => convTranspose2d(maps, { outChannels: 32, kernelSize: 3, stride: 2, padding: 1, outputPadding: 2 }),
  //                                                                                           ^ Type 'number' is not assignable to type '"convTranspose2d: outputPadding is 2, but must be less than stride 2 or dilation 1"'.
  ({ sequence }) => convTranspose1d(sequence, { outChannels: 4, kernelSize: 3, outputPadding: 1 }),
  //                                                                           ^ Type 'number' is not assignable to type '"convTranspose1d: outputPadding is 1, but must be less than stride 1 or dilation 1"'.
  ({ clip }) => convTranspose3d(clip, { outChannels: 4, kernelSize: 3, stride: [1, 2, 2], outputPadding: [1, 1, 1] }),
  //                                                                                      ^ Type 'number[]' is not assignable to type '"convTranspose3d: outputPadding is 1, but must be less than stride 1 or dilation 1"'.
  // Padding beyond half of the kernel.
  ({ maps }) => avgPool2d(maps, { kernelSize: [3, 2], padding: [1, 2] }),
  //                                                  ^ Type 'number[]' is not assignable to type '"avgPool2d: padding 2 is more than half of kernelSize 2"'.
  // Words in place of their numbers.
  ({ tokens }) => embedding(tokens, { numEmbeddings: 1000, embeddingDim: 32 }),
  //                        ^ Argument of type 'Tensor<["N", 16, 768]>' is not assignable to parameter of type '"embedding: the indices are float32, but must be int64 or int32"'.
  ({ ids }) => embedding(cast(ids, "float32"), { numEmbeddings: 1000, embeddingDim: 32 }),
  //                     ^ Argument of type 'Tensor<["N", 16]>' is not assignable to parameter of type '"embedding: the indices are float32, but must be int64 or int32"'.
  ({ ids }) => embedding(ids, { numEmbeddings: 0, embeddingDim: 32 }),
  //                            ^ Type 'number' is not assignable to type '"embedding: numEmbeddings is 0, but must be a positive integer"'.
  // Attention without heads, and over maps.
  ({ tokens }) => multiHeadAttention(tokens, tokens, tokens, { numHeads: 0 }),
  //                                                           ^ Type 'number' is not assignable to type '"multiHeadAttention: numHeads is 0, but must be a positive integer"'.
  ({ maps }) => multiHeadAttention(maps, maps, maps, { numHeads: 8 }),
  //                                     ^ Argument of type 'Tensor<["N", 64, 8, 8]>' is not assignable to parameter of type '"multiHeadAttention: input has 4 axes, but [N, L, E] are needed"'.
  // Normalisation over the channels and the height.
  ({ maps }) => layerNorm(maps, { normalizedShape: [64, 8] }),
  //                              ^ Type 'number[]' is not assignable to type '"layerNorm: normalizedShape is [64, 8], but the last axes have [8, 8]"'.
  ({ features }) => layerNorm(features, { normalizedShape: [1, 2, 512] }),
  //                                      ^ Type 'number[]' is not assignable to type '"layerNorm: normalizedShape is [1, 2, 512], but the input has 2 axes"'.
  ({ maps }) => batchNorm1d(maps),
  //                        ^ Argument of type 'Tensor<["N", 64, 8, 8]>' is not assignable to parameter of type '"batchNorm1d: input has 4 axes, but [N, C] or [N, C, L] are needed"'.
  ({ maps }) => groupNorm(maps, { numGroups: 12 }),
  //                              ^ Type 'number' is not assignable to type '"groupNorm: numGroups 12 does not divide the 64 channels"'.
  // A grid into which nothing says how large.
  ({ maps }) => interpolate(maps, {}),
  //                        ^ Argument of type 'Tensor<["N", 64, 8, 8]>' is not assignable to parameter of type '"interpolate: give either size or scaleFactor"'.
  // Two sizes, of which one is too many.
  ({ maps }) => interpolate(maps, { size: 16, scaleFactor: 2 }),
  //                                          ^ Type 'number' is not assignable to type '"interpolate: give either size or scaleFactor"'.
  ({ maps }) => upsample(maps, { scaleFactor: [2, 2, 2] }),
  //                             ^ Type 'number[]' is not assignable to type '"upsample: scaleFactor is [2, 2, 2], but must be a number or 2 numbers"'.
  // The last axis first.
  ({ maps }) => flatten(maps, 3, 1),
  //                          ^ Argument of type '3' is not assignable to parameter of type '"flatten: startDim 3 comes after endDim 1"'.
  // More is cut than there is.
  ({ maps }) => pad(maps, [-5, -5, 0, 0]),
  //                      ^ Argument of type 'number[]' is not assignable to parameter of type '"pad: the pads leave [N, 64, 8, -2]"'.
  // Fewer axes than the input has.
  ({ maps }) => expand(maps, [64, 8, 8]),
  //                         ^ Argument of type 'number[]' is not assignable to parameter of type '"expand: the shape has fewer axes than the input"'.
  ({ maps }) => select(maps, 1, -65),
  //                            ^ Argument of type '-65' is not assignable to parameter of type '"select: index -65 is outside axis 1, which has 64"'.
  ({ maps }) => split(maps, [32, 33], 1),
  //                        ^ Argument of type 'number[]' is not assignable to parameter of type '"split: the sizes add up to 65, but axis 1 has 64"'.
  ({ maps }) => chunk(maps, 0, 1),
  //                        ^ Argument of type '0' is not assignable to parameter of type '"chunk: chunks is 0, but must be a positive integer"'.
  ({ maps }) => stack([maps, maps], 6),
  //                                ^ Argument of type '6' is not assignable to parameter of type '"stack: axis 6 is out of range for 5 axes"'.
  ({ image }) => pixelShuffle(image, 2),
  //                          ^ Argument of type 'Tensor<["N", 3, 32, 32]>' is not assignable to parameter of type '"pixelShuffle: upscaleFactor 2 squared does not divide the 3 channels"'.
  ({ maps }) => mean(maps, [2, 2]),
  //                       ^ Argument of type 'number[]' is not assignable to parameter of type '"mean: axis 2 comes twice"'.
  ({ features, tokens }) => matmul(tokens, features),
  //                                       ^ Argument of type 'Tensor<["N", 512]>' is not assignable to parameter of type '"matmul: the inner sizes 768 and N differ"'.
  // The features of the pooled map, not flattened.
  ({ maps }) => linear(adaptiveAvgPool2d(maps, 1), { inFeatures: 64, outFeatures: 10 }),
  //                                                 ^ Type 'number' is not assignable to type '"linear: inFeatures is 64, but the input has 1 features"'.
  // A loop that counts down.
  ({ maps }) => repeat(maps, -1, (x) => relu(x)),
  //                         ^ Argument of type '-1' is not assignable to parameter of type '"repeat: n is -1, but must be a natural number"'.
  ({ maps }) => repeat(maps, 1.5, (x) => relu(x)),
  //                         ^ Argument of type '1.5' is not assignable to parameter of type '"repeat: n is 1.5, but must be a natural number"'.
];
