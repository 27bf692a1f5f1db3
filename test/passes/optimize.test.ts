import fc from "fast-check";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { formulas } from "../../src/ir/formulas.ts";
import type { Graph, Value } from "../../src/ir/graph.ts";
import { parseGraph } from "../../src/ir/parse-text.ts";
import { printGraph } from "../../src/ir/print.ts";
import { tensorFrom } from "../../src/ir/tensor-data.ts";
import { optimize } from "../../src/passes/index.ts";
import { expectSameOutputs, numbersFrom } from "./same-outputs.ts";

const network = parseGraph(`
  G(x: float32[N, 1, 4, 4]) -> (y: float32[N, 2]) {
    w = float32[2, 1, 3, 3] {1, 0, -1, 2, 0, -2, 1, 0, -1, 0, 1, 0, 1, -4, 1, 0, 1, 0}
    scale = float32[2] {6, 1}
    bias = float32[2] {0, 0.5}
    mean = float32[2] {1, -1}
    variance = float32[2] {9, 1}
    axes = int64[2] {2, 3}
    i = int64[1] {0}
    two = int64[1] {2}
    %conv = Conv(x, w) {pads = [1, 1, 1, 1]} : float32[N, 2, 4, 4]  # net.ts:1:1
    %bn = BatchNormalization(%conv, scale, bias, mean, variance) {epsilon = 0} : float32[N, 2, 4, 4]  # net.ts:2:1
    %relu = Relu(%bn) : float32[N, 2, 4, 4]  # net.ts:3:1
    %drop = Dropout(%relu) : float32[N, 2, 4, 4]  # net.ts:4:1
    %m1 = ReduceMean(%drop, axes) {keepdims = 0} : float32[N, 2]  # net.ts:5:1
    %m2 = ReduceMean(%relu, axes) {keepdims = 0} : float32[N, 2]  # net.ts:6:1
    %sum = Add(%m1, %m2) : float32[N, 2]  # net.ts:7:1
    %shape = Shape(%sum) : int64[2]  # net.ts:8:1
    %batch = Gather(%shape, i) : int64[1]  # net.ts:8:1
    %target = Concat(%batch, two) {axis = 0} : int64[2]  # net.ts:8:1
    %y = Reshape(%sum, %target) : float32[N, 2]  # net.ts:8:1
  }`);

test("an inference graph comes down to what it computes", async () => {
  const { graph, report } = optimize(network);
  expect(printGraph(graph, { weights: "small", locations: false })).toBe(`G(x: float32[N, 1, 4, 4]) -> (y: float32[N, 2]) {
  axes = int64[2] {2, 3}
  w.folded = float32[2, 1, 3, 3] {...}
  conv.bias.folded = float32[2] {-2, 1.5}
  %bn = Conv "conv"(x, w.folded, conv.bias.folded) {pads = [1, 1, 1, 1]} : float32[N, 2, 4, 4]
  %relu = Relu(%bn) : float32[N, 2, 4, 4]
  %m1 = ReduceMean(%relu, axes) {keepdims = 0} : float32[N, 2]
  %y = Add "sum"(%m1, %m1) : float32[N, 2]
}
`);
  const done = report.filter(({ applied }) => applied.length > 0);
  expect(done.map((r) => [r.pass, r.applied.map(({ node }) => node), r.nodeDelta, r.macDelta, r.byteDelta])).toEqual([
    // With the three nodes that made the reshape's target, and their vectors of 16 bytes.
    ["identity-removal", ["drop", "y"], -5, 0, -16],
    // A new weight of 18 numbers and a bias of 2 for a weight of 18 and four statistics of 2.
    ["fuse-batch-norm", ["conv"], -1, 0, -24],
    ["common-subexpression-elimination", ["m2"], -1, 0, 0],
  ]);
  expect(optimize(graph).graph).toBe(graph);
  await expectSameOutputs(network, graph, { rtol: 1e-5, atol: 1e-5 }, { sizes: { N: 3 } });
});

test("at level none the graph is the one given, and there is nothing to report", () => {
  expect(optimize(network, "none")).toEqual({ graph: network, report: [] });
});

const program = fc.array(
  fc.record({
    op: fc.constantFrom("add", "mul", "one", "zero", "relu", "identity", "neg", "reshape", "shape", "scale"),
    a: fc.nat(),
    b: fc.nat(),
  }),
  { minLength: 3, maxLength: 14 },
);
function randomGraph(steps: typeof program extends fc.Arbitrary<infer T> ? T : never, outputs: readonly number[]): Graph {
  const b = new GraphBuilder("G");
  const f = formulas(b);
  const x = b.input("x", { dtype: "float32", shape: ["N", 6] });
  const values: Value[] = [
    x,
    b.initializer("w", tensorFrom("float32", [6], numbersFrom(5, 6))),
    b.initializer("v", tensorFrom("float32", [6], numbersFrom(5, 6))),
  ];
  const pick = (i: number): Value => values[i % values.length] ?? x;
  const make: Readonly<Record<(typeof steps)[number]["op"], (p: Value, q: Value) => Value>> = {
    add: f.add,
    mul: f.mul,
    one: (p) => f.mul(p, 1),
    zero: (p) => f.add(p, 0),
    relu: (p) => b.add("Relu", [p]),
    identity: (p) => b.add("Identity", [p]),
    neg: f.neg,
    reshape: (p) => f.reshape(p, p.type.shape.length === 2 ? [-1, 6] : [6]),
    shape: (p) => f.reshape(p, b.add("Shape", [p])),
    scale: (p) => f.div(p, f.cast(b.add("Size", [values[1] ?? x]), "float32")),
  };
  for (const { op, a, b: second } of steps) values.push(make[op](pick(a), pick(second)));
  outputs.forEach((o, i) => {
    b.output(pick(o), `out${i}`);
  });
  return b.build();
}

test("random graphs keep their outputs and come to rest", async () => {
  await fc.assert(
    fc.asyncProperty(program, fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), async (steps, outputs) => {
      const before = randomGraph(steps, outputs);
      const { graph } = optimize(before);
      expect(graph.nodes.length).toBeLessThanOrEqual(before.nodes.length);
      expect(optimize(graph).graph).toBe(graph);
      // Folding rounds as the runtime does, but for the order of two roundings.
      await expectSameOutputs(before, graph, { rtol: 1e-6, atol: 1e-6 }, { sizes: { N: 2 } });
    }),
    { numRuns: 60, seed: 11 },
  );
});
