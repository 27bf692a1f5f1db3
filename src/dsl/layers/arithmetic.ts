/** Elementwise arithmetic; the second operand is a tensor, which broadcasts, or a number. */
import { type DType, dtypes, isDType } from "../../ir/dtype.ts";
import type { Value } from "../../ir/graph.ts";
import type { After, Once } from "../layer.ts";
import { type Broadcast, broadcastFault } from "../shape-rules/broadcast.ts";
import { type DTypeFault, dtypeFault } from "../shape-rules/dtype.ts";
import type { AnyTensor, Checked, Tensor, TensorOf, TypedTensor } from "../tensor.ts";
import { add as addNode, type Call, check, enter, operand, result } from "../trace.ts";
import { optionsFault, settings } from "./options.ts";

type BinaryOp = "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Max" | "Min";
type UnaryOp = "Neg" | "Abs" | "Sqrt" | "Exp" | "Log" | "Reciprocal";

function binary(call: Call, opType: BinaryOp, a: unknown, b: unknown): Value {
  const p = operand(call, a, "the first operand");
  if (typeof b === "number") return addNode(call, opType, [p, call.builder.constant(p.type.dtype, b)]);
  const q = operand(call, b, "the second operand");
  check(call, [p, q], dtypeFault([p.type.dtype, q.type.dtype]), broadcastFault(p.type.shape, q.type.shape));
  return addNode(call, opType, [p, q]);
}
function unary<S>(
  label: string,
  publicFunction: (...args: never) => unknown,
  given: ArrayLike<unknown>,
  opType: UnaryOp,
  x: Tensor<S>,
): Tensor<S> {
  const call = enter(label, publicFunction, given);
  return result(call, addNode(call, opType, [operand(call, x)]));
}

/** a + b. */
export function add<A, B, D extends DType = "float32", Z = After<A, [Broadcast<"add", B>]>, Y = Z>(
  a: Tensor<A>,
  b: Checked<TypedTensor<B, D> | number, DTypeFault<"add", D, Z>>,
): Tensor<Once<Z, Y>> {
  const call = enter("add", add, arguments);
  return result(call, binary(call, "Add", a, b));
}
/** a - b. */
export function sub<A, B, D extends DType = "float32", Z = After<A, [Broadcast<"sub", B>]>, Y = Z>(
  a: Tensor<A>,
  b: Checked<TypedTensor<B, D> | number, DTypeFault<"sub", D, Z>>,
): Tensor<Once<Z, Y>> {
  const call = enter("sub", sub, arguments);
  return result(call, binary(call, "Sub", a, b));
}
/** a * b. */
export function mul<A, B, D extends DType = "float32", Z = After<A, [Broadcast<"mul", B>]>, Y = Z>(
  a: Tensor<A>,
  b: Checked<TypedTensor<B, D> | number, DTypeFault<"mul", D, Z>>,
): Tensor<Once<Z, Y>> {
  const call = enter("mul", mul, arguments);
  return result(call, binary(call, "Mul", a, b));
}
/** a / b. */
export function div<A, B, D extends DType = "float32", Z = After<A, [Broadcast<"div", B>]>, Y = Z>(
  a: Tensor<A>,
  b: Checked<TypedTensor<B, D> | number, DTypeFault<"div", D, Z>>,
): Tensor<Once<Z, Y>> {
  const call = enter("div", div, arguments);
  return result(call, binary(call, "Div", a, b));
}
/** a to the power of b. */
export function pow<A, B, D extends DType = "float32", Z = After<A, [Broadcast<"pow", B>]>, Y = Z>(
  a: Tensor<A>,
  b: Checked<TypedTensor<B, D> | number, DTypeFault<"pow", D, Z>>,
): Tensor<Once<Z, Y>> {
  const call = enter("pow", pow, arguments);
  return result(call, binary(call, "Pow", a, b));
}
/** The greater of a and b. */
export function maximum<A, B, D extends DType = "float32", Z = After<A, [Broadcast<"maximum", B>]>, Y = Z>(
  a: Tensor<A>,
  b: Checked<TypedTensor<B, D> | number, DTypeFault<"maximum", D, Z>>,
): Tensor<Once<Z, Y>> {
  const call = enter("maximum", maximum, arguments);
  return result(call, binary(call, "Max", a, b));
}
/** The smaller of a and b. */
export function minimum<A, B, D extends DType = "float32", Z = After<A, [Broadcast<"minimum", B>]>, Y = Z>(
  a: Tensor<A>,
  b: Checked<TypedTensor<B, D> | number, DTypeFault<"minimum", D, Z>>,
): Tensor<Once<Z, Y>> {
  const call = enter("minimum", minimum, arguments);
  return result(call, binary(call, "Min", a, b));
}
/** -x. */
export function neg<S>(x: Tensor<S>): Tensor<S> {
  return unary("neg", neg, arguments, "Neg", x);
}
/** |x|. */
export function abs<S>(x: Tensor<S>): Tensor<S> {
  return unary("abs", abs, arguments, "Abs", x);
}
/** The square root. */
export function sqrt<S>(x: Tensor<S>): Tensor<S> {
  return unary("sqrt", sqrt, arguments, "Sqrt", x);
}
/** e^x. */
export function exp<S>(x: Tensor<S>): Tensor<S> {
  return unary("exp", exp, arguments, "Exp", x);
}
/** The natural logarithm. */
export function log<S>(x: Tensor<S>): Tensor<S> {
  return unary("log", log, arguments, "Log", x);
}
/** 1 / x. */
export function reciprocal<S>(x: Tensor<S>): Tensor<S> {
  return unary("reciprocal", reciprocal, arguments, "Reciprocal", x);
}
/** x between min and max. */
export function clamp<S>(x: Tensor<S>, options: { min?: number; max?: number }): Tensor<S> {
  const call = enter("clamp", clamp, arguments);
  const value = operand(call, x);
  const o = settings<{ min: number | undefined; max: number | undefined }>(options, { min: undefined, max: undefined });
  const { min, max } = o;
  const bound = (limit: number | undefined): Value | null => (limit === undefined ? null : call.builder.constant("float32", limit));
  const empty = min === undefined && max === undefined;
  check(call, [value], optionsFault(options, o));
  check(call, [value], empty ? { code: "option-missing", text: "neither min nor max is given" } : null);
  return result(call, addNode(call, "Clip", [value, bound(min), bound(max)]));
}

/** x with another element type. */
export function cast<X extends AnyTensor, D extends DType>(x: X, dtype: D): TensorOf<X["shape"], D> {
  const call = enter("cast", cast, arguments);
  const value = operand(call, x);
  check(call, [value], isDType(dtype) ? null : { code: "dtype", text: `${JSON.stringify(dtype)} is not an element type` });
  const y = value.type.dtype === dtype ? value : addNode(call, "Cast", [value], { to: dtypes[dtype].onnx });
  return typedTensor(result(call, y));
}
/** Sound because `result` reads the element type from the value, which the Cast has just been given. */
const typedTensor = <S, D extends DType>(x: AnyTensor): TensorOf<S, D> => x as TensorOf<S, D>;
