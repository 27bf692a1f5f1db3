import fc from "fast-check";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { substitute } from "../../../src/ir/dim.ts";
import type { Graph, Value } from "../../../src/ir/graph.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { cost, eliminateDeadCode, mergeLinear, optimize } from "../../../src/passes/index.ts";
import { difference } from "../../support/compare.ts";
import { expectSameOutputs, feedsFor, numbersFrom, run } from "../same-outputs.ts";

/** Products of two weights are rounded once, and sums of up to some hundred are in another order. */
const rounding = { rtol: 1e-5, atol: 2e-5 };
const weights = (b: GraphBuilder, shape: readonly number[], scale = 1): Value => {
  const count = shape.reduce((n, d) => n * d, 1);
  return b.tensor(
    "w",
    tensorFrom(
      "float32",
      shape,
      numbersFrom(7 * b.nodes.length + count, count).map((v) => v * scale),
    ),
  );
};
function graphOf(body: (b: GraphBuilder, x: Value) => Value, shape: readonly (number | string)[] = ["N", 4, 9, 11]): Graph {
  const b = new GraphBuilder("G");
  b.output(b.add("Relu", [body(b, b.add("Relu", [b.input("x", { dtype: "float32", shape })]))]), "y");
  return b.build();
}
const conv = (b: GraphBuilder, x: Value, shape: readonly number[], attributes: object = {}, bias = true, name = "conv"): Value =>
  b.add("Conv", [x, weights(b, shape), bias ? weights(b, [shape[0] ?? 0]) : null], attributes, { name });
const macs = (graph: Graph): number =>
  Number(
    substitute(
      cost(graph).macs,
      new Map([
        ["N", 1],
        ["H", 9],
      ]),
    ),
  );

test.each<readonly [string, Graph, readonly number[], object]>([
  [
    "1x1 to many channels, then 3x3 without padding, with both biases",
    graphOf((b, x) => conv(b, conv(b, x, [24, 4, 1, 1]), [3, 24, 3, 3])),
    [3, 4, 3, 3],
    { strides: [1, 1], pads: [0, 0, 0, 0] },
  ],
  [
    "1x1 without bias, then 3x3 with padding and strides, uneven",
    graphOf((b, x) => conv(b, conv(b, x, [24, 4, 1, 1], {}, false), [3, 24, 3, 3], { pads: [1, 0, 2, 1], strides: [2, 1] })),
    [3, 4, 3, 3],
    { strides: [2, 1], pads: [1, 0, 2, 1] },
  ],
  [
    "1x1 with a stride, then 3x3 with padding: the taps move apart",
    graphOf((b, x) =>
      conv(b, conv(b, x, [24, 4, 1, 1], { strides: [2, 3] }, false), [2, 24, 3, 3], { pads: [1, 1, 1, 1], dilations: [1, 1] }),
    ),
    [2, 4, 3, 3],
    { strides: [2, 3], dilations: [2, 3], pads: [2, 3, 2, 3] },
  ],
  [
    "3x3 with padding and a stride, then 1x1",
    graphOf((b, x) => conv(b, conv(b, x, [24, 4, 3, 3], { pads: [1, 1, 0, 2], strides: [2, 2] }), [3, 24, 1, 1])),
    [3, 4, 3, 3],
    { strides: [2, 2], pads: [1, 1, 0, 2] },
  ],
  [
    "3x3, then 2x2 with a dilation, of one wide layer between",
    graphOf((b, x) => conv(b, conv(b, x, [64, 4, 3, 3]), [2, 64, 2, 2], { dilations: [2, 2] })),
    [2, 4, 5, 5],
    { dilations: [1, 1] },
  ],
  [
    "1x3 with a stride, then 3x1: a kernel for each axis",
    graphOf((b, x) => conv(b, conv(b, x, [24, 4, 1, 3], { strides: [1, 2], pads: [0, 1, 0, 1] }), [2, 24, 3, 1])),
    [2, 4, 3, 3],
    { strides: [1, 2], pads: [0, 1, 0, 1] },
  ],
  [
    "groups of four, then groups of two: two groups",
    graphOf((b, x) => conv(b, conv(b, x, [64, 1, 1, 1], { group: 4 }), [2, 32, 3, 3], { group: 2 })),
    [2, 2, 3, 3],
    { group: 2 },
  ],
  [
    "a wide depthwise multiplier, then a pointwise convolution",
    graphOf((b, x) => conv(b, conv(b, x, [64, 1, 3, 3], { group: 4 }), [1, 64, 1, 1])),
    [1, 4, 3, 3],
    { group: 1 },
  ],
  [
    "two depthwise convolutions, each of one tap along an axis",
    graphOf((b, x) => conv(b, conv(b, x, [4, 1, 1, 1], { group: 4 }), [4, 1, 1, 3], { group: 4, pads: [0, 0, 0, 0] })),
    [4, 1, 1, 3],
    { group: 4 },
  ],
  ["one axis", graphOf((b, x) => conv(b, conv(b, x, [24, 4, 1]), [2, 24, 5]), ["N", 4, 12]), [2, 4, 5], {}],
])("merged: %s", async (_, before, shape, attributes) => {
  const { graph } = mergeLinear(before);
  const clean = eliminateDeadCode(graph).graph;
  expect(clean.nodes.map((node) => node.opType)).toEqual(["Relu", "Conv", "Relu"]);
  expect(clean.nodes[1]?.inputs[1]?.type.shape).toEqual(shape);
  expect(clean.nodes[1]?.attributes).toMatchObject(attributes);
  expect(macs(clean)).toBeLessThan(macs(before));
  await expectSameOutputs(before, graph, rounding, { sizes: { N: 2 } });
});

