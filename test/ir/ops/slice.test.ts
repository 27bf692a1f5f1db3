import fc from "fast-check";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { type Dim, substitute } from "../../../src/ir/dim.ts";
import { schemaOf } from "../../../src/ir/ops/index.ts";
import { firstPosition, slicedSize } from "../../../src/ir/ops/slice-rules.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

const everything = Number.POSITIVE_INFINITY;
/** The positions that ONNX's text says: both bounds counted from the front, starts clamped to the axis, ends also to -1 when going backwards. */
function positions(n: number, start: number, end: number, step: number): readonly number[] {
  const clamp = (bound: number, low: number, high: number): number => Math.min(Math.max(bound < 0 ? bound + n : bound, low), high);
  const [first, last] = step > 0 ? [clamp(start, 0, n), clamp(end, 0, n)] : [clamp(start, 0, n - 1), clamp(end, -1, n - 1)];
  const found: number[] = [];
  for (let i = first; step > 0 ? i < last : i > last; i += step) found.push(i);
  return found;
}
const bound = fc.oneof(fc.integer({ min: -12, max: 12 }), fc.constant(everything), fc.constant(-everything));
const step = fc.integer({ min: -4, max: 4 }).filter((s) => s !== 0);

test("a slice of a symbolic size has the right size for every size", () => {
  fc.assert(
    fc.property(bound, bound, step, fc.integer({ min: 0, max: 10 }), (start, end, by, n) => {
      const size = slicedSize("n", { axis: 0, start, end, step: by });
      expect(substitute(size ?? "?", new Map([["n", n]]))).toBe(positions(n, start, end, by).length);
      expect(slicedSize(n, { axis: 0, start, end, step: by })).toBe(positions(n, start, end, by).length);
    }),
    { numRuns: 2000 },
  );
});

test("the first position of a slice is where the known sizes say", () => {
  fc.assert(
    fc.property(bound, bound, step, fc.integer({ min: 1, max: 10 }), (start, end, by, n) => {
      const [first] = positions(n, start, end, by);
      if (first !== undefined) expect(firstPosition(n, { axis: 0, start, end, step: by })).toBe(first);
    }),
    { numRuns: 1000 },
  );
});

test("known contents are sliced as onnxruntime slices them", async () => {
  // onnxruntime takes INT64_MAX as an end for "all the way" when going backwards too, against ONNX's text and its shape inference.
  const vector = fc.record({ start: bound, end: bound, by: step }).filter(({ end, by }) => by > 0 || end !== everything);
  const x = tensorFrom("float32", [6], [0, 1, 2, 3, 4, 5]);
  await fc.assert(
    fc.asyncProperty(vector, async ({ start, end, by }) => {
      const b = new GraphBuilder("g");
      const bounds = [start, end, 0, by].map((v) => b.constant("int64", [v]));
      const known = b.add("Slice", [b.initializer("known", x), ...bounds]).elements;
      b.output(b.add("Slice", [b.input("x", x), ...bounds]), "y");
      expect(known).toEqual([...((await runGraph(b.build(), { x }))["y"]?.data ?? [])]);
      expect(known).toEqual(positions(6, start, end, by));
    }),
    { numRuns: 60, seed: 4 },
  );
});

const sized = (n: Dim, start: Dim, end: Dim, by = 1): Dim | null => slicedSize(n, { axis: 0, start, end, step: by });
test("symbolic sizes stay short, and the parts of a cut tensor add up", () => {
  expect(sized("H", 0, everything)).toBe("H");
  expect(sized("H", 0, everything, 2)).toBe("floor((H+1)/2)");
  expect(sized("H", 1, everything, 2)).toBe("floor((H-min(1,H)+1)/2)");
  expect(sized("H", -1, -everything, -1)).toBe("H");
  expect(sized("H", 2, -2)).toBe("H-min(4,H)");
  expect(sized("H", 0, 7)).toBe("min(7,H)");
  expect(sized("H", 0, "floor(H/2)")).toBe("min(H,floor(H/2))");
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", "H"] });
  const cut = (start: number, end: number) =>
    b.add("Slice", [x, b.constant("int64", [start]), b.constant("int64", [end]), b.constant("int64", [1])]);
  expect(b.add("Concat", [cut(3, everything), cut(0, 3)], { axis: 1 }).type.shape).toEqual(["N", "H"]);
});

