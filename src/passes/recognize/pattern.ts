/** What the patterns of decomposed ops are made of. */
import type { Node, Value } from "../../ir/graph.ts";
import type { OpType } from "../../ir/op-types.ts";
import { inputAt } from "../../ir/ops/call-inputs.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { isClose, numberOf, type Product, productOf } from "../arithmetic/match-product.ts";
import { isOneOf, type Replacement, type RewriteContext, type RewriteOutcome, type RewriteRule, rewriteRule, skip } from "../rewrite.ts";
import { otherUse, sameType } from "../sole-use.ts";

/** A rule that writes several nodes as one op, and the opsets that have the op. */
export interface Recognition {
  readonly rule: RewriteRule;
  /** The first opset with the op; 1 for an op that pays even where it is lowered again. */
  readonly since: number;
}

/** An op found in parts. */
export interface Found {
  /** The values that the parts are computed from, constants aside. */
  readonly leaves: readonly Value[];
  readonly build: (context: RewriteContext) => Replacement;
}

/** The outcome for what was found: a refusal where others read what its parts compute. */
export function outcomeOf(node: Node, found: Found, context: RewriteContext): RewriteOutcome {
  const use = usedOutside(node, found.leaves, context);
  return use === null ? found.build(context) : skip(use);
}

/** Why the nodes between a node and the leaves of its pattern have to stay, as the clause of a refusal; null where nothing else reads them. */
function usedOutside(root: Node, leaves: readonly Value[], context: RewriteContext): string | null {
  const inner = new Set<Node>();
  const open: (Value | null)[] = [...root.inputs];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (value === null || leaves.includes(value) || context.contents(value) !== null) continue;
    const { producer } = value;
    if (producer === null || inner.has(producer)) continue;
    inner.add(producer);
    open.push(...producer.inputs);
  }
  const inside = [root, ...inner];
  for (const { outputs } of inner) {
    const use = outputs.map((value) => (value === null ? null : otherUse(context, value, ...inside))).find((reason) => reason !== null);
    if (use !== undefined) return use;
  }
  return null;
}

/** The types for which onnxruntime has kernels of whole ops in every opset. */
export const hasKernels = ({ type: { dtype } }: Value): boolean => dtype === "float32" || dtype === "float16";

/** A rule for an activation of one value, y = f(x) with y of x's type; `find` answers null for what is none. */
export function activationRule<T extends OpType>(
  name: string,
  opTypes: readonly T[],
  find: (node: Node<T>, context: RewriteContext) => { readonly x: Value; readonly build: (context: RewriteContext) => Replacement } | null,
): RewriteRule {
  return rewriteRule(name, opTypes, (node, context): RewriteOutcome => {
    const y = outputAt(node.outputs, 0);
    const found = hasKernels(y) ? find(node, context) : null;
    if (found === null || context.contents(found.x) !== null || !sameType(found.x, y)) return "keep";
    return outcomeOf(node, { leaves: [found.x], build: found.build }, context);
  });
}

/** One op of a value, under the name of the node it replaces. */
export const oneOp =
  (node: Node, opType: OpType, x: Value, attributes: Readonly<Record<string, number | string>> = {}) =>
  (context: RewriteContext): Replacement =>
  (b) => [b.add(opType, [context.value(x)], attributes, { name: node.name })];

