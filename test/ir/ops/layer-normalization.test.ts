import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { numbersOf, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

// Third derivatives are of order 10: differences over 2^-5 are off by 1e-3.
const smooth = { step: 2 ** -5, tolerance: 6e-3 } as const;

test.each([
  [-1, [4], [4]],
  [-2, [3, 4], [4]],
  [0, [2, 3, 4], [1, 4]],
  [2, [1], [4]],
])("axis %i with a scale of shape %o and a bias of %o has the gradients of differences, below opset 17 too", async (axis, scale, bias) => {
  for (const opset of [13, 18]) {
    await expectGradient({
      ...smooth,
      opset,
      inputs: [
        { data: randomTensor(1, "float32", [2, 3, 4]), shape: ["N", 3, 4] },
        { data: randomTensor(2, "float32", scale) },
        { data: randomTensor(3, "float32", bias) },
      ],
      build: (b, values) => b.add("LayerNormalization", values, { axis, epsilon: 0.1 }),
    });
  }
});

test.each([1, 2])("the gradient goes through output %i, a statistic, too", async (output) => {
  await expectGradient({
    ...smooth,
    inputs: [{ data: randomTensor(1, "float32", [2, 3, 4]), shape: ["N", 3, "C"] }],
    build: (b, [x]) => {
      const value = b.addMany("LayerNormalization", [x ?? null, b.constant("float32", [2])], { epsilon: 0.1 }, 3)[output];
      if (value === undefined) throw new Error("there are three outputs");
      return value;
    },
  });
});

test("the primitives below opset 17 give what onnxruntime's kernel gives", async () => {
  const [x, scale, bias] = [randomTensor(1, "float32", [2, 3, 8]), randomTensor(2, "float32", [8]), randomTensor(3, "float32", [8])];
  const b = new GraphBuilder("g");
  const outputs = b.addMany("LayerNormalization", [b.input("x", x), b.input("scale", scale), b.input("bias", bias)], {}, 3);
  outputs.forEach((v, i) => {
    b.output(v, `y${i}`);
  });
  const [old, today] = [await runGraph(b.build(), { x, scale, bias }, 16), await runGraph(b.build(), { x, scale, bias }, 17)];
  for (const name of ["y0", "y1", "y2"]) {
    const [got, expected] = [old, today].map((results) => numbersOf(results[name] ?? tensorFrom("float32", [0], [])) ?? []);
    expect(got?.length).toBeGreaterThan(0);
    // Sums of 8 elements in another order.
    got?.forEach((v, i) => {
      expect(Math.abs(v - (expected?.[i] ?? Number.NaN))).toBeLessThan(1e-5);
    });
  }
});

test("scale has to broadcast to the input, and the axis to be there", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 197, 768] });
  const scale = b.input("scale", { dtype: "float32", shape: [384] });
  expect(() => b.add("LayerNormalization", [x, scale])).toThrow(
    "error[shape-mismatch]: LayerNormalization: Scale is float32[384], which does not broadcast to float32[N, 197, 768]",
  );
  expect(() => b.add("LayerNormalization", [x, scale], { axis: 3 })).toThrow(
    "error[axis-range]: LayerNormalization: axis 3 is outside a tensor of 3 axes",
  );
});
