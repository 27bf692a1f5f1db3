import fc from "fast-check";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { type Dim, substitute } from "../../../src/ir/dim.ts";
import type { Value } from "../../../src/ir/graph.ts";
import { numbersOf, type TensorData, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient, gradientsOf, randomNumbers, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

type Pool = "MaxPool" | "AveragePool";
interface Case {
  readonly opType: Pool;
  readonly sizes: readonly number[];
  readonly attributes: { readonly kernel_shape: readonly number[] } & Readonly<Record<string, unknown>>;
}
const axisArbitrary = fc.record({
  size: fc.integer({ min: 3, max: 7 }),
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 4 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  begin: fc.integer({ min: 0, max: 2 }),
  end: fc.integer({ min: 0, max: 2 }),
});
const caseArbitrary = fc
  .record({
    opType: fc.constantFrom<Pool>("MaxPool", "AveragePool"),
    axes: fc.array(axisArbitrary, { minLength: 1, maxLength: 2 }),
    autoPad: fc.constantFrom("NOTSET", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
    ceil: fc.boolean(),
    countPadding: fc.boolean(),
  })
  .map(({ opType, axes, autoPad, ceil, countPadding }): Case => {
    // onnxruntime wants padding below the kernel, and dilated auto_pad can ask for more.
    const dilation = (d: number): number => (autoPad.startsWith("SAME") ? 1 : d);
    const pads = [...axes.map((a) => Math.min(a.begin, a.kernel - 1)), ...axes.map((a) => Math.min(a.end, a.kernel - 1))];
    return {
      opType,
      sizes: axes.map((a) => a.size),
      attributes: {
        kernel_shape: axes.map((a) => a.kernel),
        strides: axes.map((a) => a.stride),
        dilations: axes.map((a) => dilation(a.dilation)),
        auto_pad: autoPad,
        ceil_mode: ceil ? 1 : 0,
        ...(autoPad === "NOTSET" ? { pads } : {}),
        ...(opType === "AveragePool" ? { count_include_pad: countPadding ? 1 : 0 } : {}),
      },
    };
  })
  .filter(({ opType, sizes, attributes }) => {
    try {
      return shapeOf(opType, [1, 1, ...sizes], attributes).length > 0;
    } catch {
      return false;
    }
  });
function shapeOf(opType: Pool, shape: readonly Dim[], attributes: object): readonly Dim[] {
  const b = new GraphBuilder("g");
  return b.add(opType, [b.input("x", { dtype: "float32", shape })], attributes).type.shape;
}
/** Numbers at least 0.5 apart, so that a step does not change which is the largest. */
function distinct(shape: readonly number[]): TensorData {
  const count = shape.reduce((n, d) => n * d, 1);
  const order = randomNumbers(11, count)
    .map((key, i) => ({ key, i }))
    .sort((a, b) => a.key - b.key);
  const ranks = Array.from({ length: count }, () => 0);
  order.forEach(({ i }, rank) => {
    ranks[i] = rank / 2;
  });
  return tensorFrom("float32", shape, ranks);
}

test("gradients are those of central differences, whatever the window", { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(caseArbitrary, fc.boolean(), async ({ opType, sizes, attributes }, symbolic) => {
      const names = ["H", "W"].slice(0, sizes.length);
      const known = !symbolic || String(attributes["auto_pad"]).startsWith("SAME");
      await expectGradient({
        // Pools are linear around these inputs: only rounding of values up to 40 is left.
        step: 0.125,
        // Opset 18 has no dilated AveragePool: where sizes are known, it is made of a Conv.
        opset: known ? 18 : 19,
        tolerance: 5e-3,
        inputs: [{ data: distinct([2, 2, ...sizes]), shape: known ? [2, 2, ...sizes] : ["N", 2, ...names] }],
        build: (b, values) => b.add(opType, values, attributes),
      });
    }),
    { numRuns: 60, seed: 3 },
  );
});

test("an inferred shape is the one that onnxruntime returns, and a symbolic one becomes it", { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(caseArbitrary, async ({ opType, sizes, attributes }) => {
      const names = ["H", "W"].slice(0, sizes.length);
      const b = new GraphBuilder("g");
      const x = randomTensor(1, "float32", [2, 1, ...sizes]);
      b.output(b.add(opType, [b.input("x", x)], attributes), "y");
      const y = (await runGraph(b.build(), { x }))["y"];
      const bound = new Map<string, number>([["N", 2], ...names.map((s, i) => [s, sizes[i] ?? 0] as const)]);
      expect(shapeOf(opType, ["N", 1, ...names], attributes).map((d) => substitute(d, bound))).toEqual(y?.shape);
    }),
    { numRuns: 150, seed: 4 },
  );
});

