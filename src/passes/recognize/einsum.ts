/** Finds matrix products that are written as Einsum. */
import { isFloat } from "../../ir/dtype.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { inputAt } from "../../ir/ops/call-inputs.ts";
import { equationOfNode } from "../../ir/ops/einsum.ts";
import { isOfEllipsis, type Term } from "../../ir/ops/einsum-equation.ts";
import { productOf } from "../arithmetic/match-product.ts";
import { isOneOf, type Replacement, type RewriteContext, type RewriteOutcome, rewriteRule, skip } from "../rewrite.ts";
import { isSoleReader } from "../sole-use.ts";
import { madeBy, type Recognition } from "./pattern.ts";

/** An Einsum of two stacks of matrices: a MatMul, where an operand that is to be transposed is constant or comes from a Transpose anyway. */
const products = rewriteRule("einsum-product", ["Einsum"], (node, context): RewriteOutcome => {
  const { operands, result } = equationOfNode(node);
  const [first, second, more] = operands;
  if (first === undefined || second === undefined || more !== undefined || !isFloat(inputAt(node, 0).type.dtype)) return "keep";
  // The operand with the rows of the result comes first.
  const isSwapped = second.includes(result.at(-2) ?? "") && !first.includes(result.at(-2) ?? "");
  const [a, b] = isSwapped ? [second, first] : [first, second];
  const [x, y] = isSwapped ? [inputAt(node, 1), inputAt(node, 0)] : [inputAt(node, 0), inputAt(node, 1)];
  const inner = a.find((letter) => b.includes(letter) && !result.includes(letter));
  const [batch, rows, columns] = [result.slice(0, -2), result.at(-2), result.at(-1)];
  if (inner === undefined || rows === undefined || columns === undefined || isOfEllipsis(inner)) return "keep";
  // One matrix serves a whole batch.
  const [left, right] = [permOf(a, [...batch, rows, inner]), permOf(b, [...batch, inner, columns]) ?? permOf(b, [inner, columns])];
  if (left === null || right === null) return "keep";
  const dear = (
    [
      [x, left],
      [y, right],
    ] as const
  ).find(([value, perm]) => !isIdentity(perm) && !isTurned(value, node, context));
  if (dear !== undefined) return skip(`"${dear[0].name}" would have to be transposed, which Einsum does as well`);
  return ((builder) => {
    const matrices = (
      [
        [x, left],
        [y, right],
      ] as const
    ).map(([value, perm]) => (isIdentity(perm) ? context.value(value) : builder.add("Transpose", [context.value(value)], { perm })));
    return [builder.add("MatMul", matrices, {}, { name: node.name })];
  }) satisfies Replacement;
});
/** True for a constant, and for what is transposed before, with or without a number as a factor: another Transpose costs nothing. */
function isTurned(value: Value, reader: Node, context: RewriteContext): boolean {
  if (context.contents(value) !== null) return true;
  const { producer } = value;
  if (producer === null || !isSoleReader(context, value, reader)) return false;
  if (isOneOf(producer, ["Transpose"])) return true;
  const scaled = isOneOf(producer, ["Mul", "Div"]) ? productOf(producer, context)?.factors : undefined;
  return scaled?.length === 1 && scaled[0] !== undefined && madeBy(scaled[0], "Transpose") !== null;
}
const isIdentity = (perm: readonly number[]): boolean => perm.every((axis, i) => axis === i);
/** The permutation that brings letters in an order; null where they are others, or one comes twice. */
function permOf(letters: Term, order: Term): readonly number[] | null {
  const perm = order.map((letter) => letters.indexOf(letter));
  return letters.length === order.length && !perm.includes(-1) && new Set(letters).size === letters.length ? perm : null;
}

/** Matrix products as Einsum. */
export const einsums: readonly Recognition[] = [{ rule: products, since: 1 }];
