/** What recognition makes of a graph for an opset, and that onnxruntime's kernels of that opset give the same. */
import { expect } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { recognizeOpsFor } from "../../../src/passes/index.ts";
import { difference, type Tolerance } from "../../support/compare.ts";
import { expectRewrite, refusals } from "../expect-rewrite.ts";
import { feedsFor, run } from "../same-outputs.ts";

/**
 * Expects the nodes that recognition leaves, equal outputs where they are lowered for opset 18 again, and equal outputs from the kernels of
 * the opset itself.
 */
export async function expectRecognized(opset: number, text: string, nodes: readonly string[], tolerance: Tolerance): Promise<void> {
  const recognize = recognizeOpsFor({ opset });
  await expectRewrite(recognize, text, nodes, tolerance);
  const before = parseGraph(text);
  const feeds = feedsFor(before, { N: 2 });
  const [expected, actual] = [await run(before, feeds, 18), await run(recognize(before).graph, feeds, opset)];
  for (const [name, tensor] of expected) expect(difference(`${name} at opset ${opset}`, actual.get(name), tensor, tolerance)).toBeNull();
}
/** The reasons for which recognition for an opset leaves a graph as it is. */
export const recognitionRefusals = (opset: number, text: string): readonly string[] => refusals(recognizeOpsFor({ opset }), text);
