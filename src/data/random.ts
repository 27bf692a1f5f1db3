/**
 * Random numbers that are a function of a key and a counter, so that any draw can be repeated without what came before it.
 *
 * Philox4x32-10: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */

/** Four 32-bit words. */
export type Words4 = readonly [number, number, number, number];

const multipliers = [0xd2511f53, 0xcd9e8d57] as const;
const weyl = [0x9e3779b9, 0xbb67ae85] as const;
const rounds = 10;

/** The 64-bit product of two 32-bit words, as its high and its low word. */
function wideProduct(a: number, b: number): readonly [number, number] {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  const high = aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000);
  return [high >>> 0, Math.imul(a, b) >>> 0];
}

/** The four random words of a counter under a key. */
export function philox(counter: Words4, key: readonly [number, number]): Words4 {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < rounds; round++) {
    const [high0, low0] = wideProduct(multipliers[0], c0);
    const [high1, low1] = wideProduct(multipliers[1], c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    [k0, k1] = [(k0 + weyl[0]) >>> 0, (k1 + weyl[1]) >>> 0];
  }
  return [c0, c1, c2, c3];
}

/** What a stream of draws is for: two streams with different purposes are independent. */
const purposes = { shuffle: 1, split: 2 } as const;

/** The order of n things: a permutation of 0 to n - 1 that depends on the seed, the epoch and the purpose alone (Fisher-Yates). */
export function permutation(n: number, seed: number, epoch: number, purpose: keyof typeof purposes = "shuffle"): Uint32Array {
  const key = [seed >>> 0, Math.floor(seed / 0x1_0000_0000) >>> 0] as const;
  let block = 0;
  let words: Words4 = [0, 0, 0, 0];
  let used: number = words.length;
  const word = (): number => {
    if (used === words.length) {
      words = philox([block++, purposes[purpose], epoch >>> 0, 0], key);
      used = 0;
    }
    return words[used++] ?? 0;
  };
  // Words at or above the largest multiple of the bound are drawn again, so that no position is favoured.
  const below = (bound: number): number => {
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
    let drawn = word();
    while (drawn >= limit) drawn = word();
    return drawn % bound;
  };
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = below(i + 1);
    const [a = 0, b = 0] = [order[i], order[j]];
    order[i] = b;
    order[j] = a;
  }
  return order;
}
