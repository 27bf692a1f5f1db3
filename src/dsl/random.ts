/**
 * Random numbers that are the same on every machine: integer hashing, and of floating point only + - * / and sqrt, which
 * IEEE 754 rounds correctly everywhere. Math.log and its kind may differ in their last bits between engines.
 */

/** Two 32-bit words. */
export type Key = readonly [number, number];

/** The high 32 bits of the 64-bit product of two 32-bit words. */
function mulHigh(a: number, b: number): number {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const cross = a0 * b1 + (middle % 0x10000);
  return (a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(cross / 0x10000)) >>> 0;
}

/** Writes four random words for a counter into `out`: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011). */
export function philox(counter: readonly [number, number, number, number], [k0, k1]: Key, out: Uint32Array): void {
  let [c0, c1, c2, c3] = counter;
  let [x, y] = [k0, k1];
  for (let round = 0; round < 10; round++) {
    const [high0, low0, high1, low1] = [mulHigh(0xd2511f53, c0), Math.imul(0xd2511f53, c0), mulHigh(0xcd9e8d57, c2), Math.imul(0xcd9e8d57, c2)];
    c0 = (high1 ^ c1 ^ x) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ y) >>> 0;
    c3 = low0 >>> 0;
    x = (x + 0x9e3779b9) >>> 0;
    y = (y + 0xbb67ae85) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** The key of a stream: a function of the seed and the stream's name alone. Throws a RangeError on a seed that is no natural number. */
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

/** Calls `use(i, u)` for i = 0 .. n - 1 with u uniform in (0, 1): 52 random bits and a half. */
export function eachUniform(key: Key, n: number, use: (i: number, u: number) => void): void {
  const words = new Uint32Array(4);
  for (let i = 0; i < n; i += 2) {
    philox([(i / 2) >>> 0, Math.floor(i / 2 ** 33), 0, 0], key, words);
    use(i, unit(words[0] ?? 0, words[1] ?? 0));
    if (i + 1 < n) use(i + 1, unit(words[2] ?? 0, words[3] ?? 0));
  }
}
const unit = (high: number, low: number): number => (high * 2 ** 20 + (low >>> 12) + 0.5) / 2 ** 52;

const polynomial = (coefficients: readonly number[], x: number): number => coefficients.reduceRight((sum, c) => sum * x + c, 0);
const ratio = ([p, q]: readonly [readonly number[], readonly number[]], x: number): number => polynomial(p, x) / polynomial(q, x);

// Wichura, "Algorithm AS 241: the percentage points of the normal distribution", 1988: about 16 digits.
const middle = [
  [3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125, 45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727],
  [1, 42.313330701600911252, 687.1870074920579083, 5394.1960214247511077, 21213.794301586595867, 39307.89580009271061, 28729.085735721942674, 5226.495278852854561],
] as const;
const near = [
  [1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504, 1.27045825245236838258, 0.24178072517745061177, 0.0227238449892691845833, 7.7454501427834140764e-4],
  [1, 2.05319162663775882187, 1.6763848301838038494, 0.68976733498510000455, 0.14810397642748007459, 0.0151986665636164571966, 5.475938084995344946e-4, 1.05075007164441684324e-9],
] as const;
const far = [
  [6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358, 0.29656057182850489123, 0.026532189526576123093, 0.0012426609473880784386, 2.71155556874348757815e-5, 2.01033439929228813265e-7],
  [1, 0.59983220655588793769, 0.13692988092273580531, 0.0148753612908506148525, 7.868691311456132591e-4, 1.8463183175100546818e-5, 1.4215117583164458887e-7, 2.04426310338993978564e-15],
] as const;

/** The value that a standard normal variable falls below with probability p, 0 < p < 1. */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratio(middle, 0.180625 - q * q);
  const r = Math.sqrt(-logarithm(q < 0 ? p : 1 - p));
  const size = r <= 5 ? ratio(near, r - 1.6) : ratio(far, r - 5);
  return q < 0 ? -size : size;
}

const ln2 = 0.6931471805599453;
/** The natural logarithm, from its series 2 (s + s^3/3 + s^5/5 + ...) with s = (m - 1) / (m + 1) and x = m 2^e. */
function logarithm(x: number): number {
  let [m, e] = [x, 0];
  for (; m < 0.70710678; e--) m *= 2;
  for (; m >= 1.41421356; e++) m /= 2;
  const s = (m - 1) / (m + 1);
  let sum = 0;
  for (let k = 23; k >= 1; k -= 2) sum = sum * (s * s) + 1 / k;
  return e * ln2 + 2 * s * sum;
}

/** The probability that a standard normal variable falls below x: the quantile, inverted by halving. */
export function normalProbability(x: number): number {
  if (x > 0) return 1 - normalProbability(-x);
  let [low, high] = [0, 0.5];
  // The interval is halved until no number lies between its ends.
  for (let p = 0.25; p > low && p < high; p = (low + high) / 2) {
    if (normalQuantile(p) < x) low = p;
    else high = p;
    if (high < 2 ** -300) return 0;
  }
  return high;
}
