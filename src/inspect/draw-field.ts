/** An effective receptive field as a picture: heat over an image, with boxes around what a unit can see and what it sees in effect. */
import type { TensorData } from "../ir/tensor-data.ts";
import type { AxisExtent } from "../passes/index.ts";
import type { EffectiveField } from "./effective-field.ts";
import type { RowsColumns } from "./field-sizes.ts";

type Colour = readonly [red: number, green: number, blue: number];

const boxColours = {
  theoretical: [255, 255, 255],
  gaussian: [64, 224, 255],
  halfMass: [96, 255, 96],
} as const satisfies Readonly<Record<string, Colour>>;

/** From nothing to the strongest gradient: points of the colour map "inferno" (Smith and van der Walt, matplotlib 2015). */
const heat: readonly Colour[] = [
  [0, 0, 4],
  [87, 16, 110],
  [188, 55, 84],
  [249, 142, 9],
  [252, 255, 164],
];
const beyondImage: Colour = [40, 40, 44];

/** The shorter side of the picture has at least as many pixels, by whole multiples of the image's. */
const leastSide = 448;
/** How far the picture shows what lies outside the image, in parts of its size. */
const mostMargin = 0.5;

/** Pixels of a picture over the plane of an image's pixels, `scale` times as fine; `origin` is the first row and column of the image's that is shown. */
interface Canvas {
  readonly rgb: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly scale: number;
  readonly origin: RowsColumns;
}

/**
 * A PNG of an effective receptive field. The heat is the square root of each pixel's gradient in relation to the strongest one, over the
 * image, uint8[1 or 3, height, width] of the field's size, or over black; and beyond the image as far as the theoretical field reaches, up
 * to half its size. Boxes are white around what the unit can see, cyan from -2 sigma to 2 sigma, and green around the square with half of
 * the gradient. Throws a RangeError where the image has another size.
 */
export async function drawEffectiveField(field: EffectiveField, image?: TensorData): Promise<Uint8Array> {
  const { height, width } = field.map;
  if (image !== undefined && (image.shape[1] !== height || image.shape[2] !== width))
    throw new RangeError(`the image is ${image.shape.join("x")}, but the field is of ${height}x${width} pixels`);
  const canvas = canvasFor(field);
  paintHeat(canvas, field, image);
  const { unclipped } = field.theoretical;
  const [rows, columns] = unclipped ?? [];
  if (rows?.kind === "range" && columns?.kind === "range")
    drawBox(canvas, [rows.first, columns.first], [rows.last, columns.last], boxColours.theoretical);
  const { mean, size } = field.gaussian;
  const corner = (sign: number): RowsColumns => [mean[0] + (sign * size[0]) / 2, mean[1] + (sign * size[1]) / 2];
  drawBox(canvas, corner(-1), corner(1), boxColours.gaussian);
  drawBox(canvas, field.halfMass.box.first, field.halfMass.box.last, boxColours.halfMass);
  const { default: sharp } = await import("sharp");
  return sharp(canvas.rgb, { raw: { width: canvas.width, height: canvas.height, channels: 3 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
}

function canvasFor({ map: { height, width }, theoretical }: EffectiveField): Canvas {
  const scale = Math.max(1, Math.ceil(leastSide / Math.min(height, width)));
  const spans = [height, width].map((count, i): readonly [number, number] => {
    const extent: AxisExtent | undefined = theoretical.unclipped?.[i];
    if (extent?.kind !== "range") return [0, count - 1];
    const margin = Math.ceil(mostMargin * count);
    return [Math.max(-margin, Math.min(0, extent.first - 1)), Math.min(count - 1 + margin, Math.max(count - 1, extent.last + 1))];
  });
  const [[top, bottom] = [0, 0], [left, right] = [0, 0]] = spans;
  const [rows, columns] = [(bottom - top + 1) * scale, (right - left + 1) * scale];
  return { rgb: new Uint8Array(3 * rows * columns), height: rows, width: columns, scale, origin: [top, left] };
}

function paintHeat(
  { rgb, height, width, scale, origin: [top, left] }: Canvas,
  { map }: EffectiveField,
  image: TensorData | undefined,
): void {
  const strongest = map.weights.reduce((a, w) => Math.max(a, w), 0);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [row, column] = [Math.floor(y / scale) + top, Math.floor(x / scale) + left];
      const isInside = row >= 0 && row < map.height && column >= 0 && column < map.width;
      const pixel = row * map.width + column;
      const colour = isInside ? blended(pixelOf(image, pixel, map.height * map.width), (map.weights[pixel] ?? 0) / strongest) : beyondImage;
      rgb.set(colour, 3 * (y * width + x));
    }
  }
}
function pixelOf(image: TensorData | undefined, pixel: number, area: number): Colour {
  if (image === undefined) return [0, 0, 0];
  const channel = (c: number): number => Number(image.data[(image.shape[0] === 1 ? 0 : c) * area + pixel]);
  return [channel(0), channel(1), channel(2)];
}
/** The colour of a strength from 0 to 1 over a darkened pixel, the more opaque the stronger. */
function blended(pixel: Colour, strength: number): Colour {
  const root = Math.sqrt(strength);
  const at = root * (heat.length - 1);
  const [low, high] = [heat[Math.floor(at)] ?? pixel, heat[Math.ceil(at)] ?? pixel];
  const mixed = (i: 0 | 1 | 2): number => {
    const hot = low[i] + (high[i] - low[i]) * (at - Math.floor(at));
    return Math.round(0.6 * pixel[i] * (1 - root) + hot * root);
  };
  return [mixed(0), mixed(1), mixed(2)];
}

/** Draws a frame around pixels of the image, the first and the last included. */
function drawBox({ rgb, height, width, scale, origin }: Canvas, first: RowsColumns, last: RowsColumns, colour: Colour): void {
  const [y0, x0] = [0, 1].map((i) => Math.round(((first[i] ?? 0) - (origin[i] ?? 0)) * scale));
  const [y1, x1] = [0, 1].map((i) => Math.round(((last[i] ?? 0) + 1 - (origin[i] ?? 0)) * scale) - 1);
  if (y0 === undefined || x0 === undefined || y1 === undefined || x1 === undefined) return;
  const thickness = 2;
  const dot = (y: number, x: number): void => {
    if (y >= 0 && y < height && x >= 0 && x < width) rgb.set(colour, 3 * (y * width + x));
  };
  for (let t = 0; t < thickness; t++) {
    for (let x = Math.max(x0, 0); x <= Math.min(x1, width - 1); x++) for (const y of [y0 + t, y1 - t]) dot(y, x);
    for (let y = Math.max(y0, 0); y <= Math.min(y1, height - 1); y++) for (const x of [x0 + t, x1 - t]) dot(y, x);
  }
}
