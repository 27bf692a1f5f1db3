/** Values divided by their spread: what layer, instance and root-mean-square normalisation have in common. */
import type { Node, Value } from "../../ir/graph.ts";
import { inputAt } from "../../ir/ops/call-inputs.ts";
import { reducedAxes } from "../../ir/ops/reduction-axes.ts";
import { shortestFloat32 } from "../../ir/tensor-data.ts";
import { numberOf } from "../arithmetic/match-product.ts";
import { isOneOf, type RewriteContext, type Skip, skip } from "../rewrite.ts";
import { madeBy, quotientsOf, squareRootOf, sumOf, under } from "./pattern.ts";

/** A value over sqrt(mean(d^2) + epsilon), where d is the value itself or the value less its mean. */
export interface Spread {
  readonly x: Value;
  /** True where the mean is taken off. */
  readonly isCentred: boolean;
  /** The axes of the means, in order. */
  readonly axes: readonly number[];
  readonly epsilon: number;
}

/** What a node divides by its spread; a refusal where it does in a way that no op has; null for another node. */
export function spreadOf(node: Node, context: RewriteContext): Spread | Skip | null {
  for (const [dividend, divisor] of [...quotientsOf(node, context), ...rootQuotientsOf(node, context)]) {
    const found = spreadBy(dividend, divisor, context);
    if (found !== null) return found;
  }
  return null;
}
/** A product with a power of -1/2: the dividend, and the value whose root divides it. */
function rootQuotientsOf(node: Node, context: RewriteContext): readonly (readonly [Value, Value])[] {
  if (!isOneOf(node, ["Mul"])) return [];
  return [0, 1].flatMap((side) => {
    const power = madeBy(inputAt(node, side), "Pow");
    return power !== null && numberOf(inputAt(power, 1), context) === -0.5 ? [[inputAt(node, 1 - side), inputAt(power, 0)] as const] : [];
  });
}
/** The value under a square root, or one that is meant to be. */
function rooted(divisor: Value, context: RewriteContext): Value {
  const root = under(divisor, "Sqrt");
  if (root !== null) return root;
  const power = madeBy(divisor, "Pow");
  return power !== null && numberOf(inputAt(power, 1), context) === 0.5 ? inputAt(power, 0) : divisor;
}
function spreadBy(dividend: Value, divisor: Value, context: RewriteContext): Spread | Skip | null {
  const sum = sumOf(rooted(divisor, context), context);
  const mean = sum === null ? null : madeBy(sum.of, "ReduceMean");
  if (sum === null || mean === null) return null;
  const deviation = squareRootOf(inputAt(mean, 0), context);
  if (deviation === null || !isSameDeviation(deviation, dividend)) return null;
  const axes = reducedAxes(mean);
  if (axes === null) return skip("the axes of its means are computed");
  if (mean.attributes.keepdims !== 1) return skip("its means do not keep their axes");
  const epsilon = shortestFloat32(sum.addend);
  const centre = centreOf(dividend);
  if (centre === null) return { x: dividend, isCentred: false, axes, epsilon };
  const others = reducedAxes(centre.mean);
  if (
    others === null ||
    others.length !== axes.length ||
    !others.every((axis, i) => axis === axes[i]) ||
    centre.mean.attributes.keepdims !== 1
  )
    return skip("its mean and its variance are over different axes");
  return { x: centre.x, isCentred: true, axes, epsilon };
}
/** x - mean(x). */
function centreOf(value: Value): { readonly x: Value; readonly mean: Node<"ReduceMean"> } | null {
  const difference = madeBy(value, "Sub");
  const mean = difference === null ? null : madeBy(inputAt(difference, 1), "ReduceMean");
  if (difference === null || mean === null || inputAt(mean, 0) !== inputAt(difference, 0)) return null;
  return { x: inputAt(difference, 0), mean };
}
/** True for one value, and for two that take the same mean off the same value. */
function isSameDeviation(a: Value, b: Value): boolean {
  if (a === b) return true;
  const [first, second] = [centreOf(a), centreOf(b)];
  if (first === null || second === null || first.x !== second.x) return false;
  const [axes, others] = [reducedAxes(first.mean), reducedAxes(second.mean)];
  return axes !== null && others !== null && axes.length === others.length && axes.every((axis, i) => axis === others[i]);
}

/** The first of the axes counted from the end, where they are the last ones; null for others. */
export function lastAxes({ x, axes }: Spread): number | null {
  const rank = x.type.shape.length;
  const first = rank - axes.length;
  return axes.length > 0 && axes.every((axis, i) => axis === first + i) ? -axes.length : null;
}
/** True for all axes from 2 on, of an image's at least. */
export const arePixels = ({ x, axes }: Spread): boolean =>
  x.type.shape.length > 2 && axes.length === x.type.shape.length - 2 && axes.every((axis, i) => axis === i + 2);
