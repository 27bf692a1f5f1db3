import fc from "fast-check";
import { expect, test } from "vitest";
import {
  arrayOf,
  bytesOf,
  type DType,
  dtypes,
  fromBfloat16,
  fromFloat16,
  int64s,
  numbersOf,
  scalar,
  shortestFloat32,
  tensorFrom,
  tensorOfElements,
  toBfloat16,
  toFloat16,
  zeros,
} from "../../src/ir/index.ts";

/** The bits of the nearest float16 by counting: the oracle for `toFloat16`, from the definition of the format. */
function nearestFloat16(value: number): number {
  let best = 0;
  for (let [low, high] = [0, 0x7bff]; low <= high; ) {
    const mid = (low + high) >> 1;
    if (fromFloat16(mid) <= Math.abs(value)) [best, low] = [mid, mid + 1];
    else high = mid - 1;
  }
  const [below, above] = [fromFloat16(best), best === 0x7bff ? 65536 : fromFloat16(best + 1)];
  const [down, up] = [Math.abs(value) - below, above - Math.abs(value)];
  const bits = up < down || (up === down && best % 2 === 1) ? best + 1 : best;
  return bits | (value < 0 || Object.is(value, -0) ? 0x8000 : 0);
}

test("every float16 but NaN comes back from its value", () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = fromFloat16(bits);
    if (!Number.isNaN(value)) expect(toFloat16(value)).toBe(bits);
  }
});

test("float16 values are those of the format", () => {
  expect([0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x7c00, 0xfc00].map(fromFloat16)).toEqual([
    1,
    -2,
    65504,
    2 ** -24,
    2 ** -14,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]);
  expect(fromFloat16(0x7e01)).toBeNaN();
  expect(Object.is(fromFloat16(0x8000), -0)).toBe(true);
});

test("a number becomes the nearest float16, ties to even", () => {
  expect([65519.99, 65520, 2 ** -25, 2 ** -25 * 1.001, 1 + 2 ** -11, 1 + 3 * 2 ** -11, -1e30, Number.NaN].map(toFloat16)).toEqual([
    0x7bff, 0x7c00, 0, 1, 0x3c00, 0x3c02, 0xfc00, 0x7e00,
  ]);
  fc.assert(
    fc.property(fc.double({ min: -65519, max: 65519, noNaN: true }), (v) => void expect(toFloat16(v)).toBe(nearestFloat16(v))),
    { numRuns: 3000 },
  );
  // Where float16 lies dense, and just around powers of two.
  const small = fc.tuple(fc.integer({ min: -30, max: 16 }), fc.double({ min: -2, max: 2, noNaN: true })).map(([e, m]) => m * 2 ** e);
  fc.assert(
    fc.property(
      small.filter((v) => Math.abs(v) < 65520),
      (v) => void expect(toFloat16(v)).toBe(nearestFloat16(v)),
    ),
    { numRuns: 3000 },
  );
});

test("every bfloat16 but NaN comes back from its value, and ties go to even", () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = fromBfloat16(bits);
    if (!Number.isNaN(value)) expect(toBfloat16(value)).toBe(bits);
  }
  expect([1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38, Number.NaN].map(toBfloat16)).toEqual([0x3f80, 0x3f80, 0x3f82, 0x7f80, 0x7fc0]);
});

test("bfloat16 bits are those of ml_dtypes 0.5, near ties, among subnormal numbers and past the end", () => {
  const values = [1.00390625, 1.01171875, 3.3895314e38, 3.396e38, -0, 1e-40, -1e-45, 65504, 0.1, Infinity, -Infinity, 1.5e-39];
  expect(values.map(toBfloat16)).toEqual([0x3f80, 0x3f82, 0x7f7f, 0x7f7f, 0x8000, 0x0001, 0x8000, 0x4780, 0x3dcd, 0x7f80, 0xff80, 0x0010]);
  // Bits of a NaN that are gone by rounding would leave an infinity.
  for (const bits of [0x7f81, 0x7fc0, 0xffff]) expect(fromBfloat16(bits)).toBeNaN();
  expect(toBfloat16(fromBfloat16(0x7f81))).toBe(0x7fc0);
});

test("numbers are rounded to the element type, and integers saturate where 64 bits end", () => {
  expect(numbersOf(tensorFrom("float32", [2], [0.1, -0]))).toEqual([Math.fround(0.1), -0]);
  expect(numbersOf(tensorFrom("float16", [2], [0.1, 1e9]))).toEqual([0.0999755859375, Number.POSITIVE_INFINITY]);
  expect([...tensorFrom("int64", [5], [1.9, -1.9, 2 ** 63, Number.NEGATIVE_INFINITY, Number.NaN]).data]).toEqual([
    1n,
    -1n,
    2n ** 63n - 1n,
    -(2n ** 63n),
    0n,
  ]);
  expect([...tensorFrom("uint64", [3], [Number.POSITIVE_INFINITY, -1, 7]).data]).toEqual([2n ** 64n - 1n, 0n, 7n]);
  expect([...tensorFrom("int8", [2], [127, -128]).data]).toEqual([127, -128]);
  expect(() => tensorFrom("string", [1], [1])).toThrow(new RangeError("a string tensor holds no numbers"));
});

test("integers past 2^53 are infinities among numbers", () => {
  const data = BigInt64Array.of(2n ** 53n, 2n ** 53n + 1n, -(2n ** 63n), -5n);
  expect(numbersOf({ dtype: "int64", shape: [4], data })).toEqual([2 ** 53, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -5]);
  expect(numbersOf({ dtype: "string", shape: [1], data: ["a"] })).toBeNull();
});

test("known elements are a tensor when all are exact numbers", () => {
  expect(tensorOfElements("int64", [2], [1, 2])).toEqual(int64s([1, 2]));
  expect(tensorOfElements("int64", [2], [1, "N"])).toBeNull();
  expect(tensorOfElements("int64", [1], [Number.POSITIVE_INFINITY])).toBeNull();
  expect(tensorOfElements("float32", [1], [Number.POSITIVE_INFINITY])).toEqual(tensorFrom("float32", [1], [Number.POSITIVE_INFINITY]));
  expect(tensorOfElements("string", [0], [])).toBeNull();
});

test("bytes become elements wherever they lie, also in a Buffer", () => {
  const bytes = Buffer.from([0, 0, 0, 128, 63, 0, 0, 0, 64]).subarray(1);
  expect([...arrayOf("float32", bytes)]).toEqual([1, 2]);
  expect([...bytesOf(scalar(1))]).toEqual([0, 0, 128, 63]);
  expect(() => bytesOf({ dtype: "string", shape: [], data: ["a"] })).toThrow(new RangeError("strings have no bytes"));
});

test("zeros have the size of their element type", () => {
  for (const dtype of Object.keys(dtypes) as DType[]) {
    if (dtype !== "string") expect([dtype, zeros(dtype, 3).byteLength]).toEqual([dtype, 3 * dtypes[dtype].size]);
  }
  expect(() => zeros("string", 1)).toThrow(RangeError);
});

test("the shortest decimal of a float32 is that float32", () => {
  expect([0.1, 1e-5, 1 / 3, 16777216, -0, 3.4028234663852886e38].map((v) => shortestFloat32(Math.fround(v)))).toEqual([
    0.1, 1e-5, 0.33333334, 16777216, -0, 3.4028235e38,
  ]);
  fc.assert(
    fc.property(fc.float(), (v) => void expect(Math.fround(shortestFloat32(v))).toBe(v)),
    { numRuns: 2000 },
  );
});
