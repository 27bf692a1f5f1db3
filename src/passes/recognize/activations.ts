/** Finds activations that exporters write out in parts. */
import type { DType } from "../../ir/dtype.ts";
import type { Value } from "../../ir/graph.ts";
import { inputAt } from "../../ir/ops/call-inputs.ts";
import { shortestFloat32 } from "../../ir/tensor-data.ts";
import { isClose, numberOf, type Product, productOf } from "../arithmetic/match-product.ts";
import { type Replacement, type RewriteContext, type RewriteOutcome, rewriteRule } from "../rewrite.ts";
import {
  activationRule,
  addedTo,
  clampOf,
  factorsBy,
  isPower,
  madeBy,
  oneOp,
  outcomeOf,
  type Recognition,
  sumOf,
  under,
} from "./pattern.ts";

type Products = "Mul" | "Div";

/** 0.5 x (1 + erf(x / sqrt(2))), or 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). */
const gelu = activationRule<Products>("recognize-gelu", ["Mul", "Div"], (node, context) => {
  const product = productOf(node, context);
  if (product === null || !isClose(product.scale, 0.5)) return null;
  const factors = factorsBy(product, (factor) => addedTo(factor, 1, context) !== null);
  if (factors === null) return null;
  const [x, sum] = factors;
  const inner = addedTo(sum, 1, context);
  const approximate = isErfOf(inner, x, context) ? "none" : isTanhOf(inner, x, context) ? "tanh" : null;
  return approximate === null ? null : { x, build: oneOp(node, "Gelu", x, { approximate }) };
});
function isErfOf(value: Value | null, x: Value, context: RewriteContext): boolean {
  const scaled = productOf(under(value, "Erf")?.producer, context);
  return scaled !== null && isClose(scaled.scale, Math.SQRT1_2) && isPower(scaled, x, 1);
}
function isTanhOf(value: Value | null, x: Value, context: RewriteContext): boolean {
  const scaled = productOf(under(value, "Tanh")?.producer, context);
  const [sum] = scaled?.factors ?? [];
  const add = madeBy(sum, "Add");
  if (scaled === null || add === null || scaled.factors.length !== 1 || !isClose(scaled.scale, Math.sqrt(2 / Math.PI))) return false;
  const cubic = add.inputs[0] === x ? inputAt(add, 1) : add.inputs[1] === x ? inputAt(add, 0) : null;
  const cube = cubic === null ? null : productOf(cubic.producer, context);
  return cube !== null && isClose(cube.scale, 0.044715) && isPower(cube, x, 3);
}

/** x tanh(softplus(x)), the softplus also as ln(1 + e^x). */
const mish = activationRule<Products>("recognize-mish", ["Mul", "Div"], (node, context) => {
  const product = productOf(node, context);
  if (product?.scale !== 1) return null;
  const gated = (factor: Value): Value | null => {
    const gate = under(factor, "Tanh");
    const sum = under(gate, "Log");
    return under(gate, "Softplus") ?? (sum === null ? null : under(addedTo(sum, 1, context), "Exp"));
  };
  const factors = factorsBy(product, (factor) => gated(factor) !== null);
  if (factors === null || gated(factors[1]) !== factors[0]) return null;
  return { x: factors[0], build: oneOp(node, "Mish", factors[0]) };
});

/** The floats that hold numbers with this many bits. */
const bits: Readonly<Partial<Record<DType, number>>> = { float16: 11, float32: 24 };
/** x where x is above a threshold, else softplus(x): the softplus alone, which is x above it, once rounded. */
const softplus = activationRule("recognize-softplus", ["Where"], (node, context) => {
  const [x, inner] = [inputAt(node, 1), inputAt(node, 2)];
  const greater = madeBy(inputAt(node, 0), "Greater");
  const threshold = greater === null || inputAt(greater, 0) !== x ? null : numberOf(inputAt(greater, 1), context);
  const digits = bits[x.type.dtype];
  if (threshold === null || digits === undefined || under(inner, "Softplus") !== x) return null;
  // What softplus adds, ln(1 + e^-x), is less than half a unit in the last place of x.
  const isLost = threshold >= 1 && Math.log1p(Math.exp(-threshold)) < 2 ** (Math.floor(Math.log2(threshold)) - digits);
  return isLost ? { x, build: oneOp(node, "Softplus", x) } : null;
});

