/** A Gather of all elements in the order they have, as PyTorch's exporter writes as_strided of a tensor that is contiguous. */
import { mulDims } from "../../ir/dim.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { axesOf } from "../../ir/ops/axes.ts";
import { inputAt, numbersIn } from "../../ir/ops/call-inputs.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { sameShape, staticShape } from "../../ir/shape.ts";
import { numbersOf } from "../../ir/tensor-data.ts";
import { numberOf } from "../arithmetic/match-product.ts";
import { isOneOf, type RewriteContext, type RewriteOutcome, type RewriteRule, rewriteRule } from "../rewrite.ts";

/** A Gather from a vector at 0, 1, 2, ... in the shape of [N, ...], N perhaps a symbol: a Reshape of it. */
export const gatherInOrder: RewriteRule = rewriteRule("gather-in-order", ["Gather"], (node, context): RewriteOutcome => {
  const [x, places] = [inputAt(node, 0), inputAt(node, 1)];
  const [first, ...rest] = outputAt(node.outputs, 0).type.shape;
  const sizes = staticShape(rest);
  if (x.type.shape.length !== 1 || first === undefined || sizes === null || !sameShape(places.type.shape, [first, ...sizes])) return "keep";
  const row = sizes.reduce((n, d) => n * d, 1);
  if (row === 0 || x.type.shape[0] !== mulDims(first, row) || !countsUp(places, row, context)) return "keep";
  return (b) => [b.add("Reshape", [context.value(x), b.constant("int64", [-1, ...sizes])], {}, { name: node.name })];
});

/** True for the sum of where each row of so many elements starts and of the places in a row. */
function countsUp(places: Value, row: number, context: RewriteContext): boolean {
  const sum = places.producer;
  if (sum === null || !isOneOf(sum, ["Add"])) return row === 1 && startsRows(places, row, context);
  return [0, 1].some((side) => {
    const within = context.contents(inputAt(sum, side));
    const numbers = within === null ? null : numbersOf(within);
    const isRow = within !== null && within.shape.length === places.type.shape.length && within.shape[0] === 1;
    return isRow && numbers?.length === row && numbers.every((n, i) => n === i) && startsRows(inputAt(sum, 1 - side), row, context);
  });
}
/** True for 0, row, 2 row, ... along the first axis, as many as that is long. */
function startsRows(value: Value, row: number, context: RewriteContext): boolean {
  const [count, ...others] = value.type.shape;
  if (!others.every((d) => d === 1)) return false;
  const { producer } = value;
  if (producer === null) return false;
  if (isOneOf(producer, ["Range"])) return row === 1 && isFromZero(producer, context) && inputAt(producer, 1).elements?.[0] === count;
  if (isOneOf(producer, ["Unsqueeze"])) {
    const axes = numbersIn(producer.inputs[1] ?? null);
    return axes !== null && !axesOf(axes, value.type.shape.length).includes(0) && startsRows(inputAt(producer, 0), row, context);
  }
  if (!isOneOf(producer, ["Mul"])) return false;
  return [0, 1].some((side) => {
    const [factor, of] = [inputAt(producer, side), inputAt(producer, 1 - side)];
    return numberOf(factor, context) === row && of.type.shape[0] === count && startsRows(of, 1, context);
  });
}
const isFromZero = (range: Node<"Range">, context: RewriteContext): boolean =>
  numberOf(inputAt(range, 0), context) === 0 && numberOf(inputAt(range, 2), context) === 1;
