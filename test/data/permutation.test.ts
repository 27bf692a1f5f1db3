/** Orders of examples. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { permutation } from "../../src/data/permutation.ts";

test("a permutation holds every number once", () => {
  fc.assert(
    fc.property(fc.nat(300), fc.maxSafeNat(), fc.nat(1000), (n, seed, epoch) => {
      expect([...permutation(n, seed, epoch)].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
    }),
  );
});

test("a permutation depends on the seed, all its bits, the epoch and the purpose", () => {
  const text = (...args: Parameters<typeof permutation>): string => permutation(...args).join();
  expect(text(20, 1, 0)).toBe(text(20, 1, 0));
  const others = new Set([text(20, 1, 0), text(20, 2, 0), text(20, 1 + 2 ** 40, 0), text(20, 1, 1), text(20, 1, 0, "split")]);
  expect(others.size).toBe(5);
});

test("every order of three things is equally likely", () => {
  const counts = new Map<string, number>();
  for (let epoch = 0; epoch < 6000; epoch++) {
    const order = permutation(3, 7, epoch).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  // 1000 are expected of each; the standard deviation is 29, and 150 are more than 5 of them.
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
});