/** The two factors of a product, the one that passes a test behind the other; null where none or both do. */
export function factorsBy(product: Product, test: (factor: Value) => boolean): readonly [Value, Value] | null {
  const [a, b, more] = product.factors;
  if (a === undefined || b === undefined || more !== undefined || test(a) === test(b)) return null;
  return test(b) ? [a, b] : [b, a];
}
/** The value to which a node of Add adds a number; null where it is no such sum. */
export function addedTo(value: Value, addend: number, context: RewriteContext): Value | null {
  const sum = sumOf(value, context);
  return sum !== null && isClose(sum.addend, addend) ? sum.of : null;
}
/** The value and the number that a node of Add or Sub makes the sum of; null for another node. */
export function sumOf(value: Value, context: RewriteContext): { readonly of: Value; readonly addend: number } | null {
  const sum = value.producer;
  if (sum === null || !isOneOf(sum, ["Add", "Sub"])) return null;
  const sides = sum.opType === "Add" ? [1, 0] : [1];
  for (const side of sides) {
    const addend = numberOf(inputAt(sum, side), context);
    if (addend !== null) return { of: inputAt(sum, 1 - side), addend: sum.opType === "Add" ? addend : -addend };
  }
  return null;
}
/** The node of an op that makes a value. */
export function madeBy<T extends OpType>(value: Value | null | undefined, opType: T): Node<T> | null {
  const producer = value?.producer;
  return producer && isOneOf(producer, [opType]) ? producer : null;
}
/** The input of the node of an op that makes a value. */
export function under(value: Value | null | undefined, opType: OpType): Value | null {
  const node = madeBy(value, opType);
  return node === null ? null : inputAt(node, 0);
}
/** True for a product that is a power of one value. */
export const isPower = ({ factors }: Product, x: Value, power: number): boolean =>
  factors.length === power && factors.every((factor) => factor === x);
/** The value whose square another is; null where it is none. */
export function squareRootOf(value: Value, context: RewriteContext): Value | null {
  const square = productOf(value.producer, context);
  const [x] = square?.factors ?? [];
  return square !== null && x !== undefined && square.scale === 1 && isPower(square, x, 2) ? x : null;
}

/** A value held between two numbers. */
interface Clamped {
  readonly x: Value;
  readonly low: number;
  readonly high: number;
}
/** Chains are followed so far: each of their nodes asks about all before it. */
const mostClamps = 32;
/** What a chain of Clip, Relu, Min and Max with numbers holds between which numbers; null for a value that no such node makes. */
export function clampOf(value: Value, context: RewriteContext): Clamped | null {
  let whole = boundsOf(value.producer, context);
  for (let i = 1; whole !== null && i < mostClamps; i++) {
    const inner = boundsOf(whole.x.producer, context);
    if (inner === null) break;
    // An outer range applies to the ends of the inner one.
    const { low, high } = whole;
    const held = (v: number): number => Math.min(Math.max(v, low), high);
    whole = { x: inner.x, low: held(inner.low), high: held(inner.high) };
  }
  return whole;
}
function boundsOf(node: Node | null, context: RewriteContext): Clamped | null {
  const x = node?.inputs[0];
  if (!node || !x) return null;
  if (isOneOf(node, ["Relu"])) return { x, low: 0, high: Number.POSITIVE_INFINITY };
  if (isOneOf(node, ["Clip"])) {
    const [low, high] = [1, 2].map((i) => {
      const bound = node.inputs[i];
      return bound ? numberOf(bound, context) : i === 1 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    });
    return low === null || high === null || low === undefined || high === undefined || low > high ? null : { x, low, high };
  }
  if (!isOneOf(node, ["Min", "Max"]) || node.inputs.length !== 2) return null;
  const side = [1, 0].find((i) => numberOf(inputAt(node, i), context) !== null);
  const bound = side === undefined ? null : numberOf(inputAt(node, side), context);
  if (side === undefined || bound === null) return null;
  const of = inputAt(node, 1 - side);
  return node.opType === "Min"
    ? { x: of, low: Number.NEGATIVE_INFINITY, high: bound }
    : { x: of, low: bound, high: Number.POSITIVE_INFINITY };
}

/** A quotient of two values, written as Div, or as a product with a Reciprocal or with 1 / b. */
export function quotientsOf(node: Node, context: RewriteContext): readonly (readonly [dividend: Value, divisor: Value])[] {
  if (isOneOf(node, ["Div"])) return [[inputAt(node, 0), inputAt(node, 1)]];
  if (!isOneOf(node, ["Mul"])) return [];
  return [0, 1].flatMap((side) => {
    const divisor = inverted(inputAt(node, side), context);
    return divisor === null ? [] : [[inputAt(node, 1 - side), divisor] as const];
  });
}
function inverted(value: Value, context: RewriteContext): Value | null {
  const direct = under(value, "Reciprocal");
  if (direct !== null) return direct;
  const quotient = madeBy(value, "Div");
  return quotient !== null && numberOf(inputAt(quotient, 0), context) === 1 ? inputAt(quotient, 1) : null;
}
