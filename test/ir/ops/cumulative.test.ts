import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { schemaOf } from "../../../src/ir/ops/index.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";

const cumSum = (axis: number | readonly number[]) => {
  const b = new GraphBuilder("g");
  return b.addNode("CumSum", [b.input("x", { dtype: "float32", shape: ["N", 3, "L"] }), b.constant("int64", axis)]);
};
test("CumSum keeps the shape, and checks its axis", () => {
  expect(cumSum(-1).outputs[0]?.type.shape).toEqual(["N", 3, "L"]);
  expect(cumSum([1]).outputs[0]?.type.shape).toEqual(["N", 3, "L"]);
  expect(() => cumSum(3)).toThrow("error[axis-range]: CumSum: axis 3 is outside a tensor of 3 axes");
  expect(() => cumSum([0, 1])).toThrow("error[op-axis]: CumSum: the axis is int64[2], wanted one number");
});
test("CumSum sees the whole axis that it sums along", () => {
  const { receptiveField } = schemaOf("CumSum");
  const at = (axis: number) => ({ axis, size: 1, stride: 1, start: 0 });
  expect(typeof receptiveField === "string" ? null : receptiveField(cumSum(1), 0, 0)).toEqual([at(0), "all", at(2)]);
});
test.each([
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
])("CumSum with exclusive %i and reverse %i has the gradient of central differences", async (exclusive, reverse) => {
  await expectGradient({
    // Linear: only rounding remains.
    step: 1e-2,
    tolerance: 1e-9,
    inputs: [{ data: randomTensor(1, "float64", [2, 4, 3]), shape: ["N", 4, 3] }],
    build: (b, xs) => b.add("CumSum", [...xs, b.constant("int64", -2)], { exclusive, reverse }),
  });
});
