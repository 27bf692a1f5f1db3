/** Normal numbers, and what they are made of. */
import { describe, expect, test } from "vitest";
import { exponential, logarithm } from "../../src/random/elementary.ts";
import { normalsOf } from "../../src/random/normal.ts";
import { keyOf } from "../../src/random/philox.ts";
import { normalProbability, normalQuantile } from "../../src/random/quantile.ts";

test("logarithm and exponential agree with the engine's", () => {
  // A few roundings; near 1 the sum is about 0.
  for (const x of [1e-300, 1e-10, 0.3, 0.69, 0.72, 1, 1.5, 10, 12345.678, 1e300])
    expect(Math.abs(logarithm(x) - Math.log(x))).toBeLessThanOrEqual(4e-16 * Math.max(1, Math.abs(Math.log(x))));
  // The rest of the argument has lost up to as many bits as its multiple of ln 2 has.
  for (const x of [0, 1e-9, 0.1, 0.69, 0.7, 1, 3.3, 6.7, 20, 700])
    expect(Math.abs(exponential(x) / Math.exp(-x) - 1)).toBeLessThan(4e-16 * Math.max(1, x));
  expect(exponential(1e6)).toBe(0);
});

// Values of Python's statistics.NormalDist().inv_cdf.
test.each([
  [0.5, 0],
  [0.975, 1.9599639845400538],
  [0.8413447460685429, 0.9999999999999998],
  [0.001, -3.090232306167813],
  [1e-10, -6.361340902404056],
  [1e-300, -37.0471],
])("the normal quantile of %d is %d", (p, wanted) => {
  // The last is known to six digits only.
  expect(Math.abs(normalQuantile(p) - wanted)).toBeLessThan(p < 1e-200 ? 1e-4 : 1e-13);
});

test("the normal probability inverts the quantile", () => {
  expect(Math.abs(normalProbability(1) - 0.8413447460685429)).toBeLessThan(1e-15);
  expect(Math.abs(normalProbability(-2) / 0.02275013194817921 - 1)).toBeLessThan(1e-13);
  expect(normalProbability(0)).toBe(0.5);
});

describe("normal numbers", () => {
  const n = 2_000_000;
  const numbers = normalsOf(keyOf(5, "z"))(new Float64Array(n));

  test("fall into a thousand intervals of equal probability equally often", () => {
    const bins = 1000;
    const edges = Float64Array.from({ length: bins - 1 }, (_, i) => normalQuantile((i + 1) / bins));
    const counts = new Float64Array(bins);
    for (const z of numbers) {
      let [low, high] = [0, bins - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (z < (edges[middle] ?? 0)) high = middle;
        else low = middle + 1;
      }
      counts[low] = (counts[low] ?? 0) + 1;
    }
    const wanted = n / bins;
    const chiSquare = counts.reduce((sum, count) => sum + (count - wanted) ** 2 / wanted, 0);
    // 999 degrees of freedom: five deviations of sqrt(2 * 999).
    expect(Math.abs(chiSquare - 999)).toBeLessThan(5 * Math.sqrt(2 * 999));
  });

  test("have the moments of the normal distribution", () => {
    // The variances of z, z^2, z^3 and z^4 are 1, 2, 15 and 96.
    for (const [power, mean, variance] of [
      [1, 0, 1],
      [2, 1, 2],
      [3, 0, 15],
      [4, 3, 96],
    ] as const) {
      const found = numbers.reduce((sum, z) => sum + z ** power, 0) / n;
      expect(Math.abs(found - mean)).toBeLessThan(5 * Math.sqrt(variance / n));
    }
  });

  // Probabilities of both tails: 2 (1 - Phi(x)). The ziggurat's own tail begins at 3.654.
  test.each([
    [3, 0.0026997960632601866],
    [3.6541528853610088, 0.0002580398],
    [4, 0.00006334248366623993],
    [4.5, 0.0000067953461249477],
  ])("lie beyond %d as often as they should, on either side", (x, probability) => {
    for (const sign of [-1, 1]) {
      const count = numbers.reduce((sum, z) => sum + (sign * z > x ? 1 : 0), 0);
      const wanted = (n * probability) / 2;
      // Five deviations of a count, and one for counts as small as that of the last row.
      expect(Math.abs(count - wanted)).toBeLessThan(5 * Math.sqrt(wanted) + 1);
    }
  });

  test("follow each other without a trace", () => {
    // The mean of products of numbers k apart has the deviation 1 / sqrt(n).
    for (const k of [1, 2, 3, 4, 1024]) {
      const products = numbers.reduce((sum, z, i) => sum + z * (numbers[i + k] ?? 0), 0) / n;
      expect(Math.abs(products)).toBeLessThan(5 / Math.sqrt(n));
    }
  });
});
