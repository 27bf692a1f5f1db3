/** Channels turned into pixels and back, as torch.nn.PixelShuffle and PixelUnshuffle (Shi et al. 2016, arXiv:1609.05158). */
import { type Dim, exactDiv, mulDims } from "../../ir/dim.ts";
import type { Value } from "../../ir/graph.ts";
import type { After, Once } from "../layer.ts";
import { numeric } from "../shape-rules/axes.ts";
import { type PixelShuffle, type PixelUnshuffle, shuffleFault, unshuffleFault } from "../shape-rules/pixel-shuffle.ts";
import { type Positive, positive } from "../shape-rules/window.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, type Call, check, enter, operand, result, within } from "../trace.ts";

/** Each r r channels become a square of pixels: float32[N, C r r, H, W] -> float32[N, C, H r, W r]. */
export function pixelShuffle<S, R extends number, Z = After<S, [PixelShuffle<R>]>, Y = Z>(
  x: Checked<Tensor<S>, Z>,
  upscaleFactor: Checked<R, Positive<"pixelShuffle: upscaleFactor", R>>,
): Tensor<Once<Z, Y>> {
  const call = enter("pixelShuffle", pixelShuffle, arguments);
  const [value, r] = [operand(call, x), numeric(upscaleFactor)];
  check(call, [value], positive("upscaleFactor", upscaleFactor), shuffleFault(value.type.shape, r));
  const [n = 1, c = 1, h = 1, w = 1] = value.type.shape;
  const channels = exactDiv(c, r * r) ?? -1;
  const size = sizes(call, value);
  const squares = reshaped(call, value, [size(0, n), Number(channels), r, r, size(2, h), size(3, w)]);
  const moved = within(call, () => call.builder.add("Transpose", [squares], { perm: [0, 1, 4, 2, 5, 3] }));
  const target = [size(0, n), Number(channels), size(2, mulDims(h, r), "Mul", r), size(3, mulDims(w, r), "Mul", r)];
  return result(call, add(call, "Reshape", [moved, vector(call, target)]));
}
/** Each square of r r pixels becomes channels: float32[N, C, H r, W r] -> float32[N, C r r, H, W]. */
export function pixelUnshuffle<S, R extends number, Z = After<S, [PixelUnshuffle<R>]>, Y = Z>(
  x: Checked<Tensor<S>, Z>,
  downscaleFactor: Checked<R, Positive<"pixelUnshuffle: downscaleFactor", R>>,
): Tensor<Once<Z, Y>> {
  const call = enter("pixelUnshuffle", pixelUnshuffle, arguments);
  const [value, r] = [operand(call, x), numeric(downscaleFactor)];
  check(call, [value], positive("downscaleFactor", downscaleFactor), unshuffleFault(value.type.shape, r));
  const [n = 1, c = 1, h = 1, w = 1] = value.type.shape;
  const [rows, columns] = [exactDiv(h, r) ?? -1, exactDiv(w, r) ?? -1];
  const size = sizes(call, value);
  const [y, z] = [size(2, rows, "Div", r), size(3, columns, "Div", r)];
  const squares = reshaped(call, value, [size(0, n), Number(c), y, r, z, r]);
  const moved = within(call, () => call.builder.add("Transpose", [squares], { perm: [0, 1, 3, 5, 2, 4] }));
  return result(call, add(call, "Reshape", [moved, vector(call, [size(0, n), Number(mulDims(c, r * r)), y, z])]));
}

/** A size that is known, or one that is read when the model runs. */
type Size = number | Value;
/** The size `dim` that an axis of x has after an operation with r; a symbolic batch is the 0 that keeps it. */
const sizes =
  (call: Call, x: Value) =>
  (axis: number, dim: Dim, op: "Mul" | "Div" | null = null, r = 1): Size => {
    if (typeof dim === "number") return dim;
    if (axis === 0) return 0;
    return within(call, () => {
      const { builder } = call;
      const size = builder.add("Shape", [x], { start: axis, end: axis + 1 });
      return op === null ? size : builder.add(op, [size, builder.constant("int64", [r])]);
    });
  };
function vector(call: Call, target: readonly Size[]): Value {
  const { builder } = call;
  const known = target.flatMap((size) => (typeof size === "number" ? [size] : []));
  if (known.length === target.length) return builder.constant("int64", known);
  const pieces = target.map((size) => (typeof size === "number" ? builder.constant("int64", [size]) : size));
  return within(call, () => builder.add("Concat", pieces, { axis: 0 }));
}
const reshaped = (call: Call, x: Value, target: readonly Size[]): Value =>
  within(call, () => call.builder.add("Reshape", [x, vector(call, target)]));
