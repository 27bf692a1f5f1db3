/**
 * Random numbers that are a function of a key and a counter alone: the same on every machine, repeatable from any point, by integer
 * arithmetic only. Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 */

/** Two 32-bit words. */
export type Key = readonly [number, number];
/** Four 32-bit words. */
export type Counter = readonly [number, number, number, number];

/** The high word of the 64-bit product of a word with the word of which m1 and m0 are the halves. All sums stay below 2^32. */
function highWord(c: number, m1: number, m0: number): number {
  const [c0, c1] = [c & 0xffff, c >>> 16];
  const middle = Math.imul(c1, m0) + (Math.imul(c0, m0) >>> 16);
  const cross = Math.imul(c0, m1) + (middle & 0xffff);
  return (Math.imul(c1, m1) + (middle >>> 16) + (cross >>> 16)) | 0;
}

/** Writes the four random words of a counter under a key. */
export function philox(counter: Counter, key: Key, out: Uint32Array): void {
  block(counter[0], counter[1], counter[2], counter[3], key[0], key[1], out);
}
// Scalars in and one array out: this is the inner loop of every initialisation, and arrays made here would be most of its time.
function block(c0: number, c1: number, c2: number, c3: number, k0: number, k1: number, out: Uint32Array): void {
  for (let round = 0; round < 10; round++) {
    const high0 = highWord(c0, 0xd251, 0x1f53);
    const high1 = highWord(c2, 0xcd9e, 0x8d57);
    const low0 = Math.imul(c0, 0xd2511f53);
    const low1 = Math.imul(c2, 0xcd9e8d57);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** The key of a named stream: a function of the seed and the name alone. Throws a RangeError on a seed that is no natural number. */
export function keyOf(seed: number, name: string): Key {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`the seed is ${seed}, but must be an integer from 0 to 2^53 - 1`);
  let [h1, h2] = [0xdeadbeef, 0x41c6ce57];
  for (const byte of new TextEncoder().encode(name)) {
    h1 = Math.imul(h1 ^ byte, 0x9e3779b1);
    h2 = Math.imul(h2 ^ byte, 0x5f356495);
  }
  const out = new Uint32Array(4);
  philox([h1 >>> 0, h2 >>> 0, seed >>> 0, Math.floor(seed / 2 ** 32)], [name.length, 0x73747269], out);
  return [out[0] ?? 0, out[1] ?? 0];
}

/** The random words of a key in order, from the first. */
export function words(key: Key): () => number {
  const out = new Uint32Array(4);
  let next = 0;
  return () => {
    if (next % 4 === 0) block((next / 4) >>> 0, Math.floor(next / 2 ** 34), 0, 0, key[0], key[1], out);
    return out[next++ % 4] ?? 0;
  };
}

/** Calls `use(i, u)` for i = 0 to n - 1, with u uniform in (0, 1): 32 random bits and a half, more than a float32 holds. */
export function eachUniform(key: Key, n: number, use: (i: number, u: number) => void): void {
  const out = new Uint32Array(4);
  for (let i = 0; i < n; i += 4) {
    block((i / 4) >>> 0, Math.floor(i / 2 ** 34), 0, 0, key[0], key[1], out);
    for (let k = 0; k < 4 && i + k < n; k++) use(i + k, ((out[k] ?? 0) + 0.5) / 2 ** 32);
  }
}
