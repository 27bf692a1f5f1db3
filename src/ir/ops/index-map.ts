/** Index maps: the ops that only move elements, computed on known contents. All shapes here are numbers, rows come last. */
import type { Dim } from "../dim.ts";
import type { Value } from "../graph.ts";
import { staticShape } from "../shape.ts";

/** A tensor small enough to be known: its sizes and contents. */
export interface KnownTensor {
  readonly shape: readonly number[];
  readonly elements: readonly Dim[];
}
/** A value's contents, or null when they are not known. */
export function knownTensor(value: Value | null): KnownTensor | null {
  const shape = value === null ? null : staticShape(value.type.shape);
  return shape === null || value?.elements == null ? null : { shape: shape.map(Number), elements: value.elements };
}

/** How far apart two neighbours along each axis lie. */
export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = shape.map(() => 1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] ?? 1) * (shape[i + 1] ?? 1);
  return strides;
}
/** The flat index of a position. */
export const flatIndex = (position: readonly number[], strides: readonly number[]): number =>
  position.reduce((sum, p, i) => sum + p * (strides[i] ?? 0), 0);

/** What a function gives for each position of a shape, in row-major order. */
export function mapPositions<R>(shape: readonly number[], f: (position: readonly number[]) => R): readonly R[] {
  const count = shape.reduce((n, d) => n * d, 1);
  const position = shape.map(() => 0);
  return Array.from({ length: count }, () => {
    const result = f(position);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (position[axis] ?? 0) + 1;
      position[axis] = next === shape[axis] ? 0 : next;
      if (position[axis] !== 0) break;
    }
    return result;
  });
}

/** The elements of a tensor of `shape` whose element at a position is x's at `source(position)`, or `outside` where that is null. */
export function moved(
  x: KnownTensor,
  shape: readonly number[],
  source: (position: readonly number[]) => readonly number[] | null,
  outside: Dim = 0,
): readonly Dim[] {
  const strides = stridesOf(x.shape);
  return mapPositions(shape, (position) => {
    const from = source(position);
    return from === null ? outside : (x.elements[flatIndex(from, strides)] ?? outside);
  });
}
/** A position with one coordinate replaced. */
export const withCoordinate = (position: readonly number[], axis: number, coordinate: number): readonly number[] =>
  position.map((p, i) => (i === axis ? coordinate : p));
