import fc from "fast-check";
import { expect, test } from "vitest";
import { permutation } from "../src/data/permutation.ts";
import { philox } from "../src/random.ts";

// Known answers of the Random123 library's kat_vectors file, philox4x32 with 10 rounds.
test.each([
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
] as const)("philox of counter %j under key %j is %j", (counter, key, words) => {
  const out = new Uint32Array(4);
  philox(counter, key, out);
  expect([...out]).toEqual(words);
});

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
