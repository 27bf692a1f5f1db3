import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { numbersOf, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

// Third derivatives are of order 10: differences over 2^-5 are off by 1e-3.
const smooth = { step: 2 ** -5, tolerance: 6e-3 } as const;

test.each([
  [-1, [4]],
  [1, [3, 4]],
  [-2, [1, 4]],
])("RMSNormalization from axis %i on with a scale of shape %o has the gradient of differences", async (axis, scale) => {
  for (const opset of [13, 23]) {
    await expectGradient({
      ...smooth,
      opset,
      inputs: [{ data: randomTensor(1, "float32", [2, 3, 4]), shape: ["N", 3, 4] }, { data: randomTensor(2, "float32", scale) }],
      build: (b, values) => b.add("RMSNormalization", values, { axis, epsilon: 0.1 }),
    });
  }
});
test.each([1, 2])("LpNormalization by the L%i norm has the gradient of differences, through its parts", async (p) => {
  // Away from zero, where the L1 norm has a corner.
  const x = tensorFrom("float32", [2, 3], [1, -2, 0.5, 3, 1.5, -1]);
  await expectGradient({
    ...smooth,
    inputs: [{ data: x, shape: ["N", 3] }],
    build: (b, values) => b.add("LpNormalization", values, { axis: 1, p }),
  });
});

test("the parts below opset 23 give what the kernel gives", async () => {
  const [x, scale] = [randomTensor(1, "float32", [2, 3, 8]), randomTensor(2, "float32", [8])];
  const b = new GraphBuilder("g");
  b.output(b.add("RMSNormalization", [b.input("x", x), b.input("scale", scale)]), "y");
  const [old, today] = [await runGraph(b.build(), { x, scale }, 22), await runGraph(b.build(), { x, scale }, 23)];
  const [got, expected] = [old, today].map((results) => numbersOf(results["y"] ?? tensorFrom("float32", [0], [])) ?? []);
  expect(got?.length).toBe(48);
  // A mean of 8 squares in another order.
  got?.forEach((v, i) => {
    expect(Math.abs(v - (expected?.[i] ?? Number.NaN))).toBeLessThan(1e-5);
  });
});

test("scale has to broadcast to the input, and the norm to be the first or second", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 768] });
  expect(() => b.add("RMSNormalization", [x, b.constant("float32", [1, 2])])).toThrow(
    "error[shape-mismatch]: RMSNormalization: scale is float32[2], which does not broadcast to float32[N, 768]",
  );
  expect(() => b.add("LpNormalization", [x], { p: 3 })).toThrow('error[op-attribute]: LpNormalization: "p" is 3, wanted 1 or 2');
});
