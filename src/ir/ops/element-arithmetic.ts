/**
 * Arithmetic on known elements: numbers rounded to their element type, or symbolic sizes.
 * Every function gives null where the result is not known exactly, so that nothing wraps or rounds unseen.
 */
import { addDims, type Dim, exactDiv, floorDiv, maxDims, minDims, mulDims, subDims } from "../dim.ts";
import { type DType, dtypes, isFloat } from "../dtype.ts";
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from "../tensor-data.ts";

const rounding: Readonly<Partial<Record<DType, (value: number) => number>>> = {
  float32: Math.fround,
  float16: (value) => fromFloat16(toFloat16(value)),
  bfloat16: (value) => fromBfloat16(toBfloat16(value)),
};

/** How a dtype holds a computed element: floats rounded; integers null where they leave the range or are no longer exact. */
export function settlerOf(dtype: DType): (value: Dim | null) => Dim | null {
  const { kind, size } = dtypes[dtype];
  const ofNumbers = (settled: (value: number) => number | null) => (value: Dim | null) =>
    typeof value === "number" ? settled(value) : value;
  if (kind === "float") return ofNumbers(rounding[dtype] ?? ((value) => value));
  if (kind === "bool") return ofNumbers((value) => (value === 0 ? 0 : 1));
  const top = 2 ** (kind === "uint" ? size * 8 : size * 8 - 1);
  const least = kind === "uint" ? 0 : -top;
  return ofNumbers((value) => (Number.isSafeInteger(value) && value < top && value >= least ? value + 0 : null));
}
/** A computed element as its dtype holds it. */
export const settle = (dtype: DType, value: Dim | null): Dim | null => settlerOf(dtype)(value);

/** True when a size is at least another for any values of its symbols. */
export function surelyAtLeast(a: Dim, b: Dim): boolean {
  if (typeof a === "number" && typeof b === "number") return a >= b;
  if (a === Number.POSITIVE_INFINITY || b === Number.NEGATIVE_INFINITY) return true;
  return exact(a) && exact(b) && maxDims(a, b) === a;
}
/** True when an integer is larger than another for any values of its symbols. */
export const surelyGreater = (a: Dim, b: Dim): boolean =>
  typeof a === "number" && typeof b === "number" ? a > b : exact(b) ? surelyAtLeast(a, addDims(b, 1)) : a !== b && surelyAtLeast(a, b);

/** True for what symbolic arithmetic can hold: a symbol, or an integer within 2^53. */
const exact = (a: Dim): boolean => typeof a === "string" || Number.isSafeInteger(a);
const lifted =
  (numeric: (a: number, b: number) => number, symbolic: (a: Dim, b: Dim) => Dim | null) =>
  (a: Dim, b: Dim): Dim | null => {
    if (typeof a === "number" && typeof b === "number") return numeric(a, b);
    return exact(a) && exact(b) ? symbolic(a, b) : null;
  };

/** a + b. */
export const addElements = lifted((a, b) => a + b, addDims);
/** a - b. */
export const subElements = lifted((a, b) => a - b, subDims);
/** a * b. */
export const mulElements = lifted((a, b) => a * b, mulDims);
/** a / b: of integers, truncated toward zero. */
export function divElements(a: Dim, b: Dim, dtype: DType): Dim | null {
  return (isFloat(dtype) ? divFloats : divIntegers)(a, b);
}
const divFloats = lifted((a, b) => a / b, exactDiv);
const divIntegers = lifted(
  (a, b) => (a - (a % b)) / b,
  // A floor is a truncation only of what cannot be negative.
  (a, b) => exactDiv(a, b) ?? (typeof b === "number" && b > 0 && surelyAtLeast(a, 0) ? floorDiv(a, b) : null),
);
/** a mod b with the sign of b. */
export const modElements = lifted(
  (a, b) => ((a % b) + b) % b,
  (a, b) => (typeof b === "number" && b > 0 ? subDims(a, mulDims(b, floorDiv(a, b))) : null),
);
/** a mod b with the sign of a, as C's fmod. */
export const fmodElements = lifted(
  (a, b) => a % b,
  (a, b) => (surelyAtLeast(a, 0) ? modElements(a, b) : null),
);
/** a to the power b. */
export const powElements = lifted(
  (a, b) => a ** b,
  (a, b) => (typeof b === "number" && b >= 0 && b <= 8 ? Array.from({ length: b }).reduce<Dim>((power) => mulDims(power, a), 1) : null),
);
/** The smaller one. An infinite integer stands for one past 2^53. */
export const minElements = (a: Dim, b: Dim): Dim | null =>
  surelyAtLeast(b, a) ? a : surelyAtLeast(a, b) ? b : extreme(minDims, Math.min, a, b);
