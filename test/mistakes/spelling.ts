// Options that a layer does not take, by a name or a kind that is near: what the compiler says has to stay short.
import { conv2d, interpolate, layerNorm, linear, maxPool2d, multiHeadAttention, type Tensor } from "../../src/dsl/index.ts";

export const mistakes = (x: Tensor<["N", 3, 32, 32]>, tokens: Tensor<["N", 16, 768]>) => [
  conv2d(x, { outChannels: 8, kernelSize: 3, strid: 2 }),
  //                                         ^ Object literal may only specify known properties, but 'strid' does not exist in type 'Conv2dOptions<8, 3, number, 1, 0, 1, 1>'. Did you mean to write 'stride'?
  conv2d(x, { outChannel: 8, kernelSize: 3 }),
  //          ^ Object literal may only specify known properties, but 'outChannel' does not exist in type 'Conv2dOptions<number, Sizes, number, 1, 0, 1, 1>'. Did you mean to write 'outChannels'?
  conv2d(x, { outChannels: 8, kernelSize: 3, bias: 0 }),
  //                                         ^ Type 'number' is not assignable to type 'boolean'.
  conv2d(x, { outChannels: 8, kernelSize: 3, init: "zeros" }),
  //                                         ^ Type 'string' has no properties in common with type 'LayerInit'.
  maxPool2d(x, { kernelsize: 2 }),
  //             ^ Object literal may only specify known properties, but 'kernelsize' does not exist in type 'MaxPoolOptions<"maxPool2d", Sizes, Sizes, 0, false, 1>'. Did you mean to write 'kernelSize'?
  maxPool2d(x, 2),
  //           ^ Argument of type 'number' is not assignable to parameter of type 'MaxPoolOptions<"maxPool2d", Sizes, Sizes, 0, false, 1>'.
  linear(x, { outFeatures: 2, biass: false }),
  //                          ^ Object literal may only specify known properties, but 'biass' does not exist in type 'LinearOptions<2, number>'. Did you mean to write 'bias'?
  layerNorm(tokens, 768),
  //                ^ Type '768' has no properties in common with type 'LayerNormOptions<number>'.
  layerNorm(tokens, { epsilon: 1e-6 }),
  //                  ^ Object literal may only specify known properties, and 'epsilon' does not exist in type 'LayerNormOptions<number>'.
  multiHeadAttention(tokens, tokens, tokens, { heads: 8 }),
  //                                           ^ Object literal may only specify known properties, and 'heads' does not exist in type 'AttentionOptions<number>'.
  interpolate(x, { scale: 2 }),
  //          ^ Argument of type 'Tensor<["N", 3, 32, 32]>' is not assignable to parameter of type '"interpolate: give either size or scaleFactor"'.
];
