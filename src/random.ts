/**
 * Random numbers that are a function of a key and a counter alone: the same on every machine, repeatable from any point, by integer
 * arithmetic only. Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 */

/** Two 32-bit words. */
export type Key = readonly [number, number];
/** Four 32-bit words. */
export type Counter = readonly [number, number, number, number];

/** Writes the four random words of a counter under a key. */
export function philox(counter: Counter, key: Key, out: Uint32Array): void {
  fill(counter[0], counter[1], counter[2], counter[3], key, out.subarray(0, 4));
}
/**
 * The words of a counter and of those that follow it, as many as `out` holds. Scalars, a loop, and the high words of both products written
 * out in halves of 16 bits, whose sums stay below 2^32: this is the inner loop of every initialisation, and arrays or calls in it would be
 * most of its time.
 */
function fill(first: number, second: number, third: number, fourth: number, [key0, key1]: Key, out: Uint32Array): void {
  for (let at = 0; at < out.length; at += 4) {
    const counter = first + at / 4;
    let c0 = counter | 0;
    let c1 = (second + (counter >= 2 ** 32 ? 1 : 0)) | 0;
    let c2 = third | 0;
    let c3 = fourth | 0;
    let k0 = key0 | 0;
    let k1 = key1 | 0;
    for (let round = 0; round < 10; round++) {
      const a0 = c0 & 0xffff;
      const a1 = c0 >>> 16;
      const middleA = Math.imul(a1, 0x1f53) + (Math.imul(a0, 0x1f53) >>> 16);
      const crossA = Math.imul(a0, 0xd251) + (middleA & 0xffff);
      const highA = Math.imul(a1, 0xd251) + (middleA >>> 16) + (crossA >>> 16);
      const b0 = c2 & 0xffff;
      const b1 = c2 >>> 16;
      const middleB = Math.imul(b1, 0x8d57) + (Math.imul(b0, 0x8d57) >>> 16);
      const crossB = Math.imul(b0, 0xcd9e) + (middleB & 0xffff);
      const highB = Math.imul(b1, 0xcd9e) + (middleB >>> 16) + (crossB >>> 16);
      const lowA = Math.imul(c0, 0xd2511f53);
      const lowB = Math.imul(c2, 0xcd9e8d57);
      c0 = highB ^ c1 ^ k0;
      c1 = lowB;
      c2 = highA ^ c3 ^ k1;
      c3 = lowA;
      k0 = (k0 + 0x9e3779b9) | 0;
      k1 = (k1 + 0xbb67ae85) | 0;
    }
    out[at] = c0;
    out[at + 1] = c1;
    out[at + 2] = c2;
    out[at + 3] = c3;
  }
}
/** The words of a key from number `at` on, a multiple of 4, as many as `out` holds. */
const fillFrom = (key: Key, at: number, out: Uint32Array): void => fill((at / 4) % 2 ** 32, Math.floor(at / 2 ** 34), 0, 0, key, out);

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
    if (next % 4 === 0) fillFrom(key, next, out);
    return out[next++ % 4] ?? 0;
  };
}

/** How many numbers are drawn at a time: what fits into a processor's first cache. */
const chunk = 1024;

/**
 * The numbers of a key that are uniform in (0, 1), in order and many at a time: from number `at` on, up to number n - 1. They have 32
 * random bits and a half, more than a float32 holds. The
 * array is the caller's until the next one.
 */
export function* uniformsOf(key: Key, n: number): Iterable<{ readonly at: number; readonly u: Float64Array }> {
  const out = new Uint32Array(chunk);
  const u = new Float64Array(chunk);
  for (let at = 0; at < n; at += chunk) {
    fillFrom(key, at, out);
    for (let k = 0; k < chunk; k++) u[k] = ((out[k] ?? 0) + 0.5) / 2 ** 32;
    yield { at, u: u.subarray(0, n - at) };
  }
}
/** Calls `use(i, u)` with the same numbers one at a time. */
export function eachUniform(key: Key, n: number, use: (i: number, u: number) => void): void {
  for (const { at, u } of uniformsOf(key, n)) for (let k = 0; k < u.length; k++) use(at + k, u[k] ?? 0);
}
