/** Batch normalization in standard ops: its forward pass on the batch's statistics, and the gradients. */
import type { GraphBuilder } from "../builder.ts";
import { formulas, shapeValue } from "../formulas.ts";
import { productOf } from "../dim.ts";
import type { Node, Value } from "../graph.ts";
import { allButChannels, alongChannels, sumPerChannel } from "./channels.ts";
import { operand } from "./node-operands.ts";

/** The mean over all axes but the channels': T[N, C, ...] -> T[C]. */
const meanPerChannel = (b: GraphBuilder, x: Value): Value => formulas(b).reduceMean(x, allButChannels(x.type.shape.length));

/** How many elements a channel has, as a scalar of x's type. */
function elementsPerChannel(b: GraphBuilder, x: Value): Value {
  const count = productOf(x.type.shape.filter((_, i) => i !== 1));
  if (typeof count === "number") return b.constant(x.type.dtype, count);
  const sizes = b.add("Gather", [b.add("Shape", [x]), b.constant("int64", allButChannels(x.type.shape.length))]);
  return formulas(b).cast(b.add("ReduceProd", [sizes], { keepdims: 0 }), x.type.dtype);
}

/**
 * (Y, mean, variance, inverse deviation). The variance is the mean of squared deviations, in a pass of its own: E[x^2] - E[x]^2
 * loses all digits where the mean is large. Y is the inference op on the centred X, whose mean is zero, for the same reason.
 */
export function lowerStatistics(b: GraphBuilder, x: Value, scale: Value, bias: Value, epsilon: number): readonly Value[] {
  const f = formulas(b);
  const rank = x.type.shape.length;
  const mean = meanPerChannel(b, x);
  const centred = f.sub(x, alongChannels(b, mean, rank));
  const variance = meanPerChannel(b, f.square(centred));
  const inverse = b.add("Reciprocal", [f.sqrt(f.add(variance, epsilon))]);
  const y = b.add("BatchNormalization", [centred, scale, bias, f.mul(variance, 0), variance], { epsilon });
  return [y, mean, variance, inverse];
}

interface Operands {
  readonly x: Value;
  readonly scale: Value;
  readonly bias: Value;
  readonly mean: Value;
  readonly variance: Value;
}
const operandsOf = ({ inputs }: Node<"BatchNormalization">): Operands => ({
  x: operand(inputs, 0), scale: operand(inputs, 1), bias: operand(inputs, 2), mean: operand(inputs, 3), variance: operand(inputs, 4),
});

/** BatchNormalization with training_mode 1, by ONNX's rule: the running variance takes the population's. */
export function lowerTrainingNode(b: GraphBuilder, node: Node<"BatchNormalization">): readonly (Value | null)[] {
  const f = formulas(b);
  const { epsilon, momentum } = node.attributes;
  const { x, scale, bias, mean: runningMean, variance: runningVariance } = operandsOf(node);
  const like = (v: Value): Value => f.cast(v, x.type.dtype);
  const own = b.addMany("BatchNormalizationTraining", [x, like(scale), like(bias)], { epsilon }, 4);
  const blended = (running: Value, batch: Value): Value => f.add(f.mul(running, momentum), f.mul(f.cast(batch, running.type.dtype), 1 - momentum));
  const outputs = [operand(own, 0), blended(runningMean, operand(own, 1)), blended(runningVariance, operand(own, 2))];
  return outputs.slice(0, node.outputs.length);
}

/** (dX, dscale, dB), with dX as one linear form per channel in dY and X - mean, which is at hand and does not cancel. */
export function lowerGrad(b: GraphBuilder, node: Node<"BatchNormalizationGrad">): readonly Value[] {
  const f = formulas(b);
  const [dy, x, scale] = [operand(node.inputs, 0), operand(node.inputs, 1), operand(node.inputs, 2)];
  const [mean, inverse] = [operand(node.inputs, 3), operand(node.inputs, 4)];
  const rank = x.type.shape.length;
  const along = (v: Value): Value => alongChannels(b, v, rank);
  const dbias = sumPerChannel(b, dy);
  const centred = f.sub(x, along(mean));
  const dscale = f.mul(sumPerChannel(b, f.mul(dy, centred)), inverse);
  // dX = a (dY - dB / n - (X - mean) * inverse * dscale / n), with a = scale * inverse
  const n = elementsPerChannel(b, x);
  const a = f.mul(scale, inverse);
  const k = f.neg(f.div(f.mul(a, f.mul(inverse, dscale)), n));
  const c = f.neg(f.div(f.mul(a, dbias), n));
  const dx = f.add(f.add(f.mul(dy, along(a)), f.mul(centred, along(k))), along(c));
  return [dx, dscale, dbias];
}

