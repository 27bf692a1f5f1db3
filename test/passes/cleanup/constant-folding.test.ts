import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { formulas } from "../../../src/ir/formulas.ts";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { printGraph } from "../../../src/ir/print.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { eliminateDeadCode, foldConstants } from "../../../src/passes/index.ts";
import { expectSameOutputs, numbersFrom } from "../same-outputs.ts";

const exact = { rtol: 0, atol: 0 };

test("a shape computation over numbers becomes its result", async () => {
  const before = parseGraph(`
    G(x: float32[2, 3, 4]) -> (y: float32[2, 12]) {
      i = int64[1] {0}
      rest = int64[1] {-1}
      %shape = Shape(x) : int64[3]
      %batch = Gather(%shape, i) : int64[1]
      %target = Concat(%batch, rest) {axis = 0} : int64[2]
      %y = Reshape(x, %target) : float32[2, 12]
    }`);
  const { graph } = foldConstants(before);
  expect(printGraph(eliminateDeadCode(graph).graph)).toBe(`G(x: float32[2, 3, 4]) -> (y: float32[2, 12]) {
  target = int64[2] {2, -1}
  %y = Reshape(x, target) : float32[2, 12]
}
`);
  await expectSameOutputs(before, graph, exact);
});

test("a symbolic size stays a computation", () => {
  const before = parseGraph(`
    G(x: float32[N, 3, 4]) -> (y: float32[N, 12]) {
      i = int64[1] {0}
      rest = int64[1] {-1}
      %shape = Shape(x) : int64[3]
      %batch = Gather(%shape, i) : int64[1]
      %target = Concat(%batch, rest) {axis = 0} : int64[2]
      %y = Reshape(x, %target) : float32[N, 12]
    }`);
  expect(foldConstants(before).graph).toBe(before);
});

test("weights past the size of known contents are computed too", async () => {
  const b = new GraphBuilder("G");
  const w = b.initializer("w", tensorFrom("float32", [60, 50], numbersFrom(1, 3000)));
  const x = b.input("x", { dtype: "float32", shape: ["N", 60] });
  const f = formulas(b);
  b.output(f.matmul(x, f.mul(f.transpose(f.transpose(w, [1, 0]), [1, 0]), 0.1)), "y");
  const before = b.build();
  const { graph } = foldConstants(before);
  expect(graph.nodes.map((node) => node.opType)).toEqual(["MatMul"]);
  await expectSameOutputs(before, graph, { rtol: 1e-6, atol: 1e-7 }, { sizes: { N: 2 } });
});

test("what would make the file much larger, or has no rule to compute it by, is refused with the reason", () => {
  const before = parseGraph(`
    G(x: float32[1000, 1000]) -> (y: float32[1000, 1000]) {
      shape = int64[2] {1000, 1000}
      one = float32[1, 1] {1}
      %big = Expand(one, shape) : float32[1000, 1000]
      %soft = Softmax(one) : float32[1, 1]
      %y = Sum(x, %big, %soft) : float32[1000, 1000]
    }`);
  const { graph, skipped } = foldConstants(before);
  expect(graph).toBe(before);
  expect(skipped.map(({ node, reason }) => `${node}: ${reason}`)).toEqual([
    "big: its result is 3999980 bytes larger than what it is computed from",
    "soft: Softmax is not computed at compile time",
  ]);
});

test("a constant that is an output of the graph keeps its name", async () => {
  const before = parseGraph(`
    G(x: float32[2]) -> (y: float32[2], n: int64[1]) {
      %y = Neg(x) : float32[2]
      %n = Shape(x) : int64[1]
    }`);
  const { graph } = foldConstants(before);
  expect(graph.nodes.map((node) => node.opType)).toEqual(["Neg"]);
  expect(foldConstants(graph).graph).toBe(graph);
  await expectSameOutputs(before, graph, exact);
});

test.each(["float32", "int64", "uint8", "float16", "bool"] as const)("elements of %s are moved in their own storage", async (dtype) => {
  const b = new GraphBuilder("G");
  const values = Array.from({ length: 70 * 3 * 45 }, (_, i) => (dtype === "bool" ? i % 2 : (i * 7) % 251));
  // -1 has the bits of a NaN where eight bytes are taken for a number.
  if (dtype === "int64") values[5] = -1;
  const w = b.initializer("w", tensorFrom(dtype, [70, 3, 45], values));
  const ints = (...list: readonly number[]) => b.constant("int64", list);
  const turned = b.add("Transpose", [w], { perm: [2, 1, 0] });
  const cut = b.add("Slice", [turned, ints(44, 1), ints(2, 60), ints(0, 2), ints(-3, 2)]);
  const wide = b.add("Expand", [b.add("Unsqueeze", [cut, ints(0)]), ints(2, 1, 1, 1)]);
  const [left, right] = b.addMany("Split", [wide, ints(4, 10)], { axis: 1 }, 2);
  b.output(b.add("Flatten", [left ?? w]), "left");
  b.output(right ?? w, "right");
  const before = b.build();
  const { graph } = foldConstants(before);
  expect(graph.nodes).toEqual([]);
  await expectSameOutputs(before, graph, exact);
});
