import fc from "fast-check";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Value } from "../../../src/ir/graph.ts";
import type { OpType } from "../../../src/ir/op-types.ts";
import { numbersOf, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient, gradientsOf, randomTensor } from "../../support/check-gradient.ts";

// Differences of float64 results: the truncation is about step^2, the rounding about 1e-16 / step.
const exact = { step: 1e-5, tolerance: 1e-6 } as const;

const known = (opType: OpType, inputs: readonly (readonly number[])[], dtype: "int64" | "float32" = "int64", attributes: object = {}) => {
  const b = new GraphBuilder("g");
  return b.add(
    opType,
    inputs.map((x) => b.constant(dtype, x)),
    attributes,
  ).elements;
};

test("integers are computed exactly, and truncated toward zero by Div", () => {
  expect(
    known("Div", [
      [7, -7, 7, -7],
      [2, 2, -2, -2],
    ]),
  ).toEqual([3, -3, -3, 3]);
  expect(
    known("Mod", [
      [7, -7],
      [3, 3],
    ]),
  ).toEqual([1, 2]);
  expect(
    known(
      "Mod",
      [
        [7, -7],
        [3, 3],
      ],
      "int64",
      { fmod: 1 },
    ),
  ).toEqual([1, -1]);
  expect(known("Add", [[1, 2, 3], [10]])).toEqual([11, 12, 13]);
  expect(
    known("Max", [
      [1, 5],
      [3, 3],
      [2, 9],
    ]),
  ).toEqual([3, 9]);
});

test("floats are rounded to their type", () => {
  expect(known("Add", [[0.1], [0.2]], "float32")).toEqual([0.30000001192092896]);
  expect(
    known(
      "Mean",
      [
        [1, 5],
        [3, 3],
      ],
      "float32",
    ),
  ).toEqual([2, 4]);
  expect(known("Reciprocal", [[3]], "float32")).toEqual([0.3333333432674408]);
  expect(known("Round", [[2.5, -1.5]], "float32")).toEqual([2, -2]);
});

test("sizes stay symbolic through arithmetic", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 3, "H", "W"] });
  const shape = b.add("Shape", [x]);
  const doubled = b.add("Mul", [shape, b.constant("int64", [1, 1, 2, 2])]);
  expect(doubled.elements).toEqual(["N", 3, "2*H", "2*W"]);
  expect(b.add("Div", [shape, b.constant("int64", [1, 1, 2, 2])]).elements).toEqual(["N", 3, "floor(H/2)", "floor(W/2)"]);
  expect(b.add("Clip", [doubled, b.constant("int64", 0), null]).elements).toEqual(["N", 3, "2*H", "2*W"]);
  expect(b.add("Sub", [shape, shape]).elements).toEqual([0, 0, 0, 0]);
});

test("a remainder of floats needs fmod", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: [2] });
  expect(() => b.add("Mod", [x, x])).toThrow("error[mod-float]: Mod: the remainder of float32 needs fmod = 1");
});

const unaryOps = ["Neg", "Abs", "Exp", "Reciprocal", "Sin", "Cos", "Sign", "Floor", "Ceil", "Round"] as const;
test.each(unaryOps)("%s has the gradient of central differences", async (opType) => {
  await expectGradient({
    ...exact,
    inputs: [{ data: randomTensor(1, "float64", [2, 7]), shape: ["N", 7] }],
    build: (b, [x]) => b.add(opType, [x ?? null]),
  });
});
test.each(["Sqrt", "Log"] as const)("%s has the gradient of central differences where it is defined", async (opType) => {
  await expectGradient({
    ...exact,
    inputs: [{ data: randomTensor(1, "float64", [2, 7], 0.2, 3) }],
    build: (b, [x]) => b.add(opType, [x ?? null]),
  });
});

const binaryOps = ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum"] as const;
test.each(binaryOps)("%s sums its gradients over broadcast axes", async (opType) => {
  const shapes = fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean(), fc.integer({ min: 0, max: 3 }), fc.integer());
  await fc.assert(
    fc.asyncProperty(shapes, async ([a0, a2, b1, b2, lead, seed]) => {
      const first = [a0 ? 1 : 2, 3, a2 ? 1 : 2];
      const second = [2, b1 ? 1 : 3, b2 ? 1 : 2].slice(lead);
      const data = (n: number, shape: readonly number[]) => ({ data: randomTensor(seed + n, "float64", shape, 0.3, 2) });
      await expectGradient({ ...exact, inputs: [data(1, first), data(2, second)], build: (b, xs) => b.add(opType, xs) });
    }),
    { numRuns: 6, seed: 11 },
  );
});

