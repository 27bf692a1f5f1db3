import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { printGraph } from "../../../src/ir/print.ts";
import { eliminateCommonSubexpressions } from "../../../src/passes/index.ts";
import { expectSameOutputs } from "../same-outputs.ts";

const exact = { rtol: 0, atol: 0 };

test("equal calls are made once, through chains and equal initializers", async () => {
  const before = parseGraph(`
    G(x: float32[2]) -> (y: float32[2]) {
      two = float32[] {2}
      deux = float32[] {2}
      %a = Mul(x, two) : float32[2]
      %b = Mul(x, deux) : float32[2]
      %c = Neg(%a) : float32[2]
      %d = Neg(%b) : float32[2]
      %y = Add(%c, %d) : float32[2]
    }`);
  const { graph, applied } = eliminateCommonSubexpressions(before);
  expect(printGraph(graph)).toBe(`G(x: float32[2]) -> (y: float32[2]) {
  two = float32[] {2}
  %a = Mul(x, two) : float32[2]
  %c = Neg(%a) : float32[2]
  %y = Add(%c, %c) : float32[2]
}
`);
  expect(applied.map(({ rule, node }) => `${rule} ${node}`)).toEqual([
    "common-subexpression b",
    "common-subexpression d",
    "equal-initializer deux",
  ]);
  expect(eliminateCommonSubexpressions(graph).graph).toBe(graph);
  await expectSameOutputs(before, graph, exact);
});

test("attributes, types and contents keep calls apart", () => {
  const before = parseGraph(`
    G(x: float32[2, 2]) -> (y: float32[2, 2]) {
      i = int64[1] {0}
      zero = float32[1] {0}
      minus = float32[1] {-0}
      %a = LeakyRelu(x) {alpha = 0.1} : float32[2, 2]
      %b = LeakyRelu(x) {alpha = 0.2} : float32[2, 2]
      %c = Gather(x, i) : float32[1, 2]
      %d = Gather(x, i) {axis = 1} : float32[2, 1]
      %y = Sum(%a, %b, %c, %d, zero, minus) : float32[2, 2]
    }`);
  expect(eliminateCommonSubexpressions(before).graph).toBe(before);
});

test("a max pool without indices merges into a later one with them", async () => {
  const before = parseGraph(`
    G(x: float32[1, 1, 4, 4]) -> (y: float32[1, 1, 2, 2], i: int64[1, 1, 2, 2]) {
      %p = MaxPool(x) {kernel_shape = [2, 2], strides = [2, 2]} : float32[1, 1, 2, 2]
      %y = Neg(%p) : float32[1, 1, 2, 2]
      %q, %i = MaxPool "q"(x) {kernel_shape = [2, 2], strides = [2, 2]} : float32[1, 1, 2, 2], int64[1, 1, 2, 2]
    }`);
  const { graph } = eliminateCommonSubexpressions(before);
  expect(printGraph(graph)).toBe(`G(x: float32[1, 1, 4, 4]) -> (y: float32[1, 1, 2, 2], i: int64[1, 1, 2, 2]) {
  %p, %i = MaxPool(x) {kernel_shape = [2, 2], strides = [2, 2]} : float32[1, 1, 2, 2], int64[1, 1, 2, 2]
  %y = Neg(%p) : float32[1, 1, 2, 2]
}
`);
  await expectSameOutputs(before, graph, exact);
});

test("of two equal calls, the name of the graph's output remains", async () => {
  const before = parseGraph(`
    G(x: float32[2]) -> (y: float32[2], z: float32[2]) {
      %a = Neg(x) : float32[2]
      %z = Abs(%a) : float32[2]
      %y = Neg(x) : float32[2]
    }`);
  const { graph } = eliminateCommonSubexpressions(before);
  expect(graph.nodes.map((node) => node.opType)).toEqual(["Neg", "Abs"]);
  await expectSameOutputs(before, graph, exact);
});

test("two outputs of the graph stay apart, and draws with a seed of their own are never the same", () => {
  const outputs = parseGraph(`
    G(x: float32[2]) -> (y: float32[2], z: float32[2]) {
      %y = Neg(x) : float32[2]
      %z = Neg(x) : float32[2]
    }`);
  const result = eliminateCommonSubexpressions(outputs);
  expect(result.graph).toBe(outputs);
  expect(result.skipped.map(({ node, reason }) => `${node}: ${reason}`)).toEqual(["z: both results are outputs of the graph"]);
  const draws = parseGraph(`
    G(x: float32[2], r: float32[], t: bool[]) -> (y: float32[2]) {
      %a = Dropout(x, r, t) : float32[2]
      %b = Dropout(x, r, t) : float32[2]
      %y = Add(%a, %b) : float32[2]
    }`);
  expect(eliminateCommonSubexpressions(draws).graph).toBe(draws);
});
