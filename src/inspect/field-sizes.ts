/** How large a map of gradients is. */
import type { AxisExtent } from "../passes/index.ts";

/** The part of a gradient that each pixel has; `weights` is row-major, [height, width], and sums to 1. */
export interface GradientMap {
  readonly height: number;
  readonly width: number;
  readonly weights: Float64Array;
}
/** Rows, then columns. */
export type RowsColumns = readonly [rows: number, columns: number];
/** Pixels from `first` to `last`, both included, rows then columns. */
export interface PixelBox {
  readonly first: RowsColumns;
  readonly last: RowsColumns;
}
/** Sizes of a map, in pixels. */
export interface FieldSizes {
  /** The mean and standard deviation of the map as a distribution over pixels; `size` reaches from -2 sigma to 2 sigma, as in the paper. */
  readonly gaussian: { readonly mean: RowsColumns; readonly sigma: RowsColumns; readonly size: RowsColumns };
  /** The smallest square around the centre of the theoretical field that has at least half of the gradient, cut at the image's borders. */
  readonly halfMass: { readonly size: number; readonly box: PixelBox };
  /** The pixels with more than 4.55 % of the strongest one's gradient, and the side of a square of as many: the size in the paper's figures. */
  readonly aboveThreshold: { readonly pixels: number; readonly size: number };
}

/** The paper's threshold: 1 - 95.45 %. */
const threshold = 1 - 0.9545;

/** The sizes of a map around the centre of the theoretical field, or of the map itself where that is the whole image. */
export function sizesOf(map: GradientMap, theoretical: readonly AxisExtent[] | null): FieldSizes {
  const gaussian = momentsOf(map);
  const centre = ([0, 1] as const).map((i) => {
    const extent = theoretical?.[i];
    return extent?.kind === "range" ? (extent.first + extent.last) / 2 : Math.round(2 * gaussian.mean[i]) / 2;
  });
  const strongest = map.weights.reduce((a, w) => Math.max(a, w), 0);
  const pixels = map.weights.reduce((n, w) => (w > threshold * strongest ? n + 1 : n), 0);
  return {
    gaussian,
    halfMass: halfMassOf(map, [centre[0] ?? 0, centre[1] ?? 0]),
    aboveThreshold: { pixels, size: Math.sqrt(pixels) },
  };
}

function momentsOf({ height, width, weights }: GradientMap): FieldSizes["gaussian"] {
  const along = (count: number, position: (i: number) => number): readonly [mean: number, sigma: number] => {
    const sums = new Float64Array(count);
    weights.forEach((w, i) => {
      sums[position(i)] = (sums[position(i)] ?? 0) + w;
    });
    const mean = sums.reduce((a, w, p) => a + w * p, 0);
    return [mean, Math.sqrt(sums.reduce((a, w, p) => a + w * (p - mean) ** 2, 0))];
  };
  const [row, sigmaRow] = along(height, (i) => Math.floor(i / width));
  const [column, sigmaColumn] = along(width, (i) => i % width);
  return { mean: [row, column], sigma: [sigmaRow, sigmaColumn], size: [4 * sigmaRow, 4 * sigmaColumn] };
}

function halfMassOf({ height, width, weights }: GradientMap, [row, column]: RowsColumns): FieldSizes["halfMass"] {
  // The weight of each square ring: of the pixels whose larger distance from the centre is r, in half pixels.
  const rings = new Map<number, number>();
  weights.forEach((w, i) => {
    const r = Math.ceil(2 * Math.max(Math.abs(Math.floor(i / width) - row), Math.abs((i % width) - column)));
    rings.set(r, (rings.get(r) ?? 0) + w);
  });
  let [sum, reach] = [0, 0];
  for (const r of [...rings.keys()].sort((a, b) => a - b)) {
    sum += rings.get(r) ?? 0;
    reach = r / 2;
    // Half of a sum of rounded parts.
    if (sum >= 0.5 - 1e-9) break;
  }
  const from = (centre: number): number => Math.max(0, Math.ceil(centre - reach));
  const to = (centre: number, count: number): number => Math.min(count - 1, Math.floor(centre + reach));
  return {
    size: Math.floor(column + reach) - Math.ceil(column - reach) + 1,
    box: { first: [from(row), from(column)], last: [to(row, height), to(column, width)] },
  };
}
