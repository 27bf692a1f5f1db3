import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { differentiate, sinkActivations } from "../../../src/passes/index.ts";
import { expectRewrite, refusals } from "../expect-rewrite.ts";
import { expectSameOutputs } from "../same-outputs.ts";

const before = (node: string): string => `
  G(x: float32[N, 2, 4, 6]) -> (y: float32[N, 2, 2, 3]) {
    low = float32[] {-0.25}
    high = float32[] {0.5}
    %a = ${node} : float32[N, 2, 4, 6]
    %y = MaxPool(%a) {kernel_shape = [2, 2], strides = [2, 2]} : float32[N, 2, 2, 3]
  }`;
const pool = "%y/MaxPool = MaxPool(x) {kernel_shape = [2, 2], strides = [2, 2]} : float32[N, 2, 2, 3]";
const rising = [
  ["Relu(x)", '%y = Relu "y/Relu"(%y/MaxPool)'],
  ["Clip(x, low, high)", '%y = Clip "y/Clip"(%y/MaxPool, low, high)'],
  ["Sigmoid(x)", '%y = Sigmoid "y/Sigmoid"(%y/MaxPool)'],
  ["Tanh(x)", '%y = Tanh "y/Tanh"(%y/MaxPool)'],
  ["Softplus(x)", '%y = Softplus "y/Softplus"(%y/MaxPool)'],
] as const;

test.each(rising)("the maximum of %s is the function of the maximum", async (node, after) => {
  await expectRewrite(sinkActivations, before(node), [pool, `${after} : float32[N, 2, 2, 3]`]);
});

test.each(rising)("%s has the same gradient before the pool and behind it", async (node) => {
  const graph = parseGraph(before(node));
  const moved = sinkActivations(graph).graph;
  // A derivative of y from y and one from x differ by a rounding.
  await expectSameOutputs(
    differentiate(graph, { wrt: ["x"] }),
    differentiate(moved, { wrt: ["x"] }),
    { rtol: 1e-6, atol: 1e-7 },
    { sizes: { N: 2 } },
  );
});

test("what is read elsewhere, falls, or tells positions stays", () => {
  const graph = (node: string, head: string, more: string): string => `
    G(x: float32[1, 1, 4, 4]) -> (${head}) {
      %a = ${node} : float32[1, 1, 4, 4]
      ${more}
    }`;
  const y = "%y = MaxPool(%a) {kernel_shape = [2, 2]} : float32[1, 1, 3, 3]";
  const type = "y: float32[1, 1, 3, 3]";
  expect(refusals(sinkActivations, graph("Relu(x)", `${type}, a: float32[1, 1, 4, 4]`, y))).toEqual(['y: "a" is an output of the graph']);
  expect(
    refusals(sinkActivations, graph("Relu(x)", `${type}, z: float32[1, 1, 4, 4]`, `${y}\n%z = Neg(%a) : float32[1, 1, 4, 4]`)),
  ).toEqual(['y: "a" is read by "z" as well']);
  expect(
    refusals(
      sinkActivations,
      graph(
        "Relu(x)",
        `${type}, i: int64[1, 1, 3, 3]`,
        "%y, %i = MaxPool(%a) {kernel_shape = [2, 2]} : float32[1, 1, 3, 3], int64[1, 1, 3, 3]",
      ),
    ),
  ).toEqual(["y: the positions of its maxima are read"]);
  expect(refusals(sinkActivations, graph("Neg(x)", type, y))).toEqual([]);
});
