/** Which positions of its input an output position of Resize reads. */
import { type Dim, exactDiv } from "../dim.ts";
import type { AxisWindow } from "../op-schema.ts";
import type { InterpolationAttributes } from "./resize-matrix.ts";

/** An axis and its sizes; `scale` is null where sizes were given. */
interface ResizedSizes {
  readonly axis: number;
  readonly size: Dim;
  readonly out: Dim;
  readonly scale: number | null;
}
/** Output o lies at x(o) = offset + stride * o, a multiple of `grain`; 0 where no such grain is known. */
interface Positions {
  readonly stride: number;
  readonly offset: number;
  readonly grain: number;
}

/** The window of whole positions around x(o) that have a weight; "all" where x(o) depends on sizes that are not known. */
export function resizeWindow({ axis, size, out, scale }: ResizedSizes, attributes: InterpolationAttributes): AxisWindow {
  const factor = scale ?? (typeof size === "number" && typeof out === "number" ? out / size : exactDiv(out, size));
  if (typeof factor !== "number") return "all";
  const positions = positionsOf(factor, size, out, attributes.coordinate_transformation_mode);
  if (positions === null) return "all";
  const [below, above] = reachOf(attributes, factor, positions.grain);
  return { axis, size: below + above + 1, stride: positions.stride, start: positions.offset - below, outside: "nearest" };
}

function positionsOf(scale: number, size: Dim, out: Dim, mode: string): Positions | null {
  if (mode === "align_corners") {
    if (out === 1) return { stride: 0, offset: 0, grain: 1 };
    return typeof size === "number" && typeof out === "number" ? { stride: (size - 1) / (out - 1), offset: 0, grain: 1 / (out - 1) } : null;
  }
  const numerator = numeratorOf(scale);
  const grain = numerator === null ? 0 : 1 / numerator;
  if (mode === "asymmetric") return { stride: 1 / scale, offset: 0, grain };
  if (mode === "pytorch_half_pixel" && out === 1) return { stride: 0, offset: 0, grain: 1 };
  if (!mode.includes("half_pixel")) return null;
  // (o + 0.5) / scale - 0.5
  const plain = { stride: 1 / scale, offset: 0.5 / scale - 0.5, grain: grain / 2 };
  if (mode !== "half_pixel_symmetric") return plain;
  if (typeof size !== "number" || typeof out !== "number") return exactDiv(out, size) === scale ? plain : null;
  const shift = (size / 2) * (1 - out / (scale * size));
  return shift === 0 ? plain : { ...plain, offset: plain.offset + shift, grain: 0 };
}
/** n of the simplest n / d that is the scale, whose denominator is 64 at most; null for others. */
function numeratorOf(scale: number): number | null {
  for (let d = 1; d <= 64; d++) if (Math.abs(scale * d - Math.round(scale * d)) < 1e-6 * d) return Math.round(scale * d);
  return null;
}

/** How far below and above x(o) whole positions have a weight. At an open end, the last multiple of the grain before it counts. */
function reachOf({ mode, nearest_mode, antialias }: InterpolationAttributes, scale: number, grain: number): readonly [number, number] {
  if (mode !== "nearest") {
    const support = (mode === "cubic" ? 2 : 1) / (antialias === 1 ? Math.min(scale, 1) : 1);
    return [support - grain, support - grain];
  }
  const nearest: Readonly<Record<string, readonly [number, number]>> = {
    floor: [1 - grain, 0],
    ceil: [0, 1 - grain],
    round_prefer_ceil: [0.5 - grain, 0.5],
  };
  return nearest[nearest_mode] ?? [0.5, 0.5 - grain];
}
