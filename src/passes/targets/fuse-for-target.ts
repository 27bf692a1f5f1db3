/** Puts ops of com.microsoft in the place of their parts, for the targets that have the kernels. */
import type { Graph, Node, Value } from "../../ir/graph.ts";
import type { MicrosoftOpType } from "../../ir/microsoft-ops.ts";
import type { Target } from "../../ir/op-schema.ts";
import { inputAt, optionalInput } from "../../ir/ops/call-inputs.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { sameShape } from "../../ir/shape.ts";
import { hasFused, type TargetName, traitsOf } from "../../ir/targets.ts";
import { numberOf } from "../arithmetic/match-product.ts";
import { eliminateDeadCode } from "../cleanup/dead-code-elimination.ts";
import { mappedInputs } from "../copy-graph.ts";
import { activations } from "../recognize/activations.ts";
import { attentions } from "../recognize/attention.ts";
import { attentionHeads } from "../recognize/attention-heads.ts";
import { madeBy } from "../recognize/pattern.ts";
import {
  type Applied,
  isOneOf,
  type Pass,
  type RewriteContext,
  type RewriteOutcome,
  type RewriteRule,
  rewrite,
  rewriteRule,
  type Skipped,
  skip,
  unchanged,
} from "../rewrite.ts";
import { otherUse } from "../sole-use.ts";
import { headsAttention } from "./fuse-attention.ts";
import { lower } from "./lower.ts";

/** Whole ops that the fused ones are made from; exporters and lowering write them in parts. */
const wholes: readonly RewriteRule[] = [
  ...activations.filter(({ rule }) => rule.name === "recognize-gelu" || rule.name === "recognize-swish"),
  ...attentions,
  ...attentionHeads,
].map(({ rule }) => rule);

/** A sum and then the activation of it; attention and then the heads around it. */
const maxRounds = 4;

/**
 * A pass over a graph that is lowered for a target, whose result is too: convolutions take in a sum of two values and an activation
 * (FusedConv), and attention, gelu behind a bias and swish become one op, where the target has its kernel for the type.
 */
export const fuseForTarget =
  (target: Target): Pass =>
  (graph, control) => {
    const rules = rulesFor(target);
    let current = settled(graph, wholes);
    const applied: Applied[] = [];
    let skipped: readonly Skipped[] = [];
    for (let round = 0; round < maxRounds; round++) {
      const result = rewrite(current, rules, control);
      skipped = result.skipped;
      if (result.graph === current) break;
      applied.push(...result.applied);
      current = eliminateDeadCode(result.graph).graph;
    }
    if (applied.length === 0) return unchanged(graph, skipped);
    return { graph: named(eliminateDeadCode(lower(current, target)).graph, graph), applied, skipped };
  };

function settled(graph: Graph, rules: readonly RewriteRule[]): Graph {
  let current = graph;
  for (let round = 0; round < maxRounds; round++) {
    const next = rewrite(current, rules).graph;
    if (next === current) break;
    current = eliminateDeadCode(next).graph;
  }
  return current;
}

/** The graph with each fused convolution under the name that the convolution had, now that it is free. */
function named(fused: Graph, original: Graph): Graph {
  const names = new Set(original.nodes.map(({ name }) => name));
  const rename = rewriteRule("rename", ["FusedConv"], (node, context) => {
    const name = names.has(node.name) ? node.name : node.name.replace(/(?:_\d+)+$/, "");
    if (name === node.name || !names.has(name)) return "keep";
    return (b) => [b.add("FusedConv", mappedInputs({ get: context.value }, node), node.attributes, { name })];
  });
  return rewrite(fused, [rename]).graph;
}

const rulesFor = (target: Target): readonly RewriteRule[] => [
  rewriteRule("fuse-conv-sum", ["Add"], (node, context) => convolutionWithSum(node, context, target.provider)),
  rewriteRule("fuse-conv-activation", activationTypes, (node, context) => convolutionWithActivation(node, context, target.provider)),
  rewriteRule("fuse-bias-gelu", ["Gelu"], (node, context) => biasGelu(node, context, target.provider)),
  rewriteRule("fuse-swish", ["Swish"], (node, context) => quickGelu(node, context, target.provider)),
  rewriteRule("fuse-attention", ["Attention"], (node, context) => headsAttention(node, context, target)),
];

/** Why a target has no op for a type; null where it has. */
function missingKernel(target: TargetName, opType: MicrosoftOpType, { type: { dtype } }: Value): string | null {
  return hasFused(target, opType, dtype) ? null : `${target} has no ${opType} of ${dtype}`;
}

