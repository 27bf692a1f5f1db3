/** Arithmetic. */
import type { GraphBuilder } from "../builder.ts";
import type { Dim } from "../dim.ts";
import { isFloat } from "../dtype.ts";
import { type Formulas, formulas, sumToShapeOf } from "../formulas.ts";
import type { Node, TensorType, Value } from "../graph.ts";
import { type Call, type OpFamily, RuleFault } from "../op-schema.ts";
import { unaryArithmeticOps } from "./arithmetic-unary.ts";
import { evaluateBinary, evaluateBroadcast, inferBroadcast } from "./broadcast.ts";
import { inputAt } from "./call-inputs.ts";
import { addElements, divElements, fmodElements, modElements, mulElements, powElements, subElements } from "./element-arithmetic.ts";
import { binary, binaryGrad, firstOutput, onePerOutput } from "./elementwise.ts";
import { extremaOps } from "./extrema.ts";

/** The records of arithmetic of two inputs. */
const binaryArithmeticOps: OpFamily<"Add" | "Sub" | "Mul" | "Div" | "Pow" | "Mod"> = {
  Add: binary({
    evaluate: evaluateBinary(addElements),
    grad: binaryGrad(
      (_, { dy }) => dy,
      (_, { dy }) => dy,
    ),
    docs: { summary: "Adds two tensors.", formula: "y = a + b", source: "ONNX Add-14" },
  }),
  Sub: binary({
    evaluate: evaluateBinary(subElements),
    grad: binaryGrad(
      (_, { dy }) => dy,
      (_, { dy }) => dy,
      (f, sum) => f.neg(sum),
    ),
    docs: { summary: "Subtracts one tensor from another.", formula: "y = a - b", source: "ONNX Sub-14" },
  }),
  Mul: binary({
    evaluate: evaluateBinary(mulElements),
    grad: binaryGrad(
      (f, { b, dy }) => f.mul(dy, b),
      (f, { a, dy }) => f.mul(dy, a),
    ),
    docs: { summary: "Multiplies two tensors, element by element.", formula: "y = a b", source: "ONNX Mul-14" },
  }),
  Div: binary({
    evaluate: evaluateBinary(divElements),
    // d(a / b) = da / b - (a / b) db / b
    grad: binaryGrad(
      (f, { b, dy }) => f.div(dy, b),
      (f, { y, dy }) => f.mul(dy, y),
      (f, sum, b) => f.neg(f.div(sum, b)),
    ),
    docs: { summary: "Divides one tensor by another; integers are truncated toward zero.", formula: "y = a / b", source: "ONNX Div-14" },
  }),
  Pow: binary({
    evaluate: evaluateBinary(powElements),
    grad: powGrad,
    docs: { summary: "Raises one tensor to the power of another.", formula: "y = a^b", source: "ONNX Pow-15" },
  }),
  Mod: {
    infer: inferMod,
    evaluate: (call) =>
      evaluateBroadcast(([a, b]) =>
        a === undefined || b === undefined ? null : (call.attributes.fmod === 1 ? fmodElements : modElements)(a, b),
      )(call),
    // Only fmod takes floats: y = a - q b, where the truncated quotient q is constant but for its jumps.
    grad: binaryGrad(
      (_, { dy }) => dy,
      (f, { a, b, y, dy }) => f.neg(f.mul(dy, f.div(f.sub(a, y), b))),
    ),
    lower: "onnx",
    upgrade: "none",
    flops: onePerOutput,
    receptiveField: "pointwise",
    docs: {
      summary: "Takes the remainder, with the divisor's sign, or the dividend's when fmod is 1.",
      formula: "y = a - b floor(a / b)",
      source: "ONNX Mod-13",
    },
  },
};
/** The records of arithmetic. */
export const arithmeticOps: typeof binaryArithmeticOps & typeof unaryArithmeticOps & typeof extremaOps = {
  ...binaryArithmeticOps,
  ...unaryArithmeticOps,
  ...extremaOps,
};

/** By the base: b a^(b - 1), zero where b = 0. By the exponent: y ln a, zero where a = 0 and b >= 0. As in PyTorch. */
function powGrad(b: GraphBuilder, node: Node, [dy]: readonly (Value | null)[], wanted: readonly boolean[]): readonly (Value | null)[] {
  if (dy === null || dy === undefined) return [null, null];
  const [f, y, base, given] = [formulas(b), firstOutput(node), inputAt(node, 0), inputAt(node, 1)];
  const exponent = f.cast(given, base.type.dtype);
  const dBase =
    wanted[0] === true ? powBaseGrad(f, base, exponent, given.elements?.length === 1 ? given.elements[0] : undefined, dy) : null;
  const atZero = (): Value => b.add("And", [f.equal(base, 0), b.add("GreaterOrEqual", [exponent, b.constant(base.type.dtype, 0)])]);
  const dExponent =
    wanted[1] === true && isFloat(given.type.dtype)
      ? f.cast(f.where(atZero(), 0, f.mul(dy, f.mul(y, f.log(base)))), given.type.dtype)
      : null;
  return [dBase === null ? null : sumToShapeOf(b, dBase, base), dExponent === null ? null : sumToShapeOf(b, dExponent, given)];
}
function powBaseGrad(f: Formulas, base: Value, exponent: Value, known: Dim | undefined, dy: Value): Value | null {
  if (known === 0) return null;
  if (known === 1) return dy;
  if (known === 2) return f.mul(dy, f.mul(base, 2));
  const slope = f.mul(exponent, f.pow(base, f.sub(exponent, 1)));
  return f.mul(dy, known === undefined ? f.where(f.equal(exponent, 0), 0, slope) : slope);
}

function inferMod(call: Call<"Mod">): readonly TensorType[] {
  const { dtype } = inputAt(call, 0).type;
  if (isFloat(dtype) && call.attributes.fmod !== 1) throw new RuleFault("mod-float", `the remainder of ${dtype} needs fmod = 1`);
  return inferBroadcast()(call);
}
