/** Shapes: arithmetic over lists of dims. */
import { type Dim, isUnknown, neverEqual, productOf } from "./dim.ts";

/** The sizes of a tensor's axes. */
export type Shape = readonly Dim[];

/** The text of a shape, `[N, 3, 224, 224]`. */
export const printShape = (shape: Shape): string => `[${shape.map((d) => (isUnknown(d) ? "?" : d)).join(", ")}]`;

/** True when two shapes are the same, axis by axis. */
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

/** The number of elements. */
export const elementCount = (shape: Shape): Dim => productOf(shape);

/** The sizes when all are numbers, else null. */
export const staticShape = (shape: Shape): readonly number[] | null => (shape.every((d) => typeof d === "number") ? shape : null);

/** The index of an axis that may count from the end, or null when there is no such axis. */
export function axisIndex(axis: number, rank: number): number | null {
  const index = axis < 0 ? axis + rank : axis;
  return Number.isInteger(index) && index >= 0 && index < rank ? index : null;
}

/** How two sizes broadcast (NumPy's rule): the size, or "unknown" when it depends on sizes that nobody knows yet, or null when they cannot. */
export function broadcastDim(a: Dim, b: Dim): Dim | "unknown" | null {
  if (a === b || b === 1) return a;
  if (a === 1) return b;
  if (neverEqual(a, b) && (typeof a === "number") === (typeof b === "number")) return null;
  // A number above 1 wins: the other side has to be 1 or equal to it.
  if (typeof a === "number") return a;
  if (typeof b === "number") return b;
  return "unknown";
}
