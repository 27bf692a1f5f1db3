/** Constants that are added or multiplied one after the other, and signs among them, as one constant. */
import { type DType, isFloat } from "../../ir/dtype.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { mapPositions, stridesOf } from "../../ir/ops/index-map.ts";
import { numbersOf, type TensorData, tensorFrom } from "../../ir/tensor-data.ts";
import { isOneOf, type RewriteContext, type RewriteOutcome, type RewriteRule, rewriteRule, skip } from "../rewrite.ts";
import { isSoleReader } from "../sole-use.ts";

/** x + c or c - x, or c x: what a node does to a value with a constant. */
interface Step {
  readonly x: Value;
  readonly kind: "sum" | "product";
  /** Whether x is added or taken off; 1 for a product. */
  readonly sign: 1 | -1;
  readonly constant: TensorData;
  /** The name of the constant. */
  readonly name: string;
}

/** (x c) d = x (c d), (x + c) + d = x + (c + d), and the same with differences and Neg: where the constants together are no larger. */
export const joinConstants: RewriteRule = rewriteRule("join-constants", ["Mul", "Add", "Sub", "Neg"], (node, context): RewriteOutcome => {
  const [y] = node.outputs;
  if (!y || !isFloat(y.type.dtype)) return "keep";
  for (const outer of stepsOf(node, context)) {
    const inner = outer.x.producer === null ? [] : stepsOf(outer.x.producer, context);
    const step = inner.find(({ kind }) => kind === outer.kind);
    if (step === undefined || !isSoleReader(context, outer.x, node)) continue;
    const joined = combined(step.constant, outer.constant, (c, d) =>
      outer.kind === "product" ? product(c, d, y.type.dtype) : outer.sign * c + d,
    );
    if (joined === null) continue;
    if (numbersOf(joined)?.some((v) => !Number.isFinite(v)) !== false) return skip("the constants together are out of range");
    const isTakenOff = step.sign * outer.sign < 0;
    const opType = outer.kind === "product" ? "Mul" : isTakenOff ? "Sub" : "Add";
    return (b) => {
      const constant = b.tensor(`${outer.name}.joined`, joined);
      const inputs = isTakenOff ? [constant, context.value(step.x)] : [context.value(step.x), constant];
      return [b.add(opType, inputs, {}, { name: node.name })];
    };
  }
  return "keep";
});

/** The ways to see a node as a step: a Neg is a difference and a product. */
function stepsOf(node: Node, context: RewriteContext): readonly Step[] {
  const [a, c] = node.inputs;
  if (!a) return [];
  if (isOneOf(node, ["Neg"])) {
    const { dtype } = a.type;
    const of = { x: a, name: node.name } as const;
    return [
      { ...of, kind: "product", sign: 1, constant: scalar(dtype, -1) },
      { ...of, kind: "sum", sign: -1, constant: scalar(dtype, 0) },
    ];
  }
  if (!c || !isOneOf(node, ["Mul", "Add", "Sub"])) return [];
  const [first, second] = [context.contents(a), context.contents(c)];
  const kind = node.opType === "Mul" ? "product" : "sum";
  if (second !== null) {
    const constant = node.opType === "Sub" ? combined(second, scalar(second.dtype, -1), (v, sign) => v * sign) : second;
    return constant === null ? [] : [{ x: a, kind, sign: 1, constant, name: c.name }];
  }
  return first === null ? [] : [{ x: c, kind, sign: node.opType === "Sub" ? -1 : 1, constant: first, name: a.name }];
}
const scalar = (dtype: DType, value: number): TensorData => tensorFrom(dtype, [], [value]);

/** The product of two constants; NaN where it loses digits, or all of them, for being too small. */
function product(c: number, d: number, dtype: DType): number {
  const value = c * d;
  return value !== 0 && Math.abs(value) < (leastNormal[dtype] ?? 0) ? Number.NaN : value;
}
const leastNormal: Readonly<Partial<Record<DType, number>>> = {
  float16: 2 ** -14,
  bfloat16: 2 ** -126,
  float32: 2 ** -126,
  float64: 2 ** -1022,
};

/** A function of two constants, broadcast; null where the result is larger than both. */
function combined(a: TensorData, b: TensorData, f: (a: number, b: number) => number): TensorData | null {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  const rank = Math.max(a.shape.length, b.shape.length);
  const [from, to] = [a, b].map(({ shape }) => [...Array.from({ length: rank - shape.length }, () => 1), ...shape]);
  if (left === null || right === null || from === undefined || to === undefined) return null;
  const shape = from.map((d, axis) => (d === 1 ? (to[axis] ?? 1) : d));
  if (shape.reduce((n, d) => n * d, 1) > Math.max(left.length, right.length)) return null;
  const places = [from, to].map((sizes) => {
    const strides = stridesOf(sizes).map((stride, axis) => (sizes[axis] === 1 ? 0 : stride));
    return mapPositions(shape, (position) => position.reduce((sum, p, axis) => sum + p * (strides[axis] ?? 0), 0));
  });
  const values = (places[0] ?? []).map((place, i) => f(left[place] ?? 0, right[places[1]?.[i] ?? 0] ?? 0));
  return tensorFrom(a.dtype, shape, values);
}
