import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { readIdx, readIdxFile } from "../../src/data/idx.ts";
import { isCompileError } from "../../src/ir/diagnostic.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-idx-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (bytes: readonly number[]): Uint8Array => Uint8Array.from(bytes);
const small = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];

test("bytes are read with their sizes", () => {
  expect(readIdx(file(small), "x")).toEqual({ dtype: "uint8", shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) });
});

test.each([
  [0x0b, "int16", [0xff, 0xfe], -2],
  [0x0c, "int32", [0xff, 0xff, 0xff, 0xfd], -3],
  [0x0d, "float32", [0x3f, 0xc0, 0, 0], 1.5],
  [0x0e, "float64", [0xbf, 0xf8, 0, 0, 0, 0, 0, 0], -1.5],
] as const)("elements of type 0x%s are big-endian %s", (code, dtype, bytes, value) => {
  const tensor = readIdx(file([0, 0, code, 1, 0, 0, 0, 1, ...bytes]), "x");
  expect([tensor.dtype, ...tensor.data]).toEqual([dtype, value]);
});

test("a gzipped file is unpacked", () => {
  const path = join(folder, "x.gz");
  writeFileSync(path, gzipSync(file(small)));
  expect(readIdxFile(path).shape).toEqual([2, 3]);
});

test.each([
  ["no header", [0, 0], "x: 2 bytes are too few for an IDX header"],
  ["another magic number", [80, 75, 3, 4, 0], "x: magic number 0x504b0304 is none of an IDX file's"],
  ["an unknown element type", [0, 0, 7, 1, 0, 0, 0, 0], "x: magic number 0x00000701 is none of an IDX file's"],
  ["an end inside the sizes", [0, 0, 8, 2, 0, 0, 0, 2, 0], "x: it ends inside its header, after 9 of 12 bytes"],
  ["missing elements", small.slice(0, -1), "x: uint8[2, 3] takes 18 bytes, but it has 17"],
  ["surplus elements", [...small, 0], "x: uint8[2, 3] takes 18 bytes, but it has 19"],
  [
    "sizes whose product overflows",
    [0, 0, 8, 3, ...Array<number>(12).fill(255)],
    "x: uint8[4294967295, 4294967295, 4294967295] takes 7.9228162458924105e+28 bytes, but it has 16",
  ],
])("%s is an error that says so", (_, bytes, message) => {
  expect(() => readIdx(file(bytes), "x")).toThrow(message);
});

test("a truncated gzip file and a missing file are the user's errors", () => {
  const path = join(folder, "cut.gz");
  writeFileSync(path, gzipSync(file(small)).subarray(0, 20));
  expect(() => readIdxFile(path)).toThrow(`${path}: cannot unpack it: unexpected end of file`);
  expect(() => readIdxFile(join(folder, "none"))).toThrow(`${join(folder, "none")}: cannot read it: ENOENT`);
});

test("any bytes give a tensor of their own length or the user's error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, plausible) => {
      if (plausible) bytes.set([0, 0, 8].slice(0, bytes.length));
      try {
        expect(readIdx(bytes, "x").data.length).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        expect(isCompileError(error)).toBe(true);
      }
    }),
  );
});
