/** Finds ops that exporters write out in parts: Gelu, HardSigmoid, HardSwish and LayerNormalization. */
import { isFloat } from "../ir/dtype.ts";
import type { Node, Value } from "../ir/graph.ts";
import type { OpType } from "../ir/op-types.ts";
import { inputAt } from "../ir/ops/call-inputs.ts";
import { outputAt } from "../ir/ops/outputs.ts";
import { reducedAxes } from "../ir/ops/reduction-axes.ts";
import { sameShape } from "../ir/shape.ts";
import { shortestFloat32 } from "../ir/tensor-data.ts";
import { isClose, numberOf, type Product, productOf } from "./match-product.ts";
import { isOneOf, type Pass, type Replacement, type RewriteContext, type RewriteOutcome, rewrite, rewriteRule, skip } from "./rewrite.ts";
import { isSoleReader, sameType } from "./sole-use.ts";

/** The graph with decomposed activations and layer normalisations as one op each. For graphs that are lowered afterwards: a target may lack the op. */
export const recognizeOps: Pass = (graph, control) => rewrite(graph, [activations, layerNormalization, layerNormalizationBias], control);

const activations = rewriteRule("recognize-activation", ["Mul", "Div"], (node, context): RewriteOutcome => {
  const y = outputAt(node.outputs, 0);
  if (!isFloat(y.type.dtype)) return "keep";
  const product = productOf(node, context);
  const found =
    product === null ? null : (gelu(node, product, context) ?? hardSigmoid(node, product, context) ?? hardSwish(node, product, context));
  return found !== null && sameType(found.x, y) ? found.build(context) : "keep";
});
/** An activation of a value. */
interface Found {
  readonly x: Value;
  build(context: RewriteContext): Replacement;
}
/** The two factors of a product, the one that passes a test behind the other; null where none or both do. */
function factorsBy(product: Product, test: (factor: Value) => boolean): readonly [Value, Value] | null {
  const [a, b, more] = product.factors;
  if (a === undefined || b === undefined || more !== undefined || test(a) === test(b)) return null;
  return test(b) ? [a, b] : [b, a];
}
/** The value to which a node of an op adds a number; null where it is no such sum. */
function addedTo(value: Value, addend: number, context: RewriteContext): Value | null {
  const sum = value.producer;
  if (sum === null || sum === undefined || !isOneOf(sum, ["Add"])) return null;
  const side = [0, 1].find((i) => isClose(numberOf(inputAt(sum, i), context), addend));
  return side === undefined ? null : inputAt(sum, 1 - side);
}
/** The node of an op that makes a value. */
function madeBy<T extends OpType>(value: Value | null, opType: T): Node<T> | null {
  const producer = value?.producer;
  return producer && isOneOf(producer, [opType]) ? producer : null;
}

/** 0.5 x (1 + erf(x / sqrt(2))), or 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). */
function gelu(node: Node, product: Product, context: RewriteContext): Found | null {
  if (!isClose(product.scale, 0.5)) return null;
  const factors = factorsBy(product, (factor) => addedTo(factor, 1, context) !== null);
  if (factors === null) return null;
  const [x, sum] = factors;
  const inner = addedTo(sum, 1, context);
  const approximate = isErfOf(inner, x, context) ? "none" : isTanhOf(inner, x, context) ? "tanh" : null;
  return approximate === null ? null : { x, build: () => (b) => [b.add("Gelu", [context.value(x)], { approximate }, { name: node.name })] };
}
function isErfOf(value: Value | null, x: Value, context: RewriteContext): boolean {
  const erf = madeBy(value, "Erf");
  const scaled = erf === null ? null : productOf(inputAt(erf, 0).producer, context);
  return scaled !== null && isClose(scaled.scale, Math.SQRT1_2) && isPower(scaled, x, 1);
}
function isTanhOf(value: Value | null, x: Value, context: RewriteContext): boolean {
  const tanh = madeBy(value, "Tanh");
  const scaled = tanh === null ? null : productOf(inputAt(tanh, 0).producer, context);
  const [sum] = scaled?.factors ?? [];
  const add = sum === undefined ? null : madeBy(sum, "Add");
  if (scaled === null || add === null || scaled.factors.length !== 1 || !isClose(scaled.scale, Math.sqrt(2 / Math.PI))) return false;
  const cubic = add.inputs[0] === x ? inputAt(add, 1) : add.inputs[1] === x ? inputAt(add, 0) : null;
  const cube = cubic === null ? null : productOf(cubic.producer, context);
  return cube !== null && isClose(cube.scale, 0.044715) && isPower(cube, x, 3);
}
const isPower = ({ factors }: Product, x: Value, power: number): boolean =>
  factors.length === power && factors.every((factor) => factor === x);

