/** How older opsets wrote elementwise ops, and the attributes of nodes that are read as they were written. */
import type { GraphBuilder } from "../builder.ts";
import type { Value } from "../graph.ts";
import { type OldNode, RuleFault, type UpgradeRule } from "../op-schema.ts";
import type { AttributeValue } from "../op-signature.ts";
import type { OpAttributes, OpType } from "../op-types.ts";
import { axisIndex } from "../shape.ts";
import { inputAt } from "./call-inputs.ts";

/** An attribute that is a number, or undefined where the node does not have it. Throws a RuleFault on another kind. */
export function oldNumber(old: OldNode, name: string): number | undefined {
  const value = old.attributes[name];
  if (value === undefined || typeof value === "number") return value;
  throw new RuleFault("op-attribute", `attribute "${name}" is not a number`);
}
/** The node in today's form: these inputs, and its attributes but for those named and for the buffers that ops named before opset 6. */
export function renewed(
  b: GraphBuilder,
  old: OldNode,
  inputs: readonly (Value | null)[],
  dropped: readonly string[],
): readonly (Value | null)[] {
  const kept = Object.entries(old.attributes).filter(([name]) => name !== "consumed_inputs" && !dropped.includes(name));
  return b.addNode(old.opType, inputs, uncheckedAttributes(Object.fromEntries(kept)), { outputs: old.outputCount }).outputs;
}
/** Sound because the builder checks every attribute against the op's signature. */
const uncheckedAttributes = (attributes: Readonly<Record<string, AttributeValue>>): Partial<OpAttributes[OpType]> =>
  attributes as Partial<OpAttributes[OpType]>;

/**
 * Before opset 7, `broadcast` = 1 let B's axes stand for those of A that begin at `axis`, the last ones by default:
 * NumPy's rule once B has a 1 for each axis behind them.
 */
export const alignOldBroadcast: UpgradeRule = (b, old) => {
  if (old.opset >= 7 || (old.attributes["broadcast"] ?? old.attributes["axis"]) === undefined) return "keep";
  const [x, y] = [inputAt(old, 0), inputAt(old, 1)];
  return renewed(b, old, [x, alignedAt(b, old, x, y)], ["axis", "broadcast"]);
};
function alignedAt(b: GraphBuilder, old: OldNode, x: Value, y: Value): Value {
  const axis = oldNumber(old, "axis");
  if (axis === undefined || oldNumber(old, "broadcast") !== 1) return y;
  const [rank, own] = [x.type.shape.length, y.type.shape.length];
  const at = axisIndex(axis, rank);
  if (at === null || at + own > rank)
    throw new RuleFault("op-attribute", `attribute "axis" is ${axis}, but the first input has ${rank} axes and the second ${own}`);
  const behind = Array.from({ length: rank - at - own }, (_, i) => own + i);
  return behind.length === 0 ? y : b.add("Unsqueeze", [y, b.constant("int64", behind)]);
}
