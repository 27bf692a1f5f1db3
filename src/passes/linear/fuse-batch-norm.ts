/** Folds batch normalisation, and arithmetic with constants, into the convolution or matrix product before them. */
import type { GraphBuilder } from "../../ir/builder.ts";
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { numbersOf } from "../../ir/tensor-data.ts";
import {
  isOneOf,
  type PassControl,
  type PassResult,
  type RewriteContext,
  type RewriteRule,
  rewrite,
  rewriteRule,
  type Skip,
  skip,
} from "../rewrite.ts";
import { otherUse, sameType } from "../sole-use.ts";
import { type Affine, batchNormAffine } from "./batch-norm-affine.ts";
import { elementSteps } from "./channel-step.ts";
import { channelAxis, type Folded, foldedForm, type LinearOp, linearOps } from "./fold-affine.ts";

/**
 * The graph with BatchNormalization, and Add, Sub, Mul and Div with a constant per channel, folded into Conv, ConvTranspose, Gemm and MatMul.
 * An activation behind them (Relu, Clip) then follows the convolution directly, the form that runtimes fuse. The new weights are
 * computed in float64 and rounded once.
 */
export function fuseBatchNorm(graph: Graph, control?: PassControl): PassResult {
  const first = fuseOnce(graph, control);
  if (first.applied.length === 0) return first;
  // What followed what has gone follows the linear op now.
  const rest = fuseBatchNorm(first.graph, control);
  return { ...rest, applied: [...first.applied, ...rest.applied] };
}
function fuseOnce(graph: Graph, control: PassControl | undefined): PassResult {
  const result = rewrite(graph, fusionRules(), control);
  return { ...result, applied: result.applied.filter(({ rule }) => rule === "fuse-batch-norm") };
}

/** Two rules that work hand in hand: the linear op takes what follows in, which then gives back what it is given. */
function fusionRules(): readonly RewriteRule[] {
  const absorbed = new Map<Node, Value>();
  // Sound although the linear op's output changes its meaning: `planOf` has seen that nobody but the follower reads it.
  const absorb = rewriteRule("fuse-batch-norm", linearOps, (node, context) => {
    const reader = node.outputs.flatMap((v) => (v === null ? [] : context.readers(v)))[0];
    const plan = reader === undefined ? null : planOf(reader, context);
    if (reader === undefined || plan === null || "skip" in plan || plan.product.producer !== node) return "keep";
    return (b) => {
      absorbed.set(reader, plan.product);
      return [emit(b, node, plan.folded, context)];
    };
  });
  const vanish: RewriteRule = {
    name: "absorbed",
    opTypes: Object.keys(followers).filter(isFollower),
    match: (node, context) => {
      const product = absorbed.get(node);
      const [y] = node.outputs;
      if (product === undefined || !y) {
        const plan = planOf(node, context);
        return plan !== null && "skip" in plan ? plan : "keep";
      }
      return (b) => {
        const value = context.value(product);
        b.rename(value, y.name);
        return [value];
      };
    },
  };
  return [absorb, vanish];
}

/** What the op before a follower becomes with it. */
interface Plan {
  readonly product: Value;
  readonly folded: Folded;
}
/** The plan for a follower; null where it follows no linear op, or is no subject. */
function planOf(node: Node, context: RewriteContext): Plan | Skip | null {
  const product = node.inputs.find((v) => v?.producer != null && isOneOf(v.producer, linearOps));
  const producer = product?.producer;
  if (!product || !producer || !isOneOf(producer, linearOps)) return null;
  const affine = affineOf(node, product, context);
  if (affine === null || "skip" in affine) return affine;
  const use = otherUse(context, product, node);
  if (use !== null) return skip(use);
  const folded = foldedForm(producer, affine, context.contents);
  return "skip" in folded ? folded : { product, folded };
}

function emit(b: GraphBuilder, node: Node<LinearOp>, { opType, weight, bias, attributes }: Folded, context: RewriteContext): Value {
  const [x, w] = node.inputs;
  const data = x === null || x === undefined ? null : context.value(x);
  const same = w && context.contents(w) === weight;
  const inputs = [data, same ? context.value(w) : b.tensor(`${w?.name ?? node.name}.folded`, weight)];
  const added = bias === null ? [] : [b.tensor(`${node.name}.bias.folded`, bias)];
  return b.add(opType, [...inputs, ...added], attributes, { name: node.name });
}

/** What a follower does to each channel of a linear op's output; a refusal; null where that is no matter of channels and constants. */
type FollowerRule<T extends Follower> = (node: Node<T>, product: Value, context: RewriteContext) => Affine | Skip | null;
type Follower = "BatchNormalization" | "Add" | "Mul" | "Div" | "Sub";
const followers: { readonly [T in Follower]: FollowerRule<T> } = {
  BatchNormalization: (node, product, context) => {
    const channels = product.type.shape.length;
    const op = product.producer;
    if (node.inputs[0] !== product) return null;
    if (node.attributes.training_mode !== 0) return skip("it is in training mode");
    if (op !== null && isOneOf(op, linearOps) && channelAxis(op.opType, channels) !== 1)
      return skip(`the channels of ${op.opType} "${op.name}" are not its columns`);
    return batchNormAffine(node, context.contents) ?? skip("its statistics, scale or bias are not constant");
  },
  Add: withConstant(elementSteps.Add),
  Mul: withConstant(elementSteps.Mul),
  Div: withConstant(elementSteps.Div),
  Sub: withConstant(elementSteps.Sub),
};
const isFollower = (opType: string): opType is Follower => Object.hasOwn(followers, opType);
const isFollowing = (node: Node): node is Node<Follower> => isFollower(node.opType);
function affineOf(node: Node, product: Value, context: RewriteContext): Affine | Skip | null {
  return isFollowing(node) ? affineOfFollower(node, product, context) : null;
}
function affineOfFollower<T extends Follower>(node: Node<T>, product: Value, context: RewriteContext): Affine | Skip | null {
  return followers[node.opType](node, product, context);
}

/** A rule for an op of the product and a constant; `element` says what it does with one number, given which comes first. */
function withConstant(element: (typeof elementSteps)[keyof typeof elementSteps]): FollowerRule<Exclude<Follower, "BatchNormalization">> {
  return ({ inputs, outputs: [y] }, product, context) => {
    const first = inputs[0] === product;
    const constant = first ? inputs[1] : inputs[0];
    const op = product.producer;
    const values = constant ? numbers(context, constant) : null;
    if (!constant || !y || values === null || op === null || !isOneOf(op, linearOps)) return null;
    if (!sameType(product, y)) return skip(`"${constant.name}" broadcasts the output of ${op.opType} "${op.name}"`);
    const rank = product.type.shape.length;
    const axis = channelAxis(op.opType, rank);
    const channels = product.type.shape[axis];
    const { shape } = constant.type;
    const own = shape[axis - rank + shape.length] ?? 1;
    if (typeof channels !== "number" || values.length !== own || (own !== 1 && own !== channels))
      return skip(`"${constant.name}" is not one number per channel`);
    const affine = Array.from({ length: channels }, (_, c) => element(values[own === 1 ? 0 : c] ?? 0, first));
    return affine.every((a) => a !== null) ? { factor: affine.map((a) => a.factor), shift: affine.map((a) => a.shift) } : null;
  };
}
function numbers(context: RewriteContext, value: Value | null): readonly number[] | null {
  const tensor = value === null ? null : context.contents(value);
  return tensor === null ? null : numbersOf(tensor);
}
