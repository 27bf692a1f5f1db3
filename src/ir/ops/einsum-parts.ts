/** Einsum as matrix products, sums and transposes. */
import type { GraphBuilder } from "../builder.ts";
import type { Dim } from "../dim.ts";
import { formulas } from "../formulas.ts";
import type { Value } from "../graph.ts";
import { RuleFault } from "../op-schema.ts";
import { type Equation, isOfEllipsis, type Term } from "./einsum-equation.ts";

/** A tensor with a letter for each axis. */
interface Lettered {
  readonly value: Value;
  readonly letters: Term;
}

/** The result of an equation: the operands are taken in one after the other, each by one matrix product where its axes allow. */
export function einsumInParts(b: GraphBuilder, inputs: readonly (Value | null)[], { operands, result }: Equation): Value {
  const all = inputs.map((value, i): Lettered => {
    const letters = operands[i] ?? [];
    if (value === null) throw new RuleFault("einsum-input", `input ${i} is left out`);
    return diagonal(b, { value, letters });
  });
  const whole = all.reduce((left, right, i) => product(b, left, right, new Set([...result, ...operands.slice(i + 1).flat()])));
  return ordered(b, summed(b, whole, new Set(result)), result).value;
}

/** The same with one axis for each letter: where one comes twice, what lies on the diagonal. */
function diagonal(b: GraphBuilder, { value, letters }: Lettered): Lettered {
  const last = letters.findIndex((letter, axis) => letters.indexOf(letter) < axis);
  if (last < 0) return { value, letters };
  const f = formulas(b);
  const first = letters.indexOf(letters[last] ?? "");
  const count = b.add("Gather", [b.add("Shape", [value]), b.constant("int64", first)]);
  const places = b.add("Range", [b.constant("int64", 0), count, b.constant("int64", 1)]);
  const along = (axis: number): Value => {
    const others = letters.flatMap((_, other) => (other === axis ? [] : [other]));
    return b.add("Unsqueeze", [places, b.constant("int64", others)]);
  };
  const kept = f.where(f.equal(along(first), along(last)), value, 0);
  return diagonal(b, { value: f.reduceSum(kept, [last]), letters: letters.filter((_, axis) => axis !== last) });
}
/** The sum over all axes whose letters are not kept. */
function summed(b: GraphBuilder, { value, letters }: Lettered, kept: ReadonlySet<string>): Lettered {
  const axes = letters.flatMap((letter, axis) => (kept.has(letter) ? [] : [axis]));
  if (axes.length === 0) return { value, letters };
  return { value: formulas(b).reduceSum(value, axes), letters: letters.filter((letter) => kept.has(letter)) };
}
/** The same with its axes in another order. */
function ordered(b: GraphBuilder, { value, letters }: Lettered, order: Term): Lettered {
  const perm = order.map((letter) => letters.indexOf(letter));
  return { value: perm.every((axis, i) => axis === i) ? value : formulas(b).transpose(value, perm), letters: order };
}

/** Two operands multiplied, and summed over what they share and nobody needs. */
function product(b: GraphBuilder, left: Lettered, right: Lettered, kept: ReadonlySet<string>): Lettered {
  const a = summed(b, left, new Set([...kept, ...right.letters]));
  const c = summed(b, right, new Set([...kept, ...left.letters]));
  const both = a.letters.filter((letter) => c.letters.includes(letter));
  const [batch, inner] = [both.filter((letter) => kept.has(letter)), both.filter((letter) => !kept.has(letter))];
  const rows = a.letters.filter((letter) => !both.includes(letter));
  const columns = c.letters.filter((letter) => !both.includes(letter));
  const letters = [...batch, ...rows, ...columns];
  if (inner.length === 0) return { value: outer(b, a, c, letters), letters };
  // What an ellipsis stands for may be broadcast, which an inner axis of a product is not.
  const isProduct = !inner.some(isOfEllipsis);
  const first = grouped(b, ordered(b, a, [...batch, ...rows, ...inner]), batch.length, rows.length);
  const second = grouped(b, ordered(b, c, [...batch, ...inner, ...columns]), batch.length, inner.length);
  if (!isProduct || first === null || second === null) {
    // Constants cannot join sizes that are symbols to one axis.
    const table = outer(b, a, c, [...letters, ...inner]);
    return {
      value: formulas(b).reduceSum(
        table,
        inner.map((_, i) => letters.length + i),
      ),
      letters,
    };
  }
  const made = formulas(b).matmul(first, second);
  return { value: ungrouped(b, made, batch.length, sizesOf(a, rows), sizesOf(c, columns)), letters };
}
const sizesOf = ({ value, letters }: Lettered, of: Term): readonly Dim[] =>
  of.map((letter) => value.type.shape[letters.indexOf(letter)] ?? 1);

/** All products of the elements of two tensors whose letters are equal, with an axis for each letter. */
function outer(b: GraphBuilder, left: Lettered, right: Lettered, letters: Term): Value {
  const spread = (operand: Lettered): Value => {
    const { value } = ordered(
      b,
      operand,
      letters.filter((letter) => operand.letters.includes(letter)),
    );
    const missing = letters.flatMap((letter, axis) => (operand.letters.includes(letter) ? [] : [axis]));
    return missing.length === 0 ? value : b.add("Unsqueeze", [value, b.constant("int64", missing)]);
  };
  return formulas(b).mul(spread(left), spread(right));
}
/** A stack of matrices of a tensor: its axes behind the batch, `rows` of them and the others, as one axis each; null where constants do not say how. */
function grouped(b: GraphBuilder, { value }: Lettered, batch: number, rows: number): Value | null {
  const { shape } = value.type;
  const groups = [shape.slice(batch, batch + rows), shape.slice(batch + rows)];
  if (groups.every(({ length }) => length === 1)) return value;
  const sizes = groups.map(joined);
  return sizes.some((size) => size === null)
    ? null
    : reshaped(
        b,
        value,
        batch,
        sizes.flatMap((size) => size ?? []),
      );
}
function ungrouped(b: GraphBuilder, value: Value, batch: number, rows: readonly Dim[], columns: readonly Dim[]): Value {
  if (rows.length === 1 && columns.length === 1) return value;
  // At most one of the sizes is a symbol, which a group of its own had.
  return reshaped(
    b,
    value,
    batch,
    [...rows, ...columns].map((d) => (typeof d === "number" ? d : -1)),
  );
}
/** The size of several axes together; -1 for one axis of a size that is a symbol, null for others of them and for none at all, which 0 does not say. */
function joined(sizes: readonly Dim[]): number | null {
  if (sizes.every((d) => typeof d === "number")) return sizes.reduce((n, d) => n * d, 1) || null;
  return sizes.length === 1 ? -1 : null;
}
/** A Reshape of what comes behind the batch, whose sizes stay. */
const reshaped = (b: GraphBuilder, value: Value, batch: number, sizes: readonly number[]): Value =>
  formulas(b).reshape(value, [...Array.from({ length: batch }, () => 0), ...sizes]);
