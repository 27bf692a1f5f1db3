/** Streams of random words. */
import { expect, test } from "vitest";
import { keyOf } from "../../src/random/philox.ts";
import { chunk, fillWords, streamOf, uniformsOf, wordsOf } from "../../src/random/stream.ts";

test("xoshiro128++ gives the words of its authors' program", () => {
  // From the state 1, 2, 3, 4; the same list is in the tests of Rust's rand_xoshiro.
  const out = new Uint32Array(10);
  fillWords(Uint32Array.from([1, 2, 3, 4]), out);
  expect([...out]).toEqual([641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295, 495546011, 621204420]);
});

test("words come in the same order one by one and many at a time", () => {
  const key = keyOf(3, "w");
  const [many, next] = [new Uint32Array(20), wordsOf(streamOf(key))];
  fillWords(streamOf(key), many);
  expect(Array.from({ length: 20 }, next)).toEqual([...many]);
});

test.each([0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk])("%d uniform numbers are that many, in (0, 1) and evenly spread", (n) => {
  const numbers = [...uniformsOf(keyOf(1, "w"), n)].flatMap(({ at, values }) => Array.from(values, (u, k) => ({ i: at + k, u })));
  expect(numbers.map(({ i }) => i)).toEqual(Array.from({ length: n }, (_, i) => i));
  for (const { u } of numbers) expect(u > 0 && u < 1).toBe(true);
  const mean = numbers.reduce((sum, { u }) => sum + u, 0) / Math.max(n, 1);
  // Five deviations of a mean of n.
  if (n > 1) expect(Math.abs(mean - 0.5)).toBeLessThan(5 / Math.sqrt(12 * n));
});
