/**
 * Ops of the compiler's own (domain `striate`): they exist between autodiff and lowering and never leave the compiler.
 * Each stands for a computation whose best form in standard ops depends on the target.
 */
import type { DType } from "./dtype.ts";
import type { OpSignature, ParameterSchema } from "./op-signature.ts";

interface WindowAttributes {
  readonly kernel_shape: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Begin of each spatial axis, then end of each, as in ONNX. */
  readonly pads: readonly number[];
}

/** The attributes of each internal op. */
export interface InternalAttributes {
  /** (dY, W, shape of X) -> dX of a Conv. */
  readonly ConvInputGrad: WindowAttributes & { readonly group: number };
  /** (X, dY) -> dW of a Conv. */
  readonly ConvWeightGrad: WindowAttributes & { readonly group: number };
  /** (dY, Indices, shape of X) -> dX of a MaxPool; Indices are flat positions in X. */
  readonly MaxPoolGrad: WindowAttributes;
  /** (dY, shape of X) -> dX of an AveragePool. */
  readonly AveragePoolGrad: WindowAttributes & { readonly count_include_pad: number };
  /** (X, scale, B) -> (Y, mean, variance, 1 / sqrt(variance + epsilon)) over all axes but 1; the variance is the population's. */
  readonly BatchNormalizationTraining: { readonly epsilon: number };
  /** (dY, X, scale, mean, inverse deviation) -> (dX, dscale, dB) of BatchNormalizationTraining. */
  readonly BatchNormalizationGrad: Readonly<Record<never, never>>;
  /** (shape, seed, step) -> float32 in [0, 1), a function of its arguments, the stream and the position alone. */
  readonly CounterUniform: { readonly stream: number };
}

const floats: readonly DType[] = ["float32", "float16", "float64", "bfloat16"];
const single = (...pairs: readonly (readonly [name: string, type: string])[]): readonly ParameterSchema[] =>
  pairs.map(([name, type]) => ({ name, type, option: "single" }));
const ints = { kind: "ints", required: true } as const;
const int = { kind: "int", required: true } as const;
const window = { kernel_shape: ints, strides: ints, dilations: ints, pads: ints } as const;
const signature = (
  attributes: OpSignature["versions"][number]["attributes"],
  inputs: readonly ParameterSchema[],
  outputs: readonly ParameterSchema[],
): OpSignature => ({ domain: "striate", versions: [{ since: 1, attributes, inputs, outputs, types: { T: floats } }] });

/** The signature of each internal op. */
export const internalSignatures: Readonly<Record<keyof InternalAttributes, OpSignature>> = {
  ConvInputGrad: signature({ ...window, group: int }, single(["dY", "T"], ["W", "T"], ["x_shape", "int64"]), single(["dX", "T"])),
  ConvWeightGrad: signature({ ...window, group: int }, single(["X", "T"], ["dY", "T"]), single(["dW", "T"])),
  MaxPoolGrad: signature(window, single(["dY", "T"], ["Indices", "int64"], ["x_shape", "int64"]), single(["dX", "T"])),
  AveragePoolGrad: signature({ ...window, count_include_pad: int }, single(["dY", "T"], ["x_shape", "int64"]), single(["dX", "T"])),
  BatchNormalizationTraining: signature(
    { epsilon: { kind: "float", required: true } },
    single(["X", "T"], ["scale", "T"], ["B", "T"]),
    single(["Y", "T"], ["mean", "T"], ["variance", "T"], ["inverse_deviation", "T"]),
  ),
  BatchNormalizationGrad: signature(
    {},
    single(["dY", "T"], ["X", "T"], ["scale", "T"], ["mean", "T"], ["inverse_deviation", "T"]),
    single(["dX", "T"], ["dscale", "T"], ["dB", "T"]),
  ),
  CounterUniform: signature({ stream: int }, single(["shape", "int64"], ["seed", "int64"], ["step", "int64"]), single(["Y", "float32"])),
};
