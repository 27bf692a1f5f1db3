/** Activations of com.microsoft. */
import type { GraphBuilder } from "../builder.ts";
import { mulDims, neverEqual } from "../dim.ts";
import { formulas } from "../formulas.ts";
import { type Node, printType, type Value } from "../graph.ts";
import { type OpFamily, RuleFault } from "../op-schema.ts";
import { elementCount } from "../shape.ts";
import { hasFused } from "../targets.ts";
import { sameAxis } from "./axes.ts";
import { inputAt } from "./call-inputs.ts";
import { firstOutput } from "./elementwise.ts";
import { gradOfParts } from "./parts.ts";

const swish = (b: GraphBuilder, node: Node<"QuickGelu">): readonly Value[] => [
  b.add("Swish", [inputAt(node, 0)], { alpha: node.attributes.alpha }),
];
const geluOfSum = (b: GraphBuilder, node: Node<"BiasGelu">): readonly Value[] => [
  b.add("Gelu", [formulas(b).add(inputAt(node, 0), inputAt(node, 1))]),
];

/** The records of BiasGelu and QuickGelu. */
export const fusedActivationOps: OpFamily<"BiasGelu" | "QuickGelu"> = {
  BiasGelu: {
    infer: (call) => {
      const [a, b] = [inputAt(call, 0).type, inputAt(call, 1).type];
      const last = a.shape.at(-1);
      if (b.shape.length !== 1 || last === undefined || neverEqual(b.shape[0] ?? 1, last))
        throw new RuleFault(
          "bias-mismatch",
          `B is ${printType(b)}, wanted a number for each element of the last axis of A, ${printType(a)}`,
        );
      return [a];
    },
    evaluate: "none",
    grad: gradOfParts(geluOfSum),
    lower: (b, node, { provider }) => (hasFused(provider, "BiasGelu", firstOutput(node).type.dtype) ? "keep" : geluOfSum(b, node)),
    upgrade: "none",
    // A sum and a Gelu.
    flops: (node) => ({ macs: 0, other: mulDims(elementCount(firstOutput(node).type.shape), 2) }),
    receptiveField: (node, index) => {
      const axes = inputAt(node, 0).type.shape.map((_, axis) => sameAxis(axis));
      return index === 0 ? axes : axes.slice(-1);
    },
    docs: {
      summary: "Adds a bias and applies gelu.",
      formula: "C = gelu(A + B), gelu(x) = x (1 + erf(x / sqrt(2))) / 2",
      source: "Hendrycks and Gimpel, arXiv:1606.08415; onnxruntime 1.30, docs/ContribOperators.md, com.microsoft.BiasGelu",
    },
  },
  QuickGelu: {
    infer: (call) => [inputAt(call, 0).type],
    evaluate: "none",
    grad: gradOfParts(swish),
    lower: (b, node, { provider }) => (hasFused(provider, "QuickGelu", firstOutput(node).type.dtype) ? "keep" : swish(b, node)),
    upgrade: "none",
    flops: (node) => ({ macs: 0, other: elementCount(firstOutput(node).type.shape) }),
    receptiveField: "pointwise",
    docs: {
      summary: "Multiplies by a sigmoid; with alpha 1 it is SiLU, with 1.702 an approximation of Gelu.",
      formula: "Y = X / (1 + e^(-alpha X))",
      source: "Ramachandran, Zoph and Le, arXiv:1710.05941; onnxruntime 1.30, docs/ContribOperators.md, com.microsoft.QuickGelu",
    },
  },
};
