/** Convolutions, as torch.nn.Conv2d and its kin. */
import type { Value } from "../../ir/graph.ts";
import { defaultBias, defaultWeight, type LayerInit } from "../init.ts";
import {
  type Channels,
  type Conv1dShape,
  type Conv2dShape,
  type ConvTranspose2dShape,
  channelFault,
  type GroupsFault,
  groupsFault,
  type StrideFault,
  strideFault,
} from "../shape-rules/conv.ts";
import { rankFault } from "../shape-rules/show.ts";
import {
  at,
  type Natural,
  natural,
  type Padding,
  type Pair,
  type Positive,
  padsOf,
  positive,
  type Window,
  windowFault,
} from "../shape-rules/window.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, type Call, check, declare, enterLayer, operand, result } from "../trace.ts";
import { settings } from "./options.ts";

/** What the function and the layer value of conv2d share; an option that fails its own check turns into the type of its message. */
export interface Conv2dOptions<O extends number, K, I, St, P, D> {
  outChannels: Checked<O, Positive<"conv2d: outChannels", O>>;
  kernelSize: Checked<K, Positive<"conv2d: kernelSize", K>>;
  /** Only checked: the input says how many there are. */
  inChannels?: I;
  stride?: Checked<Checked<St, Positive<"conv2d: stride", St>>, StrideFault<"conv2d", St, P>>;
  padding?: Checked<P, Natural<"conv2d: padding", P>>;
  dilation?: Checked<D, Positive<"conv2d: dilation", D>>;
  paddingMode?: "zeros";
  bias?: boolean;
  init?: LayerInit;
  name?: string;
}

/** A convolution (cross-correlation), as torch.nn.Conv2d: float32[N, C, H, W] -> float32[N, outChannels, H', W']. */
export function conv2d<
  S,
  O extends number,
  const K extends Pair,
  I extends number = number,
  const St extends Pair = 1,
  const P extends Padding = 0,
  const D extends Pair = 1,
  G extends number = 1,
>(
  x: Checked<Tensor<S>, Conv2dShape<S, O, I, K, St, P, D>>,
  options: Conv2dOptions<O, K, I, St, P, D> & { groups?: Checked<G, GroupsFault<"conv2d", Channels<S>, O, G>> },
): Tensor<Conv2dShape<S, O, I, K, St, P, D>> {
  const o = convSettings(options);
  const call = enterLayer("conv2d", conv2d, o.name);
  return result(call, convolution(call, x, o, 2));
}
/** A convolution over sequences, as torch.nn.Conv1d: float32[N, C, L] -> float32[N, outChannels, L']. */
export function conv1d<
  S,
  O extends number,
  K extends number,
  I extends number = number,
  St extends number = 1,
  P extends number | "same" | "valid" = 0,
  D extends number = 1,
  G extends number = 1,
>(
  x: Checked<Tensor<S>, Conv1dShape<S, O, I, K, St, P, D>>,
  options: {
    outChannels: Checked<O, Positive<"conv1d: outChannels", O>>;
    kernelSize: Checked<K, Positive<"conv1d: kernelSize", K>>;
    inChannels?: I;
    stride?: Checked<Checked<St, Positive<"conv1d: stride", St>>, StrideFault<"conv1d", St, P>>;
    padding?: Checked<P, Natural<"conv1d: padding", P>>;
    dilation?: Checked<D, Positive<"conv1d: dilation", D>>;
    groups?: Checked<G, GroupsFault<"conv1d", Channels<S>, O, G>>;
    paddingMode?: "zeros";
    bias?: boolean;
    init?: LayerInit;
    name?: string;
  },
): Tensor<Conv1dShape<S, O, I, K, St, P, D>> {
  const o = convSettings(options);
  const call = enterLayer("conv1d", conv1d, o.name);
  return result(call, convolution(call, x, o, 1));
}

