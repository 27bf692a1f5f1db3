/**
 * The normal distribution, the same on every machine: of floating point only + - * / and sqrt, which IEEE 754 rounds correctly everywhere.
 * Math.log and its kind may differ in their last bits between engines.
 */

// Wichura, "Algorithm AS 241: the percentage points of the normal distribution", 1988: about 16 digits. This is done for every element of
// every weight: the polynomials are written out, the highest degree first, and numbers go through arrays, since those that go through calls
// are allocated one by one.

/** The value that a standard normal variable falls below with probability p, 0 < p < 1. */
export function normalQuantile(p: number): number {
  const values = new Float64Array([p]);
  toNormals(values);
  return values[0] ?? p;
}
/** Replaces probabilities by the values that a standard normal variable falls below with them: uniform numbers by normal ones. */
export function toNormals(values: Float64Array): void {
  for (let i = 0; i < values.length; i++) {
    const q = (values[i] ?? 0) - 0.5;
    if (q < -0.425 || q > 0.425) {
      toTail(values, i);
      continue;
    }
    const x = 0.180625 - q * q;
    // biome-ignore format: one coefficient of either polynomial after the other
    values[i] = q * ((((((((2509.0809287301227 * x + 33430.57558358813) * x + 67265.7709270087) * x + 45921.95393154987) * x +
      13731.69376550946) * x + 1971.5909503065513) * x + 133.14166789178438) * x + 3.3871328727963665) /
      (((((((5226.495278852854 * x + 28729.085735721943) * x + 39307.89580009271) * x + 21213.794301586597) * x +
      5394.196021424751) * x + 687.1870074920579) * x + 42.31333070160091) * x + 1));
  }
}
/** The same for one of them below 0.075 or above 0.925. */
function toTail(values: Float64Array, i: number): void {
  const p = values[i] ?? 0;
  const isLow = p < 0.5;
  const r = Math.sqrt(-logarithm(isLow ? p : 1 - p));
  const x = r - 1.6;
  // biome-ignore format: as above
  const size = r > 5 ? far(r - 5) :
    (((((((0.0007745450142783414 * x + 0.022723844989269184) * x + 0.2417807251774506) * x + 1.2704582524523684) * x +
    3.6478483247632045) * x + 5.769497221460691) * x + 4.630337846156546) * x + 1.4234371107496835) /
    (((((((1.0507500716444169e-9 * x + 0.0005475938084995345) * x + 0.015198666563616457) * x + 0.14810397642748008) * x +
    0.6897673349851) * x + 1.6763848301838038) * x + 2.053191626637759) * x + 1);
  values[i] = isLow ? -size : size;
}
// biome-ignore format: as above
const far = (x: number): number =>
  (((((((2.0103343992922881e-7 * x + 0.000027115555687434876) * x + 0.0012426609473880784) * x + 0.026532189526576124) * x +
    0.29656057182850487) * x + 1.7848265399172913) * x + 5.463784911164114) * x + 6.657904643501103) /
  (((((((2.0442631033899397e-15 * x + 1.421511758316446e-7) * x + 0.000018463183175100548) * x + 0.0007868691311456133) * x +
    0.014875361290850615) * x + 0.1369298809227358) * x + 0.599832206555888) * x + 1);

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);
/** Where the half of a double with its exponent lies: numbers of this machine begin with either end. */
const upper = new Uint32Array(new Float64Array([1]).buffer)[1] === 0 ? 0 : 1;
/** The natural logarithm of a normal number, from its series 2 (s + s^3/3 + s^5/5 + ...) with s = (m - 1) / (m + 1) and x = m 2^e. */
function logarithm(x: number): number {
  double[0] = x;
  const high = halves[upper] ?? 0;
  // The same number with another exponent lies in [1/2, 1), and then in [sqrt(1/2), sqrt(2)).
  halves[upper] = (high & 0xfffff) | 0x3fe00000;
  const half = double[0] ?? 0;
  const isLow = half < Math.SQRT1_2;
  const m = isLow ? 2 * half : half;
  const e = (high >>> 20) - (isLow ? 1023 : 1022);
  const s = (m - 1) / (m + 1);
  const t = s * s;
  let sum = 1 / 23;
  sum = sum * t + 1 / 21;
  sum = sum * t + 1 / 19;
  sum = sum * t + 1 / 17;
  sum = sum * t + 1 / 15;
  sum = sum * t + 1 / 13;
  sum = sum * t + 1 / 11;
  sum = sum * t + 1 / 9;
  sum = sum * t + 1 / 7;
  sum = sum * t + 1 / 5;
  sum = sum * t + 1 / 3;
  sum = sum * t + 1;
  return e * Math.LN2 + 2 * s * sum;
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
