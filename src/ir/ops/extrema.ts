/** Sums, means and extrema of several inputs, and clipping between two bounds. */
import type { GraphBuilder } from "../builder.ts";
import { type Dim, mulDims } from "../dim.ts";
import { type Formulas, formulas, sumToShapeOf } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import type { EvaluateRule, Flops, GradRule, OpDocs, OpFamily, OpSchema, UpgradeRule } from "../op-schema.ts";
import type { OpType } from "../op-types.ts";
import { elementCount } from "../shape.ts";
import { broadcastElements, evaluateBroadcast, evaluateChoice, inferBroadcast, inferLike, presentInputs } from "./broadcast.ts";
import { inputAt } from "./call-inputs.ts";
import { addElements, divElements, foldElements, maxElements, minElements } from "./element-arithmetic.ts";
import { firstOutput } from "./elementwise.ts";
import { oldNumber, renewed } from "./old-forms.ts";

/** The records of Sum, Mean, Max, Min and Clip. */
export const extremaOps: OpFamily<"Sum" | "Mean" | "Max" | "Min" | "Clip"> = {
  Sum: variadic({
    evaluate: evaluateBroadcast((elements) => foldElements(addElements, elements)),
    grad: eachInput((_, { dy }) => dy),
    docs: { summary: "Adds any number of tensors.", formula: "y = x1 + ... + xn", source: "ONNX Sum-13" },
  }),
  Mean: variadic({
    evaluate: evaluateBroadcast((elements, dtype) => {
      const total = foldElements(addElements, elements);
      return total === null ? null : divElements(total, elements.length, dtype);
    }),
    grad: eachInput((f, { dy, inputs }) => f.div(dy, inputs.length)),
    docs: { summary: "Averages any number of tensors.", formula: "y = (x1 + ... + xn) / n", source: "ONNX Mean-13" },
  }),
  Max: variadic({
    evaluate: evaluateChoice((elements) => foldElements(maxElements, elements)),
    grad: toTheChosen,
    docs: { summary: "Takes the largest of any number of tensors.", formula: "y = max(x1, ..., xn)", source: "ONNX Max-13" },
  }),
  Min: variadic({
    evaluate: evaluateChoice((elements) => foldElements(minElements, elements)),
    grad: toTheChosen,
    docs: { summary: "Takes the smallest of any number of tensors.", formula: "y = min(x1, ..., xn)", source: "ONNX Min-13" },
  }),
  Clip: {
    infer: inferLike(),
    evaluate: evaluateClip,
    grad: clipGrad,
    lower: "onnx",
    upgrade: clipBounds,
    flops: (node) => ({ macs: 0, other: mulDims(2, elementCount(firstOutput(node).type.shape)) }),
    // The bounds are scalars: every position of the output sees their one element.
    receptiveField: "pointwise",
    docs: { summary: "Limits values to a range.", formula: "y = min(max(x, lowest), highest)", source: "ONNX Clip-13" },
  },
};

interface VariadicFacets {
  readonly evaluate: EvaluateRule<OpType>;
  readonly grad: GradRule<OpType>;
  readonly docs: OpDocs;
}
function variadic<T extends OpType>({ evaluate, grad, docs }: VariadicFacets): OpSchema<T> {
  return {
    infer: inferBroadcast(),
    evaluate,
    grad,
    lower: "onnx",
    upgrade: "none",
    flops: onePerInput,
    receptiveField: "pointwise",
    docs,
  };
}
/** n - 1 operations for n inputs, and at least one for each output element. */
function onePerInput(node: Node): Flops {
  return { macs: 0, other: mulDims(Math.max(1, node.inputs.length - 1), elementCount(firstOutput(node).type.shape)) };
}

interface VariadicPoint {
  readonly inputs: readonly Value[];
  readonly y: Value;
  readonly dy: Value;
  readonly x: Value;
}
function eachInput(derivative: (f: Formulas, at: VariadicPoint) => Value): GradRule<OpType> {
  return (b, node, [dy], wanted) => {
    if (dy === null || dy === undefined) return node.inputs.map(() => null);
    const [inputs, y] = [presentInputs(node), firstOutput(node)];
    return inputs.map((x, i) => (wanted[i] === true ? sumToShapeOf(b, derivative(formulas(b), { inputs, y, dy, x }), x) : null));
  };
}
/** To the input that was taken; equal ones share evenly, as in PyTorch's maximum and minimum. */
function toTheChosen(b: GraphBuilder, node: Node, [dy]: readonly (Value | null)[], wanted: readonly boolean[]): readonly (Value | null)[] {
  const [inputs, y, f] = [presentInputs(node), firstOutput(node), formulas(b)];
  if (dy === null || dy === undefined) return inputs.map(() => null);
  const chosen = inputs.map((x) => f.equal(x, y));
  const share = inputs.length === 1 ? dy : f.div(dy, f.total(chosen.map((c) => f.cast(c, dy.type.dtype))));
  return inputs.map((x, i) => {
    const mask = chosen[i];
    return wanted[i] === true && mask !== undefined ? sumToShapeOf(b, f.where(mask, share, 0), x) : null;
  });
}

function evaluateClip(call: { readonly inputs: readonly (Value | null)[] }): readonly (readonly Dim[] | null)[] {
  const [, low, high] = call.inputs;
  const bounded = [[low, maxElements] as const, [high, minElements] as const].reduce<readonly Dim[] | null>(
    (x, [bound, limit]) => {
      if (x === null || bound === null || bound === undefined) return x;
      const [edge] = bound.elements ?? [];
      const out = x.map((e) => (edge === undefined ? null : limit(e, edge))).filter((e) => e !== null);
      return out.length === x.length ? out : null;
    },
    broadcastElements([inputAt(call, 0)], ([e]) => e ?? null),
  );
  return [bounded];
}
/** Within the bounds, both included, to x; beyond one, to that bound. Where lowest > highest, y is highest. */
function clipGrad(
  b: GraphBuilder,
  node: Node<"Clip">,
  [dy]: readonly (Value | null)[],
  wanted: readonly boolean[],
): readonly (Value | null)[] {
  if (dy === null || dy === undefined) return [null, null, null];
  const f = formulas(b);
  const [x, low, high] = [inputAt(node, 0), node.inputs[1] ?? null, node.inputs[2] ?? null];
  const below = low === null ? null : f.less(x, low);
  const above = high === null ? null : f.greater(x, high);
  const crossed = low === null || high === null ? null : f.greater(low, high);
  const either = (p: Value | null, q: Value | null): Value | null => (p !== null && q !== null ? b.add("Or", [p, q]) : (p ?? q));
  const outside = either(below, above);
  const atLow = below === null || crossed === null ? below : b.add("And", [below, f.not(crossed)]);
  const atHigh = either(above, crossed);
  const summed = (mask: Value | null): Value | null => (mask === null ? null : f.reduceSum(f.where(mask, dy, 0)));
  return [
    wanted[0] === true ? (outside === null ? dy : f.where(outside, 0, dy)) : null,
    wanted[1] === true ? summed(atLow) : null,
    wanted[2] === true ? summed(atHigh) : null,
  ];
}
/** Before opset 11 the bounds were attributes. */
function clipBounds(b: GraphBuilder, old: Parameters<UpgradeRule>[1]): ReturnType<UpgradeRule> {
  if (old.opset >= 11) return "keep";
  const x = inputAt(old, 0);
  const bound = (name: string): Value | null => {
    const value = oldNumber(old, name);
    return value === undefined ? null : b.constant(x.type.dtype, value);
  };
  return renewed(b, old, [x, bound("min"), bound("max")], ["min", "max"]);
}
