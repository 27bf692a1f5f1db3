import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Dim } from "../../../src/ir/dim.ts";
import { numbersOf, type TensorData, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

test("the axis of Gather gives way to the axes of the indices", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 5, "H"] });
  const indices = b.input("i", { dtype: "int64", shape: ["K", 2] });
  expect(b.add("Gather", [x, indices], { axis: 1 }).type.shape).toEqual(["N", "K", 2, "H"]);
  expect(b.add("Gather", [x, b.constant("int64", -1)], { axis: -1 }).type.shape).toEqual(["N", 5]);
  expect(b.add("Gather", [b.add("Shape", [x]), b.constant("int64", [-1, 0])]).elements).toEqual(["H", "N"]);
  expect(() => b.add("Gather", [x, b.constant("int64", [5])], { axis: 1 })).toThrow("index 5 is outside axis 1 of size 5");
});

test("GatherElements and ScatterElements want as many axes on both sides", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 5] });
  const flat = b.input("i", { dtype: "int64", shape: ["N"] });
  const wide = b.input("j", { dtype: "int64", shape: ["N", 2] });
  expect(b.add("GatherElements", [x, wide], { axis: 1 }).type.shape).toEqual(["N", 2]);
  expect(() => b.add("GatherElements", [x, flat])).toThrow("indices have 1 axes, the data 2");
  expect(() => b.add("ScatterElements", [x, wide, b.input("u", { dtype: "float32", shape: ["N", 3] })])).toThrow(
    "differ on axis 1: 2 and 3",
  );
  expect(() => b.add("ScatterElements", [x, wide, wide], { reduction: "add" })).toThrow('input "updates" is int64, but "data" is float32');
  const updates = b.input("v", { dtype: "float32", shape: ["N", 2] });
  expect(() => b.add("ScatterElements", [x, wide, updates], { reduction: "mean" })).toThrow(
    'the reduction "mean" is not one of none, add, mul, max, min',
  );
});

test("OneHot inserts an axis as long as the depth says", () => {
  const b = new GraphBuilder("g");
  const labels = b.input("t", { dtype: "int64", shape: ["N", "H"] });
  const values = b.constant("float32", [0, 1]);
  expect(b.add("OneHot", [labels, b.constant("int64", 10), values]).type.shape).toEqual(["N", "H", 10]);
  expect(b.add("OneHot", [labels, b.constant("int64", [10]), values], { axis: 1 }).type.shape).toEqual(["N", 10, "H"]);
  expect(b.add("OneHot", [labels, b.add("Size", [labels]), values]).type.shape).toEqual(["N", "H", "H*N"]);
  expect(b.add("OneHot", [b.constant("int64", [1, -1]), b.constant("int64", 3), values]).elements).toEqual([0, 1, 0, 0, 0, 1]);
  expect(() => b.add("OneHot", [labels, b.constant("int64", 10), b.constant("float32", [1])])).toThrow("values has to hold two numbers");
});

