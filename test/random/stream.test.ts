/** Streams of random words. */
import { expect, test } from "vitest";
import { keyOf } from "../../src/random/philox.ts";
import { chunk, fillWords, streamOf, uniformsOf, wordsOf } from "../../src/random/stream.ts";

test("xoshiro128++ gives the words of its authors' program", () => {
  // From the state 1, 2, 3, 4; the same list is in the tests of Rust's rand_xoshiro.
  const out = new Int32Array(10);
  fillWords(Int32Array.from([1, 2, 3, 4]), out);
  expect([...new Uint32Array(out.buffer)]).toEqual([
    641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295, 495546011, 621204420,
  ]);
});

test("words come in the same order one by one and many at a time", () => {
  const key = keyOf(3, "w");
  const [many, next] = [new Int32Array(20), wordsOf(streamOf(key))];
  fillWords(streamOf(key), many);
  expect(Array.from({ length: 20 }, next)).toEqual([...new Uint32Array(many.buffer)]);
});

test.each([0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk])("%d uniform numbers lie in (-1, 3) and are evenly spread", (n) => {
  const numbers = uniformsOf(keyOf(1, "w"), -1, 3)(new Float64Array(n));
  expect(numbers.every((u) => u > -1 && u < 3)).toBe(true);
  const mean = numbers.reduce((sum, u) => sum + u, 0) / Math.max(n, 1);
  // Five deviations of a mean of n.
  if (n > 1) expect(Math.abs(mean - 1)).toBeLessThan((5 * 4) / Math.sqrt(12 * n));
});

test("an array of whole chunks holds the same numbers whether it is filled at once or chunk by chunk, in either precision", () => {
  const key = keyOf(1, "w");
  const [whole, single] = [uniformsOf(key)(new Float64Array(2 * chunk)), uniformsOf(key)(new Float32Array(2 * chunk))];
  const parts = new Float64Array(2 * chunk);
  const fill = uniformsOf(key);
  for (const at of [0, chunk]) fill(parts.subarray(at, at + chunk));
  expect(parts).toEqual(whole);
  expect(single).toEqual(Float32Array.from(whole));
});
