/** Pools, as torch.nn.MaxPool2d, AvgPool2d and their kin over sequences and volumes. */
import type { Value } from "../../ir/graph.ts";
import type { After, Once } from "../layer.ts";
import { type HalfKernel, halfKernelFault, type Pool1d, type Pool2d, type Pool3d } from "../shape-rules/pool.ts";
import { rankFault } from "../shape-rules/show.ts";
import { type Natural, natural, type Positive, padsOf, positive, type Sizes, type Window, windowFault } from "../shape-rules/window.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, type Call, check, enter, operand, result } from "../trace.ts";
import { layouts, perAxis } from "./conv.ts";
import { optionsFault, required, settings } from "./options.ts";

/** The options of all pools; an option that fails its own check turns into the type of its message. */
export interface PoolOptions<Op extends string, K, St, P, M> {
  kernelSize: Checked<K, Positive<`${Op}: kernelSize`, K>>;
  /** The kernel's size unless given. */
  stride?: Checked<St, Positive<`${Op}: stride`, St>>;
  padding?: Checked<Checked<P, Natural<`${Op}: padding`, P>>, HalfKernel<Op, P, K>>;
  /** Also counts a last window that hangs over the end. */
  ceilMode?: M;
}
/** The options of pools of maxima. */
export interface MaxPoolOptions<Op extends string, K, St, P, M, D> extends PoolOptions<Op, K, St, P, M> {
  dilation?: Checked<D, Positive<`${Op}: dilation`, D>>;
}
/** The options of pools of averages. */
export interface AvgPoolOptions<Op extends string, K, St, P, M> extends PoolOptions<Op, K, St, P, M> {
  /** Whether the padding's zeros count in the mean; true unless given. */
  countIncludePad?: boolean;
}

/** The maximum of each window, as torch.nn.MaxPool2d: float32[N, C, H, W] -> float32[N, C, H', W']. */
export function maxPool2d<
  S,
  const K extends Sizes,
  const St extends Sizes = K,
  const P extends Sizes = 0,
  const D extends Sizes = 1,
  M extends boolean = false,
  Z = After<S, [Pool2d<"maxPool2d", K, St, P, D, M>]>,
  Y = Z,
>(x: Checked<Tensor<S>, Z>, options: MaxPoolOptions<"maxPool2d", K, St, P, M, D>): Tensor<Once<Z, Y>> {
  const call = enter("maxPool2d", maxPool2d, arguments);
  return result(call, maxima(call, x, options, 2));
}
/** The mean of each window, as torch.nn.AvgPool2d: float32[N, C, H, W] -> float32[N, C, H', W']. */
export function avgPool2d<
  S,
  const K extends Sizes,
  const St extends Sizes = K,
  const P extends Sizes = 0,
  M extends boolean = false,
  Z = After<S, [Pool2d<"avgPool2d", K, St, P, 1, M>]>,
  Y = Z,
>(x: Checked<Tensor<S>, Z>, options: AvgPoolOptions<"avgPool2d", K, St, P, M>): Tensor<Once<Z, Y>> {
  const call = enter("avgPool2d", avgPool2d, arguments);
  return result(call, means(call, x, options, 2));
}
/** The maximum of each window, as torch.nn.MaxPool1d: float32[N, C, L] -> float32[N, C, L']. */
export function maxPool1d<
  S,
  K extends number,
  St extends number = K,
  P extends number = 0,
  D extends number = 1,
  M extends boolean = false,
  Z = After<S, [Pool1d<"maxPool1d", K, St, P, D, M>]>,
  Y = Z,
>(x: Checked<Tensor<S>, Z>, options: MaxPoolOptions<"maxPool1d", K, St, P, M, D>): Tensor<Once<Z, Y>> {
  const call = enter("maxPool1d", maxPool1d, arguments);
  return result(call, maxima(call, x, options, 1));
}
/** The mean of each window, as torch.nn.AvgPool1d: float32[N, C, L] -> float32[N, C, L']. */
export function avgPool1d<
  S,
  K extends number,
  St extends number = K,
  P extends number = 0,
  M extends boolean = false,
  Z = After<S, [Pool1d<"avgPool1d", K, St, P, 1, M>]>,
  Y = Z,
