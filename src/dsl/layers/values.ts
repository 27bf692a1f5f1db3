/** Each layer as a value, for `sequential` and `pipe`: `layers.conv2d({ ... })` is the function that waits for its input. */

import type { Init, LayerInit } from "../init.ts";
import { type Layer, layerOf, type Same } from "../layer.ts";
import type { Conv2d, ConvTranspose2d } from "../shape-rules/conv.ts";
import type { Linear } from "../shape-rules/linear.ts";
import type { BatchNorm2d, GroupNorm, InstanceNorm2d } from "../shape-rules/normalization.ts";
import type { PixelShuffle } from "../shape-rules/pixel-shuffle.ts";
import type { Adaptive, Pool2d } from "../shape-rules/pool.ts";
import type { Flatten } from "../shape-rules/reshape.ts";
import type { Resize } from "../shape-rules/resize.ts";
import type { Padding, Pair, Positive } from "../shape-rules/window.ts";
import { type Checked, isTensor } from "../tensor.ts";
import * as activation from "./activation.ts";
import * as adaptive from "./adaptive-pool.ts";
import { conv2d as applyConv2d, type ConvOptions } from "./conv.ts";
import { convTranspose2d as applyConvTranspose2d, type ConvTransposeOptions } from "./conv-transpose.ts";
import { groupNorm as applyGroupNorm, instanceNorm2d as applyInstanceNorm2d } from "./group-norm.ts";
import { linear as applyLinear } from "./linear.ts";
import { batchNorm2d as applyBatchNorm2d, layerNorm as applyLayerNorm, type BatchNormOptions } from "./normalization.ts";
import { pixelShuffle as applyPixelShuffle } from "./pixel-shuffle.ts";
import { avgPool2d as applyAvgPool2d, maxPool2d as applyMaxPool2d, type PoolOptions } from "./pool.ts";
import { flatten as applyFlatten } from "./reshape.ts";
import { upsample as applyUpsample, type ResizeMode } from "./resize.ts";

type Function1 = (x: never, options: never) => unknown;
/** A layer whose name is an option, given by `sequential` where it is absent. */
function withName<R>(apply: Function1, options: object, publicFunction: (...args: never) => unknown): Layer<R> {
  // What is no options is passed on as it is, for the layer to say so.
  const isPlain = isObject(options) && !Array.isArray(options) && !isTensor(options);
  return layerOf<R>((x, name) => apply(x, passed(isPlain && name !== undefined ? { name, ...options } : options)), publicFunction);
}
const isObject = (x: unknown): x is object => typeof x === "object" && x !== null;
/** Sound because the layer's rule is the function's own, and checks the options together with the input. */
const passed = (option: unknown): never => option as never;
/** A layer without parameters. */
const plain = <R>(apply: (x: never) => unknown, publicFunction: (...args: never) => unknown): Layer<R> =>
  layerOf<R>((x) => apply(x), publicFunction);

/** conv2d as a value. */
export function conv2d<
  O extends number,
  const K extends Pair,
  I extends number = number,
  const St extends Pair = 1,
  const P extends Padding = 0,
  const D extends Pair = 1,
