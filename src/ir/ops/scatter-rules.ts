/** The reductions of ScatterElements and ScatterND: on known contents, their gradients, and its reductions in ops of older opsets. */
import type { GraphBuilder } from "../builder.ts";
import { addDims, type Dim, maxDims, minDims, mulDims } from "../dim.ts";
import type { DType } from "../dtype.ts";
import { formulas, shapeValue } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import { RuleFault } from "../op-schema.ts";
import { axisOf } from "./axes.ts";
import { inputAt } from "./call-inputs.ts";
import { filledLike } from "./reshape-like.ts";

/** How ScatterElements joins an update with what is there. */
export type Reduction = "none" | "add" | "mul" | "max" | "min";
const reductions: readonly string[] = ["none", "add", "mul", "max", "min"] satisfies readonly Reduction[];
const isReduction = (text: string): text is Reduction => reductions.includes(text);
/** The reduction of a ScatterElements. Throws a RuleFault on another text. */
export function reductionOf(text: string): Reduction {
  if (isReduction(text)) return text;
  throw new RuleFault("scatter-reduction", `the reduction "${text}" is not one of ${reductions.join(", ")}`);
}

/** The joined element of each reduction. */
export const joins: Readonly<Record<Reduction, (old: Dim, update: Dim) => Dim>> = {
  none: (_, update) => update,
  add: addDims,
  mul: mulDims,
  max: maxDims,
  min: minDims,
};

interface Scatter {
  readonly data: Value;
  readonly indices: Value;
  readonly updates: Value;
  readonly y: Value;
  readonly axis: number;
}
/** (d data, d updates) of a scatter, given dY. */
type ScatterGrad = (b: GraphBuilder, scatter: Scatter, dy: Value) => readonly [Value, Value];

const gather = (b: GraphBuilder, x: Value, { indices, axis }: Scatter): Value => b.add("GatherElements", [x, indices], { axis });
const scatter = (b: GraphBuilder, into: Value, updates: Value, { indices, axis }: Scatter, reduction: Reduction): Value =>
  b.add("ScatterElements", [into, indices, updates], { axis, reduction });
/** 1 where a condition holds, else 0, in the type of `like`. */
const indicator = (b: GraphBuilder, condition: Value, like: Value): Value => formulas(b).cast(condition, like.type.dtype);

/** Ties share the cotangent evenly, as PyTorch's scatter_reduce with amax and amin does. */
const extremeGrad: ScatterGrad = (b, s, dy) => {
  const f = formulas(b);
  const kept = indicator(b, f.equal(s.data, s.y), dy);
  const chosen = indicator(b, f.equal(s.updates, gather(b, s.y, s)), dy);
  const share = f.div(dy, scatter(b, kept, chosen, s, "add"));
  return [f.mul(share, kept), f.mul(gather(b, share, s), chosen)];
};

/** The gradient of each reduction. */
export const scatterGrads: Readonly<Record<Reduction, ScatterGrad>> = {
  none: (b, s, dy) => [scatter(b, dy, filledLike(b, s.updates, 0), s, "none"), gather(b, dy, s)],
  add: (b, s, dy) => [dy, gather(b, dy, s)],
  /** A cell's factors are its datum and its updates; the product of the others is taken without dividing by zero, by counting zeros. */
  mul: (b, s, dy) => {
    const f = formulas(b);
    const isZero = f.equal(s.updates, 0);
    const zeros = scatter(b, filledLike(b, s.data, 0), indicator(b, isZero, dy), s, "add");
    const product = scatter(b, filledLike(b, s.data, 1), f.where(isZero, 1, s.updates), s, "mul");
    const whole = f.where(f.equal(zeros, 0), product, 0);
    const [cellZeros, cellProduct] = [gather(b, zeros, s), gather(b, product, s)];
    const others = f.where(
      isZero,
      f.where(f.equal(cellZeros, 1), cellProduct, 0),
      f.where(f.equal(cellZeros, 0), f.div(cellProduct, f.where(isZero, 1, s.updates)), 0),
    );
    return [f.mul(dy, whole), f.mul(gather(b, f.mul(dy, s.data), s), others)];
  },
  max: extremeGrad,
  min: extremeGrad,
};

/** The parts of a ScatterElements node. */
export function scatterOf(node: Node<"ScatterElements">): Scatter | null {
  const [y] = node.outputs;
  const data = inputAt(node, 0);
  if (y === null || y === undefined) return null;
  return { data, indices: inputAt(node, 1), updates: inputAt(node, 2), y, axis: axisOf(node.attributes.axis, data.type.shape.length) };
}

const neutral: Readonly<Record<Exclude<Reduction, "none">, number>> = {
  add: 0,
  mul: 1,
  max: Number.NEGATIVE_INFINITY,
  min: Number.POSITIVE_INFINITY,
};
const reduceOf = { add: "ReduceSum", mul: "ReduceProd", max: "ReduceMax", min: "ReduceMin" } as const;
const joinOf = { add: "Add", mul: "Mul", max: "Max", min: "Min" } as const;

/**
 * A scatter that reduces, in ops that opset 13 has: all updates of a cell are brought together by comparing every index with every
 * position, Y = data (+) reduce_i where(indices = v, updates, neutral). Costs the axis' size times more than a scatter.
 */
export function reducedScatter(
  b: GraphBuilder,
  { data, indices, updates, axis }: Omit<Scatter, "y">,
  reduction: Exclude<Reduction, "none">,
): Value {
  const f = formulas(b);
  const rank = data.type.shape.length;
  const size = b.add("Gather", [shapeValue(b, data), b.constant("int64", axis)]);
  const index = f.cast(indices, "int64");
  const fromFront = f.where(f.less(index, 0), f.add(index, size), index);
  const front = (x: Value): Value => b.add("Unsqueeze", [x, b.constant("int64", [axis])]);
  const position = b.add("Range", [b.constant("int64", 0), size, b.constant("int64", 1)]);
  const column = f.reshape(
    position,
    Array.from({ length: rank + 1 }, (_, i) => (i === axis ? -1 : 1)),
  );
  const fill = b.constant(data.type.dtype, neutralOf(reduction, data.type.dtype));
  const matches = f.where(f.equal(front(fromFront), column), front(updates), fill);
  const reduced = reduceAlong(b, reduction, matches, axis + 1);
  // The updates may cover a part of the other axes only.
  const missing = f.sub(shapeValue(b, data), b.add("Shape", [reduced]));
  const pads = b.add(
    "Concat",
    [
      b.constant(
        "int64",
        Array.from({ length: rank }, () => 0),
      ),
      missing,
    ],
    { axis: 0 },
  );
  return b.add(joinOf[reduction], [data, b.add("Pad", [reduced, pads, fill])]);
}
function neutralOf(reduction: Exclude<Reduction, "none">, dtype: DType): number {
  const value = neutral[reduction];
  if (Number.isFinite(value) || dtype.startsWith("float") || dtype === "bfloat16") return value;
  throw new RuleFault("opset-form", `a scatter with reduction "${reduction}" on ${dtype} needs opset 18`, "target opset 18 or newer");
}
function reduceAlong(b: GraphBuilder, reduction: Exclude<Reduction, "none">, x: Value, axis: number): Value {
  return b.add(reduceOf[reduction], [x, b.constant("int64", [axis])], { keepdims: 0 });
}
