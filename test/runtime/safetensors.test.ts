import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isCompileError } from "../../src/ir/diagnostic.ts";
import { type DType, dtypes } from "../../src/ir/dtype.ts";
import { arrayOf, type TensorData } from "../../src/ir/tensor-data.ts";
import { encodeSafetensors, parseSafetensors, readSafetensors, writeSafetensors } from "../../src/runtime/safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "striate-safetensors-"));

/** Written by the Python package safetensors 0.8 from NumPy arrays. */
const reference = Buffer.from(
  "qAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJ3aG8iOiLDqSJ9LCJhIjp7ImR0eXBlIjoiSTY0Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbMCwxNl19LCJzIjp7ImR0eXBlIjoiRjY0Iiwic2hhcGUiOltdLCJkYXRhX29mZnNldHMiOlsxNiwyNF19LCJiLndlaWdodCI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMiwzXSwiZGF0YV9vZmZzZXRzIjpbMjQsNDhdfSwiZSI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMCw0XSwiZGF0YV9vZmZzZXRzIjpbNDgsNDhdfSwiaCI6eyJkdHlwZSI6IkYxNiIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzQ4LDUyXX0sInUiOnsiZHR5cGUiOiJVOCIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzUyLDUzXX0sIm0iOnsiZHR5cGUiOiJCT09MIiwic2hhcGUiOlszXSwiZGF0YV9vZmZzZXRzIjpbNTMsNTZdfX0gAQAAAAAAAAD+/////////wAAAAAAAAhAAAAAAAAAgD8AAABAAABAQAAAgEAAAKBAAD4AwAcBAAE=",
  "base64",
);
const contents = new Map<string, TensorData>([
  ["a", { dtype: "int64", shape: [2], data: BigInt64Array.of(1n, -2n) }],
  ["s", { dtype: "float64", shape: [], data: Float64Array.of(3) }],
  ["b.weight", { dtype: "float32", shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) }],
  ["e", { dtype: "float32", shape: [0, 4], data: new Float32Array(0) }],
  ["h", { dtype: "float16", shape: [2], data: Uint16Array.of(0x3e00, 0xc000) }],
  ["u", { dtype: "uint8", shape: [1], data: Uint8Array.of(7) }],
  ["m", { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) }],
]);

/** A file with the header given and so many bytes of data. */
function file(header: string, dataSize = 0): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + dataSize);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}
function problem(bytes: Uint8Array): string {
  try {
    parseSafetensors(bytes, "F");
  } catch (error) {
    if (isCompileError(error)) return error.message.replace("error[safetensors]: ", "");
    throw error;
  }
  return "none";
}

test("the reference writer's file is read", () => {
  const { tensors, metadata } = parseSafetensors(reference);
  expect(tensors).toEqual(contents);
  expect([...tensors.keys()]).toEqual(["a", "s", "b.weight", "e", "h", "u", "m"]);
  expect(metadata).toEqual({ who: "é" });
});

test("the bytes written are the reference writer's", () => {
  expect(Buffer.from(encodeSafetensors(contents, { who: "é" })).toString("base64")).toBe(reference.toString("base64"));
});

test("a file is read and written like bytes", async () => {
  const path = join(folder, "reference.safetensors");
  writeFileSync(path, reference);
  expect(await readSafetensors(path)).toEqual({ tensors: contents, metadata: { who: "é" } });
  const copy = join(folder, "copy.safetensors");
  await writeSafetensors(copy, contents, { who: "é" });
  expect(readFileSync(copy).equals(reference)).toBe(true);
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("a write that fails leaves the old file and nothing else", async () => {
  const path = join(folder, "kept.safetensors");
  await writeSafetensors(path, contents);
  const before = readFileSync(path);
  await expect(writeSafetensors(path, new Map([["s", { dtype: "string", shape: [1], data: ["x"] }]]))).rejects.toThrow(
    `${path} cannot hold "s": the format has no string`,
  );
  expect(readFileSync(path).equals(before)).toBe(true);
  const nowhere = join(folder, "no", "where.safetensors");
  await expect(writeSafetensors(nowhere, contents)).rejects.toThrow(`error[output-file]: cannot write ${nowhere}: ENOENT`);
  await expect(readSafetensors(join(folder, "missing.safetensors"))).rejects.toThrow("missing.safetensors: there is no such file");
});

const dtypesHeld = (Object.keys(dtypes) as readonly string[]).filter((name): name is DType => name !== "string");
const tensor = fc
  .record({ dtype: fc.constantFrom(...dtypesHeld), shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }), seed: fc.integer() })
  .map(({ dtype, shape, seed }): TensorData => {
    const bytes = Uint8Array.from({ length: shape.reduce((a, b) => a * b, 1) * dtypes[dtype].size }, (_, i) =>
      dtype === "bool" ? (seed + i) & 1 : (seed * 31 + i * 7) & 255,
    );
    return { dtype, shape, data: arrayOf(dtype, bytes) };
  });
