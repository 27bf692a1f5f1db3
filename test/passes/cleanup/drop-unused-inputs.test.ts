import { expect, test } from "vitest";
import { compile } from "../../../src/compile/index.ts";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { dropUnusedInputs } from "../../../src/passes/index.ts";
import { expectSameOutputs, feedsFor, run } from "../same-outputs.ts";

const graph = parseGraph(`
  G(x: float32[N], unused: float32[3], dead: float32[N], passed: float32[2]) -> (y: float32[N], passed: float32[2]) {
    %d = Neg(dead) : float32[N]
    %y = Relu(x) : float32[N]
  }`);

test("inputs that no output depends on go, with what they alone led to", async () => {
  const { graph: after, applied } = dropUnusedInputs(graph);
  expect(after.inputs.map((v) => v.name)).toEqual(["x", "passed"]);
  expect(applied.map(({ rule, node }) => `${rule} ${node}`)).toEqual(["dead-code d", "unused-input unused", "unused-input dead"]);
  const feeds = feedsFor(after, { N: 4 });
  expect((await run(after, feeds)).get("y")?.shape).toEqual([4]);
  await expectSameOutputs(after, dropUnusedInputs(after).graph, { rtol: 0, atol: 0 }, { sizes: { N: 4 } });
});
test("a graph whose inputs are all used is given back, and so is one of which nothing may go", () => {
  const { graph: after } = dropUnusedInputs(graph);
  expect(dropUnusedInputs(after).graph).toBe(after);
  expect(dropUnusedInputs(graph, { accept: () => false }).graph.inputs.map((v) => v.name)).toEqual(["x", "unused", "dead", "passed"]);
});

test("compile leaves them out when asked to, and tells so", () => {
  expect(compile(graph).graph.inputs.length).toBe(4);
  const { graph: lean, report } = compile(graph, { dropUnusedInputs: true });
  expect(lean.inputs.map((v) => v.name)).toEqual(["x", "passed"]);
  expect(report.at(-1)).toMatchObject({ pass: "unused-inputs", applied: [{ node: "unused" }, { node: "dead" }] });
});
