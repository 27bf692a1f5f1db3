/** Removes optional outputs that nobody reads, so that the runtime need not make them. */
import { parameterAt } from "../../ir/check-call.ts";
import type { Node } from "../../ir/graph.ts";
import { signatures } from "../../ir/op-types.ts";
import { type Pass, type RewriteContext, type RewriteOutcome, rewrite } from "../rewrite.ts";

/** The graph without optional outputs that nobody reads: the positions of a max pool, the mask of a dropout. */
export const dropUnusedOutputs: Pass = (graph, control) =>
  rewrite(graph, [{ name: "unused-output", opTypes: "all", match: drop }], control);

function drop(node: Node, context: RewriteContext): RewriteOutcome {
  const parameters = signatures[node.opType].versions.at(-1)?.outputs ?? [];
  const isUnused = node.outputs.map(
    (v, i) => v !== null && parameterAt(parameters, i)?.option === "optional" && context.readers(v).length === 0 && !context.isOutput(v),
  );
  if (!isUnused.includes(true)) return "keep";
  const wanted = node.outputs.map((v, i) => (v === null || isUnused[i] === true ? null : v.name));
  const last = wanted.findLastIndex((name) => name !== null);
  return (b) => {
    const inputs = node.inputs.map((v) => (v === null ? null : context.value(v)));
    const outputs = wanted.slice(0, last + 1);
    return b.addNode(node.opType, inputs, node.attributes, { name: node.name, outputs, location: node.location }).outputs;
  };
}
