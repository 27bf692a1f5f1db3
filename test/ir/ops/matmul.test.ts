import fc from "fast-check";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Dim } from "../../../src/ir/dim.ts";
import { schemaOf } from "../../../src/ir/ops/index.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";

// Bilinear: only rounding remains.
const bilinear = { step: 1e-2, tolerance: 1e-9 } as const;

const product = (a: readonly Dim[], c: readonly Dim[]) => {
  const b = new GraphBuilder("g");
  return b.addNode("MatMul", [b.input("a", { dtype: "float32", shape: a }), b.input("b", { dtype: "float32", shape: c })]);
};
const shapeOf = (a: readonly Dim[], c: readonly Dim[]) => product(a, c).outputs[0]?.type.shape;

test("MatMul multiplies vectors, matrices and batches of them as NumPy does", () => {
  expect(shapeOf(["N", 4], [4, 5])).toEqual(["N", 5]);
  expect(shapeOf([4], [4])).toEqual([]);
  expect(shapeOf([4], ["B", 4, 5])).toEqual(["B", 5]);
  expect(shapeOf(["B", "T", 4], [4])).toEqual(["B", "T"]);
  expect(shapeOf(["B", 1, "T", 4], [8, 4, 5])).toEqual(["B", 8, "T", 5]);
  expect(() => shapeOf([2, 4], [5, 4])).toThrow("error[matmul-size]: MatMul: the columns of A are 4, but the rows of B are 5");
  expect(() => shapeOf([2, 1], [5, 4])).toThrow("the columns of A are 1, but the rows of B are 5");
  expect(() => shapeOf([], [5, 4])).toThrow("a scalar has no matrix product");
  expect(() => shapeOf([2, 3, 4], [3, 4, 4])).toThrow("axis 0: 2 and 3 cannot be broadcast");
});

test("Gemm checks its matrices and its bias", () => {
  const gemm = (a: readonly Dim[], c: readonly Dim[], bias: readonly Dim[], attributes: object) => {
    const b = new GraphBuilder("g");
    const inputs = [a, c, bias].map((shape, i) => b.input(`x${i}`, { dtype: "float32", shape }));
    return b.add("Gemm", inputs, attributes).type.shape;
  };
  expect(gemm(["N", 4], [5, 4], [5], { transB: 1 })).toEqual(["N", 5]);
  expect(gemm([4, "N"], [4, 5], ["N", 1], { transA: 1 })).toEqual(["N", 5]);
  expect(() => gemm(["N", 4], [5, 4], [5], {})).toThrow("the columns of A are 4, but the rows of B are 5");
  expect(() => gemm([1, 4], [4, 5], [3, 5], {})).toThrow("error[gemm-bias]: Gemm: C is float32[3, 5], which does not broadcast to [1, 5]");
  expect(() => gemm([2, 1, 4], [4, 5], [5], {})).toThrow("A is float32[2, 1, 4], wanted a matrix");
});

const pairs: readonly (readonly [readonly number[], readonly number[]])[] = [
  [
    [2, 3],
    [3, 4],
  ],
  [[3], [3]],
  [[3], [3, 2]],
  [[2, 3], [3]],
  [[3], [2, 3, 2]],
  [[2, 2, 3], [3]],
  [
    [2, 2, 3],
    [3, 4],
  ],
  [
    [2, 2, 3],
    [2, 3, 2],
  ],
  [
    [2, 3],
    [2, 3, 2],
  ],
  [
    [2, 1, 2, 3],
    [3, 3, 2],
  ],
  [
    [1, 2, 3],
    [2, 3, 1],
  ],
];
test.each(pairs)("MatMul of %o and %o has the gradient of central differences", async (a, c) => {
  const inputs = [{ data: randomTensor(1, "float64", a) }, { data: randomTensor(2, "float64", c) }];
  await expectGradient({ ...bilinear, inputs, build: (b, xs) => b.add("MatMul", xs) });
});
test("MatMul has its gradient where batch and length are symbols", async () => {
  const inputs = [
    { data: randomTensor(1, "float64", [2, 3, 2]), shape: ["B", "T", 2] },
    { data: randomTensor(2, "float64", [2, 2]), shape: [2, "K"] },
  ];
  await expectGradient({ ...bilinear, inputs, build: (b, xs) => b.add("MatMul", xs) });
});

test("Gemm has the gradient of central differences in every form", async () => {
  const forms = fc.tuple(
    fc.nat(1),
    fc.nat(1),
    fc.constantFrom(1, 0.5),
    fc.constantFrom(1, -2),
    fc.constantFrom(null, [], [1], [4], [2, 1], [1, 4], [2, 4]),
  );
  await fc.assert(
    fc.asyncProperty(forms, async ([transA, transB, alpha, beta, bias]) => {
      const [a, c] = [transA === 0 ? [2, 3] : [3, 2], transB === 0 ? [3, 4] : [4, 3]];
      const inputs = [a, c, ...(bias === null ? [] : [bias])].map((shape, i) => ({ data: randomTensor(i + 1, "float64", shape) }));
      await expectGradient({ ...bilinear, inputs, build: (b, xs) => b.add("Gemm", xs, { transA, transB, alpha, beta }) });
    }),
    { numRuns: 30, seed: 3 },
  );
});

test("a product of N rows, 8 columns and 4 in between takes 32 multiply-adds a row", () => {
  const { flops } = schemaOf("MatMul");
  expect(flops === "zero" ? null : flops(product(["N", 4], [4, 8]))).toEqual({ macs: "32*N", other: 0 });
});
