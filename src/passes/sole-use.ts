/** Whether a value has one reader, so that the node that makes it may change its meaning or go. */
import type { Node, Value } from "../ir/graph.ts";
import type { RewriteContext } from "./rewrite.ts";

/** Why a value has to stay as it is although some of its readers could do without, as the clause of a refusal; null where nothing stands in the way. */
export function otherUse(context: RewriteContext, value: Value, ...readers: readonly Node[]): string | null {
  const { producer } = value;
  const what = producer === null ? `"${value.name}"` : `the output of ${producer.opType} "${producer.name}"`;
  if (context.isOutput(value)) return `${what} is an output of the graph`;
  const other = context.readers(value).find((node) => !readers.includes(node));
  return other === undefined ? null : `${what} is used elsewhere (by ${other.opType} "${other.name}")`;
}
/** True when one node alone reads a value, and it is no output of the graph. */
export const isSoleReader = (context: RewriteContext, value: Value, reader: Node): boolean => otherUse(context, value, reader) === null;

/** True when two values have the same element type and the same shape, symbol by symbol. */
export const sameType = ({ type: a }: Value, { type: b }: Value): boolean =>
  a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((d, i) => d === b.shape[i]);
