/** Logarithm and exponential, the same on every machine: of floating point only + - * /, which IEEE 754 rounds correctly everywhere. */

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);
/** Where the half of a double with its exponent lies: numbers of this machine begin with either end. */
const upper = new Uint32Array(new Float64Array([1]).buffer)[1] === 0 ? 0 : 1;

/** The natural logarithm of a normal number, from its series 2 (s + s^3/3 + s^5/5 + ...) with s = (m - 1) / (m + 1) and x = m 2^e. */
export function logarithm(x: number): number {
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
  let sum = 0;
  for (let k = 23; k >= 1; k -= 2) sum = sum * t + 1 / k;
  return e * Math.LN2 + 2 * s * sum;
}

/** e^-x for x >= 0, from its series about the nearest multiple of ln 2 below. */
export function exponential(x: number): number {
  const powers = Math.floor(x / Math.LN2);
  const rest = x - powers * Math.LN2;
  let sum = 1;
  for (let k = 18; k >= 1; k--) sum = 1 - (rest / k) * sum;
  for (let i = 0; i < powers && sum > 0; i++) sum /= 2;
  return sum;
}
