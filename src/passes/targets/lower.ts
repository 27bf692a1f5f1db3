/** Turns a graph into ops that a target has, in forms that its opset knows. */
import { InternalError } from "../../ir/diagnostic.ts";
import type { Graph, Node } from "../../ir/graph.ts";
import type { Target } from "../../ir/op-schema.ts";
import type { OpType } from "../../ir/op-types.ts";
import { schemaOf } from "../../ir/ops/index.ts";
import { mappedInputs } from "../copy-graph.ts";
import { askRecord } from "../node-fault.ts";
import { type RewriteContext, type RewriteOutcome, type RewriteRule, rewrite } from "../rewrite.ts";

/** A lowering may use ops that need one themselves; deeper than this, two of them call each other. */
const maxDepth = 12;

/** The graph with each node replaced as its op's record says, until all are content with the target. */
export function lower(graph: Graph, target: Target): Graph {
  const rules = [lowerRule(target)];
  let lowered = graph;
  for (let depth = 0; depth < maxDepth; depth++) {
    const result = rewrite(lowered, rules);
    if (result.graph === lowered) return lowered;
    lowered = result.graph;
  }
  const stuck = rewrite(lowered, rules).applied.map(({ node }) => node);
  throw new InternalError(`lowering for opset ${target.opset} does not end: ${stuck.slice(0, 4).join(", ")}`);
}

const lowerRule = (target: Target): RewriteRule => ({
  name: "lower",
  opTypes: "all",
  match: (node, context) => lowerNode(node, context, target),
});
function lowerNode<T extends OpType>(node: Node<T>, context: RewriteContext, target: Target): RewriteOutcome {
  const { lower: rule } = schemaOf(node.opType);
  if (rule === "onnx") return "keep";
  // The record sees the node as it stands in the new graph: its inputs are values that may be used in the builder.
  return (b) => askRecord(node, "lowering", () => rule(b, { ...node, inputs: mappedInputs({ get: context.value }, node) }, target));
}
