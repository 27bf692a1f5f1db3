/** Quantiles of the normal distribution, the same on every machine. */
import { logarithm } from "./elementary.ts";

/** The value of a polynomial, its coefficients from the highest degree on. */
const polynomial = (coefficients: readonly number[], x: number): number => coefficients.reduce((sum, c) => sum * x + c, 0);

// Wichura, "Algorithm AS 241: the percentage points of the normal distribution", 1988: about 16 digits.
const middle = [
  [
    2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946, 1971.5909503065513, 133.14166789178438,
    3.3871328727963665,
  ],
  [
    5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751, 687.1870074920579, 42.31333070160091,
    1,
  ],
] as const;
const near = [
  [
    0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045, 5.769497221460691,
    4.630337846156546, 1.4234371107496835,
  ],
  [
    1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008, 0.6897673349851, 1.6763848301838038,
    2.053191626637759, 1,
  ],
] as const;
const far = [
  [
    2.0103343992922881e-7, 0.000027115555687434876, 0.0012426609473880784, 0.026532189526576124, 0.29656057182850487, 1.7848265399172913,
    5.463784911164114, 6.657904643501103,
  ],
  [
    2.0442631033899397e-15, 1.421511758316446e-7, 0.000018463183175100548, 0.0007868691311456133, 0.014875361290850615, 0.1369298809227358,
    0.599832206555888, 1,
  ],
] as const;
const ratio = ([over, under]: readonly [readonly number[], readonly number[]], x: number): number =>
  polynomial(over, x) / polynomial(under, x);

/** The value that a standard normal variable falls below with probability p, 0 < p < 1. */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratio(middle, 0.180625 - q * q);
  const r = Math.sqrt(-logarithm(q < 0 ? p : 1 - p));
  return Math.sign(q) * (r <= 5 ? ratio(near, r - 1.6) : ratio(far, r - 5));
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
