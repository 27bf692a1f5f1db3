/** What expectTarget accepts, in the type checker and at run time; test/mistakes/reported.ts has what it refuses. */
import { bce, conv2d, crossEntropy, defineModel, dice, expectTarget, flatten, linear, mse, nll, sigmoid, trace } from "striate";
import { expect, test } from "vitest";

test("targets that fit a loss pass, per image and per pixel", () => {
  const model = defineModel({
    name: "m",
    inputs: { x: ["N", 3, 8, 8] },
    forward({ x }) {
      const logits = linear(flatten(x), { outFeatures: 10 });
      expectTarget(logits, crossEntropy(), { shape: ["N"], dtype: "int64", classes: 10 });
      expectTarget(logits, nll(), { shape: ["N"], dtype: "int64" });
      expectTarget(logits, crossEntropy({ targets: "probabilities" }), { shape: ["N", 10], dtype: "float32" });
      expectTarget(logits, mse(), { shape: ["N", 10], dtype: "float32" });
      expectTarget(sigmoid(logits), bce(), { shape: ["N", 10], dtype: "float32" });
      const pixels = conv2d(x, { outChannels: 4, kernelSize: 1 });
      expectTarget(pixels, crossEntropy(), { shape: ["N", 8, 8], dtype: "int64", classes: 4 });
      expectTarget(pixels, dice(), { shape: ["N", 8, 8], dtype: "int64" });
      expectTarget(pixels, dice({ mode: "binary" }), { shape: ["N", 4, 8, 8], dtype: "float32" });
      return { logits, pixels };
    },
  });
  expect(trace(model).outputs.map(({ name }) => name)).toEqual(["logits", "pixels"]);
});
