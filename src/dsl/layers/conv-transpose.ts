/** Transposed convolutions, as torch.nn.ConvTranspose1d, ConvTranspose2d and ConvTranspose3d. */
import type { Value } from "../../ir/graph.ts";
import { defaultWeight, type LayerInit } from "../init.ts";
import type { After, Once } from "../layer.ts";
import {
  type Channels,
  type ConvTranspose1d,
  type ConvTranspose2d,
  type ConvTranspose3d,
  channelFault,
  type GroupsFault,
  groupsFault,
  grownFault,
  type OutputPaddingFault,
  outputPaddingFault,
} from "../shape-rules/conv.ts";
import { rankFault } from "../shape-rules/show.ts";
import { type Natural, natural, type Positive, type Sizes } from "../shape-rules/window.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, type Call, check, declare, enterLayer, floatOperand, result } from "../trace.ts";
import { biasOf, convAttributes, convSettings, layouts, optionFaults, perAxis } from "./conv.ts";
import { optionsFault, settings } from "./options.ts";

/** The options of transposed convolutions; an option that fails its own check turns into the type of its message. */
export interface ConvTransposeOptions<Op extends string, O extends number, K, I, St, P, D, E> {
  outChannels: Checked<O, Positive<`${Op}: outChannels`, O>>;
  kernelSize: Checked<K, Positive<`${Op}: kernelSize`, K>>;
  /** Only checked: the input says how many there are. */
  inChannels?: I;
  stride?: Checked<St, Positive<`${Op}: stride`, St>>;
  padding?: Checked<P, Natural<`${Op}: padding`, P>>;
  /** Added behind the result, to tell sizes apart that a stride makes equal: less than the stride or the dilation. */
  outputPadding?: Checked<Checked<E, Natural<`${Op}: outputPadding`, E>>, OutputPaddingFault<Op, E, St, D>>;
  dilation?: Checked<D, Positive<`${Op}: dilation`, D>>;
  bias?: boolean;
  init?: LayerInit;
  name?: string;
}

/** The options of convTranspose1d. */
export interface ConvTranspose1dOptions<O extends number, K, I, St, P, D, E, G>
  extends ConvTransposeOptions<"convTranspose1d", O, K, I, St, P, D, E> {
  groups?: G;
}
/** The options of convTranspose2d. */
export interface ConvTranspose2dOptions<O extends number, K, I, St, P, D, E, G>
  extends ConvTransposeOptions<"convTranspose2d", O, K, I, St, P, D, E> {
  groups?: G;
}
/** The options of convTranspose3d. */
export interface ConvTranspose3dOptions<O extends number, K, I, St, P, D, E, G>
  extends ConvTransposeOptions<"convTranspose3d", O, K, I, St, P, D, E> {
  groups?: G;
}

/** A transposed convolution, as torch.nn.ConvTranspose2d: float32[N, C, H, W] -> float32[N, outChannels, H', W']. */
export function convTranspose2d<
  S,
  O extends number,
  const K extends Sizes,
  I extends number = number,
  const St extends Sizes = 1,
  const P extends Sizes = 0,
  const D extends Sizes = 1,
  const E extends Sizes = 0,
  G extends number = 1,
  Z = After<S, [ConvTranspose2d<O, I, K, St, P, D, E>]>,
  Y = Z,
>(
  x: Checked<Tensor<S>, Z>,
  options: ConvTranspose2dOptions<O, K, I, St, P, D, E, Checked<G, GroupsFault<"convTranspose2d", Channels<S>, O, G>>>,
): Tensor<Once<Z, Y>> {
  return result(...transposed("convTranspose2d", convTranspose2d, arguments, x, options, 2));
}
/** A transposed convolution over sequences, as torch.nn.ConvTranspose1d: float32[N, C, L] -> float32[N, outChannels, L']. */
export function convTranspose1d<
  S,
  O extends number,
  K extends number,
  I extends number = number,
  St extends number = 1,
  P extends number = 0,
  D extends number = 1,
  E extends number = 0,
  G extends number = 1,
  Z = After<S, [ConvTranspose1d<O, I, K, St, P, D, E>]>,
  Y = Z,
>(
  x: Checked<Tensor<S>, Z>,
  options: ConvTranspose1dOptions<O, K, I, St, P, D, E, Checked<G, GroupsFault<"convTranspose1d", Channels<S>, O, G>>>,
): Tensor<Once<Z, Y>> {
  return result(...transposed("convTranspose1d", convTranspose1d, arguments, x, options, 1));
}
/** A transposed convolution over volumes, as torch.nn.ConvTranspose3d: float32[N, C, T, H, W] -> float32[N, outChannels, T', H', W']. */
export function convTranspose3d<
  S,
  O extends number,
  const K extends Sizes,
  I extends number = number,
  const St extends Sizes = 1,
  const P extends Sizes = 0,
  const D extends Sizes = 1,
  const E extends Sizes = 0,
  G extends number = 1,
  Z = After<S, [ConvTranspose3d<O, I, K, St, P, D, E>]>,
  Y = Z,
>(
  x: Checked<Tensor<S>, Z>,
  options: ConvTranspose3dOptions<O, K, I, St, P, D, E, Checked<G, GroupsFault<"convTranspose3d", Channels<S>, O, G>>>,
): Tensor<Once<Z, Y>> {
  return result(...transposed("convTranspose3d", convTranspose3d, arguments, x, options, 3));
}

/** The call and its value: weight [C, outChannels / groups, ...kernel], bias [outChannels]. */
function transposed(
  label: string,
  publicFunction: (...args: never) => unknown,
  given: ArrayLike<unknown>,
  x: unknown,
  options: object,
  axes: 1 | 2 | 3,
): readonly [Call, Value] {
  const o = { ...convSettings(options), ...settings<{ outputPadding: Sizes }>(options, { outputPadding: 0 }) };
  const call = enterLayer(label, publicFunction, given, o.name);
  const value = floatOperand(call, x);
  const [, c = 0] = value.type.shape;
  check(call, [value], optionsFault(options, o));
  check(
    call,
    [value],
    rankFault(value.type.shape.length, axes + 2, layouts[axes]),
    channelFault(c, o.inChannels),
    ...optionFaults(o, axes),
    natural("outputPadding", o.outputPadding, axes),
  );
  check(call, [value], outputPaddingFault(o), groupsFault(c, o.outChannels, o.groups), grownFault(value.type.shape, o.outChannels, o));
  const weight = declare(call, "weight", [c, o.outChannels / o.groups, ...perAxis(o.kernelSize, axes)], o.init.weight ?? defaultWeight);
  const attributes = { ...convAttributes(o, axes), output_padding: perAxis(o.outputPadding, axes) };
  return [call, add(call, "ConvTranspose", [value, weight, biasOf(call, o, weight)], attributes)];
}
