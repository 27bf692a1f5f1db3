import { expect, test } from "vitest";
import { encodeModel, parseModel } from "../../../src/codegen/index.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { randomTensor } from "../../support/check-gradient.ts";
import { runModel } from "../../support/onnxruntime.ts";
import { runGraph } from "../../support/run-graph.ts";

interface Attribute {
  readonly name: string;
  readonly type: 1 | 2;
  readonly i?: number;
  readonly f?: number;
}
const int = (name: string, i: number): Attribute => ({ name, type: 2, i });
const float = (name: string, f: number): Attribute => ({ name, type: 1, f });

/** A model of one node with inputs x0, x1, ... of float32 and an output y. */
function model(
  opType: string,
  opset: number,
  shapes: readonly (readonly number[])[],
  attribute: readonly Attribute[],
  rank: number,
): Uint8Array {
  const info = (name: string, shape: readonly (number | string)[]) => ({
    name,
    type: { tensorType: { elemType: 1, shape: { dim: shape.map((d) => (typeof d === "number" ? { dimValue: d } : { dimParam: d })) } } },
  });
  return encodeModel({
    irVersion: 3,
    opsetImport: [{ domain: "", version: opset }],
    graph: {
      name: "old",
      node: [{ opType, name: "node", input: shapes.map((_, i) => `x${i}`), output: ["y"], attribute }],
      input: shapes.map((shape, i) => info(`x${i}`, shape)),
      output: [
        info(
          "y",
          Array.from({ length: rank }, (_, i) => `d${i}`),
        ),
      ],
    },
  });
}

test("before opset 7, the second operand lines up at the axis that is given", async () => {
  const { graph } = parseModel(model("Add", 6, [[2, 3, 2], [3]], [int("axis", 1), int("broadcast", 1)], 3));
  const feeds = {
    x0: tensorFrom("float32", [2, 3, 2], [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]),
    x1: tensorFrom("float32", [3], [10, 20, 30]),
  };
  expect([...((await runGraph(graph, feeds))["y"]?.data ?? [])]).toEqual([10, 10, 20, 20, 30, 30, 11, 11, 21, 21, 31, 31]);
});

test("an axis at which the second operand does not fit is refused", () => {
  const bytes = model(
    "Mul",
    6,
    [
      [2, 3],
      [3, 2],
    ],
    [int("axis", 1), int("broadcast", 1)],
    2,
  );
  expect(() => parseModel(bytes)).toThrow('Mul "node": attribute "axis" is 1, but the first input has 2 axes and the second 2');
});

test("before opset 7, a vector of slopes belongs to the channels", async () => {
  const { graph } = parseModel(model("PRelu", 6, [[1, 2, 2], [2]], [], 3));
  const feeds = { x0: tensorFrom("float32", [1, 2, 2], [-1, 1, -1, 1]), x1: tensorFrom("float32", [2], [0.5, 2]) };
  expect([...((await runGraph(graph, feeds))["y"]?.data ?? [])]).toEqual([-0.5, 1, -2, 1]);
});

const readable: readonly (readonly [string, number, readonly (readonly number[])[], readonly Attribute[], number])[] = [
  ["Softmax", 11, [[2, 3, 4]], [], 3],
  ["Softmax", 11, [[2, 3, 4]], [int("axis", 2)], 3],
  ["Softmax", 9, [[2, 3, 4]], [int("axis", 0)], 3],
  ["LogSoftmax", 11, [[2, 3, 4]], [int("axis", -2)], 3],
  ["Clip", 10, [[2, 5]], [float("min", -0.5), float("max", 0.75)], 2],
  ["Clip", 7, [[2, 5]], [float("max", 0.75)], 2],
  ["Gemm", 9, [[2, 3], [4, 3], [4]], [int("transB", 1), float("beta", 0.5)], 2],
];
test.each(readable)(
  "%s of opset %d computes what onnxruntime makes of the file as it is",
  async (opType, opset, shapes, attributes, rank) => {
    const bytes = model(opType, opset, shapes, attributes, rank);
    const feeds = Object.fromEntries(shapes.map((shape, i) => [`x${i}`, randomTensor(i, "float32", shape)]));
    const wanted = (await runModel(bytes, new Map(Object.entries(feeds)))).get("y");
    const actual = (await runGraph(parseModel(bytes).graph, feeds))["y"];
    expect(actual?.shape).toEqual(wanted?.shape);
    // Other kernels may sum in another order: a few roundings of float32.
    [...(actual?.data ?? [])].forEach((v, i) => {
      expect(Math.abs(Number(v) - Number(wanted?.data[i]))).toBeLessThan(1e-6);
    });
  },
);

test("a file whose node lacks an input is refused before any rule looks at it", () => {
  expect(() => parseModel(model("Add", 6, [[2]], [int("broadcast", 1)], 1))).toThrow('Add "node": input 1 ("B") is missing');
});
