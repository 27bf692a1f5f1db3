/** Sums of products by an equation. */
import { addDims, type Dim, neverEqual, productOf } from "../dim.ts";
import type { Node, TensorType } from "../graph.ts";
import { type AxisWindow, type Call, type Flops, type OpFamily, RuleFault } from "../op-schema.ts";
import { broadcastDim, type Shape } from "../shape.ts";
import { sameAxis } from "./axes.ts";
import { inputAt } from "./call-inputs.ts";
import { type Equation, equationOf, isOfEllipsis, type Term } from "./einsum-equation.ts";
import { einsumInParts } from "./einsum-parts.ts";
import { gradOfParts } from "./parts.ts";

/** The record of Einsum. */
export const einsumOps: OpFamily<"Einsum"> = {
  Einsum: {
    infer,
    evaluate: "none",
    grad: gradOfParts((b, node) => [einsumInParts(b, node.inputs, equationOfNode(node))]),
    lower: "onnx",
    upgrade: "none",
    flops,
    receptiveField: window,
    docs: {
      summary: "Multiplies tensors and sums over the axes that the result lacks, as in NumPy's einsum.",
      formula: 'Y = einsum("ij,jk->ik", A, B) is Y[i, k] = sum over j of A[i, j] B[j, k]',
      source: "https://onnx.ai/onnx/operators/onnx__Einsum.html",
    },
  },
};

type EinsumCall = Pick<Call<"Einsum">, "inputs" | "attributes">;
const shapesOf = (call: EinsumCall): readonly Shape[] => call.inputs.map((_, i) => inputAt(call, i).type.shape);
/** The equation of a node, with a letter for each axis. */
export const equationOfNode = (call: EinsumCall): Equation =>
  equationOf(
    call.attributes.equation,
    shapesOf(call).map(({ length }) => length),
  );

function infer(call: Call<"Einsum">): readonly TensorType[] {
  const { operands, result } = equationOfNode(call);
  const sizes = sizesOf(operands, shapesOf(call), call.unknown);
  return [{ dtype: inputAt(call, 0).type.dtype, shape: result.map((letter) => sizes.get(letter) ?? 1) }];
}
/** How large the axis of each letter is. Throws a RuleFault where two operands differ in it. */
function sizesOf(operands: readonly Term[], shapes: readonly Shape[], unknown: () => Dim): ReadonlyMap<string, Dim> {
  const sizes = new Map<string, Dim>();
  for (const [i, term] of operands.entries()) {
    for (const [axis, letter] of term.entries()) {
      const [known, size] = [sizes.get(letter), shapes[i]?.[axis] ?? 1];
      sizes.set(letter, known === undefined ? size : isOfEllipsis(letter) ? broadcast(known, size, unknown) : agreed(letter, known, size));
    }
  }
  return sizes;
}
function agreed(letter: string, a: Dim, b: Dim): Dim {
  if (neverEqual(a, b)) throw new RuleFault("einsum-size", `"${letter}" stands for axes of ${a} and of ${b}`);
  return typeof b === "number" ? b : a;
}
function broadcast(a: Dim, b: Dim, unknown: () => Dim): Dim {
  const size = broadcastDim(a, b);
  if (size === null) throw new RuleFault("einsum-size", `"..." stands for axes of ${a} and of ${b}, which cannot be broadcast`);
  return size === "unknown" ? unknown() : size;
}

/** The operands are taken in one after the other; what is summed over and in none of those to come is gone afterwards. */
function flops(node: Node<"Einsum">): Flops {
  const { operands, result } = equationOfNode(node);
  const sizes = sizesOf(operands, shapesOf(node), () => "?");
  const work = (letters: Iterable<string>): Dim => productOf([...letters].map((letter) => sizes.get(letter) ?? 1));
  const [first = [], ...others] = operands;
  if (others.length === 0) return { macs: 0, other: new Set(first).size === result.length ? 0 : work(new Set(first)) };
  let [open, macs]: [Set<string>, Dim] = [new Set(first), 0];
  others.forEach((term, i) => {
    const all = new Set([...open, ...term]);
    macs = addDims(macs, work(all));
    const later = new Set([...result, ...others.slice(i + 1).flat()]);
    open = new Set([...all].filter((letter) => later.has(letter)));
  });
  return { macs, other: 0 };
}

function window(node: Node<"Einsum">, index: number): readonly AxisWindow[] {
  const { operands, result } = equationOfNode(node);
  const { shape } = inputAt(node, index).type;
  return (operands[index] ?? []).map((letter, axis) => {
    const place = result.indexOf(letter);
    if (place < 0) return shape[axis] === 1 ? "fixed" : "all";
    return isOfEllipsis(letter) && shape[axis] === 1 ? "fixed" : sameAxis(place);
  });
}
