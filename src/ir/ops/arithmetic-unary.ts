/** Arithmetic of one input. */
import type { OpFamily } from "../op-schema.ts";
import { evaluateUnary } from "./broadcast.ts";
import { absElement, negElement, numericElement, roundHalfEven, signElement, wholeElement } from "./element-arithmetic.ts";
import { unary } from "./elementwise.ts";

/** The records of arithmetic of one input. */
export const unaryArithmeticOps: OpFamily<
  "Neg" | "Abs" | "Sign" | "Sqrt" | "Exp" | "Log" | "Reciprocal" | "Sin" | "Cos" | "Floor" | "Ceil" | "Round"
> = {
  Neg: unary({
    evaluate: evaluateUnary(negElement),
    derivative: (f, { dy }) => f.neg(dy),
    docs: { summary: "Changes the sign.", formula: "y = -x", source: "ONNX Neg-13" },
  }),
  Abs: unary({
    evaluate: evaluateUnary(absElement),
    // sign(0) = 0 is the middle of the subgradients, as in PyTorch.
    derivative: (f, { x, dy }) => f.mul(dy, f.sign(x)),
    docs: { summary: "Takes the absolute value.", formula: "y = |x|", source: "ONNX Abs-13" },
  }),
  Sign: unary({
    evaluate: evaluateUnary(signElement),
    derivative: () => null,
    docs: { summary: "Gives -1, 0 or 1.", formula: "y = (x > 0) - (x < 0)", source: "ONNX Sign-13" },
  }),
  Sqrt: unary({
    evaluate: evaluateUnary(numericElement(Math.sqrt)),
    derivative: (f, { y, dy }) => f.div(dy, f.mul(y, 2)),
    docs: { summary: "Takes the square root.", formula: "y = sqrt(x)", source: "ONNX Sqrt-13" },
  }),
  Exp: unary({
    evaluate: evaluateUnary(numericElement(Math.exp)),
    derivative: (f, { y, dy }) => f.mul(dy, y),
    docs: { summary: "Takes the exponential.", formula: "y = e^x", source: "ONNX Exp-13" },
  }),
  Log: unary({
    evaluate: evaluateUnary(numericElement(Math.log)),
    derivative: (f, { x, dy }) => f.div(dy, x),
    docs: { summary: "Takes the natural logarithm.", formula: "y = ln(x)", source: "ONNX Log-13" },
  }),
  Reciprocal: unary({
    evaluate: evaluateUnary(numericElement((a) => 1 / a)),
    derivative: (f, { y, dy }) => f.neg(f.mul(dy, f.square(y))),
    docs: { summary: "Takes the reciprocal.", formula: "y = 1 / x", source: "ONNX Reciprocal-13" },
  }),
  Sin: unary({
    evaluate: evaluateUnary(numericElement(Math.sin)),
    derivative: (f, { x, dy, b }) => f.mul(dy, b.add("Cos", [x])),
    docs: { summary: "Takes the sine of radians.", formula: "y = sin(x)", source: "ONNX Sin-22" },
  }),
  Cos: unary({
    evaluate: evaluateUnary(numericElement(Math.cos)),
    derivative: (f, { x, dy, b }) => f.neg(f.mul(dy, b.add("Sin", [x]))),
    docs: { summary: "Takes the cosine of radians.", formula: "y = cos(x)", source: "ONNX Cos-22" },
  }),
  Floor: unary({
    evaluate: evaluateUnary(wholeElement(Math.floor)),
    derivative: () => null,
    docs: { summary: "Rounds down.", formula: "y = floor(x)", source: "ONNX Floor-13" },
  }),
  Ceil: unary({
    evaluate: evaluateUnary(wholeElement(Math.ceil)),
    derivative: () => null,
    docs: { summary: "Rounds up.", formula: "y = ceil(x)", source: "ONNX Ceil-13" },
  }),
  Round: unary({
    evaluate: evaluateUnary(wholeElement(roundHalfEven)),
    derivative: () => null,
    docs: { summary: "Rounds to the nearest integer, halves to the even one.", formula: "y = round(x)", source: "ONNX Round-22" },
  }),
};
