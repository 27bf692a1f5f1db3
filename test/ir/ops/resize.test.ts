import fc from "fast-check";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { type Dim, substitute } from "../../../src/ir/dim.ts";
import type { Value } from "../../../src/ir/graph.ts";
import { nowhere } from "../../../src/ir/location.ts";
import { schemaOf } from "../../../src/ir/ops/index.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

// Resizing is linear: a difference is exact but for the runtime's float32 positions and weights.
const linear = { step: 0.5, tolerance: 2e-3 } as const;

const modes = ["nearest", "linear", "cubic"] as const;
const coordinates = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
  "tf_crop_and_resize",
] as const;
const caseArbitrary = fc.record({
  sizes: fc.tuple(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 2, max: 5 })),
  outs: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
  byScale: fc.boolean(),
  mode: fc.constantFrom(...modes),
  coordinate_transformation_mode: fc.constantFrom(...coordinates),
  nearest_mode: fc.constantFrom("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
  exclude_outside: fc.integer({ min: 0, max: 1 }),
});

/** X[..., h, w] resized to a whole number of positions, told by sizes or by scales. */
function resized(
  b: GraphBuilder,
  x: Value,
  sizes: readonly number[],
  outs: readonly number[],
  byScale: boolean,
  attributes: object,
): Value {
  const roi = b.constant("float32", [0.1, 0.2, 0.9, 0.7]);
  const target = byScale
    ? [
        b.constant(
          "float32",
          outs.map((o, i) => o / (sizes[i] ?? 1)),
        ),
      ]
    : [null, b.constant("int64", outs)];
  return b.add("Resize", [x, roi, ...target], { axes: [2, 3], ...attributes });
}

test("every mode has the gradient of differences", { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(caseArbitrary, async ({ sizes, outs, byScale, mode, exclude_outside, ...attributes }) => {
      const all = { ...attributes, mode, exclude_outside: mode === "cubic" ? exclude_outside : 0 };
      await expectGradient({
        ...linear,
        inputs: [{ data: randomTensor(1, "float32", [1, 2, ...sizes]), shape: ["N", 2, ...sizes] }],
        build: (b, [x]) => (x === undefined ? b.constant("float32", 0) : resized(b, x, sizes, outs, byScale, all)),
      });
    }),
    { numRuns: 150, seed: 5 },
  );
});

test.each(["linear", "cubic"])("antialiased %s has the gradient of differences", async (mode) => {
  for (const outs of [
    [2, 3],
    [3, 9],
    [5, 2],
  ]) {
    await expectGradient({
      ...linear,
      inputs: [{ data: randomTensor(1, "float32", [1, 1, 6, 7]) }],
      build: (b, [x]) => (x === undefined ? b.constant("float32", 0) : resized(b, x, [6, 7], outs, false, { mode, antialias: 1 })),
    });
  }
});

test("a nearest resize by a whole factor needs no sizes for its gradient", async () => {
  for (const attributes of [{}, { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }]) {
    await expectGradient({
      ...linear,
      inputs: [{ data: randomTensor(1, "float32", [2, 1, 3, 2]), shape: ["N", 1, "H", "W"] }],
      build: (b, [x]) => b.add("Resize", [x ?? null, null, b.constant("float32", [1, 1, 2, 3])], { mode: "nearest", ...attributes }),
    });
  }
});

test("gradients along other axes than the last two are right, in five dimensions and over channels", async () => {
  await expectGradient({
    ...linear,
    inputs: [{ data: randomTensor(1, "float32", [1, 2, 2, 3, 2]), shape: ["N", 2, 2, 3, 2] }],
    build: (b, [x]) => b.add("Resize", [x ?? null, null, null, b.constant("int64", [3, 2, 5])], { mode: "linear", axes: [2, 3, 4] }),
  });
  await expectGradient({
    ...linear,
    inputs: [{ data: randomTensor(1, "float32", [2, 2, 2, 2]) }],
    build: (b, [x]) => b.add("Resize", [x ?? null, null, b.constant("float32", [1, 2, 1, 1])], { mode: "nearest" }),
  });
});

test("scales and sizes for some axes are written out for all below opset 18", async () => {
  for (const [byScale, coordinate_transformation_mode] of [
    [true, "half_pixel"],
    [false, "half_pixel"],
    [true, "tf_crop_and_resize"],
  ] as const) {
    const b = new GraphBuilder("g");
    const x = randomTensor(1, "float32", [1, 2, 4, 4]);
    b.output(
      resized(b, b.input("x", { dtype: "float32", shape: ["N", 2, 4, 4] }), [4, 4], [6, 8], byScale, {
        mode: "linear",
        coordinate_transformation_mode,
      }),
      "y",
    );
    const [old, today] = [await runGraph(b.build(), { x }, 13), await runGraph(b.build(), { x }, 18)];
    expect(old["y"]).toEqual(today["y"]);
    expect(today["y"]?.shape).toEqual([1, 2, 6, 8]);
  }
});

