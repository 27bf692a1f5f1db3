/** Batch normalization in standard ops: its forward pass on the batch's statistics, and the gradients. */
import type { GraphBuilder } from "../builder.ts";
import { productOf } from "../dim.ts";
import { formulas, shapeValue } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import { inputAt } from "./call-inputs.ts";
import { allButChannels, alongChannels, sumPerChannel } from "./channels.ts";
import { outputAt } from "./outputs.ts";

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
const operandsOf = (node: Node<"BatchNormalization">): Operands => ({
  x: inputAt(node, 0),
  scale: inputAt(node, 1),
  bias: inputAt(node, 2),
  mean: inputAt(node, 3),
  variance: inputAt(node, 4),
});

/** BatchNormalization with training_mode 1, by ONNX's rule: the running variance takes the population's. */
export function lowerTrainingNode(b: GraphBuilder, node: Node<"BatchNormalization">): readonly (Value | null)[] {
  const f = formulas(b);
  const { epsilon, momentum } = node.attributes;
  const { x, scale, bias, mean: runningMean, variance: runningVariance } = operandsOf(node);
  const like = (v: Value): Value => f.cast(v, x.type.dtype);
  const own = b.addMany("BatchNormalizationTraining", [x, like(scale), like(bias)], { epsilon }, 4);
  const blended = (running: Value, batch: Value): Value =>
    f.add(f.mul(running, momentum), f.mul(f.cast(batch, running.type.dtype), 1 - momentum));
  const outputs = [outputAt(own, 0), blended(runningMean, outputAt(own, 1)), blended(runningVariance, outputAt(own, 2))];
  return outputs.slice(0, node.outputs.length);
}

/** (dX, dscale, dB), with dX as one linear form per channel in dY and X - mean, which is at hand and does not cancel. */
export function lowerGrad(b: GraphBuilder, node: Node<"BatchNormalizationGrad">): readonly Value[] {
  const f = formulas(b);
  const [dy, x, scale] = [inputAt(node, 0), inputAt(node, 1), inputAt(node, 2)];
  const [mean, inverse] = [inputAt(node, 3), inputAt(node, 4)];
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
  b: GraphBuilder,
  node: Node<"BatchNormalization">,
  [dy]: readonly (Value | null)[],
  wanted: readonly boolean[],
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
 * What the cotangents of the batch's mean and variance add to dX: mean = sum X / n and variance = sum (X - mean)^2 / n, over the n
 * elements of a channel.
 */
function throughStatistics(b: GraphBuilder, x: Value, mean: Value, dmean: Value | null, dvariance: Value | null): readonly Value[] {
  const f = formulas(b);
  const rank = x.type.shape.length;
  const share = (v: Value): Value => alongChannels(b, f.div(v, elementsPerChannel(b, x)), rank);
  return [
    ...(dmean === null ? [] : [b.add("Expand", [share(dmean), shapeValue(b, x)])]),
    ...(dvariance === null ? [] : [f.mul(f.sub(x, alongChannels(b, mean, rank)), share(f.mul(dvariance, 2)))]),
  ];
}
const totalOrNull = (b: GraphBuilder, parts: readonly Value[]): Value | null => (parts.length === 0 ? null : formulas(b).total(parts));

/** The gradient of BatchNormalizationTraining by (X, scale, B), through all four outputs. */
export function gradOfStatistics(
  b: GraphBuilder,
  node: Node<"BatchNormalizationTraining">,
  dys: readonly (Value | null)[],
): readonly (Value | null)[] {
  const f = formulas(b);
  const [x, scale] = [inputAt(node, 0), inputAt(node, 1)];
  const [dy = null, dmean = null, dvariance = null, dinverse = null] = dys;
  const own = node.outputs.filter((v) => v !== null);
  const all = own.length === 4 ? own : b.addMany("BatchNormalizationTraining", node.inputs, node.attributes, 4);
  const [mean, inverse] = [outputAt(all, 1), outputAt(all, 3)];
  const through = dy === null ? [] : b.addMany("BatchNormalizationGrad", [dy, x, scale, mean, inverse], {}, 3);
  // d/dv (v + epsilon)^-1/2 = -1/2 (v + epsilon)^-3/2
  const ofInverse = dinverse === null ? [] : [f.mul(f.mul(dinverse, f.mul(f.square(inverse), inverse)), -0.5)];
  const ofVariance = totalOrNull(b, [...(dvariance === null ? [] : [dvariance]), ...ofInverse]);
  const parts = [...through.slice(0, 1), ...throughStatistics(b, x, mean, dmean, ofVariance)];
  return [totalOrNull(b, parts), through[1] ?? null, through[2] ?? null];
}

/** The gradient of a node with training_mode 1, through the running statistics too, into which the batch's go with weight 1 - momentum. */
export function gradOfTrainingNode(
  b: GraphBuilder,
  node: Node<"BatchNormalization">,
  dys: readonly (Value | null)[],
): readonly (Value | null)[] {
  const f = formulas(b);
  const { x, scale, bias, mean: runningMean, variance: runningVariance } = operandsOf(node);
  const [dy = null, dmean = null, dvariance = null] = dys;
  const { momentum, epsilon } = node.attributes;
  const like = (v: Value): Value => f.cast(v, x.type.dtype);
  const statistics = b.addMany("BatchNormalizationTraining", [x, like(scale), like(bias)], { epsilon }, 4);
  const [mean, inverse] = [outputAt(statistics, 1), outputAt(statistics, 3)];
  const own = dy === null ? [] : b.addMany("BatchNormalizationGrad", [dy, x, like(scale), mean, inverse], {}, 3);
  const fresh = (d: Value | null): Value | null => (d === null ? null : f.mul(like(d), 1 - momentum));
  const kept = (d: Value | null, running: Value): Value | null => (d === null ? null : f.cast(f.mul(d, momentum), running.type.dtype));
  return [
    totalOrNull(b, [...own.slice(0, 1), ...throughStatistics(b, x, mean, fresh(dmean), fresh(dvariance))]),
    own[1] === undefined ? null : f.cast(own[1], scale.type.dtype),
    own[2] === undefined ? null : f.cast(own[2], bias.type.dtype),
    kept(dmean, runningMean),
    kept(dvariance, runningVariance),
  ];
}
