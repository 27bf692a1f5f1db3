/** Exact fractions of small integers. */

/** n / d in lowest terms, d > 0. */
export interface Fraction {
  readonly n: number;
  readonly d: number;
}

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));
/** n / d for integers. Throws a RangeError for d = 0. */
export function fraction(n: number, d = 1): Fraction {
  if (d === 0) throw new RangeError(`${n} / 0 is no fraction`);
  // Whole numbers, which nearly all are, need no common divisor.
  if (d === 1) return { n: n + 0, d };
  const g = gcd(n, d) * Math.sign(d);
  return { n: n / g + 0, d: d / g };
}

/** No fraction has a larger denominator: scales of resizing are quotients of sizes. */
const largestDenominator = 4096;
/** The simplest fraction that is a number in single precision (a scale in a file is a float32), by the number's continued fraction. */
export function fractionOf(value: number): Fraction {
  if (Number.isInteger(value)) return fraction(value);
  const tolerance = Math.abs(value) * 2 ** -24;
  let [n, d, previousN, previousD] = [Math.floor(value), 1, 1, 0];
  let rest = value - n;
  while (rest !== 0 && Math.abs(n / d - value) > tolerance) {
    const whole = Math.floor(1 / rest);
    rest = 1 / rest - whole;
    const next = whole * d + previousD;
    if (next > largestDenominator) break;
    [n, previousN] = [whole * n + previousN, n];
    [d, previousD] = [next, d];
  }
  return fraction(n, d);
}

/** a + b. */
export const addFractions = (a: Fraction, b: Fraction): Fraction => fraction(a.n * b.d + b.n * a.d, a.d * b.d);
/** a - b. */
export const subFractions = (a: Fraction, b: Fraction): Fraction => fraction(a.n * b.d - b.n * a.d, a.d * b.d);
/** a * b. */
export const mulFractions = (a: Fraction, b: Fraction): Fraction => fraction(a.n * b.n, a.d * b.d);
/** True when a < b. */
export const isLess = (a: Fraction, b: Fraction): boolean => a.n * b.d < b.n * a.d;
/** True when a = b. */
export const isEqual = (a: Fraction, b: Fraction): boolean => a.n === b.n && a.d === b.d;
/** The smallest integer that is not below a fraction. */
export const ceilOf = ({ n, d }: Fraction): number => Math.ceil(n / d) + 0;
/** The largest integer that is not above a fraction. */
export const floorOf = ({ n, d }: Fraction): number => Math.floor(n / d) + 0;
/** The fraction as a number. */
export const toNumber = ({ n, d }: Fraction): number => n / d;
