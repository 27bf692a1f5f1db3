/** Pictures inside the page. */
import sharp from "sharp";

/** Pixels. */
export interface Picture {
  /** uint8[channels, height, width]. */
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/** A picture as an address that holds it: exact as PNG, small as WebP. Throws a RangeError when it has too few or too many pixels. */
export async function pictureUri({ pixels, width, height, channels }: Picture, format: "png" | "webp"): Promise<string> {
  const area = width * height;
  if (pixels.length !== area * channels) throw new RangeError(`a picture of ${channels}x${height}x${width} has ${pixels.length} bytes`);
  const interleaved = Uint8Array.from({ length: pixels.length }, (_, i) => pixels[(i % channels) * area + Math.floor(i / channels)] ?? 0);
  const image = sharp(interleaved, { raw: { width, height, channels } });
  const bytes = await (format === "png" ? image.png({ compressionLevel: 9 }) : image.webp({ quality: 84 })).toBuffer();
  return `data:image/${format};base64,${bytes.toString("base64")}`;
}
