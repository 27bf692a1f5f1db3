/** The language in which models are written: typed tensors, layers as functions, models, and how parameters begin. */
export type { Dim } from "./dim-types.ts";
export { expectShape } from "./expect-shape.ts";
export { expectTarget } from "./expect-target.ts";
export type { Init, LayerInit } from "./init.ts";
export * as init from "./init.ts";
export { initialize } from "./initialize.ts";
export { type Apply, type Layer, layerOf, type Rule, type Same, sequential } from "./layer.ts";
export {
  dropout,
  elu,
  gelu,
  hardSigmoid,
  hardSwish,
  identity,
  leakyRelu,
  logSoftmax,
  prelu,
  relu,
  relu6,
  sigmoid,
  silu,
  softmax,
  softplus,
  tanh,
} from "./layers/activation.ts";
export { adaptiveAvgPool1d, adaptiveAvgPool2d, adaptiveMaxPool2d } from "./layers/adaptive-pool.ts";
export { abs, add, cast, clamp, div, exp, log, maximum, minimum, mul, neg, pow, reciprocal, sqrt, sub } from "./layers/arithmetic.ts";
export { multiHeadAttention } from "./layers/attention.ts";
export { conv1d, conv2d, conv3d } from "./layers/conv.ts";
export { convTranspose1d, convTranspose2d, convTranspose3d } from "./layers/conv-transpose.ts";
export { embedding } from "./layers/embedding.ts";
export { groupNorm, instanceNorm2d } from "./layers/group-norm.ts";
export { chunk, concat, split, stack } from "./layers/join.ts";
export { linear, matmul } from "./layers/linear.ts";
export { pad, permute, select, slice, transpose } from "./layers/movement.ts";
export { batchNorm1d, batchNorm2d, batchNorm3d, layerNorm } from "./layers/normalization.ts";
export { buffer, parameter } from "./layers/parameter.ts";
export { pixelShuffle, pixelUnshuffle } from "./layers/pixel-shuffle.ts";
export { avgPool1d, avgPool2d, avgPool3d, maxPool1d, maxPool2d, maxPool3d } from "./layers/pool.ts";
export { amax, amin, mean, sum } from "./layers/reduce.ts";
export { expand, flatten, reshape, squeeze, unsqueeze, view } from "./layers/reshape.ts";
export { interpolate, upsample } from "./layers/resize.ts";
export * as layers from "./layers/values.ts";
export * from "./loss/index.ts";
export {
  type AnyModel,
  defineModel,
  type InputSpec,
  type InputSpecs,
  type InputTensor,
  type InputTensors,
  isModel,
  type Model,
  type Parameter,
  type TracedModel,
  type TraceOptions,
  trace,
} from "./model.ts";
export * from "./optimizer/index.ts";
export type { Maker, OptionSpec, OptionSpecs, OptionType, OptionValue, OptionValues } from "./option.ts";
export { withDefaults } from "./option.ts";
export { selects } from "./pattern.ts";
export type * as rules from "./rules.ts";
export { pipe, repeat, scope, scopeOf, sharedScope } from "./scope.ts";
export type { Padding, Padding1d, Padding3d, Pair, Triple } from "./shape-rules/window.ts";
export type { AnyTensor, Checked, FlatTensor, Tensor, TensorOf, TypedTensor } from "./tensor.ts";
