import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Dim } from "../../../src/ir/dim.ts";
import type { Value } from "../../../src/ir/graph.ts";
import { nowhere } from "../../../src/ir/location.ts";
import { schemaOf } from "../../../src/ir/ops/index.ts";
import { numbersOf, type TensorData, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

// Second derivatives are of order 1, third ones of order 10: differences over 2^-5 are off by 1e-3, rounding by less.
const smooth = { step: 2 ** -5, tolerance: 6e-3 } as const;
const shapes: readonly (readonly [x: readonly number[], declared: readonly Dim[]])[] = [
  [
    [3, 2, 2, 3],
    ["N", 2, "H", "W"],
  ],
  [
    [4, 3],
    ["N", 3],
  ],
  [
    [2, 2, 5],
    [2, 2, 5],
  ],
];
const vectors = (c: number, first: number): readonly TensorData[] => [
  randomTensor(first, "float32", [c]),
  randomTensor(first + 1, "float32", [c]),
  randomTensor(first + 2, "float32", [c]),
  randomTensor(first + 3, "float32", [c], 0.5, 2),
];

test.each(shapes)("with given statistics, every input of shape %o has the gradient of differences", async (shape, declared) => {
  await expectGradient({
    ...smooth,
    inputs: [{ data: randomTensor(1, "float32", shape), shape: declared }, ...vectors(shape[1] ?? 1, 2).map((data) => ({ data }))],
    build: (b, values) => b.add("BatchNormalization", values, { epsilon: 0.01 }),
  });
});

test.each(shapes)("with the batch's statistics, X, scale and B of shape %o have the gradients of differences", async (shape, declared) => {
  const c = shape[1] ?? 1;
  const inputs = [
    { data: randomTensor(1, "float32", shape), shape: declared },
    { data: randomTensor(2, "float32", [c]) },
    { data: randomTensor(3, "float32", [c]) },
  ];
  await expectGradient({ ...smooth, inputs, build: (b, values) => b.add("BatchNormalizationTraining", values, { epsilon: 0.1 }) });
});

test.each([1, 2, 3])("the batch's statistics, output %i, have the gradient of differences", async (output) => {
  await expectGradient({
    ...smooth,
    inputs: [{ data: randomTensor(1, "float32", [3, 2, 4]), shape: ["N", 2, "L"] }],
    build: (b, [x]) => {
      const value = b.addMany(
        "BatchNormalizationTraining",
        [x ?? null, b.constant("float32", [1, 1]), b.constant("float32", [0, 0])],
        { epsilon: 0.1 },
        4,
      )[output];
      if (value === undefined) throw new Error("there are four outputs");
      return value;
    },
  });
});

/** One of the three outputs of a BatchNormalization in training mode. */
const trained = (b: GraphBuilder, values: readonly Value[], output: number): Value => {
  const value = b.addMany("BatchNormalization", values, { training_mode: 1, momentum: 0.75, epsilon: 0.1 }, 3)[output];
  if (value === undefined) throw new Error("there are three outputs");
  return value;
};
test.each([0, 1, 2])("in training mode, output %i has the gradient of differences by every input", async (output) => {
  await expectGradient({
    ...smooth,
    inputs: [{ data: randomTensor(1, "float32", [3, 2, 2, 3]), shape: ["N", 2, 2, 3] }, ...vectors(2, 2).map((data) => ({ data }))],
    build: (b, values) => trained(b, values, output),
  });
});

test("in training mode, the lowered form gives what onnxruntime's own kernel gives", async () => {
  const [scale, bias, mean, variance] = vectors(2, 2);
  const feeds = { x: randomTensor(1, "float32", [3, 2, 2, 3]), scale, bias, mean, variance } as const;
  const graphOf = (lowered: boolean) => {
    const b = new GraphBuilder("g");
    const values = Object.entries(feeds).map(([name, data]) => b.input(name, data ?? tensorFrom("float32", [], [0])));
    const attributes = { training_mode: 1, momentum: 0.9, epsilon: 1e-5 };
    const node = b.addNode("BatchNormalization", values, attributes, { outputs: 3 });
    const { lower } = schemaOf("BatchNormalization");
    const outputs = lowered && lower !== "onnx" ? lower(b, node, { opset: 18, provider: "portable" }) : node.outputs;
    if (outputs !== "keep")
      outputs.forEach((v, i) => {
        if (v !== null) b.output(v, `y${i}`);
      });
    return b.build();
  };
  const ours = await runGraph(graphOf(true), feeds as Readonly<Record<string, TensorData>>);
  const { writeModel } = await import("../../../src/codegen/index.ts");
  const ort = await import("onnxruntime-node");
  const session = await ort.InferenceSession.create(writeModel(graphOf(false), { opset: 18 }), { logSeverityLevel: 3 });
  const theirs = await session.run(
    Object.fromEntries(
      Object.entries(feeds).map(([name, t]) => [
        name,
        new ort.Tensor("float32", Float32Array.from(numbersOf(t ?? tensorFrom("float32", [], [0])) ?? []), [...(t?.shape ?? [])]),
      ]),
    ),
  );
  for (const name of ["y0", "y1", "y2"]) {
    const expected = Array.from(theirs[name]?.data ?? [], Number);
    const got = numbersOf(ours[name] ?? tensorFrom("float32", [0], [])) ?? [];
    expect(got.length).toBe(expected.length);
    // Sums of 18 elements in another order.
    got.forEach((v, i) => {
      expect(Math.abs(v - (expected[i] ?? Number.NaN))).toBeLessThan(1e-5);
    });
  }
});

test("a variance is that of the deviations, also where the mean is a thousand times as large", async () => {
  const b = new GraphBuilder("g");
  const x = tensorFrom("float32", [4, 1], [4096, 4097, 4098, 4099]);
  const one = b.constant("float32", [1]);
  const [, mean, variance] = b.addMany("BatchNormalizationTraining", [b.input("x", x), one, one], { epsilon: 1e-5 }, 4);
  for (const [name, v] of [
    ["mean", mean],
    ["variance", variance],
  ] as const)
    if (v !== undefined) b.output(v, name);
  const results = await runGraph(b.build(), { x });
  expect([...(results["mean"]?.data ?? []), ...(results["variance"]?.data ?? [])]).toEqual([4097.5, 1.25]);
});

test("scale and statistics have one element per channel", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 64, 8, 8] });
  const [c64, c32] = [64, 32].map((c) => b.input(`c${c}`, { dtype: "float32", shape: [c] }));
  if (c64 === undefined || c32 === undefined) throw new Error("there are two vectors");
  expect(() => b.add("BatchNormalization", [x, c64, c64, c32, c64])).toThrow(
    "error[channel-mismatch]: BatchNormalization: input has 64 channels (axis 1 of float32[N, 64, 8, 8]) but mean is float32[32]",
  );
  expect(() => b.addNode("BatchNormalization", [x, c64, c64, c64, c64], {}, { outputs: 3 })).toThrow(
    "only the first output is there when training_mode is 0",
  );
});

