/** Activation functions. */
import type { GraphBuilder } from "../builder.ts";
import { mulDims } from "../dim.ts";
import { type Formulas, formulas, sumToShapeOf } from "../formulas.ts";
import type { Node, TensorType, Value } from "../graph.ts";
import { type Call, type OpFamily, type OpSchema, RuleFault, type Target, type UpgradeRule } from "../op-schema.ts";
import type { OpAttributes } from "../op-types.ts";
import { elementCount } from "../shape.ts";
import { broadcastsTo, evaluateUnary, inferLike } from "./broadcast.ts";
import { inputAt } from "./call-inputs.ts";
import { maxElements, numericElement } from "./element-arithmetic.ts";
import { firstOutput, type UnaryDerivative, unary } from "./elementwise.ts";
import { renewed } from "./old-forms.ts";

type Pointwise = "Relu" | "LeakyRelu" | "PRelu" | "Elu" | "Sigmoid" | "HardSigmoid" | "HardSwish" | "Tanh" | "Softplus" | "Gelu" | "Erf";
const sigmoid = (a: number): number => 1 / (1 + Math.exp(-a));

/** The records of activation functions. */
export const activationOps: OpFamily<Pointwise> = {
  Relu: unary({
    evaluate: evaluateUnary((a) => maxElements(a, 0)),
    derivative: (f, { y, dy }) => f.where(f.greater(y, 0), dy, 0),
    docs: { summary: "Sets what is negative to zero.", formula: "y = max(x, 0)", source: "ONNX Relu-14" },
  }),
  LeakyRelu: unary({
    evaluate: "none",
    derivative: (f, { x, dy, attributes }) => f.where(f.greater(x, 0), dy, f.mul(dy, attributes.alpha)),
    docs: { summary: "Scales what is negative by alpha.", formula: "y = x < 0 ? alpha x : x", source: "ONNX LeakyRelu-16" },
  }),
  PRelu: {
    infer: inferPRelu,
    evaluate: "none",
    grad: preluGrad,
    lower: "onnx",
    upgrade: alignOldSlope,
    flops: operations(2),
    receptiveField: "pointwise",
    docs: { summary: "Scales what is negative by a learned slope.", formula: "y = x < 0 ? slope x : x", source: "ONNX PRelu-16" },
  },
  Elu: unary({
    evaluate: "none",
    // Where x <= 0, y = alpha (e^x - 1), so that dy/dx = alpha e^x = y + alpha.
    derivative: (f, { x, y, dy, attributes }) => f.where(f.greater(x, 0), dy, f.mul(dy, f.add(y, attributes.alpha))),
    docs: { summary: "Lets what is negative saturate at -alpha.", formula: "y = x < 0 ? alpha (e^x - 1) : x", source: "ONNX Elu-22" },
  }),
  Sigmoid: unary({
    evaluate: evaluateUnary(numericElement(sigmoid)),
    derivative: (f, { y, dy }) => f.mul(dy, f.mul(y, f.sub(1, y))),
    docs: { summary: "Maps to between 0 and 1.", formula: "y = 1 / (1 + e^-x)", source: "ONNX Sigmoid-13" },
  }),
  HardSigmoid: unary({
    evaluate: "none",
    derivative: (f, { y, dy, attributes, b }) => f.where(b.add("And", [f.greater(y, 0), f.less(y, 1)]), f.mul(dy, attributes.alpha), 0),
    docs: {
      summary: "Approximates the sigmoid by a line between 0 and 1.",
      formula: "y = max(0, min(1, alpha x + beta))",
      source: "ONNX HardSigmoid-22",
    },
  }),
  HardSwish: {
    ...unary<"HardSwish">({
      evaluate: "none",
      derivative: hardSwishDerivative,
      docs: { summary: "Approximates x sigmoid(x).", formula: "y = x max(0, min(1, x / 6 + 1 / 2))", source: "ONNX HardSwish-22" },
    }),
    lower: lowerHardSwish,
  },
  Tanh: unary({
    evaluate: evaluateUnary(numericElement(Math.tanh)),
    derivative: (f, { y, dy }) => f.mul(dy, f.sub(1, f.square(y))),
    docs: { summary: "Takes the hyperbolic tangent.", formula: "y = tanh(x)", source: "ONNX Tanh-13" },
  }),
  Softplus: unary({
    evaluate: "none",
    derivative: (f, { x, dy, b }) => f.mul(dy, b.add("Sigmoid", [x])),
    docs: { summary: "Smooths max(x, 0).", formula: "y = ln(1 + e^x)", source: "ONNX Softplus-22" },
  }),
  Gelu: {
    ...unary<"Gelu">({
      evaluate: "none",
      derivative: geluDerivative,
      docs: {
        summary: "Multiplies by the normal distribution's cumulative, exactly or by a tanh.",
        formula: "y = x (1 + erf(x / sqrt(2))) / 2",
        source: "ONNX Gelu-20",
      },
    }),
    lower: lowerGelu,
  },
  Erf: unary({
    evaluate: "none",
    // 2 / sqrt(pi) e^(-x^2)
    derivative: (f, { x, dy }) => f.mul(dy, f.mul(f.exp(f.neg(f.square(x))), 2 / Math.sqrt(Math.PI))),
    docs: { summary: "Takes the error function.", formula: "y = 2 / sqrt(pi) integral of e^(-t^2) from 0 to x", source: "ONNX Erf-13" },
  }),
};

