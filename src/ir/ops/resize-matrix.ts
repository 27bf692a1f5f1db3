/** The matrix that Resize multiplies an axis by. */
import { RuleFault } from "../op-schema.ts";

/** The attributes of Resize that decide its weights. */
export interface InterpolationAttributes {
  readonly mode: string;
  readonly nearest_mode: string;
  readonly coordinate_transformation_mode: string;
  readonly cubic_coeff_a: number;
  readonly exclude_outside: number;
  readonly antialias: number;
}
/** The interpolation of `size` positions to `out`. */
export interface Interpolation {
  readonly size: number;
  readonly out: number;
  readonly scale: number;
  /** The part of the axis that is resized, 0 to 1; tf_crop_and_resize alone reads it. */
  readonly roi: readonly [start: number, end: number];
  readonly attributes: InterpolationAttributes;
}
/** A matrix, row-major. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly weights: readonly number[];
}

const { fround } = Math;
/** (o + 0.5) / scale - 0.5 in float32, step by step as the runtime computes it: `nearest` rounds where ties fall. */
const halfPixel = (o: number, scale: number): number => fround(fround((o + 0.5) / fround(scale)) - 0.5);
/** Where output position o lies on the input's axis. */
const coordinates: Readonly<Record<string, (o: number, i: Interpolation) => number>> = {
  half_pixel: (o, { scale }) => halfPixel(o, scale),
  // The output stays centred where rounding made it smaller or larger than size * scale.
  half_pixel_symmetric: (o, { scale, size, out }) => {
    const adjustment = fround(out / fround(fround(scale) * size));
    return fround((size / 2) * (1 - adjustment) + (o + 0.5) / fround(scale) - 0.5);
  },
  pytorch_half_pixel: (o, { scale, out }) => (out > 1 ? halfPixel(o, scale) : 0),
  align_corners: (o, { size, out }) => (out === 1 ? 0 : fround((o * (size - 1)) / (out - 1))),
  asymmetric: (o, { scale }) => fround(o / fround(scale)),
  tf_crop_and_resize: (o, { size, out, roi: [start, end] }) =>
    fround(out > 1 ? start * (size - 1) + (o * (end - start) * (size - 1)) / (out - 1) : 0.5 * (start + end) * (size - 1)),
};
const roundings: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

function chosen<V>(table: Readonly<Record<string, V>>, name: string, attribute: string): V {
  const entry = Object.hasOwn(table, name) ? table[name] : undefined;
  if (entry === undefined)
    throw new RuleFault("op-attribute", `"${attribute}" is "${name}", wanted one of ${Object.keys(table).join(", ")}`);
  return entry;
}
/** Weights of the positions around x, from `first` on. */
interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}
/** The interpolating kernels as functions of the distance, and how far they reach. */
const kernels: Readonly<Record<string, { readonly reach: number; readonly weight: (distance: number, a: number) => number }>> = {
  linear: { reach: 1, weight: (d) => Math.max(0, 1 - d) },
  // Keys's cubic convolution
  cubic: {
    reach: 2,
    weight: (d, a) => (d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0),
  },
};

function tapsAt(x: number, i: Interpolation): Taps {
  const { mode, nearest_mode, antialias, cubic_coeff_a } = i.attributes;
  if (mode === "nearest") return { first: chosen(roundings, nearest_mode, "nearest_mode")(x), weights: [1] };
  const { reach, weight } = chosen(kernels, mode, "mode");
  // Antialiasing widens the kernel by 1 / scale when it makes an axis smaller.
  const stretch = antialias === 1 ? Math.max(1, 1 / i.scale) : 1;
  const first = Math.floor(x - reach * stretch) + 1;
  const last = stretch === 1 ? first + 2 * reach - 1 : Math.ceil(x + reach * stretch) - 1;
  const weights = Array.from({ length: last - first + 1 }, (_, k) => weight(Math.abs(x - (first + k)) / stretch, cubic_coeff_a));
  if (stretch === 1) return { first, weights };
  const total = weights.reduce((s, w) => s + w, 0);
  return { first, weights: weights.map((w) => w / total) };
}

/** The weights out x size: positions past an edge read the edge, or nothing with exclude_outside; a crop's outside reads nothing. */
export function interpolationMatrix(i: Interpolation): Matrix {
  const { size, out, attributes } = i;
  const coordinate = chosen(coordinates, attributes.coordinate_transformation_mode, "coordinate_transformation_mode");
  const weights = Array.from({ length: out * size }, () => 0);
  for (let o = 0; o < out; o++) {
    const x = coordinate(o, i);
    if (attributes.coordinate_transformation_mode === "tf_crop_and_resize" && (x < 0 || x > size - 1)) continue;
    const taps = tapsAt(x, i);
    const drop = attributes.mode !== "nearest" && attributes.exclude_outside === 1;
    const inside = taps.weights.map((w, k) => (drop && (taps.first + k < 0 || taps.first + k >= size) ? 0 : w));
    const total = drop ? inside.reduce((s, w) => s + w, 0) : 1;
    inside.forEach((w, k) => {
      const at = o * size + Math.min(Math.max(taps.first + k, 0), size - 1);
      weights[at] = (weights[at] ?? 0) + w / total;
    });
  }
  return { rows: out, columns: size, weights };
}

/** True when a nearest resize by a whole factor repeats every element `factor` times, whatever the size. */
export function repeatsExactly(factor: number, scale: number, attributes: InterpolationAttributes): boolean {
  const mode = attributes.coordinate_transformation_mode;
  if (scale !== factor || mode === "align_corners" || mode === "tf_crop_and_resize") return false;
  // Positions repeat with period 1: four elements show them all, the edges included.
  const { weights } = interpolationMatrix({ size: 4, out: 4 * factor, scale, roi: [0, 1], attributes });
  return Array.from({ length: 4 * factor }, (_, o) => weights[o * 4 + Math.floor(o / factor)] === 1).every(Boolean);
}
