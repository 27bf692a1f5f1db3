/** Convolution with what follows it: a sum with another value, and an activation. */
import type { GraphBuilder } from "../builder.ts";
import { addDims, neverEqual } from "../dim.ts";
import { formulas } from "../formulas.ts";
import { type Node, printType, type TensorType, type Value } from "../graph.ts";
import { type Call, type OpFamily, RuleFault } from "../op-schema.ts";
import { elementCount } from "../shape.ts";
import { hasFused, traitsOf } from "../targets.ts";
import { sameAxis } from "./axes.ts";
import { inputAt, optionalInput } from "./call-inputs.ts";
import { convOps } from "./conv.ts";
import { firstOutput } from "./elementwise.ts";
import { gradOfParts } from "./parts.ts";

const { Conv: conv } = convOps;

interface Activation {
  /** How many numbers it takes. */
  readonly numbers: number;
  build(b: GraphBuilder, x: Value, numbers: readonly number[]): Value;
}
const of = (opType: "Relu" | "Sigmoid" | "Tanh"): Activation => ({ numbers: 0, build: (b, x) => b.add(opType, [x]) });
/** What FusedConv calls activations: GetFusedActivationAttr in onnxruntime/core/providers/cpu/nn/conv_attributes and contrib_ops/cpu/fused_activation.cc. */
const activations: ReadonlyMap<string, Activation> = new Map([
  ["Relu", of("Relu")],
  ["Sigmoid", of("Sigmoid")],
  ["Tanh", of("Tanh")],
  ["LeakyRelu", { numbers: 1, build: (b, x, [alpha = 0]) => b.add("LeakyRelu", [x], { alpha }) }],
  [
    "Clip",
    { numbers: 2, build: (b, x, [low = 0, high = 0]) => b.add("Clip", [x, b.constant(x.type.dtype, low), b.constant(x.type.dtype, high)]) },
  ],
  ["HardSigmoid", { numbers: 2, build: (b, x, [alpha = 0, beta = 0]) => b.add("HardSigmoid", [x], { alpha, beta }) }],
]);

type Attributes = Node<"FusedConv">["attributes"];
function activationOf({ activation, activation_params: numbers = [] }: Attributes): {
  readonly is: Activation | null;
  readonly numbers: readonly number[];
} {
  if (activation === "") return { is: null, numbers };
  const is = activations.get(activation);
  if (is === undefined)
    throw new RuleFault(
      "op-attribute",
      `"activation" is "${activation}", wanted ${[...activations.keys()].map((name) => `"${name}"`).join(", ")}`,
    );
  if (is.numbers !== numbers.length)
    throw new RuleFault("op-attribute", `"activation_params" has ${numbers.length} numbers, and ${activation} takes ${is.numbers}`);
  return { is, numbers };
}

/** The attributes that a Conv has too. */
function windowOf({ activation: _, activation_params: __, ...window }: Attributes): Node<"Conv">["attributes"] {
  return window;
}
/** The convolution in the node. */
const convolution = (node: Node<"FusedConv">): Node<"Conv"> => ({
  ...node,
  opType: "Conv",
  inputs: node.inputs.slice(0, 3),
  attributes: windowOf(node.attributes),
});

function infer(call: Call<"FusedConv">): readonly TensorType[] {
  activationOf(call.attributes);
  const types = conv.infer({ ...call, opType: "Conv", inputs: call.inputs.slice(0, 3), attributes: windowOf(call.attributes) });
  const [z, y] = [optionalInput(call, 3)?.type, types[0]];
  if (z !== undefined && y !== undefined && (z.shape.length !== y.shape.length || z.shape.some((d, i) => neverEqual(d, y.shape[i] ?? d))))
    throw new RuleFault("shape-mismatch", `Z is ${printType(z)}, but the convolution gives ${printType(y)}`);
  return types;
}
function inParts(b: GraphBuilder, node: Node<"FusedConv">): readonly Value[] {
  const { is, numbers } = activationOf(node.attributes);
  const { inputs, attributes } = convolution(node);
  const product = b.add("Conv", inputs, attributes);
  const z = optionalInput(node, 3);
  const sum = z === null ? product : formulas(b).add(product, z);
  return [is === null ? sum : is.build(b, sum, numbers)];
}

/** The record of FusedConv. */
export const fusedConvOps: OpFamily<"FusedConv"> = {
  FusedConv: {
    infer,
    evaluate: "none",
    grad: gradOfParts(inParts),
    lower: (b, node, { provider }) => {
      const { activation } = node.attributes;
      const isTaken = hasFused(provider, "FusedConv", firstOutput(node).type.dtype);
      return isTaken && traitsOf(provider).activations.includes(activation) ? "keep" : inParts(b, node);
    },
    upgrade: "none",
    flops: (node) => {
      const { macs, other } = conv.flops === "zero" ? { macs: 0, other: 0 } : conv.flops(convolution(node));
      const size = elementCount(firstOutput(node).type.shape);
      const sum = optionalInput(node, 3) === null ? 0 : size;
      return { macs, other: [other, sum, node.attributes.activation === "" ? 0 : size].reduce(addDims) };
    },
    receptiveField: (node, index, output) => {
      if (index === 3) return inputAt(node, 3).type.shape.map((_, axis) => sameAxis(axis));
      return typeof conv.receptiveField === "string" ? null : conv.receptiveField(convolution(node), index, output);
    },
    docs: {
      summary: "Convolves, adds another value and applies an activation, in one kernel.",
      formula: "Y = activation(Conv(X, W, B) + Z)",
      source: "onnxruntime 1.30, docs/ContribOperators.md, com.microsoft.FusedConv",
    },
  },
};