/** x sigmoid(alpha x). */
const swish = activationRule<Products>("recognize-swish", ["Mul", "Div"], (node, context) => {
  const product = productOf(node, context);
  if (product?.scale !== 1) return null;
  const gated = (factor: Value): Value | null => under(factor, "Sigmoid");
  const factors = factorsBy(product, (factor) => gated(factor) !== null);
  if (factors === null) return null;
  const [x, gate] = factors;
  const argument = gated(gate);
  const scaled = argument === null || argument === x ? null : productOf(argument.producer, context);
  const alpha = argument === x ? 1 : scaled !== null && isPower(scaled, x, 1) ? shortestFloat32(Math.fround(scaled.scale)) : null;
  return alpha === null ? null : { x, build: oneOp(node, "Swish", x, { alpha }) };
});

/** a / (1 + e^-x) = a sigmoid(x). */
const sigmoid = rewriteRule("recognize-sigmoid", ["Div", "Reciprocal"], (node, context): RewriteOutcome => {
  const divisor = inputAt(node, node.opType === "Div" ? 1 : 0);
  const dividend = node.opType === "Div" ? inputAt(node, 0) : null;
  const x = under(under(addedTo(divisor, 1, context), "Exp"), "Neg");
  if (x === null) return "keep";
  const isOne = dividend === null || numberOf(dividend, context) === 1;
  const build = (): Replacement => (b) => {
    const gate = b.add("Sigmoid", [context.value(x)], {}, isOne ? { name: node.name } : {});
    return [isOne ? gate : b.add("Mul", [context.value(dividend), gate], {}, { name: node.name })];
  };
  return outcomeOf(node, { leaves: dividend === null ? [x] : [x, dividend], build }, context);
});

/** A line through 1/2 held between 0 and 1: scale clip(slope x + offset, 0, 1 / scale). */
function hardSigmoidOf(clamped: Value, scale: number, context: RewriteContext): { readonly x: Value; readonly alpha: number } | null {
  const clamp = clampOf(clamped, context);
  if (clamp === null || clamp.low !== 0 || !isClose(clamp.high * scale, 1)) return null;
  const sum = sumOf(clamp.x, context);
  const scaled = productOf((sum?.of ?? clamp.x).producer, context);
  const isScaled = scaled !== null && scaled.factors.length === 1;
  const x = isScaled ? scaled.factors[0] : sum?.of;
  if (x === undefined) return null;
  const [alpha, beta] = [scale * (isScaled ? scaled.scale : 1), scale * (sum?.addend ?? 0)];
  // Other lines are sums and clips like any, which fold into the ops before them.
  if (!isClose(beta, 0.5)) return null;
  return { x, alpha: shortestFloat32(Math.fround(alpha)) };
}
/** clip(x + 3, 0, 6) / 6, clip(0.2 x + 0.5, 0, 1), and the like. */
const hardSigmoid = activationRule("recognize-hard-sigmoid", ["Mul", "Div", "Clip", "Min", "Max"], (node, context) => {
  const product = productOf(node, context);
  const [clamped, more] = product === null ? node.outputs : product.factors;
  if (!clamped || more !== undefined) return null;
  const found = hardSigmoidOf(clamped, product?.scale ?? 1, context);
  return found === null ? null : { x: found.x, build: oneOp(node, "HardSigmoid", found.x, { alpha: found.alpha, beta: 0.5 }) };
});
/** x clip(x + 3, 0, 6) / 6, or x times that HardSigmoid of x. */
const hardSwish = activationRule<Products>("recognize-hard-swish", ["Mul", "Div"], (node, context) => {
  const product: Product | null = productOf(node, context);
  if (product === null) return null;
  const gateOf = (factor: Value): Value | null => {
    const line = hardSigmoidOf(factor, product.scale, context);
    if (line !== null) return isClose(line.alpha, 1 / 6) ? line.x : null;
    const gate = product.scale === 1 ? madeBy(factor, "HardSigmoid") : null;
    return gate !== null && isClose(gate.attributes.alpha, 1 / 6) && gate.attributes.beta === 0.5 ? inputAt(gate, 0) : null;
  };
  const factors = factorsBy(product, (factor) => gateOf(factor) !== null);
  if (factors === null || gateOf(factors[1]) !== factors[0]) return null;
  return { x: factors[0], build: oneOp(node, "HardSwish", factors[0]) };
});

/** Activations in parts. */
export const activations: readonly Recognition[] = [
  { rule: gelu, since: 1 },
  { rule: hardSwish, since: 1 },
  { rule: hardSigmoid, since: 1 },
  { rule: sigmoid, since: 1 },
  { rule: softplus, since: 1 },
  { rule: mish, since: 18 },
  { rule: swish, since: 24 },
];
