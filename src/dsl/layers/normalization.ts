/** Batch and layer normalisation, as torch.nn.BatchNorm1d, BatchNorm2d, BatchNorm3d and LayerNorm. */
import type { Value } from "../../ir/graph.ts";
import { type LayerInit, ones, zeros } from "../init.ts";
import {
  type BatchNorm1dShape,
  type BatchNorm3dShape,
  type BatchNormShape,
  channelsFault,
  type LayerNormFault,
  layerNormFault,
} from "../shape-rules/normalization.ts";
import { positive } from "../shape-rules/window.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, type Call, check, declare, enterLayer, floatOperand, result } from "../trace.ts";
import { optionsFault, settings } from "./options.ts";

/** The options of batch normalisations. */
export interface BatchNormOptions<F> {
  /** Only checked: the input says how many there are. */
  numFeatures?: F;
  eps?: number;
  /** The weight of a new batch in the running statistics, as PyTorch has it. */
  momentum?: number;
  /** Whether there is a learnt scale and shift. */
  affine?: boolean;
  init?: LayerInit;
  name?: string;
}
/** Batch normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167), as torch.nn.BatchNorm2d: by running statistics, which training turns into the batch's. */
export function batchNorm2d<S, F extends number = number>(
  x: Checked<Tensor<S>, BatchNormShape<S, F>>,
  options?: BatchNormOptions<F>,
): Tensor<S> {
  const o = batchNormSettings(options);
  const call = enterLayer("batchNorm2d", batchNorm2d, arguments, o.name);
  return result(call, batchNorm(call, x, options, o, [4], "[N, C, H, W]"));
}
/** Batch normalisation of features [N, C] or sequences [N, C, L], as torch.nn.BatchNorm1d. */
export function batchNorm1d<S, F extends number = number>(
  x: Checked<Tensor<S>, BatchNorm1dShape<S, F>>,
  options?: BatchNormOptions<F>,
): Tensor<S> {
  const o = batchNormSettings(options);
  const call = enterLayer("batchNorm1d", batchNorm1d, arguments, o.name);
  return result(call, batchNorm(call, x, options, o, [2, 3], "[N, C] or [N, C, L]"));
}
/** Batch normalisation of volumes, as torch.nn.BatchNorm3d. */
export function batchNorm3d<S, F extends number = number>(
  x: Checked<Tensor<S>, BatchNorm3dShape<S, F>>,
  options?: BatchNormOptions<F>,
): Tensor<S> {
  const o = batchNormSettings(options);
  const call = enterLayer("batchNorm3d", batchNorm3d, arguments, o.name);
  return result(call, batchNorm(call, x, options, o, [5], "[N, C, T, H, W]"));
}

interface BatchNormSettings {
  readonly numFeatures: number | null;
  readonly eps: number;
  readonly momentum: number;
  readonly affine: boolean;
  readonly init: LayerInit;
  readonly name: string | undefined;
}
const batchNormSettings = (options: unknown): BatchNormSettings =>
  settings<BatchNormSettings>(options, { numFeatures: null, eps: 1e-5, momentum: 0.1, affine: true, init: {}, name: undefined });
/** Weight, bias, running mean and variance [C]. */
function batchNorm(call: Call, x: unknown, options: unknown, o: BatchNormSettings, ranks: readonly number[], wanted: string): Value {
  const value = floatOperand(call, x);
  check(call, [value], optionsFault(options, o));
  check(call, [value], channelsFault(value.type.shape, ranks, wanted, o.numFeatures));
  const c = value.type.shape[1] ?? 0;
  // Without learnt ones, the scale and shift are constants.
  const fixed = (n: number): Value =>
    call.builder.constant(
      "float32",
      Array.from({ length: typeof c === "number" ? c : 0 }, () => n),
    );
  const weight = o.affine ? declare(call, "weight", [c], o.init.weight ?? ones()) : fixed(1);
  const bias = o.affine ? declare(call, "bias", [c], o.init.bias ?? zeros()) : fixed(0);
  const mean = declare(call, "running_mean", [c], zeros(), "buffer");
  const variance = declare(call, "running_var", [c], ones(), "buffer");
  const attributes = { epsilon: o.eps, momentum: 1 - o.momentum, training_mode: 0 };
  return add(call, "BatchNormalization", [value, weight, bias, mean, variance], attributes);
}

/** The options of layerNorm. */
export interface LayerNormOptions<F> {
  /** Only checked when it is a number; a list says over how many axes. */
  normalizedShape?: F;
  eps?: number;
  bias?: boolean;
  elementwiseAffine?: boolean;
  init?: LayerInit;
  name?: string;
}
/** Layer normalisation (Ba et al. 2016, arXiv:1607.06450) over the last axis, or the last axes of a list, as torch.nn.LayerNorm. */
export function layerNorm<S, const F extends number | readonly number[] = number>(
  x: Tensor<S>,
  options?: LayerNormOptions<Checked<F, LayerNormFault<S, F>>>,
): Tensor<S> {
  const o = settings<LayerNormSettings>(options, {
    normalizedShape: null,
    eps: 1e-5,
    bias: true,
    elementwiseAffine: true,
    init: {},
    name: undefined,
  });
  const call = enterLayer("layerNorm", layerNorm, arguments, o.name);
  const value = floatOperand(call, x);
  const given: unknown = o.normalizedShape;
  const sizes: readonly unknown[] = given === null ? [] : Array.isArray(given) ? given : [given];
  const whole = sizes.map((size) => positive("normalizedShape", size)).find((fault) => fault !== null) ?? null;
  check(call, [value], optionsFault(options, o), whole);
  const expected = typeof o.normalizedShape === "number" ? [o.normalizedShape] : o.normalizedShape;
  check(call, [value], layerNormFault(value.type.shape, expected));
  const normalized = value.type.shape.slice(-(expected?.length ?? 1));
  const fixed = (n: number): Value =>
    call.builder.constant(
      "float32",
      Array.from({ length: normalized.reduce<number>((v, d) => v * Number(d), 1) }, () => n),
      normalized.map(Number),
    );
  const weight = o.elementwiseAffine ? declare(call, "weight", normalized, o.init.weight ?? ones()) : fixed(1);
  const bias = o.elementwiseAffine && o.bias ? declare(call, "bias", normalized, o.init.bias ?? zeros()) : null;
  return result(call, add(call, "LayerNormalization", [value, weight, bias], { axis: -normalized.length, epsilon: o.eps }));
}
interface LayerNormSettings {
  readonly normalizedShape: number | readonly number[] | null;
  readonly eps: number;
  readonly bias: boolean;
  readonly elementwiseAffine: boolean;
  readonly init: LayerInit;
  readonly name: string | undefined;
}