const vectors = ["N", 6];
const tokens = ["N", 5, 6];
const gemm = (b: GraphBuilder, x: Value, shape: readonly number[], attributes: object = {}): Value =>
  b.add("Gemm", [x, weights(b, shape), weights(b, [1])], attributes);
test.each<readonly [string, Graph, readonly string[]]>([
  [
    "Gemm of Gemm, transposed and scaled",
    graphOf((b, x) => gemm(b, gemm(b, x, [20, 6], { transB: 1, alpha: 0.5, beta: 2 }), [20, 3], { alpha: 2 }), vectors),
    ["Relu", "Gemm", "Relu"],
  ],
  [
    "MatMul of MatMul",
    graphOf((b, x) => b.add("MatMul", [b.add("MatMul", [x, weights(b, [6, 20])]), weights(b, [20, 3])]), vectors),
    ["Relu", "MatMul", "Relu"],
  ],
  ["Gemm of MatMul", graphOf((b, x) => gemm(b, b.add("MatMul", [x, weights(b, [6, 20])]), [20, 3]), vectors), ["Relu", "Gemm", "Relu"]],
  [
    "MatMul of MatMul in three axes, with an Add between",
    graphOf(
      (b, x) => b.add("MatMul", [b.add("Add", [weights(b, [20]), b.add("MatMul", [x, weights(b, [6, 20])])]), weights(b, [20, 3])]),
      tokens,
    ),
    ["Relu", "MatMul", "Add", "Relu"],
  ],
])("merged: %s", async (_, before, ops) => {
  const { graph } = mergeLinear(before);
  const clean = eliminateDeadCode(graph).graph;
  expect(clean.nodes.map((node) => node.opType)).toEqual(ops);
  expect(macs(clean)).toBeLessThan(macs(before));
  await expectSameOutputs(before, graph, rounding, { sizes: { N: 2 } });
});

