import fc from "fast-check";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { sourceOf } from "../../../src/ir/ops/pad-rules.ts";
import { numbersOf, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient, gradientsOf, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

test("sizes grow by the pads, and shrink by negative ones", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 3, "H"] });
  const pads = (...values: readonly number[]) => b.constant("int64", values);
  expect(b.add("Pad", [x, pads(0, 1, 2, 0, 1, -1)]).type.shape).toEqual(["N", 5, "H+1"]);
  expect(b.add("Pad", [x, pads(2, 3), null, b.constant("int64", [-1])]).type.shape).toEqual(["N", 3, "H+5"]);
  expect(
    b.add("Pad", [x, b.input("pads", { dtype: "int64", shape: [2] }), null, b.input("axes", { dtype: "int64", shape: [1] })]).type.shape,
  ).toHaveLength(3);
  expect(() => b.add("Pad", [x, pads(1, 1)])).toThrow("pads has 2 numbers, and 3 axes need 6");
  expect(() => b.add("Pad", [x, pads(0, -2, 0, 0, -2, 0)])).toThrow("pads -2 and -2 leave -1 of axis 1");
  expect(() => b.add("Pad", [x, pads(0, 1, 2, 0, 1, 1)], { mode: "mirror" })).toThrow(
    'the mode "mirror" is not one of constant, reflect, edge, wrap',
  );
});

const places = (mode: "constant" | "reflect" | "edge" | "wrap") =>
  Array.from({ length: 9 }, (_, i) => sourceOf(mode, i, 3, { begin: 3, end: 3 }));
test("each mode reads the places outside as NumPy's does", () => {
  expect(places("constant")).toEqual([null, null, null, 0, 1, 2, null, null, null]);
  expect(places("edge")).toEqual([0, 0, 0, 0, 1, 2, 2, 2, 2]);
  expect(places("reflect")).toEqual([1, 2, 1, 0, 1, 2, 1, 0, 1]);
  expect(places("wrap")).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
});

test("known contents are padded as onnxruntime pads them", async () => {
  const mode = fc.constantFrom("constant", "reflect", "edge", "wrap");
  const pad = fc.integer({ min: -1, max: 1 });
  await fc.assert(
    fc.asyncProperty(mode, fc.array(pad, { minLength: 4, maxLength: 4 }), async (name, amounts) => {
      const b = new GraphBuilder("g");
      const data = tensorFrom(
        "float32",
        [3, 4],
        Array.from({ length: 12 }, (_, i) => i + 1),
      );
      const fill = b.constant("float32", 7);
      const known = b.add("Pad", [b.initializer("known", data), b.constant("int64", amounts), fill], { mode: name });
      b.output(b.add("Pad", [b.input("x", data), b.constant("int64", amounts), fill], { mode: name }), "y");
      // The same at the opset that has the wrap mode and at one where it is put together from slices.
      for (const opset of [17, 19]) expect(known.elements).toEqual(numbersOf((await runGraph(b.build(), { x: data }, opset))["y"] ?? data));
    }),
    { numRuns: 25, seed: 1 },
  );
});

test("pads of some axes become pads of all below opset 18, also where the axes are fed in", async () => {
  const x = tensorFrom("float32", [1, 2], [1, 2]);
  for (const fed of [false, true]) {
    const b = new GraphBuilder("g");
    const pads = fed ? b.input("pads", { dtype: "int64", shape: [2] }) : b.constant("int64", [1, 2]);
    const axes = fed ? b.input("axes", { dtype: "int64", shape: [1] }) : b.constant("int64", [-1]);
    b.output(b.add("Pad", [b.input("x", x), pads, null, axes]), "y");
    const feeds = fed ? { x, pads: tensorFrom("int64", [2], [1, 2]), axes: tensorFrom("int64", [1], [-1]) } : { x };
    const { y } = await runGraph(b.build(), feeds, 13);
    expect([y?.shape, ...(y?.data ?? [])]).toEqual([[1, 5], 0, 1, 2, 0, 0]);
  }
});

// Central differences of a linear function are exact but for rounding: 1e-9 in float64.
const exact = { step: 0.5, tolerance: 1e-9 } as const;
test("a crop on one side and a border on the other have their gradient in every mode", async () => {
  for (const mode of ["constant", "reflect", "edge", "wrap"]) {
    for (const shape of [[6], ["W"]] as const) {
      await expectGradient({
        ...exact,
        opset: 19,
        inputs: [{ data: randomTensor(2, "float64", [6]), shape }],
        build: (b, [x]) => b.add("Pad", [x ?? null, b.constant("int64", [-2, 3])], { mode }),
      });
    }
  }
});

test("gradients of all modes come back to where the values were read, for known and for symbolic sizes", async () => {
  for (const mode of ["constant", "reflect", "edge", "wrap"]) {
    for (const shape of [
      [3, 4],
      ["H", "W"],
    ] as const) {
      await expectGradient({
        ...exact,
        opset: 19,
        inputs: [{ data: randomTensor(2, "float64", [3, 4]), shape }, { data: randomTensor(3, "float64", []) }],
        build: (b, [x, fill]) => b.add("Pad", [x ?? null, b.constant("int64", [2, 0, 1, 3]), fill ?? null], { mode }),
      });
    }
  }
});

test("the gradient of a crop is zero outside it, and the fill gets none of it", async () => {
  const { "x0.grad": dx, "x1.grad": dfill } = await gradientsOf(
    {
      inputs: [{ data: randomTensor(1, "float32", [4]) }, { data: randomTensor(1, "float32", [1]) }],
      build: (b, [x, fill]) => b.add("Pad", [x ?? null, b.constant("int64", [-1, 2]), fill ?? null]),
    },
    tensorFrom("float32", [5], [1, 2, 4, 8, 16]),
  );
  expect([...(dx?.data ?? [])]).toEqual([0, 1, 2, 4]);
  expect([...(dfill?.data ?? [])]).toEqual([24]);
});
