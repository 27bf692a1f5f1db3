import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { imageFolder, loadImage } from "../../src/data/index.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-images-"));
afterAll(() => rmSync(folder, { recursive: true }));
const size = { height: 2, width: 2, channels: 3 } as const;

const plain = (r: number, g: number, b: number, alpha?: number): Promise<Buffer> =>
  sharp({ create: { width: 4, height: 4, channels: alpha === undefined ? 3 : 4, background: { r, g, b, alpha: alpha ?? 1 } } })
    .png()
    .toBuffer();

beforeAll(async () => {
  for (const name of ["cat", "dog/deep"]) mkdirSync(join(folder, "set", name), { recursive: true });
  writeFileSync(join(folder, "set/cat/b.png"), await plain(10, 20, 30));
  writeFileSync(join(folder, "set/cat/a.png"), await plain(1, 2, 3));
  writeFileSync(join(folder, "set/cat/notes.txt"), "no image");
  writeFileSync(join(folder, "set/dog/deep/c.PNG"), await plain(200, 100, 50, 1));
  symlinkSync(join(folder, "set"), join(folder, "set/cat/loop"));
});

test("a folder per class gives images by path and classes by name", async () => {
  const dataset = imageFolder(join(folder, "set"), size);
  expect([dataset.length, dataset.classes]).toEqual([3, ["cat", "dog"]]);
  const { inputs, targets } = await dataset.read([2, 0]);
  expect(targets["target"]?.data).toEqual(BigInt64Array.of(1n, 0n));
  expect(inputs["input"]).toEqual({
    dtype: "uint8",
    shape: [2, 3, 2, 2],
    data: Uint8Array.of(200, 200, 200, 200, 100, 100, 100, 100, 50, 50, 50, 50, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3),
  });
});

test("a grey image has one channel", async () => {
  writeFileSync(join(folder, "grey.png"), await plain(77, 77, 77));
  const image = await loadImage(join(folder, "grey.png"), { ...size, channels: 1 });
  expect(image).toEqual({ dtype: "uint8", shape: [1, 2, 2], data: Uint8Array.of(77, 77, 77, 77) });
});

test("a 16-bit image is scaled to bytes", async () => {
  const path = join(folder, "deep.png");
  const wide = Uint16Array.from({ length: 16 }, () => 0x8080);
  await sharp(wide, { raw: { width: 4, height: 4, channels: 1 } })
    .toColourspace("grey16")
    .png()
    .toFile(path);
  expect((await loadImage(path, { ...size, channels: 1 })).data).toEqual(Uint8Array.of(128, 128, 128, 128));
});

/** A PNG header that claims a size, with hardly any data behind it. */
function pngOf(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.alloc(1000))), chunk("IEND", Buffer.alloc(0))]);
}

test("bombs, damaged files and files that are no image are the user's errors", async () => {
  const cases = [
    ["bomb.png", pngOf(60_000, 60_000), /bomb\.png: cannot read it as an image: Input image exceeds pixel limit/],
    ["short.png", (await plain(1, 2, 3)).subarray(0, 60), /short\.png: cannot read it as an image: /],
    ["text.png", Buffer.from("no image at all"), /text\.png: cannot read it as an image: .*unsupported image format/],
  ] as const;
  for (const [name, bytes, message] of cases) {
    writeFileSync(join(folder, name), bytes);
    await expect(loadImage(join(folder, name), size)).rejects.toThrow(message);
  }
  await expect(loadImage(join(folder, "none.png"), size)).rejects.toThrow("none.png: cannot read it as an image: ENOENT");
});

test("folders without classes or images, and classes of another folder, are named", () => {
  const bare = join(folder, "bare");
  mkdirSync(join(bare, "hen"), { recursive: true });
  expect(() => imageFolder(join(folder, "nowhere"), size)).toThrow(`${join(folder, "nowhere")}: cannot read it: ENOENT`);
  expect(() => imageFolder(bare, size)).toThrow(`${bare}: no images in hen`);
  expect(() => imageFolder(join(bare, "hen"), size)).toThrow(`${join(bare, "hen")}: it has no folders`);
  expect(() => imageFolder(bare, { ...size, classes: ["cat", "dog"] })).toThrow(`${bare}: no such class: hen; there are cat, dog`);
});
