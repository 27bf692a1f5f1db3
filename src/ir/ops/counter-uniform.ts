/**
 * A counter-based generator of uniform numbers in int64 arithmetic, made of ops that every provider has.
 *
 * Everything happens modulo the prime p below 2^30. Cubing permutes the numbers modulo p, since 3 does not divide p - 1, and no
 * product leaves int64: sums of two stay below 2^31, their squares below 2^62, and the square modulo p times the sum below 2^61.
 * Words (seed, step, stream) are absorbed by h := (h + word)^3; the keys that this gives start a number for each row and each
 * column; an element cubes the sum of its row's and its column's. The vectors cost nothing, an element five operations.
 */
import type { GraphBuilder } from "../builder.ts";
import { formulas } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import { inputAt } from "./call-inputs.ts";

/** The largest prime below 2^30. */
const prime = 1073741789;
/** First states: digits of pi, modulo p; each lane starts elsewhere. */
const lanes = { row: 314159265, column: 358979323 } as const;
/** Odd steps between the positions of a lane, near p divided by the golden ratio. */
const stride = 663608941;

/** The standard form of a CounterUniform. */
export function counterUniform(b: GraphBuilder, node: Node<"CounterUniform">): Value {
  const f = formulas(b);
  const [shape, seed, step] = [inputAt(node, 0), inputAt(node, 1), inputAt(node, 2)];
  const words = [...wordsOf(b, seed), ...wordsOf(b, step), b.constant("int64", node.attributes.stream % prime)];
  const [rows, columns] = extents(b, shape);
  const row = f.reshape(laneOf(b, rows, words, lanes.row), [-1, 1]);
  const element = cube(b, f.add(row, laneOf(b, columns, words, lanes.column)));
  // Rounding a number below p to float32 keeps it below 2^30.
  return f.reshape(f.mul(f.cast(element, "float32"), 2 ** -30), shape);
}

/** x^3 modulo p, for 0 <= x < 2^31. */
function cube(b: GraphBuilder, x: Value): Value {
  const f = formulas(b);
  const p = b.constant("int64", prime);
  return b.add("Mod", [f.mul(b.add("Mod", [f.mul(x, x), p]), x), p]);
}
/** An int64 scalar as two numbers modulo p: all 64 bits count. */
function wordsOf(b: GraphBuilder, value: Value): readonly Value[] {
  const f = formulas(b);
  const p = b.constant("int64", prime);
  const scalar = f.reshape(value, [1]);
  return [b.add("Mod", [scalar, p]), b.add("Mod", [f.div(scalar, p), p])];
}
/** One number per position of a lane, int64[n] below p. */
function laneOf(b: GraphBuilder, n: Value, words: readonly Value[], start: number): Value {
  const f = formulas(b);
  const int = (v: number): Value => b.constant("int64", v);
  const key = words.reduce((h, word) => cube(b, f.add(h, word)), int(start));
  const second = cube(b, f.add(key, int(start)));
  const counter = b.add("Mod", [f.mul(b.add("Range", [int(0), n, int(1)]), int(stride)), int(prime)]);
  return cube(b, f.add(cube(b, f.add(counter, key)), second));
}
/** The shape as a matrix: the first axis, and all others together. */
function extents(b: GraphBuilder, shape: Value): readonly [Value, Value] {
  const int = (v: number): Value => b.constant("int64", v);
  const [rank] = shape.type.shape;
  if (typeof rank === "number" && rank < 2) return [int(1), b.add("ReduceProd", [shape], { keepdims: 0 })];
  const vector = (v: number): Value => b.constant("int64", [v]);
  const rest = b.add("Slice", [shape, vector(1), vector(Number.POSITIVE_INFINITY)]);
  return [b.add("Gather", [shape, int(0)]), b.add("ReduceProd", [rest], { keepdims: 0 })];
}
