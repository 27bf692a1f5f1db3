import { expect, test } from "vitest";
import { foldByRunning } from "../../../src/cli/running/fold-by-running.ts";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { printGraph } from "../../../src/ir/print.ts";
import { optimize, type PassRun } from "../../../src/passes/index.ts";

const before = parseGraph(`
  G(x: float32[N]) -> (y: float32[N]) {
    w = float32[1, 1, 2] {3, 4}
    kernel = float32[1, 1, 2] {1, 2}
    %c = Conv(w, kernel) : float32[1, 1, 1]
    %s = Squeeze(%c) : float32[]
    %y = Mul(x, %s) : float32[N]
  }`);
const target = { opset: 18, provider: "portable" } as const;

test("onnxruntime computes a constant convolution, and the report of constant folding tells of it", async () => {
  const runs: PassRun[] = [];
  const folded = await foldByRunning(before, target, { onPass: (run) => runs.push(run) });
  // 3 * 1 + 4 * 2
  expect(printGraph(folded.graph)).toBe(`G(x: float32[N]) -> (y: float32[N]) {
  s = float32[] {11}
  %y = Mul(x, s) : float32[N]
}
`);
  expect(runs.map(({ name, before: from, result }) => [name, from === before, result.graph === folded.graph])).toEqual([
    ["constant-folding", true, true],
  ]);
  const { report } = optimize(folded.graph, "exact");
  const told = folded.told(report).find(({ pass }) => pass === "constant-folding");
  expect(told?.applied.map(({ rule, node }) => `${rule} ${node}`)).toEqual(["run-constants s"]);
  expect(told?.nodeDelta).toBe(-2);
});

test.each([{ without: ["constant-folding"] }, { until: "dead-code-elimination" }])("nothing is run with %j", async (options) => {
  expect((await foldByRunning(before, target, options)).graph).toBe(before);
});
