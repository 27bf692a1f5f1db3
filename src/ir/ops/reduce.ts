/** Reductions along axes. */
import type { GraphBuilder } from "../builder.ts";
import type { Dim } from "../dim.ts";
import type { DType } from "../dtype.ts";
import { type Formulas, formulas } from "../formulas.ts";
import type { Node, TensorType, Value } from "../graph.ts";
import type { Call, Flops, GradRule, OpDocs, OpFamily, OpSchema, Target } from "../op-schema.ts";
import { elementCount, staticShape } from "../shape.ts";
import { axisOf } from "./axes.ts";
import { offsetsOf } from "./broadcast.ts";
import { inputAt } from "./call-inputs.ts";
import { addElements, divElements, foldElements, maxElements, minElements, mulElements, settle } from "./element-arithmetic.ts";
import { firstOutput } from "./elementwise.ts";
import {
  expandedToInput,
  inferReduction,
  type Reduction,
  reducedAxes,
  reducedCount,
  reductionWindow,
  windowsWithout,
  withReducedAxes,
} from "./reduction-axes.ts";

/** The records of reductions. */
export const reduceOps: OpFamily<Reduction | "ArgMax" | "ArgMin"> = {
  ReduceSum: reduction({
    fold: (elements) => foldElements(addElements, elements, 0),
    derivative: (_, { dy }) => dy,
    unreduced: (_, x) => x,
    docs: { summary: "Adds along axes.", formula: "y = sum(x)", source: "ONNX ReduceSum-13" },
  }),
  ReduceMean: reduction({
    fold: (elements, dtype) => {
      const total = foldElements(addElements, elements, 0);
      return total === null || elements.length === 0 ? null : divElements(total, elements.length, dtype);
    },
    derivative: (f, { dy, b, node, y }) => f.div(dy, reducedCount(b, node, y)),
    unreduced: (_, x) => x,
    docs: { summary: "Averages along axes.", formula: "y = sum(x) / n", source: "ONNX ReduceMean-18" },
  }),
  ReduceMax: reduction({
    fold: (elements) => foldElements(maxElements, elements),
    derivative: toTheChosen,
    unreduced: (_, x) => x,
    docs: { summary: "Takes the largest along axes.", formula: "y = max(x)", source: "ONNX ReduceMax-20" },
  }),
  ReduceMin: reduction({
    fold: (elements) => foldElements(minElements, elements),
    derivative: toTheChosen,
    unreduced: (_, x) => x,
    docs: { summary: "Takes the smallest along axes.", formula: "y = min(x)", source: "ONNX ReduceMin-20" },
  }),
  ReduceProd: reduction({
    fold: (elements) => foldElements(mulElements, elements, 1),
    derivative: productDerivative,
    unreduced: (_, x) => x,
    docs: { summary: "Multiplies along axes.", formula: "y = prod(x)", source: "ONNX ReduceProd-18" },
  }),
  ReduceL1: reduction({
    fold: null,
    derivative: (f, { x, dy }) => f.mul(dy, f.sign(x)),
    unreduced: (f, x) => f.abs(x),
    docs: { summary: "Adds absolute values along axes.", formula: "y = sum(|x|)", source: "ONNX ReduceL1-18" },
  }),
  ReduceL2: reduction({
    fold: null,
    // x / y, and 0 where y = 0, as in PyTorch's norm.
    derivative: (f, { x, y, dy }) => f.mul(x, f.where(f.equal(y, 0), 0, f.div(dy, y))),
    unreduced: (f, x) => f.abs(x),
    docs: { summary: "Takes the Euclidean length along axes.", formula: "y = sqrt(sum(x^2))", source: "ONNX ReduceL2-18" },
  }),
  ReduceLogSum: reduction({
    fold: null,
    derivative: (f, { x, dy, axes, b, over }) => f.div(dy, b.add("ReduceSum", [x, axes], over)),
    unreduced: (f, x) => f.log(x),
    docs: { summary: "Takes the logarithm of the sum along axes.", formula: "y = ln(sum(x))", source: "ONNX ReduceLogSum-18" },
  }),
  ReduceLogSumExp: reduction({
    fold: null,
    derivative: (f, { x, y, dy }) => f.mul(dy, f.exp(f.sub(x, y))),
    unreduced: (_, x) => x,
    docs: {
      summary: "Takes the logarithm of the sum of exponentials along axes.",
      formula: "y = ln(sum(e^x))",
      source: "ONNX ReduceLogSumExp-18",
    },
  }),
  ReduceSumSquare: reduction({
    fold: null,
    derivative: (f, { x, dy }) => f.mul(x, f.mul(dy, 2)),
    unreduced: (f, x) => f.square(x),
    docs: { summary: "Adds squares along axes.", formula: "y = sum(x^2)", source: "ONNX ReduceSumSquare-18" },
  }),
  ArgMax: position({
    summary: "Gives the position of the largest along an axis, the first of equal ones by default.",
    formula: "y = argmax(x)",
    source: "ONNX ArgMax-13",
  }),
  ArgMin: position({
    summary: "Gives the position of the smallest along an axis, the first of equal ones by default.",
    formula: "y = argmin(x)",
    source: "ONNX ArgMin-13",
  }),
};

