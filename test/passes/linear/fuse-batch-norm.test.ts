import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Graph, Value } from "../../../src/ir/graph.ts";
import { locationAt } from "../../../src/ir/location.ts";
import { numbersOf, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { eliminateDeadCode, fuseBatchNorm } from "../../../src/passes/index.ts";
import { expectSameOutputs, numbersFrom } from "../same-outputs.ts";

/** Two roundings to float32 of sums of some ten products. */
const rounding = { rtol: 1e-5, atol: 1e-5 };

const weights = (b: GraphBuilder, name: string, shape: readonly number[], from = -1): Value => {
  const count = shape.reduce((a, d) => a * d, 1);
  return b.initializer(
    name,
    tensorFrom(
      "float32",
      shape,
      numbersFrom(name.length, count).map((v) => (from === 0 ? Math.abs(v) + 0.1 : v)),
    ),
  );
};
const batchNorm = (b: GraphBuilder, x: Value, channels: number): Value =>
  b.add(
    "BatchNormalization",
    [x, ...["scale", "bias", "mean"].map((s) => weights(b, `bn.${s}`, [channels])), weights(b, "bn.variance", [channels], 0)],
    {},
    { name: "bn", location: locationAt("net.ts", 9, 5) },
  );
function graphOf(body: (b: GraphBuilder, x: Value) => Value, shape: readonly (number | string)[]): Graph {
  const b = new GraphBuilder("G");
  b.output(b.add("Relu", [body(b, b.input("x", { dtype: "float32", shape }))], {}, { name: "y" }));
  return b.build();
}

test.each<readonly [string, Graph, readonly string[]]>([
  [
    "Conv",
    graphOf((b, x) => batchNorm(b, b.add("Conv", [x, weights(b, "w", [4, 3, 3, 3])], {}, { name: "conv" }), 4), ["N", 3, 6, 5]),
    ["Conv", "Relu"],
  ],
  [
    "Conv with a bias and groups",
    graphOf(
      (b, x) => batchNorm(b, b.add("Conv", [x, weights(b, "w", [6, 2, 3, 3]), weights(b, "c", [6])], { group: 2, pads: [1, 1, 1, 1] }), 6),
      ["N", 4, 6, 5],
    ),
    ["Conv", "Relu"],
  ],
  [
    "ConvTranspose in groups",
    graphOf(
      (b, x) =>
        batchNorm(b, b.add("ConvTranspose", [x, weights(b, "w", [4, 3, 2, 2]), weights(b, "c", [6])], { group: 2, strides: [2, 2] }), 6),
      ["N", 4, 3, 5],
    ),
    ["ConvTranspose", "Relu"],
  ],
  [
    "Gemm",
    graphOf(
      (b, x) => batchNorm(b, b.add("Gemm", [x, weights(b, "w", [7, 5]), weights(b, "c", [1, 5])], { alpha: 0.5, beta: 2 }), 5),
      ["N", 7],
    ),
    ["Gemm", "Relu"],
  ],
  [
    "Gemm with a transposed weight and a scalar",
    graphOf((b, x) => batchNorm(b, b.add("Gemm", [x, weights(b, "w", [5, 7]), b.constant("float32", 3)], { transB: 1 }), 5), ["N", 7]),
    ["Gemm", "Relu"],
  ],
  ["MatMul", graphOf((b, x) => batchNorm(b, b.add("MatMul", [x, weights(b, "w", [7, 5])]), 5), ["N", 7]), ["Gemm", "Relu"]],
])("batch norm folds into %s, and the activation follows directly", async (_, before, ops) => {
  const { graph, applied } = fuseBatchNorm(before);
  expect(graph.nodes.map((node) => node.opType)).toEqual(ops);
  expect(applied).toHaveLength(1);
  expect(graph.nodes[0]?.name).toBe(before.nodes[0]?.name);
  expect(graph.nodes[0]?.outputs[0]?.name).toBe("bn");
  expect([...eliminateDeadCode(graph).graph.initializers.keys()].map((v) => v.name)).toEqual([
    "w.folded",
    expect.stringMatching(/\.bias\.folded$/),
  ]);
  await expectSameOutputs(before, graph, rounding, { sizes: { N: 2 } });
});

test.each<readonly [string, (b: GraphBuilder, x: Value) => Value, readonly string[]]>([
  ["a factor per channel", (b, x) => b.add("Mul", [weights(b, "k", [2, 1, 1]), x]), ["Conv", "Relu"]],
  ["one factor", (b, x) => b.add("Mul", [x, b.constant("float32", 0.5)]), ["Conv", "Relu"]],
  ["a divisor", (b, x) => b.add("Div", [x, weights(b, "k", [1, 2, 1, 1], 0)]), ["Conv", "Relu"]],
  ["an addend", (b, x) => b.add("Add", [x, weights(b, "k", [2, 1, 1])]), ["Conv", "Relu"]],
  ["a difference from a constant", (b, x) => b.add("Sub", [b.constant("float32", 2), x]), ["Conv", "Relu"]],
  ["a dividend, which is no factor", (b, x) => b.add("Div", [b.constant("float32", 2), x]), ["Conv", "Div", "Relu"]],
  ["a factor per column, which is no channel", (b, x) => b.add("Mul", [x, weights(b, "k", [5])]), ["Conv", "Mul", "Relu"]],
])("arithmetic with constants folds into the convolution before it: %s", async (_, follow, ops) => {
  const before = graphOf(
    (b, x) => follow(b, b.add("Conv", [x, weights(b, "w", [2, 3, 1, 1]), weights(b, "c", [2])], {}, { name: "conv" })),
    ["N", 3, 4, 5],
  );
  const { graph } = fuseBatchNorm(before);
  expect(graph.nodes.map((node) => node.opType)).toEqual(ops);
  await expectSameOutputs(before, graph, rounding, { sizes: { N: 2 } });
});

test("a factor goes into the weight of a product of any rank, which an addend does not", async () => {
  const product = (op: "Mul" | "Add"): Graph =>
    graphOf((b, x) => b.add(op, [b.add("MatMul", [x, weights(b, "w", [7, 5])], {}, { name: "proj" }), weights(b, "k", [5])]), ["N", 3, 7]);
  const { graph } = fuseBatchNorm(product("Mul"));
  expect(graph.nodes.map((node) => node.opType)).toEqual(["MatMul", "Relu"]);
  await expectSameOutputs(product("Mul"), graph, rounding, { sizes: { N: 2 } });
  expect(fuseBatchNorm(product("Add")).skipped.map(({ reason }) => reason)).toEqual([
    'MatMul "proj" is no product of two matrices, which alone takes a bias',
  ]);
});

const refusals = (graph: Graph): readonly string[] => {
  const { graph: after, skipped } = fuseBatchNorm(graph);
  expect(after).toBe(graph);
  return skipped.map(({ node, reason, location }) => `${node} (line ${location.position?.line}): ${reason}`);
};

test("a weight, bias or statistic that is not constant is refused", () => {
  const b = new GraphBuilder("G");
  const x = b.input("x", { dtype: "float32", shape: [1, 3, 4, 4] });
  const w = b.input("w", { dtype: "float32", shape: [2, 3, 1, 1] });
  b.output(batchNorm(b, b.add("Conv", [x, w], {}, { name: "conv" }), 2), "y");
  expect(refusals(b.build())).toEqual(['bn (line 9): the weight of Conv "conv" is not constant']);
  const live = new GraphBuilder("G");
  const input = live.input("x", { dtype: "float32", shape: [1, 3, 4, 4] });
  const [scale, one] = [live.input("scale", { dtype: "float32", shape: [2] }), weights(live, "one", [2], 0)];
  const conv = live.add("Conv", [input, weights(live, "w", [2, 3, 1, 1])], {}, { name: "conv" });
  live.output(live.add("BatchNormalization", [conv, scale, one, one, one], {}, { name: "bn", location: locationAt("net.ts", 9, 5) }), "y");
  expect(refusals(live.build())).toEqual(["bn (line 9): its statistics, scale or bias are not constant"]);
});

test("a convolution whose own output is wanted stays", () => {
  const used = graphOf(
    (b, x) => {
      const conv = b.add("Conv", [x, weights(b, "w", [2, 2, 1, 1])], {}, { name: "conv" });
      return b.add("Add", [batchNorm(b, conv, 2), conv], {}, { name: "sum" });
    },
    [1, 2, 4, 4],
  );
  expect(refusals(used)).toEqual(['bn (line 9): the output of Conv "conv" is used elsewhere (by Add "sum")']);
  const b = new GraphBuilder("G");
  const conv = b.add(
    "Conv",
    [b.input("x", { dtype: "float32", shape: [1, 2, 4, 4] }), weights(b, "w", [2, 2, 1, 1])],
    {},
    { name: "conv" },
  );
  b.output(batchNorm(b, conv, 2), "y");
  b.output(conv, "features");
  expect(refusals(b.build())).toEqual(['bn (line 9): the output of Conv "conv" is an output of the graph']);
});

test("products whose columns are not the channels are refused", () => {
  const rows = graphOf(
    (b, x) => batchNorm(b, b.add("Gemm", [x, weights(b, "w", [7, 5]), weights(b, "c", [2, 5])], {}, { name: "fc" }), 5),
    [2, 7],
  );
  expect(refusals(rows)).toEqual(['bn (line 9): the addend of Gemm "fc" differs from row to row']);
  const tokens = graphOf((b, x) => batchNorm(b, b.add("MatMul", [x, weights(b, "w", [7, 5])], {}, { name: "proj" }), 3), [2, 3, 7]);
  expect(refusals(tokens)).toEqual(['bn (line 9): the channels of MatMul "proj" are not its columns']);
});

test("a weight that two convolutions share is folded for each", async () => {
  const before = graphOf(
    (b, x) => {
      const w = weights(b, "w", [2, 2, 1, 1]);
      const one = weights(b, "one", [2], 0);
      const branch = (name: string): Value =>
        b.add("BatchNormalization", [b.add("Conv", [x, w], {}, { name }), one, one, one, one], {}, { name: `${name}.bn` });
      return b.add("Mul", [branch("a"), branch("b")]);
    },
    ["N", 2, 4, 4],
  );
  const { graph } = fuseBatchNorm(before);
  expect(graph.nodes.map((node) => node.opType)).toEqual(["Conv", "Conv", "Mul", "Relu"]);
  await expectSameOutputs(before, graph, rounding, { sizes: { N: 2 } });
});

test("weights of half precision stay so, rounded once", () => {
  const b = new GraphBuilder("G");
  const half = (name: string, values: readonly number[], shape: readonly number[] = [values.length]): Value =>
    b.initializer(name, tensorFrom("float16", shape, values));
  const gemm = b.add("Gemm", [b.input("x", { dtype: "float16", shape: [1, 2] }), half("w", [1, 2, 3, 4], [2, 2])]);
  b.output(
    b.add("BatchNormalization", [gemm, half("s", [1, 2]), half("b", [0, 1]), half("m", [2, 0]), half("v", [3, 3])], { epsilon: 0 }),
    "y",
  );
  const { graph } = fuseBatchNorm(b.build());
  const folded = [...graph.initializers].filter(([value]) => value.name.endsWith(".folded")).map(([, data]) => data);
  expect(folded.map(({ dtype, shape }) => [dtype, shape])).toEqual([
    ["float16", [2, 2]],
    ["float16", [2]],
  ]);
  // 1 / sqrt(3) = 0.57735, 2 / sqrt(3) = 1.1547: the nearest halves.
  expect(folded.map((data) => numbersOf(data))).toEqual([
    [0.5771484375, 2.30859375, 1.732421875, 4.6171875],
    [-1.154296875, 1],
  ]);
});
