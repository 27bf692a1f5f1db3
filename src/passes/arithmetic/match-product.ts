/** Products as patterns: however the factors are grouped, whichever are constants, and whether a constant multiplies or divides. */
import type { Node, Value } from "../../ir/graph.ts";
import { numbersOf } from "../../ir/tensor-data.ts";
import { isOneOf, type RewriteContext } from "../rewrite.ts";
import { isSoleReader } from "../sole-use.ts";

/** A number times values; a power is a value that stands there as often as it says. */
export interface Product {
  readonly scale: number;
  readonly factors: readonly Value[];
}
/** More factors than this are in no pattern. */
const mostFactors = 4;

/** What a node of Mul, Div or Pow multiplies, through all such nodes that nobody else reads; null for another node, and for a quotient of values. */
export function productOf(node: Node | null | undefined, context: RewriteContext): Product | null {
  if (!node) return null;
  if (isOneOf(node, ["Mul", "Div"])) {
    const [a, b] = node.inputs.map((v) => (v === null ? null : termOf(v, node, context)));
    if (!a || !b || (node.opType === "Div" && b.factors.length > 0)) return null;
    const scale = node.opType === "Div" ? a.scale / b.scale : a.scale * b.scale;
    const factors = [...a.factors, ...b.factors];
    return factors.length <= mostFactors ? { scale, factors } : null;
  }
  if (!isOneOf(node, ["Pow"])) return null;
  const [base, exponent] = node.inputs;
  const power = exponent ? numberOf(exponent, context) : null;
  if (!base || (power !== 2 && power !== 3)) return null;
  return { scale: 1, factors: Array.from({ length: power }, () => base) };
}
function termOf(value: Value, reader: Node, context: RewriteContext): Product {
  const number = numberOf(value, context);
  if (number !== null) return { scale: number, factors: [] };
  const inner = isSoleReader(context, value, reader) ? productOf(value.producer, context) : null;
  return inner ?? { scale: 1, factors: [value] };
}

/** The only number that a constant of one element holds; null for other values. */
export function numberOf(value: Value, context: RewriteContext): number | null {
  if (value.type.shape.some((d) => d !== 1)) return null;
  const tensor = context.contents(value);
  return tensor === null ? null : (numbersOf(tensor)?.[0] ?? null);
}
/** True for the number that is wanted as float32 or an exporter's seven digits have it. */
export const isClose = (number: number | null, wanted: number): boolean =>
  number !== null && Math.abs(number - wanted) <= 1e-6 * Math.abs(wanted);
