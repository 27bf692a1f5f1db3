/** The gradient of an op that others are made of: through its parts. */
import type { GraphBuilder } from "../builder.ts";
import { isFloat } from "../dtype.ts";
import { formulas } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import { type GradRule, RuleFault } from "../op-schema.ts";
import type { OpType } from "../op-types.ts";
import { schemaOf } from "./index.ts";

/** The outputs of a node, computed by other ops. */
type PartsRule<T extends OpType> = (b: GraphBuilder, node: Node<T>) => readonly (Value | null)[];

/**
 * A grad rule that makes the parts anew and walks them backwards by their own rules; what they share with the lowered op itself is
 * computed once where common subexpressions are merged.
 */
export function gradOfParts<T extends OpType>(parts: PartsRule<T>): GradRule<T> {
  return (b, node, dys, wanted) => {
    const before = b.nodes.length;
    const outputs = parts(b, node);
    const arrived = new Map<Value, Value[]>();
    outputs.forEach((y, i) => {
      const dy = dys[i];
      if (y && dy) arrived.set(y, [...(arrived.get(y) ?? []), dy]);
    });
    const active = new Set<Value>(node.inputs.filter((v, i) => v !== null && wanted[i] === true).filter((v) => v !== null));
    const made = b.nodes.slice(before);
    for (const part of made) {
      if (!part.inputs.some((v) => v !== null && active.has(v))) continue;
      for (const y of part.outputs) if (y !== null && isFloat(y.type.dtype)) active.add(y);
    }
    for (const part of made.toReversed()) stepBack(b, part, active, arrived);
    return node.inputs.map((x, i) => (x !== null && wanted[i] === true ? cotangentOf(b, arrived, x) : null));
  };
}
function cotangentOf(b: GraphBuilder, arrived: ReadonlyMap<Value, readonly Value[]>, value: Value): Value | null {
  const all = arrived.get(value) ?? [];
  return all.length === 0 ? null : formulas(b).total(all);
}
function stepBack<T extends OpType>(b: GraphBuilder, part: Node<T>, active: ReadonlySet<Value>, arrived: Map<Value, Value[]>): void {
  if (!part.outputs.some((y) => y !== null && active.has(y) && arrived.has(y))) return;
  const { grad } = schemaOf(part.opType);
  if (grad === "none") throw new RuleFault("no-derivative", `${part.opType}, a part of it, has no derivative`);
  const dys = part.outputs.map((y) => (y === null ? null : cotangentOf(b, arrived, y)));
  const wanted = part.inputs.map((x) => x !== null && active.has(x));
  const dxs = grad(b, part, dys, wanted);
  part.inputs.forEach((x, i) => {
    const dx = dxs[i];
    if (x !== null && wanted[i] === true && dx) arrived.set(x, [...(arrived.get(x) ?? []), dx]);
  });
}