/** Conv(X, W, B) + Z of one shape. */
function convolutionWithSum(node: Node<"Add">, context: RewriteContext, target: TargetName): RewriteOutcome {
  const y = outputAt(node.outputs, 0);
  const sides = [0, 1].filter((i) => madeBy(inputAt(node, i), "Conv") !== null);
  const [first] = sides;
  if (first === undefined) return "keep";
  const side = sides.find((i) => otherUse(context, inputAt(node, i), node) === null) ?? first;
  const [product, z] = [inputAt(node, side), inputAt(node, 1 - side)];
  const conv = madeBy(product, "Conv");
  if (conv === null || z === product) return "keep";
  const reason = missingKernel(target, "FusedConv", y) ?? notOfImages(y) ?? otherUse(context, product, node);
  if (reason !== null) return skip(reason);
  if (!traitsOf(target).activations.includes("") && !isActivated(y, context, target))
    return skip(`the FusedConv of ${target} takes a sum with an activation behind it alone`);
  if (![product, z].every((v) => sameShape(v.type.shape, y.type.shape))) return skip(`"${z.name}" is not of the convolution's shape`);
  return (b) => {
    const [x = null, w = null, bias = null] = mappedInputs({ get: context.value }, conv);
    return [b.add("FusedConv", [x, w, bias, context.value(z)], conv.attributes, { name: conv.name })];
  };
}

/** True for a value whose only reader is an activation that the target's FusedConv takes. */
function isActivated(value: Value, context: RewriteContext, target: TargetName): boolean {
  const [reader, ...others] = context.readers(value);
  const isTaken = reader !== undefined && isOneOf(reader, activationTypes) && traitsOf(target).activations.includes(reader.opType);
  return isTaken && others.length === 0 && !context.isOutput(value);
}

const activationTypes = ["Clip", "HardSigmoid", "LeakyRelu", "Relu", "Sigmoid", "Tanh"] as const;
type Activation = Node<(typeof activationTypes)[number]>;

/** An activation of a convolution, or of a convolution with its sum. */
function convolutionWithActivation(node: Activation, context: RewriteContext, target: TargetName): RewriteOutcome {
  const x = inputAt(node, 0);
  const conv = x.producer;
  if (conv === null || !isOneOf(conv, ["Conv", "FusedConv"])) return "keep";
  if (isOneOf(conv, ["FusedConv"]) && conv.attributes.activation !== "") return "keep";
  const reason = missingKernel(target, "FusedConv", x) ?? notOfImages(x) ?? otherUse(context, x, node);
  if (reason !== null) return skip(reason);
  const { activation, numbers } = wordsOf(node, context);
  if (numbers === null) return skip("its bounds are not two known numbers");
  if (!traitsOf(target).activations.includes(activation)) return skip(`the FusedConv of ${target} takes no ${activation}`);
  const attributes = { ...conv.attributes, activation, ...(numbers.length === 0 ? {} : { activation_params: numbers }) };
  return (b) => [b.add("FusedConv", mappedInputs({ get: context.value }, conv), attributes, { name: conv.name })];
}
/** FusedConv's name of an activation, and its numbers; null for numbers that are not known. */
function wordsOf(node: Activation, context: RewriteContext): { readonly activation: string; readonly numbers: readonly number[] | null } {
  if (isOneOf(node, ["LeakyRelu"])) return { activation: node.opType, numbers: [node.attributes.alpha] };
  if (isOneOf(node, ["HardSigmoid"])) return { activation: node.opType, numbers: [node.attributes.alpha, node.attributes.beta] };
  if (!isOneOf(node, ["Clip"])) return { activation: node.opType, numbers: [] };
  const [low, high] = [1, 2].map((i) => {
    const bound = optionalInput(node, i);
    return bound === null ? null : numberOf(bound, context);
  });
  if (low === 0 && optionalInput(node, 2) === null) return { activation: "Relu", numbers: [] };
  return { activation: "Clip", numbers: typeof low === "number" && typeof high === "number" ? [low, high] : null };
}
/** What was measured; a kernel of other ranks may be another one. */
const notOfImages = ({ type: { shape } }: Value): string | null =>
  shape.length === 4 ? null : `it has ${shape.length} axes, and FusedConv was measured with 4`;

/** gelu(A + B) with B along the last axis. */
function biasGelu(node: Node<"Gelu">, context: RewriteContext, target: TargetName): RewriteOutcome {
  const x = inputAt(node, 0);
  const sum = madeBy(x, "Add");
  const side = [1, 0].find((i) => sum !== null && inputAt(sum, i).type.shape.length === 1);
  if (sum === null || side === undefined) return "keep";
  const [a, bias] = [inputAt(sum, 1 - side), inputAt(sum, side)];
  const reason = missingKernel(target, "BiasGelu", x) ?? otherUse(context, x, node);
  if (reason !== null) return skip(reason);
  if (node.attributes.approximate !== "none") return skip("BiasGelu is by erf, and this Gelu by a tanh");
  if (!sameShape(a.type.shape, x.type.shape) || a.type.shape.at(-1) !== bias.type.shape[0])
    return skip(`"${bias.name}" is broadcast along the last axis`);
  return (b) => [b.add("BiasGelu", [context.value(a), context.value(bias)], {}, { name: outputAt(node.outputs, 0).name })];
}

/** x sigmoid(alpha x). */
function quickGelu(node: Node<"Swish">, context: RewriteContext, target: TargetName): RewriteOutcome {
  const x = inputAt(node, 0);
  const reason = missingKernel(target, "QuickGelu", x);
  if (reason !== null) return skip(reason);
  return (b) => [b.add("QuickGelu", [context.value(x)], { alpha: node.attributes.alpha }, { name: outputAt(node.outputs, 0).name })];
}
