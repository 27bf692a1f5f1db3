/** Finds normalisation as TensorFlow writes it: x s + (beta - mean s) with s = gamma / sqrt(variance + epsilon). */
import type { GraphBuilder } from "../../ir/builder.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { inputAt } from "../../ir/ops/call-inputs.ts";
import { reducedAxes } from "../../ir/ops/reduction-axes.ts";
import { sameShape } from "../../ir/shape.ts";
import { shortestFloat32 } from "../../ir/tensor-data.ts";
import { numberOf } from "../arithmetic/match-product.ts";
import { type RewriteContext, type RewriteOutcome, rewriteRule, skip } from "../rewrite.ts";
import { madeBy, outcomeOf, quotientsOf, type Recognition, squareRootOf, sumOf, under } from "./pattern.ts";

const layers = rewriteRule("recognize-layer-normalization", ["Add"], (node, context): RewriteOutcome => {
  const found = momentsOf(node, context);
  if (found === null) return "keep";
  const { x, gamma, beta, axes, epsilon } = found;
  const first = x.type.shape.length - axes.length;
  if (!axes.every((axis, i) => axis === first + i)) return skip(`its means are over axes ${axes.join(", ")}, not the last ones`);
  const bad = [gamma, beta].find((v) => !sameShape(v.type.shape, x.type.shape.slice(first)) || v.type.dtype !== x.type.dtype);
  if (bad !== undefined) return skip(`"${bad.name}" is not one number for each normalised element`);
  const build = () => (b: GraphBuilder) => [
    b.add("LayerNormalization", [x, gamma, beta].map(context.value), { axis: -axes.length, epsilon }, { name: node.name }),
  ];
  return outcomeOf(node, { leaves: [x, gamma, beta], build }, context);
});

interface Moments {
  readonly x: Value;
  readonly gamma: Value;
  readonly beta: Value;
  readonly axes: readonly number[];
  readonly epsilon: number;
}
function momentsOf(node: Node<"Add">, context: RewriteContext): Moments | null {
  for (const side of [0, 1] as const) {
    const scaled = madeBy(inputAt(node, side), "Mul");
    const rest = madeBy(inputAt(node, 1 - side), "Sub");
    const taken = rest === null ? null : madeBy(inputAt(rest, 1), "Mul");
    if (scaled === null || rest === null || taken === null) continue;
    for (const i of [0, 1] as const) {
      const [x, s] = [inputAt(scaled, i), inputAt(scaled, 1 - i)];
      const mean = taken.inputs[0] === s ? inputAt(taken, 1) : taken.inputs[1] === s ? inputAt(taken, 0) : null;
      const found = mean === null ? null : scaleOf(s, x, mean, context);
      if (found !== null) return { x, beta: inputAt(rest, 0), ...found };
    }
  }
  return null;
}
/** What gamma / sqrt(mean((x - mean)^2) + epsilon) is made of. */
function scaleOf(s: Value, x: Value, mean: Value, context: RewriteContext): Pick<Moments, "gamma" | "axes" | "epsilon"> | null {
  const reduction = madeBy(mean, "ReduceMean");
  const axes = reduction === null || inputAt(reduction, 0) !== x ? null : reducedAxes(reduction);
  if (reduction === null || axes === null || axes.length === 0 || reduction.attributes.keepdims !== 1 || s.producer === null) return null;
  for (const [gamma, divisor] of quotientsOf(s.producer, context)) {
    const shifted = under(divisor, "Sqrt");
    const sum = shifted === null ? null : sumOf(shifted, context);
    const variance = sum === null ? null : madeBy(sum.of, "ReduceMean");
    const centred = variance === null ? null : madeBy(squareRootOf(inputAt(variance, 0), context), "Sub");
    if (sum === null || variance === null || centred === null) continue;
    if (inputAt(centred, 0) !== x || inputAt(centred, 1) !== mean || variance.attributes.keepdims !== 1) continue;
    const others = reducedAxes(variance);
    if (others?.length !== axes.length || !others.every((axis, i) => axis === axes[i]) || numberOf(gamma, context) !== null) continue;
    return { gamma, axes, epsilon: shortestFloat32(sum.addend) };
  }
  return null;
}

/** Normalisation by moments. */
export const moments: readonly Recognition[] = [{ rule: layers, since: 1 }];