function operations(each: number): OpSchema<"PRelu">["flops"] {
  return (node) => ({ macs: 0, other: mulDims(each, elementCount(firstOutput(node).type.shape)) });
}

/** The slope broadcasts to x, and x does not to the slope. */
function inferPRelu(call: Call<"PRelu">): readonly TensorType[] {
  const [x, slope] = [inputAt(call, 0).type, inputAt(call, 1).type];
  if (!broadcastsTo(slope.shape, x.shape))
    throw new RuleFault(
      "broadcast-mismatch",
      "the slope does not broadcast to the input",
      "a slope for each channel of [N, C, H, W] has shape [C, 1, 1]",
    );
  return inferLike()(call);
}
function preluGrad(
  b: GraphBuilder,
  node: Node<"PRelu">,
  [dy]: readonly (Value | null)[],
  wanted: readonly boolean[],
): readonly (Value | null)[] {
  if (dy === null || dy === undefined) return [null, null];
  const [f, x, slope] = [formulas(b), inputAt(node, 0), inputAt(node, 1)];
  const positive = f.greater(x, 0);
  return [
    wanted[0] === true ? f.where(positive, dy, f.mul(dy, slope)) : null,
    wanted[1] === true ? sumToShapeOf(b, f.where(positive, 0, f.mul(dy, x)), slope) : null,
  ];
}
/** Before opset 7 a slope of rank 1 belonged to axis 1. */
function alignOldSlope(b: GraphBuilder, old: Parameters<UpgradeRule>[1]): ReturnType<UpgradeRule> {
  if (old.opset >= 7) return "keep";
  const [x, slope] = [inputAt(old, 0), inputAt(old, 1)];
  const behind = Array.from({ length: Math.max(0, x.type.shape.length - 2) }, (_, i) => i + 1);
  const spread = slope.type.shape.length === 1 && slope.type.shape[0] !== 1 && behind.length > 0;
  return renewed(b, old, [x, spread ? b.add("Unsqueeze", [slope, b.constant("int64", behind)]) : slope], []);
}

/** 0 below -3, x / 3 + 1/2 up to 3, 1 above. */
function hardSwishDerivative(...[f, { x, dy }]: Parameters<UnaryDerivative<"HardSwish">>): Value {
  const inner = f.where(f.greater(x, 3), 1, f.add(f.mul(x, 1 / 3), 0.5));
  return f.mul(dy, f.where(f.less(x, -3), 0, inner));
}
function lowerHardSwish(b: GraphBuilder, node: Node<"HardSwish">, target: Target): readonly Value[] | "keep" {
  if (target.opset >= 14) return "keep";
  const x = inputAt(node, 0);
  return [formulas(b).mul(x, b.add("HardSigmoid", [x], { alpha: 1 / 6, beta: 0.5 }))];
}

/** The tanh form: y = x (1 + tanh(u)) / 2, u = sqrt(2 / pi) (x + c x^3) = x (a + a c x^2) with a = sqrt(2 / pi). */
const geluCubic = 0.044715;
const geluScale = Math.sqrt(2 / Math.PI);
const isTanh = (attributes: OpAttributes["Gelu"]): boolean => attributes.approximate === "tanh";
const geluTanh = (b: GraphBuilder, f: Formulas, x: Value): Value =>
  b.add("Tanh", [f.mul(x, f.add(f.mul(f.square(x), geluScale * geluCubic), geluScale))]);
/** The normal distribution's cumulative, (1 + erf(x / sqrt(2))) / 2. */
const normalCumulative = (b: GraphBuilder, f: Formulas, x: Value): Value => f.mul(f.add(b.add("Erf", [f.mul(x, Math.SQRT1_2)]), 1), 0.5);

function geluDerivative(...[f, { x, dy, attributes, b }]: Parameters<UnaryDerivative<"Gelu">>): Value {
  if (isTanh(attributes)) {
    // (1 + t) / 2 + x (1 - t^2) u' / 2, u' = sqrt(2 / pi) (1 + 3 c x^2)
    const t = geluTanh(b, f, x);
    const du = f.mul(f.add(f.mul(f.square(x), 3 * geluCubic), 1), geluScale);
    return f.mul(dy, f.mul(f.add(f.add(t, 1), f.mul(f.mul(x, f.sub(1, f.square(t))), du)), 0.5));
  }
  // Phi(x) + x phi(x), phi(x) = e^(-x^2 / 2) / sqrt(2 pi)
  const density = f.mul(f.exp(f.mul(f.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return f.mul(dy, f.add(normalCumulative(b, f, x), f.mul(x, density)));
}
function lowerGelu(b: GraphBuilder, node: Node<"Gelu">, target: Target): readonly Value[] | "keep" {
  if (target.opset >= 20) return "keep";
  const [f, x] = [formulas(b), inputAt(node, 0)];
  return [f.mul(x, isTanh(node.attributes) ? f.mul(f.add(geluTanh(b, f, x), 1), 0.5) : normalCumulative(b, f, x))];
}
