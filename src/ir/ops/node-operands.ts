/** Access to a node's operands, for rules whose op has them for certain. */
import { InternalError } from "../diagnostic.ts";
import type { Value } from "../graph.ts";

/** The operand at a position. Throws an InternalError when there is none: the builder checks arity before any rule runs. */
export function operand(values: readonly (Value | null)[], index: number): Value {
  const value = values[index];
  if (value === null || value === undefined) throw new InternalError(`operand ${index} is missing`);
  return value;
}
/** The operand at a position, or null where it is left out. */
export const optionalOperand = (values: readonly (Value | null)[], index: number): Value | null => values[index] ?? null;
