/** Why a value has no gradient: the op without a derivative between it and the output, and the path to that op. */
import { type CompileError, userError } from "../../ir/diagnostic.ts";
import type { Node, Value } from "../../ir/graph.ts";
import type { OpType } from "../../ir/op-types.ts";
import { schemaOf } from "../../ir/ops/index.ts";

/**
 * Throws a CompileError when one of the values, none of which has a gradient, influences an output through ops without a derivative.
 * It is no error to have no influence, or one whose derivative is zero (through a rounding, say, or a shape).
 */
export function refuseBlocked(nodes: readonly Node[], outputs: ReadonlySet<Value>, values: readonly Value[]): void {
  if (values.length === 0) return;
  const towards = pathsTo(nodes, outputs);
  const influential = values.filter((v) => towards.has(v));
  const dependent = new Set(influential);
  for (const node of influential.length === 0 ? [] : nodes) {
    if (!node.inputs.some((v, i) => v !== null && dependent.has(v) && depends(node, i))) continue;
    for (const output of node.outputs) if (output !== null) dependent.add(output);
    const leads = node.outputs.some((v) => v !== null && (outputs.has(v) || towards.has(v)));
    if (leads && schemaOf(node.opType).grad === "none") throw withoutDerivative(node, towards);
  }
}

/** The error at an op without a derivative, with the nodes through which its result reaches the output. */
export function withoutDerivative(node: Node, towards: ReadonlyMap<Value, Node>): CompileError {
  const path: Node[] = [];
  for (let at: Node | undefined = node; at !== undefined; at = at.outputs.flatMap((v) => (v === null ? [] : (towards.get(v) ?? [])))[0])
    path.push(at);
  const start = path.at(-1)?.outputs.find((v) => v !== null)?.name ?? "the output";
  const steps = path.toReversed().map((n) => `${n.opType} "${n.name}"`);
  return userError("no-gradient", `${start} <- ${steps.join(" <- ")}: ${node.opType} has no gradient`, node.location, {
    notes: path.slice(1).map((n) => ({ message: `its result reaches the output through ${n.opType} "${n.name}"`, location: n.location })),
    help: "do not ask for the gradient of what lies before it, or replace the op by one with a derivative",
  });
}

/** For each value on which an output depends, a node that reads it on the way there; none for an output itself. */
function pathsTo(nodes: readonly Node[], outputs: ReadonlySet<Value>): ReadonlyMap<Value, Node> {
  const towards = new Map<Value, Node>();
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((v) => v !== null && (outputs.has(v) || towards.has(v)))) continue;
    node.inputs.forEach((v, i) => {
      if (v !== null && !outputs.has(v) && depends(node, i)) towards.set(v, node);
    });
  }
  return towards;
}
/** True when the contents of a node's outputs depend on those of an input, and not on its shape alone. */
function depends<T extends OpType>(node: Node<T>, index: number): boolean {
  const { receptiveField: rule } = schemaOf(node.opType);
  return typeof rule === "string" || node.outputs.some((v, o) => v !== null && rule(node, index, o) !== null);
}
