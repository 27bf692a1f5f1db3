/** One image file as a tensor. */
import { stat } from "node:fs/promises";
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { reasonOf } from "./read-file.ts";

/** What an image becomes. */
export interface ImageOptions {
  readonly height: number;
  readonly width: number;
  /** 1: grey; 3: red, green and blue. */
  readonly channels: 1 | 3;
  /**
   * How an image of another aspect fits: "cover" scales it to cover the size and crops the middle, "fill" stretches it,
   * "contain" scales it into the size and fills the rest with black. "cover" when absent.
   */
  readonly fit?: "cover" | "fill" | "contain";
}

/** Bytes of an image, uint8[height, width, channels]. */
export interface Pixels {
  readonly dtype: "uint8";
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly data: Uint8Array;
}

/** An image larger than this is refused before it is decoded: 100 million pixels. */
const maxPixels = 1e8;
const maxBytes = 2 ** 28;

/**
 * The pixels of an image file, uint8[channels, height, width]: turned as its EXIF data say, alpha dropped, resized.
 * Throws a CompileError when the file is missing, no image that sharp reads, damaged, or too large to decode safely.
 */
export async function loadImage(path: string, options: ImageOptions): Promise<TensorData> {
  const { data } = await loadPixels(path, options);
  const { height, width, channels } = options;
  return { dtype: "uint8", shape: [channels, height, width], data: planar(data, channels, height * width) };
}

/** The same as uint8[height, width, channels], in the image's own size where none is asked for. Throws as loadImage does. */
export async function loadPixels(path: string, options: ImageOptions | Pick<ImageOptions, "channels">): Promise<Pixels> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw new RangeError(`it has ${size} bytes, more than the limit of ${maxBytes}`);
    return await decode(path, options);
  } catch (error) {
    throw userError("image-file", `${path}: cannot read it as an image: ${reasonOf(error)}`, nowhere, {
      help: "PNG, JPEG, WebP, GIF, TIFF and AVIF files of up to 100 million pixels are read",
    });
  }
}

async function decode(path: string, options: ImageOptions | Pick<ImageOptions, "channels">): Promise<Pixels> {
  // Loaded when the first image is: models that read none start without libvips.
  const { default: sharp } = await import("sharp");
  const { channels } = options;
  const image = sharp(path, { limitInputPixels: maxPixels, failOn: "error", sequentialRead: true, pages: 1 }).autoOrient();
  if ("height" in options) {
    const { height, width, fit = "cover" } = options;
    image.resize({ height, width, fit, background: "black", kernel: "lanczos3" });
  }
  image.removeAlpha().toColourspace(channels === 1 ? "b-w" : "srgb");
  const { data, info } = await image.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  const { height, width } = "height" in options ? options : info;
  if (info.width !== width || info.height !== height || info.channels !== channels) {
    throw new RangeError(`it decodes to ${info.channels}x${info.height}x${info.width}, not ${channels}x${height}x${width}`);
  }
  return { dtype: "uint8", shape: [height, width, channels], data };
}

/** From [area, channels] to [channels, area]. */
function planar(interleaved: Uint8Array, channels: number, area: number): Uint8Array {
  const planes = new Uint8Array(channels * area);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < area; i++) planes[c * area + i] = interleaved[i * channels + c] ?? 0;
  }
  return planes;
}

/** Images of one size stacked into a batch, uint8[N, channels, height, width]. */
export function stackImages(images: readonly TensorData[]): TensorData {
  const shape = images[0]?.shape ?? [];
  const size = shape.reduce((n, d) => n * d, 1);
  const data = new Uint8Array(images.length * size);
  for (const [i, image] of images.entries()) {
    if (!(image.data instanceof Uint8Array) || image.data.length !== size) throw new RangeError("images of one batch must have one size");
    data.set(image.data, i * size);
  }
  return { dtype: "uint8", shape: [images.length, ...shape], data };
}
