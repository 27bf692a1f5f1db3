/** Ops that change a tensor's form and move its elements, and compute nothing. */
import { sumToShapeOf } from "../formulas.ts";
import type { Node } from "../graph.ts";
import { type Call, type OpFamily, RuleFault } from "../op-schema.ts";
import type { Shape } from "../shape.ts";
import { sameAxis } from "./axes.ts";
import { broadcastShapes } from "./broadcast.ts";
import { inputAt, sizesIn } from "./call-inputs.ts";
import { concatSplitOps } from "./concat-split.ts";
import { knownTensor, moved } from "./index-map.ts";
import { reshapeOps, sameElements } from "./reshape.ts";

/** The input's axis that becomes each of the output's axes. */
function permutationOf(call: Call<"Transpose"> | Node<"Transpose">): readonly number[] {
  const rank = inputAt(call, 0).type.shape.length;
  const perm = call.attributes.perm ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const whole = perm.length === rank && Array.from({ length: rank }, (_, i) => i).every((axis) => perm.includes(axis));
  if (!whole) throw new RuleFault("transpose-perm", `perm [${perm.join(", ")}] does not name each of the ${rank} axes once`);
  return perm;
}

function expandedShape(call: Call<"Expand">): Shape {
  const { shape } = inputAt(call, 0).type;
  const target = inputAt(call, 1);
  const sizes = sizesIn(target, "the target shape", call.unknown);
  const negative = sizes.find((d) => typeof d === "number" && d < 0);
  if (negative !== undefined)
    throw new RuleFault("expand-target", `the target shape holds ${negative}`, "write 1 where the input's size stays");
  return broadcastShapes([shape, sizes], call.unknown);
}

/** The records of the movement ops. */
export const movementOps: OpFamily<
  "Reshape" | "Flatten" | "Transpose" | "Squeeze" | "Unsqueeze" | "Expand" | "Concat" | "Split" | "Identity"
> = {
  ...reshapeOps,
  ...concatSplitOps,
  Transpose: {
    infer: (call) => {
      const { dtype, shape } = inputAt(call, 0).type;
      return [{ dtype, shape: permutationOf(call).map((axis) => shape[axis] ?? 1) }];
    },
    evaluate: (call) => {
      const x = knownTensor(inputAt(call, 0));
      if (x === null) return [null];
      const perm = permutationOf(call);
      const shape = perm.map((axis) => x.shape[axis] ?? 1);
      return [moved(x, shape, (position) => x.shape.map((_, axis) => position[perm.indexOf(axis)] ?? 0))];
    },
    grad: (b, node, [dy]) => {
      const perm = permutationOf(node);
      return [dy == null ? null : b.add("Transpose", [dy], { perm: perm.map((_, axis) => perm.indexOf(axis)) })];
    },
    lower: "onnx",
    upgrade: "none",
    flops: "zero",
    receptiveField: (node) => {
      const perm = permutationOf(node);
      return perm.map((_, axis) => sameAxis(perm.indexOf(axis)));
    },
    docs: {
      summary: "Permutes the axes of a tensor.",
      formula: "y[i0, i1, ...] = x[j0, j1, ...] with j(perm[k]) = i(k)",
      source: "https://onnx.ai/onnx/operators/onnx__Transpose.html",
    },
  },
  Expand: {
    infer: (call) => [{ dtype: inputAt(call, 0).type.dtype, shape: expandedShape(call) }],
    evaluate: (call) => {
      const x = knownTensor(inputAt(call, 0));
      const shape = expandedShape(call);
      if (x === null || !shape.every((d) => typeof d === "number")) return [null];
      const lead = shape.length - x.shape.length;
      return [moved(x, shape, (position) => x.shape.map((size, axis) => (size === 1 ? 0 : (position[axis + lead] ?? 0))))];
    },
    grad: (b, node, [dy]) => [dy == null ? null : sumToShapeOf(b, dy, inputAt(node, 0)), null],
    lower: "onnx",
    upgrade: "none",
    flops: "zero",
    receptiveField: (node, index) => {
      if (index > 0) return null;
      const { shape } = inputAt(node, 0).type;
      const lead = (node.outputs[0]?.type.shape.length ?? 0) - shape.length;
      return shape.map((size, axis) => (size === 1 ? "fixed" : sameAxis(axis + lead)));
    },
    docs: {
      summary: "Broadcasts a tensor to a shape.",
      formula: "y[i0, i1, ...] = x[i0, i1, ...], where an axis of size 1 is always read at 0",
      source: "https://onnx.ai/onnx/operators/onnx__Expand.html",
    },
  },
  Identity: {
    infer: (call) => [inputAt(call, 0).type],
    evaluate: sameElements,
    grad: (_, __, [dy]) => [dy ?? null],
    lower: "onnx",
    upgrade: "none",
    flops: "zero",
    receptiveField: "pointwise",
    docs: { summary: "Passes a tensor on.", formula: "y = x", source: "https://onnx.ai/onnx/operators/onnx__Identity.html" },
  },
};
