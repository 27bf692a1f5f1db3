/** Folds batch normalisation into the convolution or matrix product before it. */
import type { GraphBuilder } from "../ir/builder.ts";
import type { Graph, Node, Value } from "../ir/graph.ts";
import { numbersOf } from "../ir/tensor-data.ts";
import { type Affine, type Folded, foldedForm, type LinearOp, linearOps } from "./fold-affine.ts";
import { isOneOf, type PassResult, type RewriteContext, type RewriteRule, rewrite, rewriteRule, type Skip, skip } from "./rewrite.ts";

/**
 * The graph with BatchNormalization folded into Conv, ConvTranspose, Gemm and MatMul. An activation behind it (Relu, Clip) then follows
 * the convolution directly, the form that runtimes fuse. The new weights are computed in float64 and rounded once.
 */
export function fuseBatchNorm(graph: Graph): PassResult {
  const result = rewrite(graph, fusionRules());
  return { ...result, applied: result.applied.filter(({ rule }) => rule === "fuse-batch-norm") };
}

/** Two rules that work hand in hand: the linear op takes the normalisation in, which then gives back what it is given. */
function fusionRules(): readonly RewriteRule[] {
  const absorbed = new Set<Node>();
  // Sound although the linear op's output changes its meaning: `planOf` has seen that nobody but the normalisation reads it.
  const absorb = rewriteRule("fuse-batch-norm", linearOps, (node, context) => {
    const reader = node.outputs.flatMap((v) => (v === null ? [] : context.readers(v)))[0];
    if (reader === undefined || !isOneOf(reader, ["BatchNormalization"]) || reader.inputs[0]?.producer !== node) return "keep";
    const plan = planOf(reader, context);
    if (plan === null || "skip" in plan) return "keep";
    absorbed.add(reader);
    return (b) => [emit(b, node, plan, context)];
  });
  const vanish = rewriteRule("absorbed", ["BatchNormalization"], (node, context) => {
    const [x] = node.inputs;
    const [y] = node.outputs;
    if (!absorbed.has(node) || !x || !y) {
      const plan = planOf(node, context);
      return plan !== null && "skip" in plan ? plan : "keep";
    }
    return (b) => {
      const value = context.value(x);
      b.rename(value, y.name);
      return [value];
    };
  });
  return [absorb, vanish];
}

/** What the op before a normalisation becomes with it; null where that is no linear op. */
function planOf(node: Node<"BatchNormalization">, context: RewriteContext): Folded | Skip | null {
  const [x] = node.inputs;
  const producer = x?.producer;
  if (!x || !producer || !isOneOf(producer, linearOps)) return null;
  if (node.attributes.training_mode !== 0) return skip("it is in training mode");
  const where = `the output of ${producer.opType} "${producer.name}"`;
  const other = context.readers(x).find((reader) => reader !== node);
  if (other !== undefined) return skip(`${where} is used elsewhere (by ${other.opType} "${other.name}")`);
  if (context.isOutput(x)) return skip(`${where} is an output of the graph`);
  const affine = affineOf(node, context);
  return affine === null ? skip("its statistics, scale or bias are not constant") : foldedForm(producer, affine, context.contents);
}

function emit(b: GraphBuilder, node: Node<LinearOp>, { opType, weight, bias, attributes }: Folded, context: RewriteContext): Value {
  const [x, w] = node.inputs;
  const data = x === null || x === undefined ? null : context.value(x);
  const inputs = [data, b.tensor(`${w?.name ?? node.name}.folded`, weight), b.tensor(`${node.name}.bias.folded`, bias)];
  return b.add(opType, inputs, attributes, { name: node.name });
}

function affineOf(node: Node<"BatchNormalization">, context: RewriteContext): Affine | null {
  const [scale, bias, mean, variance] = node.inputs.slice(1).map((v) => numbers(context, v));
  if (!scale || !bias || !mean || !variance) return null;
  const factor = scale.map((s, c) => s / Math.sqrt((variance[c] ?? 0) + node.attributes.epsilon));
  return { factor, shift: bias.map((shift, c) => shift - (mean[c] ?? 0) * (factor[c] ?? 0)) };
}
function numbers(context: RewriteContext, value: Value | null): readonly number[] | null {
  const tensor = value === null ? null : context.contents(value);
  return tensor === null ? null : numbersOf(tensor);
}