test("axes or bounds that are computed leave the rank known", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 4, 5] });
  const one = b.constant("int64", [1]);
  const fed = b.input("k", { dtype: "int64", shape: [1] });
  const bounded = b.add("Slice", [x, one, fed, b.constant("int64", [1])]).type.shape;
  expect(bounded.map((d, axis) => (axis === 1 ? "computed" : d))).toEqual(["N", "computed", 5]);
  expect(b.add("Slice", [x, one, b.constant("int64", [3]), fed]).type.shape).toHaveLength(3);
});

test("slices that do not fit are refused", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 4] });
  const vector = (...values: readonly number[]) => b.constant("int64", values);
  expect(() => b.add("Slice", [x, vector(0), vector(1), vector(2)])).toThrow("axis 2 is outside a tensor of 2 axes");
  expect(() => b.add("Slice", [x, vector(0, 0), vector(1, 1), vector(1, -1)])).toThrow("axis -1 comes twice");
  expect(() => b.add("Slice", [x, vector(0), vector(1), vector(1), vector(0)])).toThrow("a step of 0 never ends");
  expect(() => b.add("Slice", [x, vector(0), vector(1, 2)])).toThrow("there are 1 starts and 2 ends");
});

test("the contents of a small slice are known, symbols included", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 3, "H", "W"] });
  const shape = b.add("Shape", [x]);
  const vector = (value: number) => b.constant("int64", [value]);
  expect(b.add("Slice", [shape, vector(-2), vector(everything)]).elements).toEqual(["H", "W"]);
  expect(b.add("Slice", [shape, vector(-1), vector(-everything), vector(0), vector(-1)]).elements).toEqual(["W", "H", 3, "N"]);
});

// Central differences of a linear function are exact but for rounding: 1e-9 in float64.
const exact = { step: 0.5, tolerance: 1e-9 } as const;
test("the gradient of a slice is zero where nothing was taken, for any step and for sizes that are symbols", async () => {
  const bounds = fc.record({ start: bound, end: bound, by: step, symbolic: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(bounds, { minLength: 2, maxLength: 2 }), async ([a, c]) => {
      if (a === undefined || c === undefined) return;
      const taken = [positions(5, a.start, a.end, a.by).length, positions(4, c.start, c.end, c.by).length];
      if (taken.includes(0)) return;
      const vector = (b: GraphBuilder, values: readonly number[]) => b.constant("int64", values);
      await expectGradient({
        ...exact,
        inputs: [{ data: randomTensor(1, "float64", [5, 2, 4]), shape: [a.symbolic ? "N" : 5, 2, c.symbolic ? "W" : 4] }],
        build: (b, [x]) =>
          b.add("Slice", [
            x ?? null,
            vector(b, [a.start, c.start]),
            vector(b, [a.end, c.end]),
            vector(b, [0, -1]),
            vector(b, [a.by, c.by]),
          ]),
      });
    }),
    { numRuns: 12, seed: 3 },
  );
});

test("the gradient of a slice whose start is fed in finds the place at run time", async () => {
  await expectGradient({
    ...exact,
    inputs: [{ data: randomTensor(1, "float64", [6]), shape: ["N"] }, { data: tensorFrom("int64", [1], [-4]) }],
    build: (b, [x, start]) =>
      b.add("Slice", [x ?? null, start ?? null, b.constant("int64", [5]), b.constant("int64", [0]), b.constant("int64", [2])]),
  });
});

test("an output position sees start + step * i", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 3, 9] });
  const vector = (...values: readonly number[]) => b.constant("int64", values);
  const node = b.addNode("Slice", [x, vector(2), vector(9), vector(2), vector(3)]);
  const { receptiveField } = schemaOf("Slice");
  const windows = typeof receptiveField === "string" ? null : receptiveField(node, 0, 0);
  expect(windows).toEqual([
    { axis: 0, size: 1, stride: 1, start: 0 },
    { axis: 1, size: 1, stride: 1, start: 0 },
    { axis: 2, size: 1, stride: 3, start: 2 },
  ]);
});
