/** Moves the elements of large tensors at compile time, in their own storage: no number is made of any of them. */
import { dtypes } from "../../ir/dtype.ts";
import type { Node } from "../../ir/graph.ts";
import type { AxisWindow } from "../../ir/op-schema.ts";
import type { OpType } from "../../ir/op-types.ts";
import { schemaOf } from "../../ir/ops/index.ts";
import { stridesOf } from "../../ir/ops/index-map.ts";
import { staticShape } from "../../ir/shape.ts";
import { arrayOf, bytesOf, type TensorData } from "../../ir/tensor-data.ts";

/** Ops whose output has the first input's elements in their order. */
const inOrder: ReadonlySet<OpType> = new Set<OpType>(["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"]);
/** Ops whose output positions each read one position of the first input: the one in the window that the op's record tells. */
const movers: ReadonlySet<OpType> = new Set<OpType>(["Transpose", "Slice", "Expand", "Split"]);

/**
 * Output `o` of a node that only moves the elements of its first input, given that input's contents; null for other nodes, and where the
 * places are not known. A result in the same order shares its storage with the input.
 */
export function movedTensor(node: Node, o: number, source: TensorData): TensorData | null {
  const shape = staticShape(node.outputs[o]?.type.shape ?? ["?"]);
  if (shape === null || !ArrayBuffer.isView(source.data)) return null;
  if (inOrder.has(node.opType)) return { ...source, shape };
  if (!movers.has(node.opType)) return null;
  const view = viewOf(windowsOf(node, o), source.shape, shape);
  if (view === null) return null;
  const { size } = dtypes[source.dtype];
  const bytes = new Uint8Array(count(shape) * size);
  // Elements of 8 bytes are moved as two words: as floating numbers, what looks like a NaN would not keep its bits.
  if (size === 8) gather(words(bytesOf(source), 4), words(bytes, 4), inHalves(view));
  else gather(words(bytesOf(source), size), words(bytes, size), view);
  return { dtype: source.dtype, shape, data: arrayOf(source.dtype, bytes) };
}
type Words = Uint8Array | Uint16Array | Uint32Array;
const words = ({ buffer, byteOffset, byteLength }: Uint8Array, size: number): Words =>
  size === 4
    ? new Uint32Array(buffer, byteOffset, byteLength / 4)
    : size === 2
      ? new Uint16Array(buffer, byteOffset, byteLength / 2)
      : new Uint8Array(buffer, byteOffset, byteLength);
const inHalves = ({ shape, offset, strides }: View): View => ({
  shape: [...shape, 2],
  offset: offset * 2,
  strides: [...strides.map((s) => s * 2), 1],
});
const count = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

function windowsOf<T extends OpType>(node: Node<T>, o: number): readonly AxisWindow[] | null {
  const { receptiveField: rule } = schemaOf(node.opType);
  return typeof rule === "string" ? null : rule(node, 0, o);
}

/** A tensor laid over an array: element [i0, i1, ...] is at offset + i0 * strides[0] + i1 * strides[1] + ... */
interface View {
  readonly shape: readonly number[];
  readonly offset: number;
  readonly strides: readonly number[];
}
function viewOf(windows: readonly AxisWindow[] | null, from: readonly number[], shape: readonly number[]): View | null {
  if (windows === null || windows.length !== from.length) return null;
  const steps = stridesOf(from);
  const strides = shape.map(() => 0);
  let offset = 0;
  for (const [axis, window] of windows.entries()) {
    if (window === "all" || (window !== "fixed" && window.size !== 1)) return null;
    const step = steps[axis] ?? 0;
    if (window === "fixed") {
      // The only position there is.
      if (from[axis] !== 1) return null;
      continue;
    }
    const [size, last] = [from[axis] ?? 0, window.start + window.stride * ((shape[window.axis] ?? 1) - 1)];
    if (count(shape) > 0 && (Math.min(window.start, last) < 0 || Math.max(window.start, last) >= size)) return null;
    offset += window.start * step;
    strides[window.axis] = (strides[window.axis] ?? 0) + window.stride * step;
  }
  return { shape, offset, strides };
}

/** Tiles of this many rows and columns stay in the cache while they are transposed. */
const tile = 32;

/** Writes the elements of a view to `out` in row-major order. */
function gather(source: Words, out: Words, { shape, offset, strides }: View): void {
  if (out.length === 0) return;
  const last = shape.length - 1;
  const [width, across] = [shape[last] ?? 1, strides[last] ?? 0];
  // The axis along which neighbours in the source lie side by side: with the last axis it spans the planes that are copied in tiles.
  const along = strides.findIndex((s, axis) => s === 1 && axis !== last);
  const plane = across === 1 || along < 0 ? last - 1 : along;
  const [height, down] = [shape[plane] ?? 1, strides[plane] ?? 0];
  const rowStep = stridesOf(shape)[plane] ?? 0;
  const outer = shape.map((d, axis) => (axis === plane || axis === last ? 1 : d));
  eachPlane(outer, strides, stridesOf(shape), (from, to) => {
    for (let top = 0; top < height; top += tile) {
      for (let left = 0; left < width; left += tile) {
        copyTile(source, out, offset + from + top * down + left * across, to + top * rowStep + left, {
          rows: Math.min(tile, height - top),
          columns: Math.min(tile, width - left),
          down,
          across,
          rowStep,
        });
      }
    }
  });
}
interface Tile {
  readonly rows: number;
  readonly columns: number;
  /** How far apart rows and columns lie in the source, and rows in the result. */
  readonly down: number;
  readonly across: number;
  readonly rowStep: number;
}
function copyTile(source: Words, out: Words, from: number, to: number, { rows, columns, down, across, rowStep }: Tile): void {
  for (let row = 0; row < rows; row++) {
    let at = from + row * down;
    const start = to + row * rowStep;
    for (let i = start; i < start + columns; i++) {
      out[i] = source[at] ?? 0;
      at += across;
    }
  }
}

/** Calls a function with the offset in the source and in the result of each position of a shape. */
function eachPlane(
  shape: readonly number[],
  strides: readonly number[],
  outStrides: readonly number[],
  visit: (from: number, to: number) => void,
): void {
  const walk = (axis: number, from: number, to: number): void => {
    if (axis === shape.length) visit(from, to);
    else for (let i = 0; i < (shape[axis] ?? 1); i++) walk(axis + 1, from + i * (strides[axis] ?? 0), to + i * (outStrides[axis] ?? 0));
  };
  walk(0, 0, 0);
}