test.each<readonly [string, Graph]>([
  [
    'Conv "second" pads with zeros, where Conv "first" would give its bias, 0.5 in channel 1',
    graphOf((b, x) => {
      const bias = b.tensor(
        "c",
        tensorFrom(
          "float32",
          [24],
          Array.from({ length: 24 }, (_, i) => (i === 1 ? 0.5 : 0)),
        ),
      );
      const first = b.add("Conv", [x, weights(b, [24, 4, 1, 1]), bias], {}, { name: "first" });
      return conv(b, first, [2, 24, 3, 3], { pads: [1, 1, 1, 1] }, true, "second");
    }),
  ],
  [
    'Conv "second" pads with zeros what Conv "first" would compute from a larger window',
    graphOf((b, x) => conv(b, conv(b, x, [64, 4, 3, 3], {}, false, "first"), [2, 64, 3, 3], { pads: [1, 1, 1, 1] }, true, "second")),
  ],
  [
    "one op would take 1.6 times the multiply-adds of the two",
    graphOf((b, x) => conv(b, conv(b, x, [2, 4, 1, 1], {}, false), [16, 2, 1, 1]), ["N", 4, "H", "H"]),
  ],
  ["one op would take 2.6 times the multiply-adds of the two", graphOf((b, x) => gemm(b, gemm(b, x, [6, 2]), [2, 40]), vectors)],
  [
    'the output of Conv "first" is used elsewhere (by Mul "Mul")',
    graphOf((b, x) => {
      const first = conv(b, x, [24, 4, 1, 1], {}, false, "first");
      return b.add("Mul", [conv(b, first, [24, 24, 1, 1]), first]);
    }),
  ],
  [
    'ConvTranspose "up" and Conv "second" are not one convolution: one of them is transposed',
    graphOf((b, x) =>
      conv(
        b,
        b.add("ConvTranspose", [x, weights(b, [4, 24, 2, 2])], { strides: [2, 2] }, { name: "up" }),
        [2, 24, 1, 1],
        {},
        true,
        "second",
      ),
    ),
  ],
  [
    "the product of their weights takes 5.4e+9 multiply-adds at compile time",
    graphOf(
      (b, x) => {
        const square = (rows: number, columns: number): Value =>
          b.tensor("w", { dtype: "float32", shape: [rows, columns], data: new Float32Array(rows * columns) });
        return b.add("MatMul", [b.add("MatMul", [x, square(1024, 5120)]), square(5120, 1024)]);
      },
      ["N", 1024],
    ),
  ],
  [
    'the addend of Gemm "rows" differs from row to row',
    graphOf((b, x) => gemm(b, b.add("Gemm", [x, weights(b, [6, 20]), weights(b, [2, 1])], {}, { name: "rows" }), [20, 3]), [2, 6]),
  ],
])("refused: %s", (reason, before) => {
  const { graph, skipped } = mergeLinear(before);
  expect(graph).toBe(before);
  expect(skipped.map((skip) => skip.reason)).toEqual([reason]);
});

test("a chain of any length ends as one convolution", async () => {
  const before = graphOf((b, x) => conv(b, conv(b, conv(b, x, [16, 4, 1, 1]), [16, 16, 1, 1]), [2, 16, 3, 3]));
  const { graph } = optimize(before);
  expect(graph.nodes.map((node) => node.opType)).toEqual(["Relu", "Conv", "Relu"]);
  await expectSameOutputs(before, graph, rounding, { sizes: { N: 2 } });
});

const layer = fc.record({
  kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  dilations: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  pads: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)),
  group: fc.constantFrom(1, 2, 4),
  bias: fc.boolean(),
});
test("two random convolutions give the same, merged or refused", async () => {
  let merged = 0;
  await fc.assert(
    fc.asyncProperty(layer, layer, fc.boolean(), async (first, second, isUnpadded) => {
      const before = graphOf(
        (b, x) => {
          const { group, bias, kernel, ...rest } = first;
          const between = conv(b, x, [64, 4 / group, ...kernel], { ...rest, group }, bias);
          const pads = isUnpadded ? [0, 0, 0, 0] : second.pads;
          return conv(
            b,
            between,
            [4, 64 / second.group, ...second.kernel],
            { ...second, kernel_shape: second.kernel, pads, kernel: undefined, bias: undefined },
            second.bias,
          );
        },
        ["N", 4, 23, 24],
      );
      const { graph, skipped } = mergeLinear(before);
      expect(graph === before ? skipped.length : 0).toBe(graph === before ? 1 : 0);
      if (graph === before) return;
      merged++;
      const feeds = feedsFor(before, { N: 1 });
      const [expected, actual] = [(await run(before, feeds)).get("y"), (await run(graph, feeds)).get("y")];
      if (expected === undefined) throw new Error("there is an output y");
      const largest = Math.max(1, ...(expected.data as Float32Array));
      // Sums of up to 5000 products: parts of the largest element.
      expect(difference("y", actual, expected, { rtol: 0, atol: 1e-5 * largest })).toBeNull();
    }),
    { numRuns: 120 * Number(process.env["STRIATE_RUNS"] ?? 1), seed: 4 },
  );
  expect(merged).toBeGreaterThan(30);
});
