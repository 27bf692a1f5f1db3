import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

test("comparisons and logic are computed on known elements", () => {
  const b = new GraphBuilder("g");
  const [x, y] = [b.constant("int64", [1, 2, 3]), b.constant("int64", [3, 2, 1])];
  const less = b.add("Less", [x, y]);
  const equal = b.add("Equal", [x, y]);
  expect(less.type).toEqual({ dtype: "bool", shape: [3] });
  expect(
    [
      less,
      equal,
      b.add("GreaterOrEqual", [x, y]),
      b.add("Or", [less, equal]),
      b.add("And", [less, equal]),
      b.add("Xor", [less, equal]),
      b.add("Not", [less]),
    ].map((v) => v.elements),
  ).toEqual([
    [1, 0, 0],
    [0, 1, 0],
    [0, 1, 1],
    [1, 1, 0],
    [0, 0, 0],
    [1, 1, 0],
    [0, 1, 1],
  ]);
});

test("Where chooses among sizes, as exporters of Expand write it", () => {
  const b = new GraphBuilder("g");
  const shape = b.add("Shape", [b.input("x", { dtype: "float32", shape: ["N", 3, "H"] })]);
  const wanted = b.add(
    "Concat",
    [b.add("Slice", [shape, b.constant("int64", [0]), b.constant("int64", [1])]), b.constant("int64", [-1, 7])],
    { axis: 0 },
  );
  const isOpen = b.add("Equal", [wanted, b.constant("int64", [-1])]);
  expect(isOpen.elements).toEqual([0, 1, 0]);
  expect(b.add("Where", [isOpen, b.constant("int64", [1]), wanted]).elements).toEqual(["N", 1, 7]);
});

test("infinities and NaN are told apart", () => {
  const b = new GraphBuilder("g");
  const x = b.constant("float32", [1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  expect(b.add("IsNaN", [x]).elements).toEqual([0, 1, 0, 0]);
  expect(b.add("IsInf", [x]).elements).toEqual([0, 0, 1, 1]);
  expect(b.add("IsInf", [x], { detect_negative: 0 }).elements).toEqual([0, 0, 1, 0]);
});

test("IsInf of float16 is widened below opset 20", async () => {
  const b = new GraphBuilder("g");
  b.output(b.add("IsInf", [b.input("x", { dtype: "float16", shape: [3] })]), "y");
  const results = await runGraph(b.build(), { x: tensorFrom("float16", [3], [1, Number.POSITIVE_INFINITY, Number.NaN]) }, 18);
  expect([...(results["y"]?.data ?? [])]).toEqual([0, 1, 0]);
});

test("Where's gradient goes to what was chosen", async () => {
  const inputs = [
    { data: tensorFrom("bool", [2, 3], [1, 0, 1, 0, 0, 1]) },
    { data: randomTensor(1, "float64", [3]) },
    { data: randomTensor(2, "float64", [2, 1]) },
  ];
  // Linear, so that only rounding remains.
  await expectGradient({ step: 1e-3, tolerance: 1e-9, inputs, build: (b, xs) => b.add("Where", xs) });
});