/** What a derivative is written with: y and dy have the reduced axes as axes of size 1. */
interface ReductionPoint {
  readonly x: Value;
  readonly y: Value;
  readonly dy: Value;
  /** The axes as an input, null for the default. */
  readonly axes: Value | null;
  /** The attributes of another reduction over the same axes, which stay as axes of size 1. */
  readonly over: Node<Reduction>["attributes"];
  readonly node: Node<Reduction>;
  readonly b: GraphBuilder;
}
interface ReductionFacets {
  /** The result for the elements along the reduced axes; null where not computed. */
  readonly fold: ((elements: readonly Dim[], dtype: DType) => Dim | null) | null;
  /** dx, or what broadcasts to it. */
  readonly derivative: (f: Formulas, at: ReductionPoint) => Value;
  /** The result over no axes at all: each element is a reduction of itself. */
  readonly unreduced: (f: Formulas, x: Value) => Value;
  readonly docs: OpDocs;
}
function reduction<T extends Reduction>({ fold, derivative, unreduced, docs }: ReductionFacets): OpSchema<T> {
  return {
    infer: inferReduction,
    evaluate: fold === null ? "none" : (call) => [evaluateReduction(call, fold)],
    grad: reductionGrad(derivative),
    lower: (b, node, target) => lowerReduction(b, node, target, unreduced),
    upgrade: "none",
    flops: (node): Flops => ({ macs: 0, other: elementCount(inputAt(node, 0).type.shape) }),
    receptiveField: reductionWindow,
    docs,
  };
}

function evaluateReduction(call: Call<Reduction>, fold: (elements: readonly Dim[], dtype: DType) => Dim | null): readonly Dim[] | null {
  const x = inputAt(call, 0);
  const [axes, shape] = [reducedAxes(call), staticShape(x.type.shape)];
  if (x.elements === null || axes === null || shape === null) return null;
  const kept = shape.map((d, i) => (axes.includes(i) ? 1 : d));
  const groups: Dim[][] = Array.from({ length: kept.reduce((n, d) => n * d, 1) }, () => []);
  const offsets = offsetsOf(kept, shape);
  x.elements.forEach((e, i) => {
    groups[offsets[i] ?? 0]?.push(e);
  });
  const out = groups
    .map((elements) => (elements.length === 1 ? (elements[0] ?? null) : settle(x.type.dtype, fold(elements, x.type.dtype))))
    .filter((e) => e !== null);
  return out.length === groups.length ? out : null;
}