test("any tensors come back as they were", () => {
  const names = fc.string({ unit: "grapheme" }).filter((name) => name !== "__metadata__");
  fc.assert(
    fc.property(
      fc.array(fc.tuple(names, tensor), { maxLength: 8 }),
      fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
      (entries, metadata) => {
        const tensors = new Map(entries);
        const read = parseSafetensors(encodeSafetensors(tensors, metadata));
        // toEqual compares maps regardless of order.
        expect(read).toEqual({ tensors, metadata });
      },
    ),
    { numRuns: 300, seed: 1 },
  );
});

const entry = (dtype: string, shape: string, offsets: string): string => `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
test.each<readonly [what: string, bytes: Uint8Array, words: string]>([
  ["nothing", new Uint8Array(0), "F has 0 bytes, too few for a safetensors file"],
  ["a length past the end", Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 1), "F claims a header of 9 bytes, but only 1 follow"],
  ["a length past all bounds", new Uint8Array(9).fill(255), "F claims a header of 18446744073709551615 bytes, the format allows 100000000"],
  ["a list", file("[]"), 'F has a header that is no JSON object: no "{" at byte 0'],
  ["an object that does not end", file('{"a":'), "F has a header that is no JSON object: no value at byte 5"],
  ["a string that does not end", file('{"a'), "F has a header that is no JSON object: a string at byte 1 that does not end"],
  ["a comma too many", file('{"__metadata__":{},}'), 'F has a header that is no JSON object: a "," before "}" at byte 19'],
  ["something after it", file("{} x"), "F has a header that is no JSON object: something after the object at byte 3"],
  ["a number for a tensor", file('{"a":1}'), 'F is wrong: "a" is 1, wanted an object'],
  [
    "an unknown dtype",
    file(`{"a":${entry("F8", "[1]", "[0,1]")}}`, 1),
    'F is wrong: "a".dtype is F8, wanted one of U64, I64, F64, F32, U32, I32, BF16, F16, U16, I16, I8, U8, BOOL',
  ],
  ["a negative size", file(`{"a":${entry("U8", "[-1]", "[0,1]")}}`, 1), 'F is wrong: "a".shape[0] is -1, wanted a whole number from 0 on'],
  [
    "a size that overflows",
    file(`{"a":${entry("F32", "[4294967296,4294967296]", "[0,1]")}}`, 1),
    'F is wrong: "a".shape is [4294967296, 4294967296], more than any file holds',
  ],
  [
    "a size that is not the bytes'",
    file(`{"a":${entry("F32", "[2]", "[0,4]")}}`, 4),
    'F is wrong: "a".data_offsets span 4 bytes, but float32[2] takes 8',
  ],
  [
    "offsets backwards",
    file(`{"a":${entry("U8", "[0]", "[4,0]")}}`, 4),
    'F is wrong: "a".data_offsets span -4 bytes, but uint8[0] takes 0',
  ],
  ["one offset", file(`{"a":${entry("U8", "[0]", "[0]")}}`), 'F is wrong: "a".data_offsets must be two numbers'],
  ["a missing field", file('{"a":{"dtype":"U8","shape":[]}}'), 'F is wrong: "a" has no "data_offsets"'],
  ["a tensor twice", file(`{"a":${entry("U8", "[1]", "[0,1]")},"a":${entry("U8", "[1]", "[0,1]")}}`, 1), 'F has the tensor "a" twice'],
  [
    "an overlap",
    file(`{"a":${entry("U8", "[2]", "[0,2]")},"b":${entry("U8", "[2]", "[1,3]")}}`, 3),
    'F has overlapping tensors: "b" begins at byte 1, before byte 2 where another ends',
  ],
  [
    "a hole",
    file(`{"a":${entry("U8", "[1]", "[0,1]")},"b":${entry("U8", "[1]", "[2,3]")}}`, 3),
    'F has 1 bytes before "b" that belong to no tensor',
  ],
  ["data cut off", file(`{"a":${entry("U8", "[3]", "[0,3]")}}`, 2), "F is cut off: its tensors take 3 bytes, 2 are there"],
  ["data left over", file(`{"a":${entry("U8", "[3]", "[0,3]")}}`, 5), "F has 2 bytes at its end that belong to no tensor"],
  ["metadata that is no text", file('{"__metadata__":{"a":1}}'), "F is wrong: __metadata__.a is 1, wanted a text"],
])("%s is refused", (_, bytes, words) => {
  expect(problem(bytes)).toBe(words);
});

test("a bool that is neither 0 nor 1 is refused", () => {
  const bytes = file(`{"a":${entry("BOOL", "[1]", "[0,1]")}}`, 1);
  bytes[bytes.length - 1] = 2;
  expect(problem(bytes)).toBe('F has a bool in "a" that is neither 0 nor 1');
});

test("a header made to fill the memory takes a few times its size at most", () => {
  const repeated = (start: string, part: string, end: string, size: number): Uint8Array =>
    file(start + part.repeat(Math.floor(size / part.length)) + end);
  const size = 20_000_000;
  for (const [bytes, words] of [
    [repeated('{"a":', "[", "", size), "no value at byte 5"],
    [repeated('{"a":[', "0,", "0]}", size), 'describes the tensor "a" in'],
    [repeated("{", '"a":0,', '"b":0}', size), '"a" is 0, wanted an object'],
    [repeated('{"__metadata__":{', '"":"",', '"b":""}}', size), "more than 65536 metadata texts"],
  ] as const) {
    const before = process.memoryUsage().rss;
    expect(problem(bytes)).toContain(words);
    expect(process.memoryUsage().rss - before).toBeLessThan(5 * size);
  }
});

test("thousands of damaged files end in an error of ours or are read", () => {
  // A linear congruential generator (Numerical Recipes'): the same mutations every time.
  let state = 20_240_601;
  const next = (bound: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % bound;
  };
  let refused = 0;
  for (let i = 0; i < 5000; i++) {
    const bytes = Uint8Array.from(reference.subarray(0, next(4) === 0 ? next(reference.length) : reference.length));
    for (let k = next(4); k >= 0 && bytes.length > 0; k--) bytes[next(Math.min(bytes.length, 440))] = next(256);
    if (problem(bytes) !== "none") refused++;
  }
  expect(refused).toBeGreaterThan(4000);
});

test("a file that shrinks or lies about its length is refused when read from the disk", async () => {
  const path = join(folder, "cut.safetensors");
  writeFileSync(path, reference);
  for (const size of [0, 5, 100, 431, 487]) {
    truncateSync(path, size);
    writeFileSync(path, reference.subarray(0, size));
    await expect(readSafetensors(path)).rejects.toThrow("error[safetensors]");
  }
});

test("a file of more than 2 GiB is written and read", { timeout: 300_000 }, async (context) => {
  if (process.env["STRIATE_LARGE_FILES"] === undefined)
    return context.skip("takes 5 GB of memory and disk: set STRIATE_LARGE_FILES=1 to run it");
  const path = join(folder, "large.safetensors");
  const size = 2 ** 31 + 16;
  const large = new Uint8Array(size);
  large[size - 1] = 9;
  await writeSafetensors(
    path,
    new Map<string, TensorData>([
      ["large", { dtype: "uint8", shape: [size], data: large }],
      ["x", { dtype: "float32", shape: [1], data: Float32Array.of(1) }],
    ]),
  );
  const { tensors } = await readSafetensors(path);
  expect(tensors.get("large")?.data[size - 1]).toBe(9);
  expect(tensors.get("x")?.data).toEqual(Float32Array.of(1));
  await rm(path);
});

test("the pretrained weights of another project are read", async (context) => {
  const path = new URL("../../../shared/weights/dlib_resnet34.safetensors", import.meta.url).pathname;
  if (!existsSync(path)) {
    if (process.env["CI"] !== undefined) throw new Error(`${path} is missing`);
    return context.skip("../shared is not here");
  }
  const { tensors } = await readSafetensors(path);
  const { size } = statSync(path);
  expect(tensors.get("conv1.weight")?.shape).toEqual([64, 3, 7, 7]);
  expect([...tensors.values()].reduce((sum, { data }) => sum + data.length * 2, 0)).toBeLessThan(size);
});
