/** Convolutions, as torch.nn.Conv1d, Conv2d and Conv3d. */
import type { Value } from "../../ir/graph.ts";
import { defaultBias, defaultWeight, type LayerInit } from "../init.ts";
import type { After, Once } from "../layer.ts";
import {
  type Channels,
  type Conv1d,
  type Conv2d,
  type Conv3d,
  channelFault,
  type GroupsFault,
  groupsFault,
  type StrideFault,
  strideFault,
} from "../shape-rules/conv.ts";
import { rankFault, shown } from "../shape-rules/show.ts";
import {
  at,
  type Natural,
  natural,
  type Padding,
  type Padding1d,
  type Padding3d,
  type Positive,
  padsOf,
  positive,
  type Sizes,
  type Window,
  windowFault,
} from "../shape-rules/window.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, type Call, check, declare, enterLayer, floatOperand, result } from "../trace.ts";
import { optionsFault, required, settings } from "./options.ts";

/** What the functions and the layer values of convolutions share; an option that fails its own check turns into the type of its message. */
export interface ConvOptions<Op extends string, O extends number, K, I, St, P, D> {
  outChannels: Checked<O, Positive<`${Op}: outChannels`, O>>;
  kernelSize: Checked<K, Positive<`${Op}: kernelSize`, K>>;
  /** Only checked: the input says how many there are. */
  inChannels?: I;
  stride?: Checked<Checked<St, Positive<`${Op}: stride`, St>>, StrideFault<Op, St, P>>;
  padding?: Checked<P, Natural<`${Op}: padding`, P>>;
  dilation?: Checked<D, Positive<`${Op}: dilation`, D>>;
  paddingMode?: "zeros";
  bias?: boolean;
  init?: LayerInit;
  name?: string;
}

// Short names, for the checker prints them where an option is misspelt.
/** The options of conv1d. */
export interface Conv1dOptions<O extends number, K, I, St, P, D, G> extends ConvOptions<"conv1d", O, K, I, St, P, D> {
  groups?: G;
}
/** The options of conv2d. */
export interface Conv2dOptions<O extends number, K, I, St, P, D, G> extends ConvOptions<"conv2d", O, K, I, St, P, D> {
  groups?: G;
}
/** The options of conv3d. */
export interface Conv3dOptions<O extends number, K, I, St, P, D, G> extends ConvOptions<"conv3d", O, K, I, St, P, D> {
  groups?: G;
}

/** A convolution (cross-correlation), as torch.nn.Conv2d: float32[N, C, H, W] -> float32[N, outChannels, H', W']. */
export function conv2d<
  S,
  O extends number,
  const K extends Sizes,
  I extends number = number,
  const St extends Sizes = 1,
  const P extends Padding = 0,
  const D extends Sizes = 1,
  G extends number = 1,
  Z = After<S, [Conv2d<O, I, K, St, P, D>]>,
  Y = Z,
>(
  x: Checked<Tensor<S>, Z>,
  options: Conv2dOptions<O, K, I, St, P, D, Checked<G, GroupsFault<"conv2d", Channels<S>, O, G>>>,
): Tensor<Once<Z, Y>> {
  const o = convSettings(options);
  const call = enterLayer("conv2d", conv2d, arguments, o.name);
  return result(call, convolution(call, x, options, o, 2));
}
/** A convolution over sequences, as torch.nn.Conv1d: float32[N, C, L] -> float32[N, outChannels, L']. */
export function conv1d<
  S,
  O extends number,
  K extends number,
  I extends number = number,
  St extends number = 1,
  const P extends Padding1d = 0,
  D extends number = 1,
  G extends number = 1,
  Z = After<S, [Conv1d<O, I, K, St, P, D>]>,
  Y = Z,
>(
  x: Checked<Tensor<S>, Z>,
  options: Conv1dOptions<O, K, I, St, P, D, Checked<G, GroupsFault<"conv1d", Channels<S>, O, G>>>,
): Tensor<Once<Z, Y>> {
  const o = convSettings(options);
  const call = enterLayer("conv1d", conv1d, arguments, o.name);
  // Two numbers are the two ends of the one axis here, not two axes.
  const padding =
    Array.isArray(o.padding) && o.padding.flat().length === 2 ? [[at(o.padding.flat(), 0), at(o.padding.flat(), 1)] as const] : o.padding;
  return result(call, convolution(call, x, options, { ...o, padding }, 1));
}
/** A convolution over volumes and clips, as torch.nn.Conv3d: float32[N, C, T, H, W] -> float32[N, outChannels, T', H', W']. */
export function conv3d<
  S,
  O extends number,
  const K extends Sizes,
  I extends number = number,
  const St extends Sizes = 1,
  const P extends Padding3d = 0,
  const D extends Sizes = 1,
  G extends number = 1,
  Z = After<S, [Conv3d<O, I, K, St, P, D>]>,
  Y = Z,