function reductionGrad(derivative: ReductionFacets["derivative"]): GradRule<Reduction> {
  return (b, node, [dy], wanted) => {
    if (dy === null || dy === undefined || wanted[0] !== true) return node.inputs.map(() => null);
    const aligned = (value: Value): Value => withReducedAxes(b, node, value);
    const axes = reducedAxes(node);
    const at = {
      x: inputAt(node, 0),
      y: aligned(firstOutput(node)),
      dy: aligned(dy),
      axes: axes === null || axes.length === 0 ? (node.inputs[1] ?? null) : b.constant("int64", axes),
      over: { ...node.attributes, keepdims: 1 },
      node,
      b,
    };
    return [expandedToInput(b, node, derivative(formulas(b), at)), ...node.inputs.slice(1).map(() => null)];
  };
}
/** To the elements that were taken; equal ones share evenly, as in PyTorch's amax and amin. */
function toTheChosen(f: Formulas, { x, y, dy, axes, over, b }: ReductionPoint): Value {
  const chosen = f.equal(x, y);
  const count = b.add("ReduceSum", [f.cast(chosen, dy.type.dtype), axes], over);
  return f.where(chosen, f.div(dy, count), 0);
}
/**
 * dy times the product of all others, zeros included: with p the product of the elements that are not zero and z their
 * number of zeros, it is p / x where z = 0, p at the one zero where z = 1, and 0 elsewhere.
 */
function productDerivative(f: Formulas, { x, dy, axes, over, b }: ReductionPoint): Value {
  const isZero = f.equal(x, 0);
  const zero = f.cast(isZero, x.type.dtype);
  const whole = f.where(isZero, 1, x);
  const product = b.add("ReduceProd", [whole, axes], over);
  const otherZeros = f.sub(b.add("ReduceSum", [zero, axes], over), zero);
  return f.mul(dy, f.where(f.equal(otherZeros, 0), f.div(product, whole), 0));
}

/** Older opsets lack `noop_with_empty_axes`, and extrema of bools; runtimes differ on what a reduction over no axes computes. */
function lowerReduction(
  b: GraphBuilder,
  node: Node<Reduction>,
  target: Target,
  unreduced: ReductionFacets["unreduced"],
): readonly Value[] | "keep" {
  const [x, f, axes] = [inputAt(node, 0), formulas(b), reducedAxes(node)];
  if (axes !== null && axes.length === 0 && node.attributes.noop_with_empty_axes === 1) {
    const y = unreduced(f, x);
    return [y === x ? b.add("Identity", [x]) : y];
  }
  if (x.type.dtype === "bool" && target.opset < 20) {
    return [f.cast(b.add(node.opType, [f.cast(x, "int32"), ...node.inputs.slice(1)], node.attributes), "bool")];
  }
  if (axes !== null && node.attributes.noop_with_empty_axes === 1)
    return [b.add(node.opType, node.inputs, { ...node.attributes, noop_with_empty_axes: 0 })];
  return "keep";
}

function position<T extends "ArgMax" | "ArgMin">(docs: OpDocs): OpSchema<T> {
  return {
    infer: inferPosition,
    evaluate: "none",
    grad: "none",
    lower: "onnx",
    upgrade: "none",
    flops: (node) => ({ macs: 0, other: elementCount(inputAt(node, 0).type.shape) }),
    receptiveField: (node) => windowsWithout(node, [positionAxis(node)], node.attributes.keepdims !== 0),
    docs,
  };
}
type PositionCall = Pick<Call<"ArgMax" | "ArgMin">, "inputs" | "attributes">;
const positionAxis = ({ inputs, attributes }: PositionCall): number => axisOf(attributes.axis, inputAt({ inputs }, 0).type.shape.length);
function inferPosition(call: PositionCall): readonly TensorType[] {
  const { shape } = inputAt(call, 0).type;
  const axis = positionAxis(call);
  return [{ dtype: "int64", shape: call.attributes.keepdims !== 0 ? shape.with(axis, 1) : shape.filter((_, i) => i !== axis) }];
}
