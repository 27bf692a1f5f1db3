/** Pools, as torch.nn.MaxPool2d and AvgPool2d. */
import { type HalfKernel, halfKernelFault, type PoolShape } from "../shape-rules/pool.ts";
import { rankFault } from "../shape-rules/show.ts";
import { at, type Natural, natural, type Pair, type Positive, padsOf, positive, type Window, windowFault } from "../shape-rules/window.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, type Call, check, enter, operand, result } from "../trace.ts";
import { settings } from "./options.ts";

/** The options of both pools; an option that fails its own check turns into the type of its message. */
export interface PoolOptions<Op extends string, K, St, P, M> {
  kernelSize: Checked<K, Positive<`${Op}: kernelSize`, K>>;
  /** The kernel's size unless given. */
  stride?: Checked<St, Positive<`${Op}: stride`, St>>;
  padding?: Checked<Checked<P, Natural<`${Op}: padding`, P>>, HalfKernel<Op, P, K>>;
  /** Also counts a last window that hangs over the end. */
  ceilMode?: M;
}

/** The maximum of each window, as torch.nn.MaxPool2d: float32[N, C, H, W] -> float32[N, C, H', W']. */
export function maxPool2d<
  S,
  const K extends Pair,
  const St extends Pair = K,
  const P extends Pair = 0,
  const D extends Pair = 1,
  M extends boolean = false,
>(
  x: Checked<Tensor<S>, PoolShape<"maxPool2d", S, K, St, P, D, M>>,
  options: PoolOptions<"maxPool2d", K, St, P, M> & { dilation?: Checked<D, Positive<"maxPool2d: dilation", D>> },
): Tensor<PoolShape<"maxPool2d", S, K, St, P, D, M>> {
  const call = enter("maxPool2d", maxPool2d);
  const o = poolSettings(options);
  const value = checkedInput(call, x, o);
  return result(call, add(call, "MaxPool", [value], { ...windowAttributes(o), dilations: [at(o.dilation, 0), at(o.dilation, 1)] }));
}
/** The mean of each window, as torch.nn.AvgPool2d: float32[N, C, H, W] -> float32[N, C, H', W']. */
export function avgPool2d<S, const K extends Pair, const St extends Pair = K, const P extends Pair = 0, M extends boolean = false>(
  x: Checked<Tensor<S>, PoolShape<"avgPool2d", S, K, St, P, 1, M>>,
  options: PoolOptions<"avgPool2d", K, St, P, M> & {
    /** Whether the padding's zeros count in the mean; true unless given. */
    countIncludePad?: boolean;
  },
): Tensor<PoolShape<"avgPool2d", S, K, St, P, 1, M>> {
  const call = enter("avgPool2d", avgPool2d);
  const o = poolSettings(options);
  const value = checkedInput(call, x, o);
  return result(call, add(call, "AveragePool", [value], { ...windowAttributes(o), count_include_pad: o.countIncludePad ? 1 : 0 }));
}

interface PoolSettings extends Window {
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;
}
function poolSettings(options: object): PoolSettings {
  const { kernelSize } = settings<{ kernelSize: Pair }>(options, { kernelSize: 0 });
  return settings<PoolSettings>(options, {
    kernelSize,
    stride: kernelSize,
    padding: 0,
    dilation: 1,
    ceilMode: false,
    countIncludePad: true,
  });
}
function checkedInput(call: Call, x: unknown, o: PoolSettings): ReturnType<typeof operand> {
  const value = operand(call, x);
  const padding = typeof o.padding === "string" ? null : natural("padding", o.padding);
  const options = [positive("kernelSize", o.kernelSize), positive("stride", o.stride), positive("dilation", o.dilation), padding];
  check(call, [value], rankFault(value.type.shape.length, 4, "[N, C, H, W]"), ...options);
  check(call, [value], halfKernelFault(o), windowFault(value.type.shape.slice(2), o));
  return value;
}
function windowAttributes(o: PoolSettings): {
  kernel_shape: readonly number[];
  strides: readonly number[];
  pads: readonly number[];
  ceil_mode: number;
} {
  const pads = [padsOf(o, 0), padsOf(o, 1)];
  return {
    kernel_shape: [at(o.kernelSize, 0), at(o.kernelSize, 1)],
    strides: [at(o.stride, 0), at(o.stride, 1)],
    pads: [...pads.map(([begin]) => begin), ...pads.map(([, end]) => end)],
    ceil_mode: o.ceilMode ? 1 : 0,
  };
}