/** The larger one. An infinite integer stands for one past 2^53. */
export const maxElements = (a: Dim, b: Dim): Dim | null =>
  surelyAtLeast(a, b) ? a : surelyAtLeast(b, a) ? b : extreme(maxDims, Math.max, a, b);
const extreme = (symbolic: (a: Dim, b: Dim) => Dim, numeric: (a: number, b: number) => number, a: Dim, b: Dim): Dim | null =>
  lifted(numeric, symbolic)(a, b);

/** All elements combined one after the other; of no elements, what is given. */
export function foldElements(combine: (a: Dim, b: Dim) => Dim | null, elements: readonly Dim[], ofNone: Dim | null = null): Dim | null {
  return elements.slice(1).reduce<Dim | null>((all, e) => (all === null ? null : combine(all, e)), elements[0] ?? ofNone);
}

/** 1 when a = b, 0 when not. */
export function equalElements(a: Dim, b: Dim): Dim | null {
  if (typeof a === "number" && typeof b === "number") return a === b ? 1 : 0;
  return a === b ? 1 : surelyGreater(a, b) || surelyGreater(b, a) ? 0 : null;
}
/** 1 when a < b, 0 when not. */
export function lessElements(a: Dim, b: Dim): Dim | null {
  if (typeof a === "number" && typeof b === "number") return a < b ? 1 : 0;
  return surelyGreater(b, a) ? 1 : surelyAtLeast(a, b) ? 0 : null;
}
/** 1 when a <= b, 0 when not. */
export function lessOrEqualElements(a: Dim, b: Dim): Dim | null {
  if (typeof a === "number" && typeof b === "number") return a <= b ? 1 : 0;
  return surelyAtLeast(b, a) ? 1 : surelyGreater(a, b) ? 0 : null;
}

/** -a. */
export const negElement = (a: Dim): Dim | null => (typeof a === "number" ? -a : mulDims(-1, a));
/** |a|. */
export function absElement(a: Dim): Dim | null {
  if (typeof a === "number") return Math.abs(a);
  return surelyAtLeast(a, 0) ? a : surelyAtLeast(0, a) ? negElement(a) : null;
}
/** -1, 0 or 1. */
export function signElement(a: Dim): Dim | null {
  if (typeof a === "number") return Math.sign(a);
  return surelyGreater(a, 0) ? 1 : surelyGreater(0, a) ? -1 : null;
}
/** A function that leaves integers as they are, such as floor. */
export const wholeElement =
  (numeric: (a: number) => number) =>
  (a: Dim): Dim | null =>
    typeof a === "number" ? numeric(a) : a;
/** A function of numbers alone. */
export const numericElement =
  (numeric: (a: number) => number) =>
  (a: Dim): Dim | null =>
    typeof a === "number" ? numeric(a) : null;
/** The nearest integer, ties to even. */
export function roundHalfEven(a: number): number {
  const floor = Math.floor(a);
  const rest = a - floor;
  const nearest = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  return nearest === 0 && a < 0 ? -0 : nearest;
}
