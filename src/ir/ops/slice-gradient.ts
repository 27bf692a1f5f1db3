/** The adjoint of slicing: a cotangent goes back to the positions that were taken, and all others get zero. */
import type { GraphBuilder } from "../builder.ts";
import { mulDims } from "../dim.ts";
import { formulas, shapeValue } from "../formulas.ts";
import type { Value } from "../graph.ts";
import { RuleFault } from "../op-schema.ts";

/** What was sliced: the positions of x along some axes, as int64 vectors over those axes; steps are known. */
export interface Sliced {
  readonly axes: readonly number[];
  readonly starts: Value;
  readonly steps: readonly number[];
}

/** The cotangent of x, given that of x[starts::steps] along the axes. */
export function unslice(b: GraphBuilder, dy: Value, x: Value, { axes, starts, steps }: Sliced): Value {
  const zero = steps.find((step) => !Number.isSafeInteger(step));
  if (zero !== undefined) throw new RuleFault("slice-step", "the gradient of a slice needs steps that are ordinary integers");
  const backwards = axes.filter((_, i) => (steps[i] ?? 1) < 0);
  const forward = backwards.length === 0 ? dy : flipped(b, dy, backwards);
  const strides = steps.map(Math.abs);
  const spread = axes.reduce((value, axis, i) => dilated(b, value, axis, strides[i] ?? 1), forward);
  return b.add("Pad", [spread, padsBack(b, dy, x, { axes, starts, steps }), null, b.constant("int64", axes)]);
}

/** x with the order along some axes turned round. */
function flipped(b: GraphBuilder, x: Value, axes: readonly number[]): Value {
  const all = (value: number): Value =>
    b.constant(
      "int64",
      axes.map(() => value),
    );
  return b.add("Slice", [x, all(-1), all(Number.NEGATIVE_INFINITY), b.constant("int64", axes), all(-1)]);
}

/** x with stride - 1 zeros behind every position along an axis. */
function dilated(b: GraphBuilder, x: Value, axis: number, stride: number): Value {
  if (stride === 1) return x;
  const column = b.add("Unsqueeze", [x, b.constant("int64", [axis + 1])]);
  const padded = b.add("Pad", [column, b.constant("int64", [0, stride - 1]), null, b.constant("int64", [axis + 1])]);
  const shape = x.type.shape.with(axis, mulDims(x.type.shape[axis] ?? 1, stride));
  const sizes = shape.every((d) => typeof d === "number")
    ? b.constant("int64", shape)
    : formulas(b).mul(
        shapeValue(b, x),
        b.constant(
          "int64",
          x.type.shape.map((_, i) => (i === axis ? stride : 1)),
        ),
      );
  return b.add("Reshape", [padded, sizes], { allowzero: 1 });
}

/**
 * The zeros before and behind the spread cotangent, whose L positions take up L * |step| places:
 * begin = start (start + (L - 1) * step when going backwards), end = n - begin - L * |step|.
 */
function padsBack(b: GraphBuilder, dy: Value, x: Value, { axes, starts, steps }: Sliced): Value {
  const f = formulas(b);
  const n = sizesAt(b, x, axes);
  const taken = sizesAt(b, dy, axes);
  const constant = (values: readonly number[]): Value => b.constant("int64", values);
  const backwards = steps.some((step) => step < 0);
  const last = backwards ? f.sub(n, constant(steps.map((step) => (step < 0 ? 1 : 0)))) : n;
  const fromFront = f.where(f.less(starts, constant([0])), f.add(starts, n), starts);
  const start = f.min(f.max(fromFront, constant([0])), last);
  const begin = backwards ? f.add(start, f.mul(f.sub(taken, constant([1])), constant(steps.map((step) => Math.min(step, 0))))) : start;
  const places = steps.every((step) => Math.abs(step) === 1) ? taken : f.mul(taken, constant(steps.map(Math.abs)));
  const end = f.sub(f.sub(n, begin), places);
  return constantWhereKnown(b, b.add("Concat", [begin, end], { axis: 0 }));
}
/** x's sizes along some axes as a vector. */
function sizesAt(b: GraphBuilder, x: Value, axes: readonly number[]): Value {
  const sizes = axes.map((axis) => x.type.shape[axis] ?? 1);
  return sizes.every((d) => typeof d === "number")
    ? b.constant("int64", sizes)
    : b.add("Gather", [b.add("Shape", [x]), b.constant("int64", axes)]);
}
/** The same vector as a constant where its contents are numbers: the arithmetic that led to it is then dead. */
function constantWhereKnown(b: GraphBuilder, vector: Value): Value {
  const { elements } = vector;
  return elements?.every((e) => typeof e === "number") === true ? b.constant("int64", elements) : vector;
}
