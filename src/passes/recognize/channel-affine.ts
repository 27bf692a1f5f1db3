/** Finds batch normalisation that is written as arithmetic with one constant per channel. */
import { isFloat } from "../../ir/dtype.ts";
import type { Value } from "../../ir/graph.ts";
import { tensorFrom } from "../../ir/tensor-data.ts";
import { type ChannelStep, type ChannelStepNode, channelStepOf, channelSteps } from "../linear/channel-step.ts";
import { isOneOf, type Replacement, type RewriteContext, type RewriteOutcome, rewriteRule } from "../rewrite.ts";
import { isSoleReader } from "../sole-use.ts";
import { outcomeOf, type Recognition } from "./pattern.ts";

/**
 * Two or more of (x - mean) / deviation * scale + bias on [N, C, ...], batch normalisations among them: one BatchNormalization of mean 0
 * and variance 1, which folds into the ops around it as any other; a product or sum where that is all that is left.
 */
const batchNorm = rewriteRule("recognize-batch-normalization", channelSteps, (node, context): RewriteOutcome => {
  const [y] = node.outputs;
  if (!y || !isFloat(y.type.dtype) || y.type.shape.length < 3 || continues(y, context)) return "keep";
  const chain = chainOf(node, context);
  if (chain === null || chain.length < 2 || !chain.varies) return "keep";
  const { x, affine } = chain;
  const build = (): Replacement => (b) => {
    const { dtype, shape } = y.type;
    const vector = (name: string, list: readonly number[], sizes = [list.length]): Value =>
      b.tensor(`${node.name}.${name}`, tensorFrom(dtype, sizes, list));
    const along = [affine.factor.length, ...shape.slice(2).map(() => 1)];
    const options = { name: node.name };
    if (affine.shift.every((v) => v === 0)) return [b.add("Mul", [context.value(x), vector("scale", affine.factor, along)], {}, options)];
    if (affine.factor.every((v) => v === 1)) return [b.add("Add", [context.value(x), vector("bias", affine.shift, along)], {}, options)];
    const all = (fill: number): Value =>
      b.constant(
        dtype,
        affine.factor.map(() => fill),
      );
    const inputs = [context.value(x), vector("scale", affine.factor), vector("bias", affine.shift), all(0), all(1)];
    return [b.add("BatchNormalization", inputs, { epsilon: 0 }, options)];
  };
  return outcomeOf(node, { leaves: [x], build }, context);
});
/** True where the one reader does more of the same. */
function continues(y: Value, context: RewriteContext): boolean {
  const [reader, another] = context.readers(y);
  return reader !== undefined && another === undefined && isOneOf(reader, channelSteps) && channelStepOf(reader, context)?.x === y;
}

/** The longest chain of steps that ends in a node; null where the node is no step. */
function chainOf(node: ChannelStepNode, context: RewriteContext): (ChannelStep & { readonly length: number }) | null {
  const own = channelStepOf(node, context);
  if (own === null) return null;
  const { producer } = own.x;
  const isStep = producer !== null && isOneOf(producer, channelSteps) && isSoleReader(context, own.x, node);
  const inner = isStep ? chainOf(producer, context) : null;
  if (inner === null) return { ...own, length: 1 };
  const { factor, shift } = inner.affine;
  const affine = {
    factor: own.affine.factor.map((f, c) => f * (factor[c] ?? 0)),
    shift: own.affine.shift.map((s, c) => s + (own.affine.factor[c] ?? 0) * (shift[c] ?? 0)),
  };
  return { x: inner.x, affine, varies: own.varies || inner.varies, length: inner.length + 1 };
}

/** Batch normalisation in parts. */
export const channelAffines: readonly Recognition[] = [{ rule: batchNorm, since: 1 }];
