/** Arithmetic on values that reads as a formula: rules of ops, losses and optimizers are written with it. */

import type { GraphBuilder } from "./builder.ts";
import { type Dim, isUnknown } from "./dim.ts";
import { type DType, dtypes } from "./dtype.ts";
import type { Value } from "./graph.ts";
import { RuleFault } from "./op-schema.ts";
import type { OpType } from "./op-types.ts";
import { printShape, type Shape } from "./shape.ts";

/** A value, or a number that becomes a constant of the other operand's type. */
export type Operand = Value | number;
/** The operations of `formulas`. */
export interface Formulas {
  add(a: Operand, b: Operand): Value;
  sub(a: Operand, b: Operand): Value;
  mul(a: Operand, b: Operand): Value;
  div(a: Operand, b: Operand): Value;
  pow(a: Operand, b: Operand): Value;
  max(a: Operand, b: Operand): Value;
  min(a: Operand, b: Operand): Value;
  equal(a: Operand, b: Operand): Value;
  less(a: Operand, b: Operand): Value;
  greater(a: Operand, b: Operand): Value;
  /** condition ? a : b; one of a and b may be a number. */
  where(condition: Value, a: Operand, b: Operand): Value;
  neg(x: Value): Value;
  exp(x: Value): Value;
  log(x: Value): Value;
  sqrt(x: Value): Value;
  abs(x: Value): Value;
  sign(x: Value): Value;
  square(x: Value): Value;
  not(x: Value): Value;
  /** The sum of any number of values of one shape. */
  total(values: readonly Value[]): Value;
  /** Over the given axes, or all when absent. */
  reduceSum(x: Value, axes?: readonly number[], keepdims?: boolean): Value;
  reduceMean(x: Value, axes?: readonly number[], keepdims?: boolean): Value;
  cast(x: Value, to: DType): Value;
  matmul(a: Value, b: Value): Value;
  transpose(x: Value, perm: readonly number[]): Value;
  /** To a shape of numbers and symbols that x's own axes carry; -1 is allowed once. */
  reshape(x: Value, shape: Value | readonly number[]): Value;
}

/** The operations over one builder. */
export function formulas(b: GraphBuilder): Formulas {
  const lifted = (a: Operand, like: Operand): Value =>
    typeof a === "number" ? b.constant(typeof like === "number" ? "float32" : like.type.dtype, a) : a;
  const binary =
    (op: BinaryOp) =>
    (x: Operand, y: Operand): Value =>
      b.add(op, [lifted(x, y), lifted(y, x)]);
  const unary =
    (op: UnaryOp) =>
    (x: Value): Value =>
      b.add(op, [x]);
  const reduce =
    (op: "ReduceSum" | "ReduceMean") =>
    (x: Value, axes?: readonly number[], keepdims = false): Value =>
      b.add(op, axes === undefined ? [x] : [x, b.constant("int64", axes)], { keepdims: keepdims ? 1 : 0 });
  return {
    add: binary("Add"),
    sub: binary("Sub"),
    mul: binary("Mul"),
    div: binary("Div"),
    pow: binary("Pow"),
    max: binary("Max"),
    min: binary("Min"),
    equal: binary("Equal"),
    less: binary("Less"),
    greater: binary("Greater"),
    where: (condition, x, y) => b.add("Where", [condition, lifted(x, y), lifted(y, x)]),
    neg: unary("Neg"),
    exp: unary("Exp"),
    log: unary("Log"),
    sqrt: unary("Sqrt"),
    abs: unary("Abs"),
    sign: unary("Sign"),
    not: unary("Not"),
    square: (x) => b.add("Mul", [x, x]),
    total: (values) => (values.length === 1 && values[0] !== undefined ? values[0] : b.add("Sum", values)),
    reduceSum: reduce("ReduceSum"),
    reduceMean: reduce("ReduceMean"),
    cast: (x, to) => (x.type.dtype === to ? x : b.add("Cast", [x], { to: dtypes[to].onnx })),
    matmul: (x, y) => b.add("MatMul", [x, y]),
    transpose: (x, perm) => b.add("Transpose", [x], { perm }),
    reshape: (x, shape) => b.add("Reshape", [x, Array.isArray(shape) ? b.constant("int64", shape as readonly number[]) : (shape as Value)]),
  };
}
type BinaryOp = Extract<OpType, "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Max" | "Min" | "Equal" | "Less" | "Greater">;
type UnaryOp = Extract<OpType, "Neg" | "Exp" | "Log" | "Sqrt" | "Abs" | "Sign" | "Not">;

/** The shape of x as an int64 vector: a constant where all sizes are numbers, a Shape node otherwise. */
export function shapeValue(b: GraphBuilder, x: Value): Value {
  const { shape } = x.type;
  return shape.every((d) => typeof d === "number") ? b.constant("int64", shape) : b.add("Shape", [x]);
}

/** dy summed over the axes along which x was broadcast, so that it has x's shape: the gradient of broadcasting. */
export function sumToShapeOf(b: GraphBuilder, dy: Value, x: Value): Value {
  const [from, to] = [dy.type.shape, x.type.shape];
  const lead = from.length - to.length;
  const axes = from.flatMap((d, i) => (i < lead || isBroadcast(d, to[i - lead], from, to) ? [i] : []));
  const summed = axes.length === 0 ? dy : formulas(b).reduceSum(dy, axes, lead === 0);
  return lead > 0 && summed.type.shape.length !== to.length ? formulas(b).reshape(summed, shapeValue(b, x)) : summed;
}
function isBroadcast(from: Dim, to: Dim | undefined, whole: Shape, target: Shape): boolean {
  if (from === to || to === undefined) return false;
  if (to === 1) return true;
  // A symbol that meets a number or an unknown size was equal to it, or the forward pass would have failed, unless it was 1.
  if (typeof to === "number" || (typeof from === "number" && !isUnknown(to))) return false;
  throw new RuleFault(
    "unknown-broadcast",
    `whether ${printShape(target)} was broadcast to ${printShape(whole)} depends on sizes that are not known`,
    "give the sizes as numbers",
  );
}
