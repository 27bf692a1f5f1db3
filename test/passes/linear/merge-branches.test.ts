import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Graph, Value } from "../../../src/ir/graph.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { mergeBranches, optimize } from "../../../src/passes/index.ts";
import { expectSameOutputs, numbersFrom } from "../same-outputs.ts";

/** Weights of several branches are added and rounded once more; sums of up to forty products. */
const rounding = { rtol: 1e-5, atol: 1e-5 };
const weights = (b: GraphBuilder, shape: readonly number[], positive = false): Value => {
  const values = numbersFrom(
    b.nodes.length + shape.length,
    shape.reduce((n, d) => n * d, 1),
  );
  return b.tensor("w", tensorFrom("float32", shape, positive ? values.map((v) => Math.abs(v) + 0.1) : values));
};
const norm = (b: GraphBuilder, x: Value): Value =>
  b.add("BatchNormalization", [x, weights(b, [4]), weights(b, [4]), weights(b, [4]), weights(b, [4], true)]);
function graphOf(body: (b: GraphBuilder, x: Value) => Value, size = 7): Graph {
  const b = new GraphBuilder("G");
  const x = b.add("Relu", [b.input("x", { dtype: "float32", shape: ["N", 4, size, size] })]);
  b.output(b.add("Relu", [body(b, x)]), "y");
  return b.build();
}

test.each<readonly [string, Graph]>([
  [
    "a RepVGG block: 3x3, 1x1 and the identity, each with its batch norm",
    graphOf((b, x) => {
      const wide = norm(b, b.add("Conv", [x, weights(b, [4, 4, 3, 3])], { pads: [1, 1, 1, 1] }));
      const narrow = norm(b, b.add("Conv", [x, weights(b, [4, 4, 1, 1])]));
      return b.add("Add", [b.add("Add", [wide, narrow]), norm(b, x)]);
    }),
  ],
  [
    "a block of ACNet: 3x3, 1x3 and 3x1, with a stride, as one Sum",
    graphOf((b, x) => {
      const conv = (h: number, w: number, pads: readonly number[]): Value =>
        norm(b, b.add("Conv", [x, weights(b, [4, 4, h, w]), weights(b, [4])], { pads, strides: [2, 2] }));
      return b.add("Sum", [conv(1, 3, [0, 1, 0, 1]), conv(3, 3, [1, 1, 1, 1]), conv(3, 1, [1, 0, 1, 0])]);
    }),
  ],
  [
    "depthwise branches of MobileOne, and the tensor itself",
    graphOf((b, x) => {
      const wide = b.add("Conv", [x, weights(b, [4, 1, 3, 3])], { pads: [2, 2, 2, 2], dilations: [2, 2], group: 4 });
      return b.add("Add", [x, b.add("Add", [b.add("Conv", [x, weights(b, [4, 1, 1, 1])], { group: 4 }), wide])]);
    }),
  ],
])("%s becomes one convolution", async (_, before) => {
  const { graph } = optimize(before);
  expect(graph.nodes.map((node) => node.opType)).toEqual(["Relu", "Conv", "Relu"]);
  expect(optimize(graph).graph).toBe(graph);
  await expectSameOutputs(before, graph, rounding, { sizes: { N: 2 } });
});

test.each<readonly [string, Graph]>([
  [
    'Conv "b" has other groups',
    graphOf((b, x) =>
      b.add("Add", [
        b.add("Conv", [x, weights(b, [4, 4, 3, 3])], { pads: [1, 1, 1, 1] }),
        b.add("Conv", [x, weights(b, [4, 2, 1, 1])], { group: 2 }, { name: "b" }),
      ]),
    ),
  ],
  [
    'the window of Conv "b" is not inside of the largest one',
    graphOf((b, x) =>
      b.add("Add", [
        b.add("Conv", [x, weights(b, [4, 4, 3, 3])], { pads: [0, 1, 2, 1] }),
        b.add("Conv", [x, weights(b, [4, 4, 2, 1])], { pads: [1, 0, 0, 0] }, { name: "b" }),
      ]),
    ),
  ],
  [
    'the output of Conv "b" is used elsewhere (by Mul "Mul")',
    graphOf((b, x) => {
      const conv = b.add("Conv", [x, weights(b, [4, 4, 1, 1])], {}, { name: "b" });
      return b.add("Mul", [conv, b.add("Add", [conv, x])]);
    }),
  ],
  [
    'Conv "b" has other strides',
    graphOf(
      (b, x) =>
        b.add("Add", [
          b.add("Conv", [x, weights(b, [4, 4, 1, 1])]),
          b.add("Conv", [x, weights(b, [4, 4, 1, 1])], { strides: [2, 2] }, { name: "b" }),
        ]),
      1,
    ),
  ],
])("what does not fit stays: %s", (reason, before) => {
  const { graph, skipped } = mergeBranches(before);
  expect(graph).toBe(before);
  expect(skipped.map((skip) => skip.reason)).toEqual([reason]);
});
