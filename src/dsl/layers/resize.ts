/** Resizing images, as torch.nn.functional.interpolate. */
import type { Value } from "../../ir/graph.ts";
import type { After, Once } from "../layer.ts";
import type { EitherFault, Resize } from "../shape-rules/resize.ts";
import { rankFault, shown } from "../shape-rules/show.ts";
import { at, type Positive, positive, type Sizes } from "../shape-rules/window.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, type Call, check, enter, type Fault, operand, result } from "../trace.ts";
import { optionsFault, required, settings } from "./options.ts";

/** How pixels between pixels are made. */
export type ResizeMode = "nearest" | "bilinear" | "bicubic";
interface ResizeSettings {
  readonly size: Sizes | null;
  readonly scaleFactor: Sizes | null;
  readonly mode: ResizeMode;
  readonly alignCorners: boolean;
}

/** The options of interpolate. */
export interface InterpolateOptions<Z, F> {
  size?: Checked<Z, Positive<"interpolate: size", Z>>;
  scaleFactor?: Checked<F, EitherFault<Z, F>>;
  mode?: ResizeMode;
  /** Whether the centres of the corner pixels keep their place; for "bilinear" and "bicubic". */
  alignCorners?: boolean;
}
/** Resizes an image to `size`, or by `scaleFactor`: float32[N, C, H, W] -> float32[N, C, H', W']. */
export function interpolate<
  S,
  const Z extends Sizes | null = null,
  const F extends Sizes | null = null,
  R = After<S, [Resize<"interpolate", Z, F>]>,
  Q = R,
>(x: Checked<Tensor<S>, R>, options: InterpolateOptions<Z, F>): Tensor<Once<R, Q>> {
  const call = enter("interpolate", interpolate, arguments);
  return result(call, resized(call, x, options));
}
/** The options of upsample. */
export interface UpsampleOptions<F> {
  scaleFactor: Checked<F, Positive<"upsample: scaleFactor", F>>;
  mode?: ResizeMode;
  alignCorners?: boolean;
}
/** Enlarges an image by a factor, as torch.nn.Upsample. */
export function upsample<S, const F extends Sizes, R = After<S, [Resize<"upsample", null, F>]>, Q = R>(
  x: Checked<Tensor<S>, R>,
  options: UpsampleOptions<F>,
): Tensor<Once<R, Q>> {
  const call = enter("upsample", upsample, arguments);
  const { scaleFactor } = settings<{ scaleFactor: Sizes }>(options, { scaleFactor: required });
  const known = { scaleFactor, mode: null, alignCorners: null };
  check(call, [operand(call, x)], optionsFault(options, known));
  check(call, [operand(call, x)], positive("scaleFactor", scaleFactor, 2));
  return result(call, resized(call, x, options));
}

function resized(call: Call, x: unknown, options: object): Value {
  const value = operand(call, x);
  const o = settings<ResizeSettings>(options, { size: null, scaleFactor: null, mode: "nearest", alignCorners: false });
  check(call, [value], optionsFault(options, o));
  check(
    call,
    [value],
    rankFault(value.type.shape.length, 4, "[N, C, H, W]"),
    optionFault(o),
    o.size === null ? null : positive("size", o.size, 2),
  );
  const { builder } = call;
  // ONNX reads the sizes of all axes, or the scales of all: the first two stay.
  const axes = { axes: [2, 3] } as const;
  const sizes = o.size === null ? null : builder.constant("int64", [at(o.size, 0), at(o.size, 1)]);
  const scales = o.scaleFactor === null ? null : builder.constant("float32", [at(o.scaleFactor, 0), at(o.scaleFactor, 1)]);
  return add(call, "Resize", [value, null, scales, sizes], { ...axes, ...resizeAttributes(o) });
}
function optionFault({ size, scaleFactor, mode, alignCorners }: ResizeSettings): Fault | null {
  if ((size === null) === (scaleFactor === null)) return { code: "option-missing", text: "give either size or scaleFactor" };
  const factors = scaleFactor === null ? [] : [at(scaleFactor, 0), at(scaleFactor, 1)];
  const bad = factors.find((f) => !(Number.isFinite(f) && f > 0));
  if (bad !== undefined) return { code: "option-range", text: `scaleFactor is ${shown(bad)}, but must be positive` };
  if (!["nearest", "bilinear", "bicubic"].includes(mode))
    return { code: "option-range", text: `mode is ${shown(mode)}, but must be "nearest", "bilinear" or "bicubic"` };
  return alignCorners && mode === "nearest" ? { code: "option-range", text: `alignCorners has no meaning for mode "nearest"` } : null;
}
/** PyTorch's coordinates: nearest takes the floor of the scaled index, the others the centres of pixels. */
function resizeAttributes({ mode, alignCorners }: ResizeSettings) {
  const coordinates = mode === "nearest" ? "asymmetric" : alignCorners ? "align_corners" : "half_pixel";
  const shared = {
    coordinate_transformation_mode: coordinates,
    mode: mode === "nearest" ? "nearest" : mode === "bilinear" ? "linear" : "cubic",
  };
  return mode === "nearest" ? { ...shared, nearest_mode: "floor" } : mode === "bicubic" ? { ...shared, cubic_coeff_a: -0.75 } : shared;
}
