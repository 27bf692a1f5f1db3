import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

test("Shape gives sizes, from start to end, and Size their product", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 3, "H", 5] });
  const sizes = (attributes: { start?: number; end?: number }) => b.add("Shape", [x], attributes).elements;
  expect(sizes({})).toEqual(["N", 3, "H", 5]);
  expect(sizes({ start: 1, end: -1 })).toEqual([3, "H"]);
  expect(sizes({ start: -2 })).toEqual(["H", 5]);
  expect(sizes({ start: 3, end: 1 })).toEqual([]);
  expect(sizes({ start: -9, end: 9 })).toEqual(["N", 3, "H", 5]);
  expect(b.add("Size", [x]).elements).toEqual(["15*H*N"]);
});

test("a part of a shape is sliced below opset 15", async () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 3, "H"] });
  b.output(b.add("Shape", [x], { start: -2 }), "y");
  const { y } = await runGraph(b.build(), { x: tensorFrom("float32", [1, 3, 2], [0, 0, 0, 0, 0, 0]) }, 13);
  expect([...(y?.data ?? [])]).toEqual([3n, 2n]);
});

test("Range counts up and down, as far as sizes and symbols are known", () => {
  const b = new GraphBuilder("g");
  const int = (value: number) => b.constant("int64", value);
  const size = b.add("Size", [b.input("x", { dtype: "float32", shape: ["N"] })]);
  expect(b.add("Range", [int(1), int(8), int(3)]).elements).toEqual([1, 4, 7]);
  expect(b.add("Range", [int(3), int(0), int(-2)]).elements).toEqual([3, 1]);
  expect(b.add("Range", [int(3), int(3), int(1)]).elements).toEqual([]);
  expect(b.add("Range", [int(0), size, int(1)]).type.shape).toEqual(["N"]);
  expect(b.add("Range", [int(0), size, int(2)]).type.shape).toEqual(["floor((N+1)/2)"]);
  expect(
    b.add(
      "Range",
      [0, 1, 0.3].map((v) => b.constant("float32", v)),
    ).type.shape,
  ).toEqual([4]);
  expect(() => b.add("Range", [int(0), int(1), int(0)])).toThrow("a delta of 0 never reaches the limit");
});

test("the gradients of Range's start and delta are sums over its positions", async () => {
  const scalar = (value: number) => ({ data: tensorFrom("float64", [], [value]) });
  await expectGradient({
    // Linear but for the length, which a step this small does not change.
    step: 1e-3,
    tolerance: 1e-9,
    inputs: [scalar(0.25), scalar(3.3), scalar(1)],
    build: (b, values) => b.add("Range", values),
  });
});