test("Mean shares its gradient among broadcast inputs", async () => {
  const inputs = [[2, 3], [3], [2, 1]].map((shape, i) => ({ data: randomTensor(i, "float32", shape) }));
  // Linear in float32, the only type that onnxruntime has it in: rounding is about 1e-7 / step.
  await expectGradient({ step: 0.25, tolerance: 1e-5, inputs, build: (b, xs) => b.add("Mean", xs) });
});

test("fmod passes its dividend's gradient, and the quotient's to the divisor", async () => {
  const inputs = [{ data: tensorFrom("float64", [4], [5.3, -5.3, 7.1, 0.4]) }, { data: tensorFrom("float64", [4], [2, 2, -3, 1.5]) }];
  await expectGradient({ ...exact, inputs, build: (b, xs) => b.add("Mod", xs, { fmod: 1 }) });
});

test("extrema of three and Clip's bounds have the gradients of central differences", async () => {
  const data = (seed: number, shape: readonly number[]) => ({ data: randomTensor(seed, "float64", shape) });
  await expectGradient({ ...exact, inputs: [data(1, [2, 3]), data(2, [3]), data(3, [2, 1])], build: (b, xs) => b.add("Max", xs) });
  const bound = (value: number) => ({ data: tensorFrom("float64", [], [value]) });
  await expectGradient({ ...exact, inputs: [data(4, [3, 5]), bound(-0.7), bound(0.9)], build: (b, xs) => b.add("Clip", xs) });
  await expectGradient({ ...exact, inputs: [data(4, [3, 5]), bound(0.7), bound(-0.9)], build: (b, xs) => b.add("Clip", xs) });
});

const gradients = async (build: (b: GraphBuilder, xs: readonly Value[]) => Value, ...xs: readonly (readonly number[])[]) => {
  const count = Math.max(...xs.map((x) => x.length));
  const inputs = xs.map((x) => ({ data: tensorFrom("float32", [x.length], x) }));
  const results = await gradientsOf(
    { inputs, build },
    tensorFrom(
      "float32",
      [count],
      Array.from({ length: count }, () => 1),
    ),
  );
  return xs.map((_, i) => numbersOf(results[`x${i}.grad`] ?? tensorFrom("float32", [0], [])));
};

test("at their kinks the gradients are PyTorch's", async () => {
  expect(await gradients((b, xs) => b.add("Max", xs), [1, 2, 3], [1, 3, 2])).toEqual([
    [0.5, 0, 1],
    [0.5, 1, 0],
  ]);
  expect(await gradients((b, xs) => b.add("Min", xs), [1, 2, 3], [1, 3, 2])).toEqual([
    [0.5, 1, 0],
    [0.5, 0, 1],
  ]);
  expect(await gradients((b, xs) => b.add("Abs", xs), [-2, 0, 2])).toEqual([[-1, 0, 1]]);
  const clip = (b: GraphBuilder, xs: readonly Value[]) => b.add("Clip", [...xs, b.constant("float32", -1), b.constant("float32", 1)]);
  expect(await gradients(clip, [-2, -1, 0, 1, 2])).toEqual([[0, 1, 1, 1, 0]]);
  // 0^0 = 1: no slope by the base; 0^2 by the exponent: 0, not the infinite logarithm.
  expect(await gradients((b, xs) => b.add("Pow", xs), [0, 0, 2], [0, 2, 3])).toEqual([
    [0, 0, 12],
    [0, 0, 8 * 0.6931471824645996],
  ]);
});

test("an integer exponent needs no gradient", async () => {
  const inputs = [{ data: randomTensor(3, "float32", [4]) }, { data: tensorFrom("int64", [4], [0, 1, 2, 3]) }];
  // float32: about 1e-7 / step of rounding.
  await expectGradient({ step: 1e-2, tolerance: 1e-3, inputs, build: (b, xs) => b.add("Pow", xs) });
});
test.each([0, 1, 2, 3])("the power %d as a constant has its gradient", async (power) => {
  const inputs = [{ data: randomTensor(3, "float64", [5]) }];
  await expectGradient({ ...exact, inputs, build: (b, [x]) => b.add("Pow", [x ?? null, b.constant("float64", power)]) });
});