>(
  x: Checked<Tensor<S>, Z>,
  options: Conv3dOptions<O, K, I, St, P, D, Checked<G, GroupsFault<"conv3d", Channels<S>, O, G>>>,
): Tensor<Once<Z, Y>> {
  const o = convSettings(options);
  const call = enterLayer("conv3d", conv3d, arguments, o.name);
  return result(call, convolution(call, x, options, o, 3));
}

/** The options of a convolution, with their defaults. */
export interface ConvSettings extends Window {
  readonly outChannels: number;
  readonly inChannels: number | null;
  readonly groups: number;
  readonly bias: boolean;
  readonly paddingMode: string;
  readonly init: LayerInit;
  readonly name: string | undefined;
}
/** Reads the options of a convolution. */
export const convSettings = (options: unknown): ConvSettings =>
  settings<ConvSettings>(options, {
    outChannels: required,
    inChannels: null,
    kernelSize: required,
    stride: 1,
    padding: 0,
    dilation: 1,
    groups: 1,
    bias: true,
    paddingMode: "zeros",
    init: {},
    name: undefined,
  });

/** Weight [outChannels, C / groups, ...kernel], bias [outChannels]. */
function convolution(call: Call, x: unknown, options: unknown, o: ConvSettings, axes: 1 | 2 | 3): Value {
  const value = floatOperand(call, x);
  const [, c = 0, ...sizes] = value.type.shape;
  const rank = rankFault(value.type.shape.length, axes + 2, layouts[axes]);
  check(call, [value], optionsFault(options, o));
  check(call, [value], rank, channelFault(c, o.inChannels), ...optionFaults(o, axes));
  check(call, [value], groupsFault(c, o.outChannels, o.groups), windowFault(sizes, o));
  const kernel = perAxis(o.kernelSize, axes);
  const weight = declare(
    call,
    "weight",
    [o.outChannels, typeof c === "number" ? c / o.groups : c, ...kernel],
    o.init.weight ?? defaultWeight,
  );
  const bias = biasOf(call, o, weight);
  return add(call, "Conv", [value, weight, bias], convAttributes(o, axes));
}
/** What a convolution and a transposed one share, ONNX's names. */
export function convAttributes(o: ConvSettings, axes: 1 | 2 | 3) {
  const pads = Array.from({ length: axes }, (_, i) => padsOf(o, i));
  return {
    kernel_shape: perAxis(o.kernelSize, axes),
    strides: perAxis(o.stride, axes),
    dilations: perAxis(o.dilation, axes),
    pads: [...pads.map(([begin]) => begin), ...pads.map(([, end]) => end)],
    group: o.groups,
  };
}
/** The axes of the inputs by the number of axes that a kernel moves along. */
export const layouts = { 1: "[N, C, L]", 2: "[N, C, H, W]", 3: "[N, C, T, H, W]" } as const;
/** An option for each axis. */
export const perAxis = (p: Sizes, axes: 1 | 2 | 3): readonly number[] => Array.from({ length: axes }, (_, i) => at(p, i));

/** What is wrong with the options of a convolution, whatever the input. */
export function optionFaults(o: ConvSettings, axes: 1 | 2 | 3): readonly ReturnType<typeof positive>[] {
  const mode =
    o.paddingMode === "zeros"
      ? null
      : {
          code: "padding-mode",
          text: `paddingMode is ${shown(o.paddingMode)}, but only "zeros" is there`,
          help: "call pad(x, ..., { mode }) before it",
        };
  return [
    positive("outChannels", o.outChannels),
    positive("kernelSize", o.kernelSize, axes),
    positive("stride", o.stride, axes),
    positive("dilation", o.dilation, axes),
    positive("groups", o.groups),
    strideFault(o.stride, o.padding),
    o.padding === "same" || o.padding === "valid" ? null : natural("padding", o.padding, axes),
    mode,
  ];
}
/** The bias [outChannels], drawn as PyTorch does from the weight's fan in; null without a bias. */
export function biasOf(call: Call, o: ConvSettings, weight: Value): Value | null {
  if (!o.bias) return null;
  const fanIn = weight.type.shape.slice(1).reduce<number>((product, d) => product * Number(d), 1);
  return declare(call, "bias", [o.outChannels], o.init.bias ?? defaultBias(fanIn));
}