/** The gradient with given statistics, which are inputs like the others. */
export function gradOfFixedStatistics(
  b: GraphBuilder, node: Node<"BatchNormalization">, [dy]: readonly (Value | null)[], wanted: readonly boolean[],
): readonly (Value | null)[] {
  if (dy === null || dy === undefined) return [null, null, null, null, null];
  const f = formulas(b);
  const { x, scale, mean, variance } = operandsOf(node);
  const along = (v: Value): Value => alongChannels(b, f.cast(v, x.type.dtype), x.type.shape.length);
  const inverse = b.add("Reciprocal", [f.sqrt(f.add(f.cast(variance, x.type.dtype), node.attributes.epsilon))]);
  const slope = f.mul(f.cast(scale, x.type.dtype), inverse);
  const dbias = sumPerChannel(b, dy);
  const dscale = f.mul(sumPerChannel(b, f.mul(dy, f.sub(x, along(mean)))), inverse);
  return [
    wanted[0] ? f.mul(dy, along(slope)) : null,
    wanted[1] ? f.cast(dscale, scale.type.dtype) : null,
    wanted[2] ? f.cast(dbias, scale.type.dtype) : null,
    wanted[3] ? f.cast(f.neg(f.mul(slope, dbias)), mean.type.dtype) : null,
    // d/dv (v + epsilon)^-1/2 = -1/2 (v + epsilon)^-3/2
    wanted[4] ? f.cast(f.mul(f.mul(f.mul(slope, inverse), dscale), -0.5), variance.type.dtype) : null,
  ];
}

/**
 * The gradient with the batch's statistics, and through the running ones where they are read:
 * mean = sum X / n and variance = sum (X - mean)^2 / n, each blended in with weight 1 - momentum.
 */
export function gradOfTrainingNode(b: GraphBuilder, node: Node<"BatchNormalization">, dys: readonly (Value | null)[]): readonly (Value | null)[] {
  const f = formulas(b);
  const { x, scale, bias, mean: runningMean, variance: runningVariance } = operandsOf(node);
  const [dy = null, dmean = null, dvariance = null] = dys;
  const { momentum, epsilon } = node.attributes;
  const like = (v: Value): Value => f.cast(v, x.type.dtype);
  const statistics = b.addMany("BatchNormalizationTraining", [x, like(scale), like(bias)], { epsilon }, 4);
  const [mean, inverse] = [operand(statistics, 1), operand(statistics, 3)];
  const own = dy === null ? [] : b.addMany("BatchNormalizationGrad", [dy, x, like(scale), mean, inverse], {}, 3);
  const share = (v: Value, factor: number): Value =>
    alongChannels(b, f.div(f.mul(like(v), factor * (1 - momentum)), elementsPerChannel(b, x)), x.type.shape.length);
  const parts = [
    ...own.slice(0, 1),
    ...(dmean === null ? [] : [b.add("Expand", [share(dmean, 1), shapeValue(b, x)])]),
    ...(dvariance === null ? [] : [f.mul(f.sub(x, alongChannels(b, mean, x.type.shape.length)), share(dvariance, 2))]),
  ];
  return [
    parts.length === 0 ? null : f.total(parts),
    dy === null ? null : f.cast(operand(own, 1), scale.type.dtype),
    dy === null ? null : f.cast(operand(own, 2), bias.type.dtype),
    dmean === null ? null : f.mul(f.cast(dmean, runningMean.type.dtype), momentum),
    dvariance === null ? null : f.mul(f.cast(dvariance, runningVariance.type.dtype), momentum),
  ];
}
