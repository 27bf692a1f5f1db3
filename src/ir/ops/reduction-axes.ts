/** Which axes a reduction takes, and what follows from it: its type, its windows, and how results line up with the input again. */
import type { GraphBuilder } from "../builder.ts";
import { formulas, shapeValue } from "../formulas.ts";
import type { Node, TensorType, Value } from "../graph.ts";
import { type AxisWindow, type Call, RuleFault } from "../op-schema.ts";
import { sameShape } from "../shape.ts";
import { axisOf, sameAxis } from "./axes.ts";
import { inputAt, numbersIn, vectorLength } from "./call-inputs.ts";

/** The reductions whose axes are an input. */
export const reductions = [
  "ReduceSum",
  "ReduceMean",
  "ReduceMax",
  "ReduceMin",
  "ReduceProd",
  "ReduceL1",
  "ReduceL2",
  "ReduceLogSum",
  "ReduceLogSumExp",
  "ReduceSumSquare",
] as const;
/** One of them. */
export type Reduction = (typeof reductions)[number];
type ReductionCall = Pick<Call<Reduction>, "inputs" | "attributes">;

/** The reduced axes in order, or null when they are computed while the graph runs. Throws a RuleFault on an axis that is not there. */
export function reducedAxes({ inputs, attributes }: ReductionCall): readonly number[] | null {
  const rank = inputAt({ inputs }, 0).type.shape.length;
  const axes = inputs[1] ?? null;
  if (axes === null || vectorLength(axes, "axes") === 0)
    return attributes.noop_with_empty_axes === 1 ? [] : Array.from({ length: rank }, (_, i) => i);
  const indices = numbersIn(axes)?.map((axis) => axisOf(axis, rank));
  if (indices === undefined) return null;
  return [...new Set(indices)].sort((a, b) => a - b);
}
/** The input's type without the reduced axes, or with 1 in their place. */
export function inferReduction(call: Call<Reduction>): readonly TensorType[] {
  const { dtype, shape } = inputAt(call, 0).type;
  const axes = reducedAxes(call);
  const kept = call.attributes.keepdims !== 0;
  if (axes !== null)
    return [{ dtype, shape: kept ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : shape.filter((_, i) => !axes.includes(i)) }];
  if (kept) return [{ dtype, shape: shape.map(() => call.unknown()) }];
  const count = call.inputs[1]?.type.shape[0];
  if (typeof count !== "number" || count > shape.length) {
    throw new RuleFault(
      "unknown-axes",
      "how many axes the result has depends on the axes, which are not known",
      "make the axes a constant, or keep the reduced axes with keepdims = 1",
    );
  }
  return [{ dtype, shape: shape.slice(count).map(() => call.unknown()) }];
}

/** The whole of each reduced axis, and one position along each other one. Nothing of the axes themselves. */
export function reductionWindow(node: Node<Reduction>, index: number): readonly AxisWindow[] | null {
  return index === 0 ? windowsWithout(node, reducedAxes(node), node.attributes.keepdims !== 0) : null;
}
/** The windows on the first input of a node whose output lacks some axes, or has 1 in their place; null: all might be missing. */
export function windowsWithout(node: Pick<Node, "inputs">, axes: readonly number[] | null, kept: boolean): readonly AxisWindow[] {
  let next = 0;
  return inputAt(node, 0).type.shape.map((_, i) => {
    if (axes === null) return "all";
    if (!axes.includes(i)) return sameAxis(kept ? i : next++);
    return "all";
  });
}

/** A value of the output's shape, with the reduced axes back as axes of size 1, so that it broadcasts to the input. */
export function withReducedAxes(b: GraphBuilder, node: Node<Reduction>, value: Value): Value {
  if (node.attributes.keepdims !== 0) return value;
  const axes = reducedAxes(node);
  const all = inputAt(node, 0).type.shape.length;
  // What has no axes broadcasts as it is.
  if (axes !== null && (axes.length === 0 || axes.length === all)) return value;
  if (axes !== null) return b.add("Unsqueeze", [value, b.constant("int64", axes)]);
  // Axes that are computed give the places of the ones only by reducing again.
  const kept = b.add(node.opType, node.inputs, { ...node.attributes, keepdims: 1 });
  return b.add("Reshape", [value, b.add("Shape", [kept])]);
}
/** A value that broadcasts to the input, in the input's shape. */
export function expandedToInput(b: GraphBuilder, node: Pick<Node, "inputs">, value: Value): Value {
  const x = inputAt(node, 0);
  return sameShape(value.type.shape, x.type.shape) ? value : b.add("Expand", [value, shapeValue(b, x)]);
}

/** How many input elements one output element is made of: a number, or a value of no axes. */
export function reducedCount(b: GraphBuilder, node: Node<Reduction>, y: Value): number | Value {
  const x = inputAt(node, 0);
  const sizes = reducedAxes(node)?.map((axis) => x.type.shape[axis] ?? 1);
  const known = sizes?.filter((d) => typeof d === "number");
  if (known !== undefined && known.length === sizes?.length) return known.reduce((n, d) => n * d, 1);
  const f = formulas(b);
  // Counts past 2048 are inexact in float16, and past 65504 infinite.
  const wide = x.type.dtype === "float64" ? "float64" : "float32";
  return f.cast(f.div(f.cast(b.add("Size", [x]), wide), f.cast(b.add("Size", [y]), wide)), x.type.dtype);
}
