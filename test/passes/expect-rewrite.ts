/** What a pass makes of a graph, as text, and that it computes the same. */
import { expect } from "vitest";
import { parseGraph } from "../../src/ir/parse-text.ts";
import { printGraph } from "../../src/ir/print.ts";
import { eliminateDeadCode, foldConstants, type Pass } from "../../src/passes/index.ts";
import type { Tolerance } from "../support/compare.ts";
import { expectSameOutputs } from "./same-outputs.ts";

/** The same bits. */
export const exact: Tolerance = { rtol: 0, atol: 0 };

/** The lines between the braces that a graph's text has. */
const bodyOf = (text: string): readonly string[] =>
  text
    .trim()
    .split("\n")
    .slice(1, -1)
    .map((line) => line.trim());

/**
 * Expects the nodes that a pass leaves of a graph, with constants folded and what is dead gone, and equal outputs from onnxruntime.
 * The texts are those of the nodes alone: `%y = Relu(x) : float32[N]`.
 */
export async function expectRewrite(
  pass: Pass,
  text: string,
  nodes: readonly string[],
  tolerance: Tolerance = exact,
  sizes: Readonly<Record<string, number>> = { N: 2 },
): Promise<void> {
  const before = parseGraph(text);
  const { graph } = pass(before);
  expect(graph).not.toBe(before);
  const clean = eliminateDeadCode(foldConstants(eliminateDeadCode(graph).graph).graph).graph;
  expect(bodyOf(printGraph(clean, { locations: false })).filter((line) => line.startsWith("%"))).toEqual(nodes);
  expect(pass(clean).graph).toBe(clean);
  await expectSameOutputs(before, graph, tolerance, { sizes });
}

/** What a pass that leaves a graph as it is gives for reasons, `node: reason`. */
export function refusals(pass: Pass, text: string): readonly string[] {
  const before = parseGraph(text);
  const { graph, skipped } = pass(before);
  expect(graph).toBe(before);
  return skipped.map(({ node, reason }) => `${node}: ${reason}`);
}
