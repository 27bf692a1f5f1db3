/**
 * The normal distribution, the same on every machine: of floating point only + - * / and sqrt, which IEEE 754 rounds correctly everywhere.
 * Math.log and its kind may differ in their last bits between engines.
 */

/** The eight coefficients of a polynomial, the constant first. */
type Coefficients = readonly [number, number, number, number, number, number, number, number];

/** A quotient of polynomials by Horner's rule, written out: it is evaluated for every element of every weight. */
function quotient([a0, a1, a2, a3, a4, a5, a6, a7]: Coefficients, [b0, b1, b2, b3, b4, b5, b6, b7]: Coefficients): (x: number) => number {
  return (x) =>
    (((((((a7 * x + a6) * x + a5) * x + a4) * x + a3) * x + a2) * x + a1) * x + a0) /
    (((((((b7 * x + b6) * x + b5) * x + b4) * x + b3) * x + b2) * x + b1) * x + b0);
}

// Wichura, "Algorithm AS 241: the percentage points of the normal distribution", 1988: about 16 digits.
const middle = quotient(
  [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987, 67265.7709270087, 33430.57558358813,
    2509.0809287301227,
  ],
  [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271, 28729.085735721943,
    5226.495278852854,
  ],
);
const near = quotient(
  [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684, 0.2417807251774506,
    0.022723844989269184, 0.0007745450142783414,
  ],
  [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457, 0.0005475938084995345,
    1.0507500716444169e-9,
  ],
);
const far = quotient(
  [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124, 0.0012426609473880784,
    0.000027115555687434876, 2.0103343992922881e-7,
  ],
  [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133, 0.000018463183175100548, 1.421511758316446e-7,
    2.0442631033899397e-15,
  ],
);

/** The value that a standard normal variable falls below with probability p, 0 < p < 1. */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * middle(0.180625 - q * q);
  const r = Math.sqrt(-logarithm(q < 0 ? p : 1 - p));
  const size = r <= 5 ? near(r - 1.6) : far(r - 5);
  return q < 0 ? -size : size;
}

/** The natural logarithm, from its series 2 (s + s^3/3 + s^5/5 + ...) with s = (m - 1) / (m + 1) and x = m 2^e. */
function logarithm(x: number): number {
  let [m, e] = [x, 0];
  for (; m < Math.SQRT1_2; e--) m *= 2;
  for (; m >= Math.SQRT2; e++) m /= 2;
  const s = (m - 1) / (m + 1);
  let sum = 0;
  for (let k = 23; k >= 1; k -= 2) sum = sum * (s * s) + 1 / k;
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
