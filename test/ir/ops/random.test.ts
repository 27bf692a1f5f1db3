import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Value } from "../../../src/ir/graph.ts";
import { nowhere } from "../../../src/ir/location.ts";
import { schemaOf } from "../../../src/ir/ops/index.ts";
import { numbersOf, scalar, type TensorData, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { gradientsOf } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

const int64 = (value: number): TensorData => tensorFrom("int64", [], [value]);

interface Draw {
  readonly shape: readonly number[];
  readonly seed?: number;
  readonly step?: number;
  readonly stream?: number;
  readonly opset?: number;
}
async function draw({ shape, seed = 7, step = 1, stream = 0, opset = 18 }: Draw): Promise<readonly number[]> {
  const b = new GraphBuilder("g");
  const inputs = [
    b.input("shape", { dtype: "int64", shape: [shape.length] }),
    b.input("seed", { dtype: "int64", shape: [] }),
    b.input("step", { dtype: "int64", shape: [] }),
  ];
  b.output(b.add("CounterUniform", inputs, { stream }), "y");
  const y = (await runGraph(b.build(), { shape: tensorFrom("int64", [shape.length], shape), seed: int64(seed), step: int64(step) }, opset))[
    "y"
  ];
  expect(y?.shape).toEqual(shape);
  return numbersOf(y ?? scalar(0)) ?? [];
}

/** Correlation of two lists of uniform numbers in units of its standard deviation for independent ones. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const n = Math.min(a.length, b.length);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += ((a[i] ?? 0) - 0.5) * ((b[i] ?? 0) - 0.5);
  return (sum * 12) / Math.sqrt(n);
}
/** Pearson's statistic of a histogram with equal expectations, as standard deviations from its mean. */
function unevenness(counts: readonly number[]): number {
  const expected = counts.reduce((s, c) => s + c, 0) / counts.length;
  const statistic = counts.reduce((s, c) => s + (c - expected) ** 2 / expected, 0);
  const freedom = counts.length - 1;
  return (statistic - freedom) / Math.sqrt(2 * freedom);
}
function histogram(bins: number, indices: Iterable<number>): readonly number[] {
  const counts = Array.from({ length: bins }, () => 0);
  for (const i of indices) counts[i] = (counts[i] ?? 0) + 1;
  return counts;
}

// Every figure below is in standard deviations of what ideal noise gives; 4.5 of them come up once in 150,000 tries.
const usual = 4.5;

test.each([[[400_000]], [[64, 5000]], [[5000, 64]], [[32, 16, 28, 28]], [[400_000, 1]]])(
  "numbers of shape %o are those of uniform noise",
  async (shape) => {
    const y = await draw({ shape });
    const n = y.length;
    expect(y.every((v) => v >= 0 && v < 1)).toBe(true);
    const mean = y.reduce((s, v) => s + v, 0) / n;
    expect(Math.abs(mean - 0.5) * Math.sqrt(12 * n)).toBeLessThan(usual);
    const variance = y.reduce((s, v) => s + (v - 0.5) ** 2, 0) / n;
    // The variance of (v - 1/2)^2 is 1/180.
    expect(Math.abs(variance - 1 / 12) * Math.sqrt(180 * n)).toBeLessThan(usual);
    expect(
      Math.abs(
        unevenness(
          histogram(
            256,
            y.map((v) => Math.floor(v * 256)),
          ),
        ),
      ),
    ).toBeLessThan(usual);
    const pairs = Array.from({ length: n >> 1 }, (_, i) => Math.floor((y[2 * i] ?? 0) * 20) * 20 + Math.floor((y[2 * i + 1] ?? 0) * 20));
    expect(Math.abs(unevenness(histogram(400, pairs)))).toBeLessThan(usual);
    const row = shape.slice(1).reduce((p, d) => p * d, 1);
    for (const lag of [1, 2, 3, row, row + 1]) expect(Math.abs(correlation(y, y.slice(lag))), `lag ${lag}`).toBeLessThan(usual);
  },
);

test("other steps, streams and seeds give numbers that have nothing to do with each other", async () => {
  const shape = [64, 2000];
  const y = await draw({ shape });
  for (const other of [
    { step: 2 },
    { step: 3 },
    { step: 1_000_000 },
    { stream: 1 },
    { stream: 2 },
    { seed: 8 },
    { seed: -7 },
    { seed: 2 ** 52 },
  ]) {
    const z = await draw({ shape, ...other });
    for (const lag of [0, 1, 2000])
      expect(Math.abs(correlation(y, z.slice(lag))), `${JSON.stringify(other)}, lag ${lag}`).toBeLessThan(usual);
  }
});

test("one position over many steps is uniform noise too", async () => {
  const steps: number[] = [];
  for (let step = 0; step < 300; step++) steps.push((await draw({ shape: [3], step }))[1] ?? Number.NaN);
  expect(Math.abs(steps.reduce((s, v) => s + v, 0) / 300 - 0.5) * Math.sqrt(12 * 300)).toBeLessThan(usual);
  expect(
    Math.abs(
      unevenness(
        histogram(
          10,
          steps.map((v) => Math.floor(v * 10)),
        ),
      ),
    ),
  ).toBeLessThan(usual);
  expect(Math.abs(correlation(steps, steps.slice(1)))).toBeLessThan(usual);
});

test("the same arguments give the same numbers, at every opset", async () => {
  const shape = [5, 7];
  const y = await draw({ shape });
  expect(await draw({ shape })).toEqual(y);
  expect(await draw({ shape, opset: 13 })).toEqual(y);
  expect(await draw({ shape, opset: 22 })).toEqual(y);
  // A batch's first elements do not depend on how many follow.
  expect((await draw({ shape: [2, 7] })).slice(0, 14)).toEqual(y.slice(0, 14));
  expect(await draw({ shape: [0, 7] })).toEqual([]);
});

const dropped = (b: GraphBuilder, x: Value, training: boolean | null): Value => {
  const mode = training === null ? [] : [b.constant("float32", 0.25), b.constant("bool", training ? 1 : 0)];
  const [y] = b.addMany("Dropout", [x, ...mode], { seed: 3 }, 2);
  if (y === undefined) throw new Error("Dropout has an output");
  return y;
};
test("Dropout passes gradients through where it does not drop", async () => {
  const inputs = [{ data: tensorFrom("float32", [4], [1, 2, 3, 4]), shape: ["N"] }];
  const dy = tensorFrom("float32", [4], [1, -2, 3, -4]);
  for (const training of [null, false]) {
    const gradients = await gradientsOf({ inputs, build: (b, [x]) => dropped(b, x ?? b.constant("float32", 0), training) }, dy);
    expect(numbersOf(gradients["x0.grad"] ?? scalar(0))).toEqual([1, -2, 3, -4]);
  }
});
test("Dropout's gradient is dropped and scaled as its output was", async () => {
  const data = tensorFrom(
    "float32",
    [64],
    Array.from({ length: 64 }, () => 1),
  );
  const results = await gradientsOf({ inputs: [{ data }], build: (b, [x]) => dropped(b, x ?? b.constant("float32", 0), true) }, data);
  const y = numbersOf(results["y"] ?? scalar(0)) ?? [];
  expect(new Set(y.map((v) => v.toFixed(4)))).toEqual(new Set(["0.0000", "1.3333"]));
  expect(numbersOf(results["x0.grad"] ?? scalar(0))).toEqual(y);
});
test("a Dropout that drops and keeps its mask to itself has no gradient", async () => {
  const inputs = [{ data: scalar(1) }];
  const build = (b: GraphBuilder, xs: readonly Value[]) => b.add("Dropout", [...xs, b.constant("float32", 0.5), b.constant("bool", 1)]);
  await expect(gradientsOf({ inputs, build }, scalar(1))).rejects.toThrow("the gradient needs the mask of a Dropout that drops");
});

test("older Dropouts told ratio and mode by attributes", () => {
  const { upgrade } = schemaOf("Dropout");
  const old = (opset: number, attributes: Readonly<Record<string, number>>) => {
    const b = new GraphBuilder("g");
    const inputs = [b.input("x", { dtype: "float32", shape: [4] })];
    const outputs =
      upgrade === "none"
        ? "keep"
        : upgrade(b, { opType: "Dropout", name: "d", opset, inputs, attributes, outputCount: 1, location: nowhere });
    return outputs === "keep" ? "keep" : outputs[0]?.producer?.inputs.slice(1).map((v) => v?.elements?.[0]);
  };
  expect(old(10, { ratio: 0.25 })).toEqual([0.25]);
  expect(old(6, { ratio: 0.25, is_test: 1 })).toEqual([0.25]);
  expect(old(6, { ratio: 0.25, is_test: 0 })).toEqual([0.25, 1]);
  expect(old(12, {})).toBe("keep");
});
