import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Value } from "../../../src/ir/graph.ts";
import { schemaOf } from "../../../src/ir/ops/index.ts";
import { numbersOf, type TensorData, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { lower } from "../../../src/passes/index.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

const reductions = ["none", "add", "mul", "max", "min"] as const;
const int64 = (shape: readonly number[], values: readonly number[]): TensorData => tensorFrom("int64", shape, values);

test("the last axis of the indices counts the axes of data that give way", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 5, "H"] });
  const indices = (shape: readonly (number | string)[]): Value => b.input(`i${b.nodes.length}${shape.join()}`, { dtype: "int64", shape });
  expect(b.add("GatherND", [x, indices(["K", 2])]).type.shape).toEqual(["K", "H"]);
  expect(b.add("GatherND", [x, indices(["N", 3, 1])], { batch_dims: 1 }).type.shape).toEqual(["N", 3, "H"]);
  expect(b.add("ScatterND", [x, indices(["M", 1]), b.input("u", { dtype: "float32", shape: ["M", 5, "H"] })]).type.shape).toEqual([
    "N",
    5,
    "H",
  ]);
  expect(() => b.add("GatherND", [x, indices(["K", 4])])).toThrow("positions have 4 coordinates, and data [N, 5, H] has 3 axes for them");
  expect(() => b.add("GatherND", [x, indices([3, "K"])])).toThrow("the rank cannot be known: positions have K coordinates");
  expect(() => b.add("GatherND", [x, indices(["Q", 1])], { batch_dims: 2 })).toThrow("batch_dims is 2, and has to be below the ranks");
  expect(() => b.add("GatherND", [x, b.constant("int64", [0, 5], [1, 2])])).toThrow("index 5 is outside axis 1 of size 5");
  expect(() => b.add("ScatterND", [x, indices(["P", 1]), b.input("v", { dtype: "float32", shape: ["P", 5] })])).toThrow(
    "updates are [P, 5], and the positions take [P, 5, H]",
  );
  expect(() => b.add("ScatterND", [x, indices([2, 3]), b.input("w", { dtype: "float32", shape: [3] })])).toThrow(
    "differ on axis 0: 2 and 3",
  );
});

test("known contents are taken and put as onnxruntime does it", async () => {
  const data = int64([2, 3, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const apply = (b: GraphBuilder, x: Value): readonly Value[] => [
    b.add("GatherND", [x, b.initializer("a", int64([2, 1, 2], [0, -1, 1, 0]))]),
    b.add("GatherND", [x, b.initializer("b", int64([3], [1, 2, 0]))]),
    b.add("GatherND", [x, b.initializer("c", int64([2, 2, 1], [0, 2, -3, 1]))], { batch_dims: 1 }),
    ...reductions.map((reduction) => {
      const [at, updates] = [int64([2, 2], reduction === "none" ? [1, -1, 0, 1] : [1, -1, 1, 2]), int64([2, 2], [20, 2, 3, 40])];
      return b.add("ScatterND", [x, b.initializer(`i${reduction}`, at), b.initializer(`u${reduction}`, updates)], { reduction });
    }),
  ];
  const known = new GraphBuilder("known");
  const contents = apply(known, known.initializer("x", data)).map((y) => y.elements);
  const b = new GraphBuilder("g");
  apply(b, b.input("x", data)).forEach((y, i) => void b.output(y, `y${i}`));
  const results = await runGraph(b.build(), { x: data });
  expect(contents).toEqual(contents.map((_, i) => numbersOf(results[`y${i}`] ?? data)));
});

// Central differences of a function that is linear in what is moved are exact but for rounding: 1e-9 in float64.
const linear = { step: 0.5, tolerance: 1e-9 } as const;
test.each([
  ["rows", 0, [2, 1], [1, -1]],
  ["elements, one of them twice", 0, [3, 2], [1, 0, 1, 0, -1, 2]],
  ["rows of each batch", 1, [3, 2, 1], [0, 3, 1, 1, -1, 0]],
] as const)("the gradient of GatherND puts back %s", async (_, batch, shape, at) => {
  await expectGradient({
    ...linear,
    inputs: [{ data: randomTensor(3, "float64", [3, 4, 2]), shape: ["N", 4, "W"] }, { data: int64(shape, at) }],
    build: (b, [x, indices]) => b.add("GatherND", [x ?? null, indices ?? null], { batch_dims: batch }),
  });
});

test.each(reductions)("the gradient of ScatterND with reduction %s", async (reduction) => {
  const at = reduction === "none" ? [1, 0, -1, 2] : [1, 0, 1, 0];
  await expectGradient({
    // A product of three numbers up to 2 curves: the step is small, and differences round by 1e-16 / 1e-3.
    step: 1e-3,
    tolerance: 1e-6,
    inputs: [
      { data: randomTensor(3, "float64", [3, 4, 2]), shape: ["N", 4, 2] },
      { data: int64([2, 2], at) },
      { data: randomTensor(8, "float64", [2, 2]) },
    ],
    build: (b, [x, indices, updates]) => b.add("ScatterND", [x ?? null, indices ?? null, updates ?? null], { reduction }),
  });
});

test.each(["add", "mul", "max", "min"] as const)("ScatterND with reduction %s is written out for opset 13", async (reduction) => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 4, 2] });
  const updates = b.input("u", { dtype: "float32", shape: [3, 2] });
  b.output(b.add("ScatterND", [x, b.constant("int64", [1, 0, -1, 3, 1, 0], [3, 2]), updates], { reduction }), "y");
  const graph = b.build();
  const old = lower(graph, { opset: 13, provider: "portable" });
  expect(old.nodes.some((node) => node.opType === "ScatterND")).toBe(false);
  const feeds = { x: randomTensor(1, "float32", [3, 4, 2]), u: randomTensor(2, "float32", [3, 2]) };
  const [expected, actual] = [await runGraph(graph, feeds), await runGraph(old, feeds)];
  // Each element is a sum or product of at most three numbers.
  const [e, a] = [numbersOf(expected["y"] ?? feeds.x) ?? [], numbersOf(actual["y"] ?? feeds.u) ?? []];
  e.forEach((wanted, i) => {
    expect(Math.abs((a[i] ?? Number.NaN) - wanted)).toBeLessThan(1e-6);
  });
});

test("a position sees the whole of the axes that are indexed", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: [2, 5, 7] });
  const { producer } = b.add("GatherND", [x, b.input("i", { dtype: "int64", shape: [2, 3, 1] })], { batch_dims: 1 });
  const same = (axis: number) => ({ axis, size: 1, stride: 1, start: 0 });
  if (producer?.opType !== "GatherND") throw new Error("no GatherND");
  const { receptiveField } = schemaOf("GatherND");
  if (typeof receptiveField !== "function") throw new Error("no rule");
  expect(receptiveField({ ...producer, opType: "GatherND", attributes: { batch_dims: 1 } }, 0, 0)).toEqual([same(0), "all", same(2)]);
});
