import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { macDelta } from "../../../src/passes/answers/cost.ts";
import { activationMemory, cost, optimize } from "../../../src/passes/index.ts";

const graph = parseGraph(
  `
  G(x: float32[N, 3, 8, 8]) -> (y: float32[N, 10]) {
    conv.weight = float32[4, 3, 1, 1] {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
    scale = float32[4] {1, 1, 1, 1}
    bias = float32[4] {1, 1, 1, 1}
    mean = float32[4] {1, 1, 1, 1}
    variance = float32[4] {1, 1, 1, 1}
    fc.weight = float32[4, 10] {...}
    %conv = Conv(x, conv.weight) : float32[N, 4, 8, 8]
    %bn = BatchNormalization(%conv, scale, bias, mean, variance) : float32[N, 4, 8, 8]
    %relu = Relu(%bn) : float32[N, 4, 8, 8]
    %pool = GlobalAveragePool(%relu) : float32[N, 4, 1, 1]
    %flat = Flatten(%pool) : float32[N, 4]
    %y = MatMul(%flat, fc.weight) : float32[N, 10]
  }`.replace("{...}", `{${Array.from({ length: 40 }, () => 1).join(", ")}}`),
);

test("parameters, multiply-adds and other operations are counted per node and in all, symbolic in the batch", () => {
  const { nodes, parameters, macs } = cost(graph);
  // 12 + scale and bias + 40; running statistics are no parameters.
  expect(parameters).toBe(60);
  expect(macs).toBe("808*N");
  expect(nodes.map(({ node, parameters: own, macs: m }) => [node.name, own, m])).toEqual([
    ["conv", 12, "768*N"],
    ["bn", 8, 0],
    ["relu", 0, 0],
    ["pool", 0, 0],
    ["flat", 0, 0],
    ["y", 40, "40*N"],
  ]);
  expect(nodes[2]?.other).toBe("256*N");
});

test("a weight that two nodes share counts once", () => {
  const shared = parseGraph(`
    G(x: float32[2, 2]) -> (y: float32[2, 2]) {
      w = float32[2, 2] {1, 2, 3, 4}
      %h = MatMul(x, w) : float32[2, 2]
      %y = MatMul(%h, w) : float32[2, 2]
    }`);
  const { nodes, parameters, macs } = cost(shared);
  expect([parameters, macs, nodes.map((n) => n.parameters)]).toEqual([4, 16, [4, 0]]);
  expect(cost(shared, { isParameter: () => false }).parameters).toBe(0);
});

test("the peak of memory is where the largest values meet", () => {
  const peak = activationMemory(graph, { sizes: new Map([["N", 2]]) });
  // Two tensors of 2 * 4 * 64 floats.
  expect(peak.bytes).toBe(2 * (2 * 4 * 64 * 4));
  expect([peak.node?.name, peak.alive.map((a) => a.value.name)]).toEqual(["bn", ["conv", "bn"]]);
});

test("a value lives until it is read last, and an output to the end", () => {
  const residual = parseGraph(`
    G(x: float32[10]) -> (z: float32[10], a: float32[10]) {
      %a = Neg(x) : float32[10]
      %b = Abs(%a) : float32[10]
      %c = Neg(%b) : float32[10]
      %z = Add(%c, x) : float32[10]
    }`);
  const peak = activationMemory(residual);
  expect([peak.bytes, peak.node?.name, peak.alive.map((a) => a.value.name)]).toEqual([160, "c", ["x", "a", "b", "c"]]);
  expect(activationMemory(residual, { isActivation: () => false }).bytes).toBe(120);
});

test("a size that nobody gave is asked for", () => {
  expect(() => activationMemory(graph)).toThrowError(
    'error[unknown-size]: activation memory: the size of "x", float32[N, 3, 8, 8], needs a size for N\n  help: give every symbol a number, such as N=1',
  );
});

test("the difference of two graphs' multiply-adds is that of their sums, though what both have is not counted", () => {
  const wider = parseGraph(`
    G(x: float32[N, 3]) -> (y: float32[N, 2]) {
      a = float32[3, 4] {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
      b = float32[4, 2] {1, 1, 1, 1, 1, 1, 1, 1}
      c = float32[2, 2] {1, 1, 1, 1}
      %m = MatMul(x, a) : float32[N, 4]
      %n = MatMul(%m, b) : float32[N, 2]
      %r = Relu(%n) : float32[N, 2]
      %y = MatMul(%r, c) : float32[N, 2]
    }`);
  const { graph: merged } = optimize(wider);
  expect([cost(wider).macs, cost(merged).macs]).toEqual(["24*N", "10*N"]);
  expect([macDelta(wider, merged), macDelta(merged, wider), macDelta(wider, wider)]).toEqual(["-14*N", "14*N", 0]);
});