interface ConvSettings extends Window {
  readonly outChannels: number;
  readonly inChannels: number | null;
  readonly groups: number;
  readonly bias: boolean;
  readonly paddingMode: string;
  readonly init: LayerInit;
  readonly name: string | undefined;
}
const convSettings = (options: object): ConvSettings =>
  settings<ConvSettings>(options, {
    outChannels: 0,
    inChannels: null,
    kernelSize: 0,
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
function convolution(call: Call, x: unknown, o: ConvSettings, axes: 1 | 2): Value {
  const value = operand(call, x);
  const [, c = 0, ...sizes] = value.type.shape;
  const rank = rankFault(value.type.shape.length, axes + 2, axes === 2 ? "[N, C, H, W]" : "[N, C, L]");
  check(call, [value], rank, channelFault(c, o.inChannels), ...optionFaults(o));
  check(call, [value], groupsFault(c, o.outChannels, o.groups), windowFault(sizes, o));
  const kernel = perAxis(o.kernelSize, axes);
  const weight = declare(
    call,
    "weight",
    [o.outChannels, typeof c === "number" ? c / o.groups : c, ...kernel],
    o.init.weight ?? defaultWeight,
  );
  const bias = biasOf(call, o, weight);
  const pads = ([0, 1] as const).slice(0, axes).map((i) => padsOf(o, i));
  return add(call, "Conv", [value, weight, bias], {
    kernel_shape: kernel,
    strides: perAxis(o.stride, axes),
    dilations: perAxis(o.dilation, axes),
    pads: [...pads.map(([begin]) => begin), ...pads.map(([, end]) => end)],
    group: o.groups,
  });
}
const perAxis = (p: Pair, axes: 1 | 2): readonly number[] => ([0, 1] as const).slice(0, axes).map((i) => at(p, i));

function optionFaults(o: ConvSettings): readonly ReturnType<typeof positive>[] {
  const mode =
    o.paddingMode === "zeros"
      ? null
      : {
          code: "padding-mode",
          text: `paddingMode is "${o.paddingMode}", but only "zeros" is there`,
          help: "call pad(x, ..., { mode }) before it",
        };
  return [
    positive("outChannels", o.outChannels),
    positive("kernelSize", o.kernelSize),
    positive("stride", o.stride),
    positive("dilation", o.dilation),
    positive("groups", o.groups),
    strideFault(o.stride, o.padding),
    o.padding === "same" || o.padding === "valid" ? null : natural("padding", o.padding),
    mode,
  ];
}
/** [outChannels], drawn as PyTorch does from the weight's fan in; null without a bias. */
function biasOf(call: Call, o: ConvSettings, weight: Value): Value | null {
  if (!o.bias) return null;
  const fanIn = weight.type.shape.slice(1).reduce<number>((product, d) => product * Number(d), 1);
  return declare(call, "bias", [o.outChannels], o.init.bias ?? defaultBias(fanIn));
}

/** A transposed convolution, as torch.nn.ConvTranspose2d: float32[N, C, H, W] -> float32[N, outChannels, H', W']. */
export function convTranspose2d<
  S,
  O extends number,
  const K extends Pair,
  I extends number = number,
  const St extends Pair = 1,
  const P extends Pair = 0,
  const D extends Pair = 1,
  const E extends Pair = 0,
  G extends number = 1,
>(
  x: Checked<Tensor<S>, ConvTranspose2dShape<S, O, I, K, St, P, D, E>>,
  options: {
    outChannels: Checked<O, Positive<"convTranspose2d: outChannels", O>>;
    kernelSize: Checked<K, Positive<"convTranspose2d: kernelSize", K>>;
    inChannels?: I;
    stride?: Checked<St, Positive<"convTranspose2d: stride", St>>;
    padding?: Checked<P, Natural<"convTranspose2d: padding", P>>;
    outputPadding?: Checked<E, Natural<"convTranspose2d: outputPadding", E>>;
    dilation?: Checked<D, Positive<"convTranspose2d: dilation", D>>;
    groups?: Checked<G, GroupsFault<"convTranspose2d", Channels<S>, O, G>>;
    bias?: boolean;
    init?: LayerInit;
    name?: string;
  },
): Tensor<ConvTranspose2dShape<S, O, I, K, St, P, D, E>> {
  const o = { ...convSettings(options), ...settings<{ outputPadding: Pair }>(options, { outputPadding: 0 }) };
  const call = enterLayer("convTranspose2d", convTranspose2d, o.name);
  const value = operand(call, x);
  const [, c = 0] = value.type.shape;
  check(
    call,
    [value],
    rankFault(value.type.shape.length, 4, "[N, C, H, W]"),
    channelFault(c, o.inChannels),
    ...optionFaults(o),
    natural("outputPadding", o.outputPadding),
  );
  check(call, [value], groupsFault(c, o.outChannels, o.groups));
  const kernel = perAxis(o.kernelSize, 2);
  const weight = declare(call, "weight", [c, o.outChannels / o.groups, ...kernel], o.init.weight ?? defaultWeight);
  const bias = biasOf(call, o, weight);
  const pads = [padsOf(o, 0), padsOf(o, 1)];
  const attributes = {
    kernel_shape: kernel,
    strides: perAxis(o.stride, 2),
    dilations: perAxis(o.dilation, 2),
    pads: [...pads.map(([begin]) => begin), ...pads.map(([, end]) => end)],
    output_padding: perAxis(o.outputPadding, 2),
    group: o.groups,
  };
  return result(call, add(call, "ConvTranspose", [value, weight, bias], attributes));
}
