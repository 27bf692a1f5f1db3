/** Comparing tensors: what is different, in one line. */
import { isFloat } from "../../src/ir/dtype.ts";
import { numbersOf, type TensorData } from "../../src/ir/tensor-data.ts";

/** |actual - expected| <= atol + rtol * |expected|. */
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** How a tensor differs from the expected one, or null. NaNs equal each other; integers, bools and texts have to be the same. */
export function difference(what: string, actual: TensorData | undefined, expected: TensorData, { rtol, atol }: Tolerance): string | null {
  if (actual === undefined) return `${what} is missing`;
  if (actual.dtype !== expected.dtype) return `${what} is ${actual.dtype}, expected ${expected.dtype}`;
  if (actual.shape.join() !== expected.shape.join())
    return `${what} has shape [${actual.shape.join()}], expected [${expected.shape.join()}]`;
  const float = isFloat(expected.dtype);
  const [a, e] = float ? [numbersOf(actual) ?? [], numbersOf(expected) ?? []] : [exactly(actual), exactly(expected)];
  const close = (x: unknown, y: unknown): boolean =>
    Object.is(x, y) || x === y || (typeof x === "number" && typeof y === "number" && Math.abs(x - y) <= atol + rtol * Math.abs(y));
  const wrong = e.flatMap((y, i) => (close(a[i], y) ? [] : [i]));
  const [first] = wrong;
  return first === undefined
    ? null
    : `${what}: ${wrong.length} of ${e.length} elements differ, the first at ${first}: ${String(a[first])}, expected ${String(e[first])}`;
}
/** Elements as they are: 64-bit integers as bigints. */
const exactly = ({ data }: TensorData): readonly (number | bigint | string)[] => [...data];