test.each(["GlobalAveragePool", "GlobalMaxPool"] as const)(
  "%s has the gradient of central differences, with symbolic sizes too",
  async (opType) => {
    for (const shape of [
      [2, 3, 4, 3],
      ["N", 3, "H", "W"],
    ]) {
      await expectGradient({
        step: 0.125,
        tolerance: 5e-3,
        inputs: [{ data: distinct([2, 3, 4, 3]), shape }],
        build: (b, values) => b.add(opType, values),
      });
    }
  },
);

/** The gradient of a pool by x where y's cotangent is all ones. */
async function gradientOfOnes(
  x: TensorData,
  count: readonly number[],
  build: (b: GraphBuilder, x: Value) => Value,
): Promise<readonly number[]> {
  const ones = tensorFrom(
    "float32",
    count,
    Array.from({ length: count.reduce((n, d) => n * d, 1) }, () => 1),
  );
  const gradients = await gradientsOf(
    { inputs: [{ data: x }], build: (b, [v]) => (v === undefined ? b.constant("float32", 0) : build(b, v)) },
    ones,
  );
  return numbersOf(gradients["x0.grad"] ?? ones) ?? [];
}
test("of equal elements the first one takes the gradient", async () => {
  const x = tensorFrom("float32", [1, 1, 2, 4], [0, 0, 3, 1, 0, 0, 3, 3]);
  expect(await gradientOfOnes(x, [1, 1, 1, 2], (b, v) => b.add("MaxPool", [v], { kernel_shape: [2, 2], strides: [2, 2] }))).toEqual([
    1, 0, 1, 0, 0, 0, 0, 0,
  ]);
  expect(await gradientOfOnes(x, [1, 1, 1, 1], (b, v) => b.add("GlobalMaxPool", [v]))).toEqual([0, 0, 1, 0, 0, 0, 0, 0]);
});
test("the maximum of several windows takes the gradient of each", async () => {
  const x = tensorFrom("float32", [1, 1, 3], [1, 5, 2]);
  expect(await gradientOfOnes(x, [1, 1, 2], (b, v) => b.add("MaxPool", [v], { kernel_shape: [2] }))).toEqual([0, 2, 0]);
});
test("a MaxPool that gives its indices is not computed again, nor is storage_order 1 mistaken for 0", async () => {
  const x = distinct([2, 2, 4, 4]);
  for (const storage_order of [0, 1]) {
    const attributes = { kernel_shape: [2, 2], strides: [2, 2], storage_order };
    await expectGradient({
      step: 0.125,
      tolerance: 5e-3,
      inputs: [{ data: x }],
      build: (b, values) => {
        const [y] = b.addMany("MaxPool", values, attributes, 2);
        if (y === undefined) throw new Error("MaxPool has an output");
        return y;
      },
    });
  }
});
test("a gradient of a gradient picks the maxima again, and averages again", async () => {
  const window = { kernel_shape: [2], strides: [2], dilations: [1], pads: [0, 0] };
  await expectGradient({
    step: 0.5,
    tolerance: 1e-3,
    inputs: [{ data: randomTensor(1, "float32", [1, 1, 3]) }],
    build: (b, [dy]) =>
      b.add("MaxPoolGrad", [dy ?? null, b.constant("int64", [1, 2, 4], [1, 1, 3]), b.constant("int64", [1, 1, 6])], window),
  });
  await expectGradient({
    step: 0.5,
    tolerance: 1e-3,
    inputs: [{ data: randomTensor(1, "float32", [1, 1, 3]) }],
    build: (b, [dy]) =>
      b.add("AveragePoolGrad", [dy ?? null, b.constant("int64", [1, 1, 5])], { ...window, pads: [1, 0], count_include_pad: 0 }),
  });
});

test("below opset 16, where scattering cannot add, overlapping windows are scattered set by set", async () => {
  const check = (size: number, kernel: number, strides: readonly number[], dilations: readonly number[] = [1, 1]) =>
    expectGradient({
      step: 0.125,
      tolerance: 5e-3,
      opset: 13,
      inputs: [{ data: distinct([1, 2, size, size]) }],
      build: (b, values) => b.add("MaxPool", values, { kernel_shape: [kernel, kernel], strides, dilations }),
    });
  await check(4, 2, [2, 2]);
  await check(4, 2, [1, 1]);
  await check(7, 3, [2, 2]);
  await check(7, 3, [1, 2], [2, 1]);
});
