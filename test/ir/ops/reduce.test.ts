import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Dim } from "../../../src/ir/dim.ts";
import { reductions } from "../../../src/ir/ops/reduction-axes.ts";
import { numbersOf, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient, gradientsOf, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

const exact = { step: 1e-5, tolerance: 1e-6 } as const;
const shapeOf = (shape: readonly Dim[], axes: readonly number[] | null, keepdims: number, noop = 0) => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape });
  return b.add("ReduceSum", [x, axes === null ? null : b.constant("int64", axes)], { keepdims, noop_with_empty_axes: noop }).type.shape;
};

test("reduced axes go, or stay as 1; without axes all are reduced, or none where that is asked for", () => {
  expect(shapeOf(["N", 3, "H"], [1], 1)).toEqual(["N", 1, "H"]);
  expect(shapeOf(["N", 3, "H"], [-1, 0], 0)).toEqual([3]);
  expect(shapeOf(["N", 3], null, 0)).toEqual([]);
  expect(shapeOf(["N", 3], [], 1)).toEqual([1, 1]);
  expect(shapeOf(["N", 3], [], 1, 1)).toEqual(["N", 3]);
});

test("axes that are computed leave the rank where it can be known", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 3] });
  const axes = b.input("axes", { dtype: "int64", shape: [1] });
  expect(b.add("ReduceSum", [x, axes]).type.shape).toHaveLength(2);
  expect(b.add("ReduceSum", [x, axes], { keepdims: 0 }).type.shape).toHaveLength(1);
  const some = b.input("some", { dtype: "int64", shape: ["K"] });
  expect(() => b.add("ReduceSum", [x, some], { keepdims: 0 })).toThrow(
    "how many axes the result has depends on the axes, which are not known",
  );
  expect(() => b.add("ReduceSum", [x, b.constant("int64", [2])])).toThrow("axis 2 is outside a tensor of 2 axes");
});

test("known elements are reduced, symbols included", () => {
  const b = new GraphBuilder("g");
  const shape = b.add("Shape", [b.input("x", { dtype: "float32", shape: ["N", 3, 4, "H"] })]);
  expect(b.add("ReduceProd", [shape], { keepdims: 0 }).elements).toEqual(["12*H*N"]);
  const grid = b.constant("int64", [1, 2, 3, 4, 5, 6], [2, 3]);
  expect(b.add("ReduceSum", [grid, b.constant("int64", [0])]).elements).toEqual([5, 7, 9]);
  expect(b.add("ReduceMax", [grid, b.constant("int64", [1])]).elements).toEqual([3, 6]);
  expect(b.add("ReduceMean", [grid]).elements).toEqual([3]);
});

test("ArgMax has int64 positions", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 10] });
  expect(b.add("ArgMax", [x], { axis: -1, keepdims: 0 }).type).toEqual({ dtype: "int64", shape: ["N"] });
  expect(b.add("ArgMin", [x]).type).toEqual({ dtype: "int64", shape: [1, 10] });
});

const forms: readonly (readonly [readonly number[] | null, number])[] = [
  [[1], 1],
  [[1], 0],
  [[0, 2], 0],
  [[-1], 0],
  [null, 1],
  [null, 0],
];
test.each(reductions)("%s has the gradient of central differences over any axes", async (opType) => {
  for (const [axes, keepdims] of forms) {
    const inputs = [{ data: randomTensor(3, "float64", [2, 3, 2], 0.3, 2), shape: ["N", 3, "W"] }];
    await expectGradient({
      ...exact,
      inputs,
      build: (b, [x]) => b.add(opType, [x ?? null, axes === null ? null : b.constant("int64", axes)], { keepdims }),
    });
  }
});
test.each(reductions)("%s over no axes is elementwise, and so is its gradient", async (opType) => {
  const inputs = [{ data: randomTensor(3, "float64", [2, 3], 0.3, 2) }];
  await expectGradient({
    ...exact,
    inputs,
    build: (b, [x]) => b.add(opType, [x ?? null, b.constant("int64", [])], { noop_with_empty_axes: 1 }),
  });
});
test.each(reductions)("%s has a gradient over axes that are fed in", async (opType) => {
  const inputs = [{ data: randomTensor(3, "float64", [2, 3], 0.3, 2) }, { data: tensorFrom("int64", [1], [1]) }];
  await expectGradient({ ...exact, inputs, build: (b, xs) => b.add(opType, xs) });
  await expectGradient({ ...exact, inputs, build: (b, xs) => b.add(opType, xs, { keepdims: 0 }) });
});

const slopes = async (opType: (typeof reductions)[number], shape: readonly number[], x: readonly number[]) => {
  const inputs = [{ data: tensorFrom("float32", shape, x) }];
  const rows = shape[0] ?? 1;
  const results = await gradientsOf(
    { inputs, build: (b, [v]) => b.add(opType, [v ?? null, b.constant("int64", [1])], { keepdims: 0 }) },
    tensorFrom(
      "float32",
      [rows],
      Array.from({ length: rows }, () => 1),
    ),
  );
  return numbersOf(results["x0.grad"] ?? tensorFrom("float32", [0], []));
};
test("a product with zeros has the exact gradient", async () => {
  expect(await slopes("ReduceProd", [4, 3], [2, 3, 4, 2, 0, 4, 0, 3, 0, 0, 0, 0])).toEqual([12, 8, 6, 0, 8, 0, 0, 0, 0, 0, 0, 0]);
});
test("equal extrema share the gradient, and a length of zero has none, as in PyTorch", async () => {
  expect(await slopes("ReduceMax", [2, 4], [1, 3, 3, 2, 5, 5, 5, 5])).toEqual([0, 0.5, 0.5, 0, 0.25, 0.25, 0.25, 0.25]);
  expect(await slopes("ReduceMin", [1, 4], [1, 3, 3, 1])).toEqual([0.5, 0, 0, 0.5]);
  expect(await slopes("ReduceL2", [2, 2], [0, 0, 3, 4])).toEqual([0, 0, 0.6000000238418579, 0.800000011920929]);
  expect(await slopes("ReduceL1", [1, 3], [0, -2, 2])).toEqual([0, -1, 1]);
});

test.each([13, 17, 18, 20])("reductions of bools and over no axes run in opset %d", async (opset) => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "bool", shape: [2, 2] });
  const y = b.input("y", { dtype: "float32", shape: [2] });
  b.output(b.add("ReduceMax", [x, b.constant("int64", [1])], { keepdims: 0 }), "any");
  b.output(b.add("ReduceSumSquare", [y, b.constant("int64", [])], { noop_with_empty_axes: 1 }), "squares");
  b.output(b.add("ReduceMean", [y, b.constant("int64", [0])], { noop_with_empty_axes: 1 }), "mean");
  const results = await runGraph(b.build(), { x: tensorFrom("bool", [2, 2], [0, 1, 0, 0]), y: tensorFrom("float32", [2], [-2, 3]) }, opset);
  expect([...(results["any"]?.data ?? [])]).toEqual([1, 0]);
  expect([...(results["squares"]?.data ?? [])]).toEqual([4, 9]);
  expect([...(results["mean"]?.data ?? [])]).toEqual([0.5]);
});
