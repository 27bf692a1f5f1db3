/** Pools over a grid whose cells adapt to the image, as torch.nn.AdaptiveAvgPool2d and its kin. */
import type { Value } from "../../ir/graph.ts";
import type { After, Once } from "../layer.ts";
import { numeric } from "../shape-rules/axes.ts";
import { type Adaptive, type Adaptive1d, openFault } from "../shape-rules/pool.ts";
import { rankFault } from "../shape-rules/show.ts";
import { at, type Pair, type Positive, positive, type Sizes } from "../shape-rules/window.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, type Call, check, enter, operand, result, within } from "../trace.ts";

/** The mean of each cell of a grid of outputSize cells: float32[N, C, H, W] -> float32[N, C, outputSize, outputSize]. */
export function adaptiveAvgPool2d<S, const Y extends Sizes, R = After<S, [Adaptive<"adaptiveAvgPool2d", Y>]>, Q = R>(
  x: Checked<Tensor<S>, R>,
  outputSize: Checked<Y, Positive<"adaptiveAvgPool2d: outputSize", Y>>,
): Tensor<Once<R, Q>> {
  const call = enter("adaptiveAvgPool2d", adaptiveAvgPool2d, arguments);
  const grid = checkedGrid(call, x, outputSize);
  if (grid.whole) return result(call, add(call, "GlobalAveragePool", [grid.value]));
  const cells = evenCells(grid);
  if (cells !== null) return result(call, add(call, "AveragePool", [grid.value], { kernel_shape: cells, strides: cells }));
  return result(call, unevenMeans(call, grid));
}
/** The maximum of each cell of a grid: outputSize 1, or a divisor of the image's size. */
export function adaptiveMaxPool2d<S, const Y extends Sizes, R = After<S, [Adaptive<"adaptiveMaxPool2d", Y>]>, Q = R>(
  x: Checked<Tensor<S>, R>,
  outputSize: Checked<Y, Positive<"adaptiveMaxPool2d: outputSize", Y>>,
): Tensor<Once<R, Q>> {
  const call = enter("adaptiveMaxPool2d", adaptiveMaxPool2d, arguments);
  const grid = checkedGrid(call, x, outputSize);
  if (grid.whole) return result(call, add(call, "GlobalMaxPool", [grid.value]));
  const cells = evenCells(grid);
  const text = `outputSize [${grid.size.join(", ")}] does not divide the input's [${grid.from.join(", ")}]`;
  check(
    call,
    [grid.value],
    cells === null ? { code: "adaptive-size", text, help: "use maxPool2d, or an outputSize that divides the input's size" } : null,
  );
  return result(call, add(call, "MaxPool", [grid.value], { kernel_shape: cells ?? [1, 1], strides: cells ?? [1, 1] }));
}

/** The mean of each of outputSize cells of a sequence, as torch.nn.AdaptiveAvgPool1d: float32[N, C, L] -> float32[N, C, outputSize]. */
export function adaptiveAvgPool1d<S, Y extends number, R = After<S, [Adaptive1d<"adaptiveAvgPool1d", Y>]>, Q = R>(
  x: Checked<Tensor<S>, R>,
  outputSize: Checked<Y, Positive<"adaptiveAvgPool1d: outputSize", Y>>,
): Tensor<Once<R, Q>> {
  const call = enter("adaptiveAvgPool1d", adaptiveAvgPool1d, arguments);
  const [value, size] = [operand(call, x), numeric(outputSize)];
  const [, , length = 0] = value.type.shape;
  check(call, [value], rankFault(value.type.shape.length, 3, "[N, C, L]"), positive("outputSize", outputSize));
  check(call, [value], openFault([length], size));
  if (size === 1) return result(call, add(call, "GlobalAveragePool", [value]));
  const from = Number(length);
  const cell = [from / size];
  if (from % size === 0 && from > 0) return result(call, add(call, "AveragePool", [value], { kernel_shape: cell, strides: cell }));
  const matrix = call.builder.constant("float32", transposed(cellMeans(size, from), from), [from, size]);
  return result(call, add(call, "MatMul", [value, matrix]));
}

interface Grid {
  readonly value: Value;
  readonly size: readonly [number, number];
  /** The image's height and width; 1 where it does not matter, for a grid of one cell along a symbolic axis. */
  readonly from: readonly [number, number];
  /** True for a grid of one cell. */
  readonly whole: boolean;
  /** True where the axis has a symbolic size. */
  readonly open: boolean;
}
function checkedGrid(call: Call, x: unknown, outputSize: unknown): Grid {
  const value = operand(call, x);
  const size = gridSize(outputSize);
  const [, , h = 0, w = 0] = value.type.shape;
  check(call, [value], rankFault(value.type.shape.length, 4, "[N, C, H, W]"), positive("outputSize", size, 2));
  check(call, [value], openFault([h, w], size));
  const [rows, columns] = [at(size, 0), at(size, 1)];
  const from = [typeof h === "number" ? h : 1, typeof w === "number" ? w : 1] as const;
  return { value, size: [rows, columns], from, whole: rows === 1 && columns === 1, open: typeof h !== "number" || typeof w !== "number" };
}
/** Sound because a `Checked` argument is the argument or an error that never runs; `positive` looks at the numbers. */
const gridSize = (outputSize: unknown): Pair => outputSize as Pair;

/** The size of each cell when all are equal and known, else null. */
function evenCells({ size, from, open }: Grid): readonly [number, number] | null {
  const even = !open && from[0] % size[0] === 0 && from[1] % size[1] === 0 && from[0] > 0 && from[1] > 0;
  return even ? [from[0] / size[0], from[1] / size[1]] : null;
}

/** Cell i covers floor(i n / m) to ceil((i + 1) n / m): its means are a matrix product along each axis. */
function unevenMeans(call: Call, { value, size, from }: Grid): Value {
  const { builder } = call;
  return within(call, () => {
    // A cell of one symbolic axis is the mean over all of it.
    const axis = (i: 0 | 1, y: Value): Value => {
      if (size[i] === 1) return builder.add("ReduceMean", [y, builder.constant("int64", [i - 2])], { keepdims: 1 });
      if (size[i] === from[i]) return y;
      const matrix = builder.constant(
        "float32",
        i === 0 ? cellMeans(size[0], from[0]) : transposed(cellMeans(size[1], from[1]), from[1]),
        i === 0 ? [size[0], from[0]] : [from[1], size[1]],
      );
      return builder.add("MatMul", i === 0 ? [matrix, y] : [y, matrix]);
    };
    return axis(0, axis(1, value));
  });
}
/** The row-major [m, n] matrix whose row i averages over cell i. */
function cellMeans(m: number, n: number): readonly number[] {
  return Array.from({ length: m }, (_, i) => {
    const [begin, end] = [Math.floor((i * n) / m), Math.ceil(((i + 1) * n) / m)];
    return Array.from({ length: n }, (_, j) => (j >= begin && j < end ? 1 / (end - begin) : 0));
  }).flat();
}
const transposed = (matrix: readonly number[], columns: number): readonly number[] =>
  Array.from({ length: columns }, (_, j) => matrix.filter((_, i) => i % columns === j)).flat();