>(options: ConvOptions<"conv2d", O, K, I, St, P, D> & { groups?: number }): Layer<Conv2d<O, I, K, St, P, D>> {
  return withName(applyConv2d, options, conv2d);
}
/** maxPool2d as a value. */
export function maxPool2d<const K extends Pair, const St extends Pair = K, const P extends Pair = 0, M extends boolean = false>(
  options: PoolOptions<"maxPool2d", K, St, P, M>,
): Layer<Pool2d<"maxPool2d", K, St, P, 1, M>> {
  return layerOf((x) => applyMaxPool2d(x, passed(options)), maxPool2d);
}
/** avgPool2d as a value. */
export function avgPool2d<const K extends Pair, const St extends Pair = K, const P extends Pair = 0, M extends boolean = false>(
  options: PoolOptions<"avgPool2d", K, St, P, M> & { countIncludePad?: boolean },
): Layer<Pool2d<"avgPool2d", K, St, P, 1, M>> {
  return layerOf((x) => applyAvgPool2d(x, passed(options)), avgPool2d);
}
/** adaptiveAvgPool2d as a value. */
export function adaptiveAvgPool2d<const Y extends Pair>(outputSize: Y): Layer<Adaptive<"adaptiveAvgPool2d", Y>> {
  return layerOf((x) => adaptive.adaptiveAvgPool2d(x, passed(outputSize)), adaptiveAvgPool2d);
}
/** linear as a value. */
export function linear<O extends number, I extends number = number>(options: {
  outFeatures: Checked<O, Positive<"linear: outFeatures", O>>;
  /** Only checked: the input says how many there are. */
  inFeatures?: I;
  bias?: boolean;
  init?: LayerInit;
  name?: string;
}): Layer<Linear<O, I>> {
  return withName(applyLinear, options, linear);
}
/** flatten as a value. */
export function flatten<A extends number = 1, B extends number = -1>(startDim?: A, endDim?: B): Layer<Flatten<A, B>> {
  return layerOf((x) => applyFlatten(x, passed(startDim), passed(endDim)), flatten);
}
/** batchNorm2d as a value. */
export function batchNorm2d<F extends number = number>(options: BatchNormOptions<F> = {}): Layer<BatchNorm2d<F>> {
  return withName(applyBatchNorm2d, options, batchNorm2d);
}
/** layerNorm as a value. */
export function layerNorm(options: { eps?: number; name?: string } = {}): Layer<Same> {
  return withName(applyLayerNorm, options, layerNorm);
}
/** prelu as a value. */
export function prelu(options: { numParameters?: number; init?: Init; name?: string } = {}): Layer<Same> {
  return withName(activation.prelu, options, prelu);
}
/** relu as a value. */
export const relu = (): Layer<Same> => plain(activation.relu, relu);
/** relu6 as a value. */
export const relu6 = (): Layer<Same> => plain(activation.relu6, relu6);
/** leakyRelu as a value. */
export const leakyRelu = (negativeSlope = 0.01): Layer<Same> => layerOf((x) => activation.leakyRelu(x, negativeSlope), leakyRelu);
/** elu as a value. */
export const elu = (alpha = 1): Layer<Same> => layerOf((x) => activation.elu(x, alpha), elu);
/** gelu as a value. */
export const gelu = (options: { approximate?: "none" | "tanh" } = {}): Layer<Same> => layerOf((x) => activation.gelu(x, options), gelu);
/** silu as a value. */
export const silu = (): Layer<Same> => plain(activation.silu, silu);
/** sigmoid as a value. */
export const sigmoid = (): Layer<Same> => plain(activation.sigmoid, sigmoid);
/** tanh as a value. */
export const tanh = (): Layer<Same> => plain(activation.tanh, tanh);
/** hardSwish as a value. */
export const hardSwish = (): Layer<Same> => plain(activation.hardSwish, hardSwish);
/** hardSigmoid as a value. */
export const hardSigmoid = (): Layer<Same> => plain(activation.hardSigmoid, hardSigmoid);
/** dropout as a value. */
export const dropout = (p = 0.5): Layer<Same> => layerOf((x) => activation.dropout(x, p), dropout);
/** identity as a value. */
export const identity = (): Layer<Same> => plain(activation.identity, identity);
/** convTranspose2d as a value. */
export function convTranspose2d<
  O extends number,
  const K extends Pair,
  I extends number = number,
  const St extends Pair = 1,
  const P extends Pair = 0,
  const D extends Pair = 1,
  const E extends Pair = 0,
>(
  options: ConvTransposeOptions<"convTranspose2d", O, K, I, St, P, D, E> & { groups?: number },
): Layer<ConvTranspose2d<O, I, K, St, P, D, E>> {
  return withName(applyConvTranspose2d, options, convTranspose2d);
}
/** groupNorm as a value. */
export function groupNorm<G extends number>(options: {
  numGroups: Checked<G, Positive<"groupNorm: numGroups", G>>;
  eps?: number;
  affine?: boolean;
  init?: LayerInit;
  name?: string;
}): Layer<GroupNorm<G>> {
  return withName(applyGroupNorm, options, groupNorm);
}
/** instanceNorm2d as a value. */
export function instanceNorm2d(options: { eps?: number; affine?: boolean; init?: LayerInit; name?: string } = {}): Layer<InstanceNorm2d> {
  return withName(applyInstanceNorm2d, options, instanceNorm2d);
}
/** upsample as a value. */
export function upsample<const F extends Pair>(options: {
  scaleFactor: Checked<F, Positive<"upsample: scaleFactor", F>>;
  mode?: ResizeMode;
  alignCorners?: boolean;
}): Layer<Resize<"upsample", null, F>> {
  return layerOf((x) => applyUpsample(x, passed(options)), upsample);
}
/** pixelShuffle as a value. */
export function pixelShuffle<R extends number>(upscaleFactor: R): Layer<PixelShuffle<R>> {
  return layerOf((x) => applyPixelShuffle(x, passed(upscaleFactor)), pixelShuffle);
}
