/**
 * Random words that are a function of a key and a counter alone, by integer arithmetic only: Philox4x32-10 (Salmon, Moraes, Dror and Shaw,
 * "Parallel random numbers: as easy as 1, 2, 3", SC 2011). It turns seeds and names into the keys and first states of streams.
 */

/** Two 32-bit words. */
export type Key = readonly [number, number];
/** Four 32-bit words. */
export type Words = readonly [number, number, number, number];

/** The four random words of a counter under a key. */
export function philox(counter: Words, key: Key): Words {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [highA, lowA] = product(c0, 0xd2511f53);
    const [highB, lowB] = product(c2, 0xcd9e8d57);
    [c0, c1, c2, c3] = [(highB ^ c1 ^ k0) >>> 0, lowB, (highA ^ c3 ^ k1) >>> 0, lowA];
    [k0, k1] = [(k0 + 0x9e3779b9) >>> 0, (k1 + 0xbb67ae85) >>> 0];
  }
  return [c0, c1, c2, c3];
}
/** The high and the low word of a product: of halves of 16 bits, whose sums stay below 2^53. */
function product(a: number, b: number): Key {
  const [a0, a1] = [a & 0xffff, a >>> 16];
  const cross = a1 * (b & 0xffff) + Math.floor((a0 * (b & 0xffff)) / 2 ** 16) + a0 * (b >>> 16);
  return [a1 * (b >>> 16) + Math.floor(cross / 2 ** 16), Math.imul(a, b) >>> 0];
}

/** The key of a named stream: a function of the seed and the name alone. Throws a RangeError on a seed that is no natural number. */
export function keyOf(seed: number, name: string): Key {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`the seed is ${seed}, but must be an integer from 0 to 2^53 - 1`);
  let [h1, h2] = [0xdeadbeef, 0x41c6ce57];
  for (const byte of new TextEncoder().encode(name)) {
    h1 = Math.imul(h1 ^ byte, 0x9e3779b1);
    h2 = Math.imul(h2 ^ byte, 0x5f356495);
  }
  const [k0, k1] = philox([h1 >>> 0, h2 >>> 0, seed >>> 0, Math.floor(seed / 2 ** 32)], [name.length, 0x73747269]);
  return [k0, k1];
}
