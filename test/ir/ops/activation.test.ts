import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { OpType } from "../../../src/ir/op-types.ts";
import { numbersOf, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient, gradientsOf, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

// onnxruntime has most of these in float32 only: a difference over 2^-5 is off by about 2^-10 / 6 third derivatives, and 1e-5 of rounding.
const coarse = { step: 2 ** -5, tolerance: 2e-3 } as const;
// Away from the kinks at 0 and +-3 by more than a step.
const smooth = tensorFrom("float32", [2, 5], [-4.1, -2.2, -1.3, -0.6, -0.1, 0.2, 0.7, 1.4, 2.5, 3.8]);

const activations: readonly (readonly [OpType, object])[] = [
  ["Relu", {}],
  ["LeakyRelu", { alpha: 0.1 }],
  ["Elu", { alpha: 1.3 }],
  ["Sigmoid", {}],
  ["HardSigmoid", { alpha: 0.15, beta: 0.4 }],
  ["HardSwish", {}],
  ["Tanh", {}],
  ["Softplus", {}],
  ["Gelu", {}],
  ["Gelu", { approximate: "tanh" }],
  ["Erf", {}],
  ["Softmax", {}],
  ["LogSoftmax", { axis: 0 }],
];
test.each(activations)("%s %o has the gradient of central differences", async (opType, attributes) => {
  await expectGradient({
    ...coarse,
    inputs: [{ data: smooth, shape: ["N", 5] }],
    build: (b, [x]) => b.add(opType, [x ?? null], attributes),
  });
});

test.each([[[3, 1, 1]], [[1]], [[2, 2]], [[4, 3, 2, 2]]])("PRelu sums the gradient of a slope of shape %o", async (slope) => {
  const inputs = [{ data: randomTensor(5, "float32", [4, 3, 2, 2]) }, { data: randomTensor(6, "float32", slope) }];
  await expectGradient({ step: 2 ** -7, tolerance: 5e-3, inputs, build: (b, xs) => b.add("PRelu", xs) });
});

test("PRelu takes no slope that is larger than its input", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 1, 4, 4] });
  const slope = b.input("slope", { dtype: "float32", shape: [3, 1, 1] });
  expect(() => b.add("PRelu", [x, slope])).toThrow("error[broadcast-mismatch]: PRelu: the slope does not broadcast to the input");
});

test("Relu's slope is 0 at 0, and Elu's is that of its negative side, as in PyTorch", async () => {
  const inputs = [{ data: tensorFrom("float32", [3], [-1, 0, 1]) }];
  const ones = tensorFrom("float32", [3], [1, 1, 1]);
  const slopes = async (opType: OpType, attributes: object) =>
    numbersOf((await gradientsOf({ inputs, build: (b, [x]) => b.add(opType, [x ?? null], attributes) }, ones))["x0.grad"] ?? ones);
  expect(await slopes("Relu", {})).toEqual([0, 0, 1]);
  expect((await slopes("Elu", { alpha: 2 }))?.slice(1)).toEqual([2, 1]);
  expect(await slopes("LeakyRelu", { alpha: 0.5 })).toEqual([0.5, 0.5, 1]);
});

test.each([
  ["HardSwish", {}, 14, 13],
  ["Gelu", {}, 20, 13],
  ["Gelu", { approximate: "tanh" }, 20, 18],
] as const)("%s %o in opset %d equals what it is lowered to in opset %d", async (opType, attributes, newest, older) => {
  const b = new GraphBuilder("g");
  b.output(b.add(opType, [b.input("x", { dtype: "float32", shape: ["N", 5] })], attributes), "y");
  const [own, lowered] = await Promise.all([newest, older].map((opset) => runGraph(b.build(), { x: smooth }, opset)));
  const wanted = numbersOf(own?.["y"] ?? smooth) ?? [];
  // A few roundings of float32.
  numbersOf(lowered?.["y"] ?? smooth)?.forEach((v, i) => {
    expect(Math.abs(v - (wanted[i] ?? Number.NaN))).toBeLessThan(1e-6);
  });
});

test("an axis that is not there is refused", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 5] });
  expect(() => b.add("Softmax", [x], { axis: 2 })).toThrow("error[axis-range]: Softmax: axis 2 is outside a tensor of 2 axes");
});