test("older forms become today's, and statistics per position are refused", () => {
  const { upgrade } = schemaOf("BatchNormalization");
  const old = (opset: number, outputCount: number, attributes: Readonly<Record<string, number>>) => {
    const b = new GraphBuilder("g");
    const inputs = [
      b.input("x", { dtype: "float32", shape: ["N", 2, 4] }),
      ...[1, 2, 3, 4].map((i) => b.input(`v${i}`, { dtype: "float32", shape: [2] })),
    ];
    const outputs =
      upgrade === "none"
        ? "keep"
        : upgrade(b, { opType: "BatchNormalization", name: "bn", opset, inputs, attributes, outputCount, location: nowhere });
    return outputs === "keep" ? "keep" : outputs[0]?.producer?.attributes;
  };
  expect(old(1, 1, { consumed_inputs: 0, is_test: 1, spatial: 1, epsilon: 0.5 })).toEqual({
    epsilon: 0.5,
    momentum: 0.9,
    training_mode: 0,
  });
  expect(old(7, 1, {})).toEqual({ epsilon: 1e-5, momentum: 0.9, training_mode: 0 });
  expect(old(9, 3, { momentum: 0.5 })).toEqual({ epsilon: 1e-5, momentum: 0.5, training_mode: 1 });
  expect(old(14, 1, {})).toBe("keep");
  expect(() => old(7, 1, { spatial: 0 })).toThrow("statistics per position");
  expect(() => old(9, 5, {})).toThrow("saved_mean and saved_var");
});