function shapeOf(
  shape: readonly Dim[],
  scales: readonly number[] | null,
  sizes: readonly number[] | null,
  attributes: object = {},
): readonly Dim[] {
  const b = new GraphBuilder("g");
  const vector = (dtype: "float32" | "int64", values: readonly number[] | null): Value | null =>
    values === null ? null : b.constant(dtype, values);
  return b.add("Resize", [b.input("x", { dtype: "float32", shape }), null, vector("float32", scales), vector("int64", sizes)], attributes)
    .type.shape;
}
test("sizes follow scales, symbols included", () => {
  expect(shapeOf(["N", 3, "H", "W"], [1, 1, 2, 0.5], null)).toEqual(["N", 3, "2*H", "floor(W/2)"]);
  expect(shapeOf(["N", 3, "H", 10], [1, 1, 1.5, 0.7], null)).toEqual(["N", 3, "floor((3*H)/2)", 7]);
  expect(shapeOf(["N", 3, "H", "W"], null, [7, 9], { axes: [2, 3] })).toEqual(["N", 3, 7, 9]);
  expect(shapeOf(["N", 3, "H", "W"], null, [7, 9], { axes: [-2, -1] })).toEqual(["N", 3, 7, 9]);
  expect(shapeOf([1, 3, 20, 40], null, [10, 10], { axes: [2, 3], keep_aspect_ratio_policy: "not_larger" })).toEqual([1, 3, 5, 10]);
  expect(shapeOf([1, 3, 20, 40], null, [10, 10], { axes: [2, 3], keep_aspect_ratio_policy: "not_smaller" })).toEqual([1, 3, 10, 20]);
});
test("an inferred size is the one that onnxruntime returns for any scale", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 30 }), async (size, tenths) => {
      if (Math.floor(Math.fround(size * Math.fround(tenths / 10))) === 0) return;
      const b = new GraphBuilder("g");
      const x = randomTensor(1, "float32", [1, 1, size]);
      b.output(b.add("Resize", [b.input("x", x), null, b.constant("float32", [1, 1, tenths / 10])]), "y");
      const y = (await runGraph(b.build(), { x }))["y"];
      const symbolic = shapeOf([1, 1, "L"], [1, 1, tenths / 10], null)[2] ?? 0;
      expect([shapeOf([1, 1, size], [1, 1, tenths / 10], null)[2], substitute(symbolic, new Map([["L", size]]))]).toEqual([
        y?.shape[2],
        y?.shape[2],
      ]);
    }),
    { numRuns: 150, seed: 6 },
  );
});

test("mistakes are told in full", () => {
  expect(() => shapeOf([1, 3, 8, 8], null, null)).toThrow("error[op-arity]: Resize: neither scales nor sizes are given");
  expect(() => shapeOf([1, 3, 8, 8], [2, 2], null)).toThrow(
    "error[shape-mismatch]: Resize: there are 2 scales for 4 axes of float32[1, 3, 8, 8]",
  );
  expect(() => shapeOf([1, 3, 8, 8], [1, 1, 0, 1], null)).toThrow(
    "error[op-attribute]: Resize: the scale of axis 2 is 0, wanted more than 0",
  );
  expect(() => shapeOf([1, 3, 8, 8], [1, 1, 0.1, 1], null)).toThrow(
    "error[empty-output]: Resize: axis 2 of float32[1, 3, 8, 8] would have no elements",
  );
});

test("opset 10 sampled at o / scale, and had its scales as second input", () => {
  const { upgrade } = schemaOf("Resize");
  const b = new GraphBuilder("g");
  const inputs = [b.input("x", { dtype: "float32", shape: [1, 1, 4, 4] }), b.constant("float32", [1, 1, 2, 2])];
  const old = {
    opType: "Resize" as const,
    name: "r",
    opset: 10,
    inputs,
    attributes: { mode: "nearest" },
    outputCount: 1,
    location: nowhere,
  };
  const outputs = upgrade === "none" ? "keep" : upgrade(b, old);
  const node = outputs === "keep" ? null : (outputs[0]?.producer ?? null);
  expect(node?.attributes).toMatchObject({ coordinate_transformation_mode: "asymmetric", nearest_mode: "floor", mode: "nearest" });
  expect(node?.inputs.map((v) => v?.name ?? null)).toEqual([inputs[0]?.name, null, inputs[1]?.name]);
});
