import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { printGraph } from "../../../src/ir/print.ts";
import { eliminateDeadCode } from "../../../src/passes/index.ts";
import { expectSameOutputs } from "../same-outputs.ts";

test("nodes and initializers that no output depends on are removed, inputs stay", async () => {
  const before = parseGraph(`
    G(x: float32[2], unused: float32[2]) -> (y: float32[2]) {
      two = float32[] {2}
      three = float32[] {3}
      %a = Mul(x, three) : float32[2]
      %b = Neg(%a) : float32[2]
      %y = Mul(x, two) : float32[2]
    }`);
  const { graph, applied } = eliminateDeadCode(before);
  expect(printGraph(graph)).toBe(`G(x: float32[2], unused: float32[2]) -> (y: float32[2]) {
  two = float32[] {2}
  %y = Mul(x, two) : float32[2]
}
`);
  expect(applied.map(({ node }) => node)).toEqual(["a", "b"]);
  expect(eliminateDeadCode(graph).graph).toBe(graph);
  await expectSameOutputs(before, graph, { rtol: 0, atol: 0 });
});

test("a node of which one output is used stays whole", () => {
  const before = parseGraph(`
    G(x: float32[1, 1, 4, 4]) -> (y: int64[1, 1, 2, 2]) {
      %pool, %y = MaxPool "pool"(x) {kernel_shape = [2, 2], strides = [2, 2]} : float32[1, 1, 2, 2], int64[1, 1, 2, 2]
    }`);
  expect(eliminateDeadCode(before).graph).toBe(before);
});