>(x: Checked<Tensor<S>, Z>, options: AvgPoolOptions<"avgPool1d", K, St, P, M>): Tensor<Once<Z, Y>> {
  const call = enter("avgPool1d", avgPool1d, arguments);
  return result(call, means(call, x, options, 1));
}
/** The maximum of each window, as torch.nn.MaxPool3d: float32[N, C, T, H, W] -> float32[N, C, T', H', W']. */
export function maxPool3d<
  S,
  const K extends Sizes,
  const St extends Sizes = K,
  const P extends Sizes = 0,
  const D extends Sizes = 1,
  M extends boolean = false,
  Z = After<S, [Pool3d<"maxPool3d", K, St, P, D, M>]>,
  Y = Z,
>(x: Checked<Tensor<S>, Z>, options: MaxPoolOptions<"maxPool3d", K, St, P, M, D>): Tensor<Once<Z, Y>> {
  const call = enter("maxPool3d", maxPool3d, arguments);
  return result(call, maxima(call, x, options, 3));
}
/** The mean of each window, as torch.nn.AvgPool3d: float32[N, C, T, H, W] -> float32[N, C, T', H', W']. */
export function avgPool3d<
  S,
  const K extends Sizes,
  const St extends Sizes = K,
  const P extends Sizes = 0,
  M extends boolean = false,
  Z = After<S, [Pool3d<"avgPool3d", K, St, P, 1, M>]>,
  Y = Z,
>(x: Checked<Tensor<S>, Z>, options: AvgPoolOptions<"avgPool3d", K, St, P, M>): Tensor<Once<Z, Y>> {
  const call = enter("avgPool3d", avgPool3d, arguments);
  return result(call, means(call, x, options, 3));
}

function maxima(call: Call, x: unknown, options: object, axes: 1 | 2 | 3): Value {
  const o = poolSettings(options);
  const value = checkedInput(call, x, options, o, axes);
  return add(call, "MaxPool", [value], { ...windowAttributes(o, axes), dilations: perAxis(o.dilation, axes) });
}
function means(call: Call, x: unknown, options: object, axes: 1 | 2 | 3): Value {
  const o = poolSettings(options);
  const value = checkedInput(call, x, options, o, axes);
  return add(call, "AveragePool", [value], { ...windowAttributes(o, axes), count_include_pad: o.countIncludePad ? 1 : 0 });
}

interface PoolSettings extends Window {
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;
}
function poolSettings(options: unknown): PoolSettings {
  const { kernelSize } = settings<{ kernelSize: Sizes }>(options, { kernelSize: required });
  return settings<PoolSettings>(options, {
    kernelSize,
    stride: kernelSize,
    padding: 0,
    dilation: 1,
    ceilMode: false,
    countIncludePad: true,
  });
}
function checkedInput(call: Call, x: unknown, options: unknown, o: PoolSettings, axes: 1 | 2 | 3): Value {
  const value = operand(call, x);
  check(call, [value], optionsFault(options, o));
  check(
    call,
    [value],
    rankFault(value.type.shape.length, axes + 2, layouts[axes]),
    positive("kernelSize", o.kernelSize, axes),
    positive("stride", o.stride, axes),
    positive("dilation", o.dilation, axes),
    typeof o.padding === "string" ? null : natural("padding", o.padding, axes),
  );
  check(call, [value], halfKernelFault(o), windowFault(value.type.shape.slice(2), o));
  return value;
}
function windowAttributes(o: PoolSettings, axes: 1 | 2 | 3) {
  const pads = Array.from({ length: axes }, (_, i) => padsOf(o, i));
  return {
    kernel_shape: perAxis(o.kernelSize, axes),
    strides: perAxis(o.stride, axes),
    pads: [...pads.map(([begin]) => begin), ...pads.map(([, end]) => end)],
    ceil_mode: o.ceilMode ? 1 : 0,
  };
}