test("known contents are gathered and scattered as onnxruntime does it", async () => {
  const data = tensorFrom("int64", [3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const places = tensorFrom("int64", [2, 2], [0, -1, 2, 1]);
  const updates = tensorFrom("int64", [2, 2], [10, 20, 30, 5]);
  const apply = (b: GraphBuilder, x: ReturnType<GraphBuilder["input"]>) => [
    b.add("Gather", [x, b.initializer("a", places)], { axis: 1 }),
    b.add("GatherElements", [x, b.initializer("c", places)], { axis: 0 }),
    ...(["none", "add", "mul", "max", "min"] as const).map((reduction) =>
      b.add("ScatterElements", [x, b.initializer(`d${reduction}`, places), b.initializer(`e${reduction}`, updates)], {
        axis: 1,
        reduction,
      }),
    ),
  ];
  const known = apply(...withValue((b) => b.initializer("x", data))).map((y) => y.elements);
  const [b, x] = withValue((builder) => builder.input("x", data));
  apply(b, x).forEach((y, i) => void b.output(y, `y${i}`));
  const results = await runGraph(b.build(), { x: data });
  expect(known).toEqual(known.map((_, i) => numbersOf(results[`y${i}`] ?? data)));
});
function withValue(make: (b: GraphBuilder) => ReturnType<GraphBuilder["input"]>): [GraphBuilder, ReturnType<GraphBuilder["input"]>] {
  const b = new GraphBuilder("g");
  return [b, make(b)];
}

// Central differences of a linear function are exact but for rounding: 1e-9 in float64.
const linear = { step: 0.5, tolerance: 1e-9 } as const;
const indices = (shape: readonly number[], values: readonly number[]): TensorData => tensorFrom("int64", shape, values);
test("the gradient of Gather adds up what was taken more than once", async () => {
  const cases: readonly {
    readonly x: readonly number[];
    readonly shape?: readonly Dim[];
    readonly at: TensorData;
    readonly axis: number;
    readonly known?: boolean;
    readonly single?: boolean;
  }[] = [
    { x: [4, 3], at: indices([5], [0, -1, 3, 0, 0]), axis: 0 },
    { x: [4, 3], at: indices([3], [0, -1, 0]), axis: 0, single: true },
    { x: [70, 2], at: indices([2, 2], [69, 0, 69, -70]), axis: 0 },
    { x: [2, 4, 3], shape: ["N", 4, "W"], at: indices([2, 2], [0, -1, 3, 0]), axis: 1 },
    { x: [2, 4, 3], shape: ["N", "C", "W"], at: indices([], [2]), axis: 1, known: true },
    { x: [2, 6], shape: ["N", "C"], at: indices([3], [5, 3, 1]), axis: 1, known: true },
    { x: [2, 6], shape: ["N", "C"], at: indices([3], [-1, -1, 0]), axis: 1, known: true },
    { x: [5], at: indices([], [-2]), axis: 0 },
  ];
  for (const { x, shape, at, axis, known, single } of cases) {
    await expectGradient({
      // In float32, where a small table goes through a product with a one-hot matrix, sums of a few values round by 1e-6.
      ...(single === true ? { step: 0.5, tolerance: 1e-5 } : linear),
      inputs: [
        { data: randomTensor(5, single === true ? "float32" : "float64", x), ...(shape === undefined ? {} : { shape }) },
        ...(known === true ? [] : [{ data: at }]),
      ],
      build: (b, [value, fed]) => b.add("Gather", [value ?? null, fed ?? b.initializer("at", at)], { axis }),
    });
  }
});

test("the gradient of GatherElements scatters", async () => {
  await expectGradient({
    ...linear,
    inputs: [{ data: randomTensor(5, "float64", [3, 2]), shape: ["N", 2] }, { data: indices([4, 2], [0, 1, -1, 1, 2, 2, 0, 0]) }],
    build: (b, [x, at]) => b.add("GatherElements", [x ?? null, at ?? null], { axis: 0 }),
  });
});

test("the gradients of ScatterElements reach the data and the updates, for every reduction", async () => {
  for (const reduction of ["none", "add", "mul", "max", "min"]) {
    // Without a reduction no index may come twice.
    const at = reduction === "none" ? [2, 0, 1, 1] : [2, 0, 2, 0];
    await expectGradient({
      // The products are quadratic in each factor at most: differences are exact but for rounding. The extremes are a distance of 0.5 apart.
      step: 1e-3,
      tolerance: 1e-6,
      inputs: [
        { data: randomTensor(8, "float64", [3, 2]), shape: ["N", 2] },
        { data: indices([2, 2], at) },
        { data: randomTensor(9, "float64", [2, 2]) },
      ],
      build: (b, [x, places, updates]) => b.add("ScatterElements", [x ?? null, places ?? null, updates ?? null], { axis: 0, reduction }),
    });
  }
});

test("a product in which factors are zero still has its gradient", async () => {
  await expectGradient({
    ...linear,
    inputs: [
      { data: tensorFrom("float64", [3], [2, 0, 3]) },
      { data: indices([5], [0, 0, 1, 2, 2]) },
      { data: tensorFrom("float64", [5], [0, 5, 4, 0, 0]) },
    ],
    build: (b, [x, places, updates]) =>
      b.add("ScatterElements", [x ?? null, places ?? null, updates ?? null], { axis: 0, reduction: "mul" }),
  });
});

test("reductions of ScatterElements below opset 16 and 18 are put together from older ops", async () => {
  const x = tensorFrom("float32", [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]);
  const at = indices([1, 3], [3, -1, 1]);
  const updates = tensorFrom("float32", [1, 3], [0.5, 10, -2]);
  for (const [reduction, expected] of [
    ["add", [1, 0, 3, 14.5, 5, 6, 7, 8]],
    ["mul", [1, -4, 3, 20, 5, 6, 7, 8]],
    ["max", [1, 2, 3, 10, 5, 6, 7, 8]],
    ["min", [1, -2, 3, 0.5, 5, 6, 7, 8]],
  ] as const) {
    const b = new GraphBuilder("g");
    b.output(
      b.add("ScatterElements", [b.input("x", { dtype: "float32", shape: ["N", 4] }), b.input("at", at), b.input("u", updates)], {
        axis: 1,
        reduction,
      }),
      "y",
    );
    const results = await runGraph(b.build(), { x, at, u: updates }, 13);
    expect([...(results["y"]?.data ?? [])]).toEqual(expected);
  }
});

test("the gradient of OneHot goes to its two values", async () => {
  await expectGradient({
    // float32, since onnxruntime has no OneHot of float64: sums of a few values round by 1e-6.
    step: 0.5,
    tolerance: 1e-5,
    inputs: [{ data: randomTensor(4, "float32", [2]) }],
    build: (b, [values]) => b.add("OneHot", [b.constant("int64", [1, 0, 2]), b.constant("int64", 3), values ?? null]),
  });
});
