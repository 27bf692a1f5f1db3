/** Access to the outputs of a node, for rules that know which there are. */
import { InternalError } from "../diagnostic.ts";
import type { Value } from "../graph.ts";

/** The output at a position. Throws an InternalError when there is none. */
export function outputAt(outputs: readonly (Value | null)[], index: number): Value {
  const value = outputs[index];
  if (value === null || value === undefined) throw new InternalError(`output ${index} is missing`);
  return value;
}
/** The output at a position, or null where it is not asked for. */
export const optionalOutput = (outputs: readonly (Value | null)[], index: number): Value | null => outputs[index] ?? null;