/** The x of clip(x + 3, 0, 6). */
function clippedAround3(value: Value, context: RewriteContext): Value | null {
  const clip = madeBy(value, "Clip");
  const [x, low, high] = clip?.inputs ?? [];
  if (!x || !low || !high || !isClose(numberOf(high, context), 6) || numberOf(low, context) !== 0) return null;
  return addedTo(x, 3, context);
}
/** clip(x + 3, 0, 6) / 6. */
function hardSigmoid(node: Node, { scale, factors: [clip, more] }: Product, context: RewriteContext): Found | null {
  const x = clip === undefined || more !== undefined || !isClose(scale, 1 / 6) ? null : clippedAround3(clip, context);
  if (x === null) return null;
  return {
    x,
    build: () => (b) => [b.add("HardSigmoid", [context.value(x)], { alpha: Math.fround(1 / 6), beta: 0.5 }, { name: node.name })],
  };
}
/** x clip(x + 3, 0, 6) / 6, or x times that HardSigmoid of x. */
function hardSwish(node: Node, product: Product, context: RewriteContext): Found | null {
  const gateOf = (factor: Value): Value | null => {
    if (isClose(product.scale, 1 / 6)) return clippedAround3(factor, context);
    const gate = product.scale === 1 ? madeBy(factor, "HardSigmoid") : null;
    return gate !== null && isClose(gate.attributes.alpha, 1 / 6) && gate.attributes.beta === 0.5 ? inputAt(gate, 0) : null;
  };
  const factors = factorsBy(product, (factor) => gateOf(factor) !== null);
  if (factors === null || gateOf(factors[1]) !== factors[0]) return null;
  const [x] = factors;
  return { x, build: () => (b) => [b.add("HardSwish", [context.value(x)], {}, { name: node.name })] };
}

/** scale (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon), with means over the last axes. */
const layerNormalization = rewriteRule("recognize-layer-normalization", ["Mul"], (node, context): RewriteOutcome => {
  for (const side of [0, 1] as const) {
    const quotient = madeBy(inputAt(node, side), "Div");
    const found = quotient === null ? null : normalized(quotient, context);
    if (found === null || quotient === null) continue;
    const { x, axis, epsilon } = found;
    const scale = inputAt(node, 1 - side);
    if (!sameShape(scale.type.shape, x.type.shape.slice(axis)))
      return skip(`"${scale.name}" is not one number for each normalised element`);
    if (scale.type.dtype !== x.type.dtype) return "keep";
    return (b) => [b.add("LayerNormalization", [context.value(x), context.value(scale)], { axis, epsilon }, { name: node.name })];
  }
  return "keep";
});
interface Normalized {
  readonly x: Value;
  /** The first of the axes that the means are over, counted from the end. */
  readonly axis: number;
  readonly epsilon: number;
}
function normalized(quotient: Node<"Div">, context: RewriteContext): Normalized | null {
  const [centred, deviation] = [inputAt(quotient, 0), inputAt(quotient, 1)];
  const root = madeBy(deviation, "Sqrt");
  const sum = root === null ? null : madeBy(inputAt(root, 0), "Add");
  const difference = madeBy(centred, "Sub");
  if (sum === null || difference === null) return null;
  const side = [0, 1].find((i) => numberOf(inputAt(sum, i), context) !== null);
  const variance = side === undefined ? null : madeBy(inputAt(sum, 1 - side), "ReduceMean");
  const mean = madeBy(inputAt(difference, 1), "ReduceMean");
  const x = inputAt(difference, 0);
  if (side === undefined || variance === null || mean === null || inputAt(mean, 0) !== x) return null;
  const square = productOf(inputAt(variance, 0).producer, context);
  if (square === null || square.scale !== 1 || !isPower(square, centred, 2)) return null;
  const [first, second] = [lastAxesOf(mean), lastAxesOf(variance)];
  const epsilon = numberOf(inputAt(sum, side), context);
  return first !== null && first === second && epsilon !== null ? { x, axis: first, epsilon: shortestFloat32(epsilon) } : null;
}
/** The first axis, counted from the end, of a mean that is over the last axes and keeps them; null for another. */
function lastAxesOf(mean: Node<"ReduceMean">): number | null {
  const axes = reducedAxes(mean);
  const rank = inputAt(mean, 0).type.shape.length;
  const first = rank - (axes?.length ?? 0);
  return axes !== null && axes.length > 0 && mean.attributes.keepdims === 1 && axes.every((axis, i) => axis === first + i)
    ? first - rank
    : null;
}

/** What is added to a layer normalisation without a bias is one. */
const layerNormalizationBias = rewriteRule("layer-normalization-bias", ["Add"], (node, context): RewriteOutcome => {
  for (const side of [0, 1] as const) {
    const norm = madeBy(inputAt(node, side), "LayerNormalization");
    const bias = inputAt(node, 1 - side);
    if (norm === null || norm.inputs[2] || norm.outputs.length > 1 || !isSoleReader(context, inputAt(node, side), node)) continue;
    const [x, scale] = [inputAt(norm, 0), inputAt(norm, 1)];
    if (!sameShape(bias.type.shape, scale.type.shape) || bias.type.dtype !== scale.type.dtype) continue;
    return (b) => [b.add("LayerNormalization", [x, scale, bias].map(context.value), norm.attributes, { name: node.name })];
  }
  return "keep";
});
