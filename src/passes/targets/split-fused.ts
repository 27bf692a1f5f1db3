/** Takes fused ops apart, so that other passes see their parts. */

import type { Node } from "../../ir/graph.ts";
import { microsoftOpTypes } from "../../ir/microsoft-ops.ts";
import type { OpType } from "../../ir/op-types.ts";
import { schemaOf } from "../../ir/ops/index.ts";
import { mappedInputs } from "../copy-graph.ts";
import { askRecord } from "../node-fault.ts";
import { type Pass, type RewriteContext, type RewriteOutcome, rewrite } from "../rewrite.ts";

/** A target that has every op of ai.onnx and none of com.microsoft. */
const standard = { opset: 24, provider: "portable" } as const;

/** The graph with the parts of each op of com.microsoft, for graphs that are lowered for a target afterwards. */
export const splitFused: Pass = (graph, control) =>
  rewrite(graph, [{ name: "split-fused", opTypes: microsoftOpTypes, match: split }], control);

function split<T extends OpType>(node: Node<T>, context: RewriteContext): RewriteOutcome {
  const { lower: rule } = schemaOf(node.opType);
  if (rule === "onnx") return "keep";
  return (b) => askRecord(node, "splitting", () => rule(b, { ...node, inputs: mappedInputs({ get: context.value }, node) }, standard));
}
