import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { outputAt } from "../../../src/ir/ops/outputs.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient } from "../../support/check-gradient.ts";

test("K gives the size of both outputs along the axis", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 5, "H"] });
  const types = b.addNode("TopK", [x, b.constant("int64", [2])], { axis: 1 }, { outputs: 2 }).outputs.map((v) => v?.type);
  expect(types).toEqual([
    { dtype: "float32", shape: ["N", 2, "H"] },
    { dtype: "int64", shape: ["N", 2, "H"] },
  ]);
  expect(() => b.add("TopK", [x, b.constant("int64", [6])], { axis: 1 })).toThrow("6 elements are asked for, and the axis has 5");
  expect(() => b.add("TopK", [x, b.constant("int64", [1, 2])], { axis: 1 })).toThrow("K is no vector of one number");
});

test.each([
  [1, 1],
  [0, 0],
  [-1, 0],
])("the gradient goes to the elements that were taken, along axis %i, largest %i", async (axis, largest) => {
  await expectGradient({
    build: (b, [x]) => outputAt(b.addNode("TopK", [x ?? null, b.constant("int64", [2])], { axis, largest }, { outputs: 2 }).outputs, 0),
    // No two elements are as close as the step of the differences.
    inputs: [{ data: tensorFrom("float32", [3, 4], [5, -1, 2, 7, 0, 9, -3, 4, 8, 1, -6, 3]) }],
    step: 0.25,
    // The function is linear there: float32 rounding of sums of numbers up to 9.
    tolerance: 1e-5,
  });
});
