import { expect, test } from "vitest";
import { formulas } from "../../src/ir/formulas.ts";
import { parseGraph } from "../../src/ir/parse-text.ts";
import { printGraph } from "../../src/ir/print.ts";
import { rewrite, rewriteRule, skip } from "../../src/passes/index.ts";
import { expectSameOutputs } from "./same-outputs.ts";

const exact = { rtol: 0, atol: 0 };
const squares = rewriteRule("square-by-product", ["Pow"], (node, context) => {
  const [x, exponent] = node.inputs;
  if (!x || exponent?.elements?.[0] !== 2) return skip("the exponent is not 2");
  return (b) => [formulas(b).square(context.value(x))];
});

test("a rule's result takes the name of what it replaces, also as an output of the graph", async () => {
  const before = parseGraph(`
    G(x: float32[N, 3]) -> (y: float32[N, 3]) {
      two = float32[] {2}
      %p = Pow "power"(x, two) : float32[N, 3]  # net.ts:3:7
      %y = Pow(%p, two) : float32[N, 3]  # net.ts:4:7
    }`);
  const { graph, applied, skipped } = rewrite(before, [squares]);
  expect(printGraph(graph)).toBe(`G(x: float32[N, 3]) -> (y: float32[N, 3]) {
  two = float32[] {2}
  %p = Mul "power/Mul"(x, x) : float32[N, 3]  # net.ts:3:7
  %y = Mul "y/Mul"(%p, %p) : float32[N, 3]  # net.ts:4:7
}
`);
  expect(applied.map(({ rule, node, location }) => [rule, node, location.position?.line])).toEqual([
    ["square-by-product", "power", 3],
    ["square-by-product", "y", 4],
  ]);
  expect(skipped).toEqual([]);
  await expectSameOutputs(before, graph, { rtol: 1e-6, atol: 0 }, { sizes: { N: 2 } });
});

test("a graph in which nothing was changed is the graph given, and refusals say why", () => {
  const before = parseGraph(`
    G(x: float32[N, 3]) -> (y: float32[N, 3]) {
      three = float32[] {3}
      %y = Pow(x, three) : float32[N, 3]  # net.ts:3:7
    }`);
  const { graph, applied, skipped } = rewrite(before, [squares]);
  expect(graph).toBe(before);
  expect(applied).toEqual([]);
  expect(skipped.map(({ rule, node, reason, location }) => [rule, node, reason, location.position?.line])).toEqual([
    ["square-by-product", "y", "the exponent is not 2", 3],
  ]);
});

test("an output that turns out to be an input of the graph keeps its name through a copy", async () => {
  const before = parseGraph(`
    G(x: float32[N]) -> (y: float32[N]) {
      %y = Identity "id"(x) : float32[N]
    }`);
  const drop = rewriteRule("drop", ["Identity"], (node, context) => () => node.inputs.map((v) => (v === null ? null : context.value(v))));
  const { graph } = rewrite(before, [drop]);
  expect(graph.outputs.map((v) => v.name)).toEqual(["y"]);
  await expectSameOutputs(before, graph, exact, { sizes: { N: 3 } });
});

test("a name that a rule makes up never takes one that the graph has further down", () => {
  const before = parseGraph(`
    G(x: float32[N]) -> (y: float32[N]) {
      two = float32[] {2}
      %a = Pow "Mul"(x, two) : float32[N]
      %y = Neg "Mul/Mul"(%a) : float32[N]
    }`);
  const { graph } = rewrite(before, [squares]);
  expect(graph.nodes.map((node) => node.name)).toEqual(["Mul/Mul_1", "Mul/Mul"]);
});
