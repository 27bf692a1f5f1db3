import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Dim } from "../../../src/ir/dim.ts";
import { schemaOf } from "../../../src/ir/ops/index.ts";
import { reshapeWindows } from "../../../src/ir/ops/reshape-rules.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

const reshaped = (shape: readonly Dim[], target: readonly number[], allowzero = 0) => {
  const b = new GraphBuilder("g");
  return b.add("Reshape", [b.input("x", { dtype: "float32", shape }), b.constant("int64", target)], { allowzero }).type.shape;
};
test("Reshape infers the size at -1, symbols included", () => {
  expect(reshaped(["N", 32, 7, 7], [-1, 1568])).toEqual(["N", 1568]);
  expect(reshaped(["N", 32, 7, 7], [0, -1])).toEqual(["N", 1568]);
  expect(reshaped(["N", 3, "H", "W"], [-1, 3])).toEqual(["H*N*W", 3]);
  expect(reshaped(["N", 3], [-1, 2])).toEqual(["floor((3*N)/2)", 2]);
  expect(reshaped([0, 3], [3, 0], 1)).toEqual([3, 0]);
});

test("a Reshape to Concat(Shape(x)[0], -1) keeps N", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 32, 7, 7] });
  const n = b.add("Unsqueeze", [b.add("Gather", [b.add("Shape", [x]), b.constant("int64", 0)]), b.constant("int64", [0])]);
  expect(b.add("Reshape", [x, b.add("Concat", [n, b.constant("int64", [-1])], { axis: 0 })]).type.shape).toEqual(["N", 1568]);
});

test("a Reshape that cannot be is refused with both shapes", () => {
  expect(() => reshaped([2, 3], [4, -1])).toThrow("[2, 3] does not reshape to [4, -1]: 6 elements do not divide by 4");
  expect(() => reshaped([2, 3], [7])).toThrow("[2, 3] does not reshape to [7]: 6 elements do not fill 7");
  expect(() => reshaped([2, 3], [-1, -1])).toThrow("more than one -1");
  expect(() => reshaped([2, 3], [-2, 3])).toThrow("holds -2");
  expect(() => reshaped([2, 3], [1, 2, 0])).toThrow("the input [2, 3] has no such axis");
});

test("a target of unknown contents leaves the rank known; one of unknown length is refused", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 4] });
  expect(b.add("Reshape", [x, b.input("s", { dtype: "int64", shape: [3] })]).type.shape).toHaveLength(3);
  expect(() => b.add("Reshape", [x, b.input("t", { dtype: "int64", shape: ["K"] })])).toThrow(
    "the rank cannot be known: the target shape has the unknown length K",
  );
});

test("Flatten, Transpose, Squeeze, Unsqueeze and Expand keep symbols", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 1, "H", 4] });
  const axes = (...values: readonly number[]) => b.constant("int64", values);
  expect(b.add("Flatten", [x]).type.shape).toEqual(["N", "4*H"]);
  expect(b.add("Flatten", [x], { axis: 0 }).type.shape).toEqual([1, "4*H*N"]);
  expect(b.add("Flatten", [x], { axis: 4 }).type.shape).toEqual(["4*H*N", 1]);
  expect(b.add("Transpose", [x]).type.shape).toEqual([4, "H", 1, "N"]);
  expect(b.add("Transpose", [x], { perm: [0, 2, 3, 1] }).type.shape).toEqual(["N", "H", 4, 1]);
  expect(b.add("Squeeze", [x, axes(-3)]).type.shape).toEqual(["N", "H", 4]);
  expect(b.add("Unsqueeze", [x, axes(0, -1)]).type.shape).toEqual([1, "N", 1, "H", 4, 1]);
  expect(b.add("Expand", [x, axes(3, 1, 1)]).type.shape).toEqual(["N", 3, "H", 4]);
  expect(() => b.add("Squeeze", [x])).toThrow("axis 0 of [N, 1, H, 4] goes if its size turns out to be 1");
  expect(() => b.add("Squeeze", [x, axes(3)])).toThrow("axis 3 of [N, 1, H, 4] has size 4, and only size 1 can go");
  expect(() => b.add("Transpose", [x], { perm: [0, 1, 1, 2] })).toThrow("perm [0, 1, 1, 2] does not name each of the 4 axes once");
});

test("Concat adds sizes along its axis and takes the best known size of the others", () => {
  const b = new GraphBuilder("g");
  const input = (name: string, shape: readonly Dim[]) => b.input(name, { dtype: "float32", shape });
  const joined = b.add("Concat", [input("x", ["N", 3, "H"]), input("y", ["N", "C", 8])], { axis: 1 });
  expect(joined.type.shape).toEqual(["N", "C+3", 8]);
  expect(() => b.add("Concat", [input("u", [1, 2]), input("v", [2, 3])], { axis: 1 })).toThrow(
    "the shapes [1, 2] and [2, 3] differ on axis 0: 1 and 2",
  );
  expect(() => b.add("Concat", [input("w", [1, 2]), input("z", [2])], { axis: 0 })).toThrow("the inputs' ranks differ: [1, 2], [2]");
});

test("Split gives the last output what is left", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: [7, "C"] });
  const split = (attributes: { axis: number; num_outputs?: number }, sizes: readonly number[] | null, count: number) =>
    b.addMany("Split", [x, sizes === null ? null : b.constant("int64", sizes)], attributes, count).map((y) => y.type.shape);
  expect(split({ axis: 0, num_outputs: 3 }, null, 3)).toEqual([
    [3, "C"],
    [3, "C"],
    [1, "C"],
  ]);
  expect(split({ axis: 1, num_outputs: 2 }, null, 2)).toEqual([
    [7, "floor((C+1)/2)"],
    [7, "C-floor((C+1)/2)"],
  ]);
  expect(split({ axis: 0 }, [2, 5], 2)).toEqual([
    [2, "C"],
    [5, "C"],
  ]);
  expect(() => split({ axis: 0 }, [2, 4], 2)).toThrow("the sizes 2 + 4 do not add up to 7");
  expect(() => split({ axis: 0 }, [2, 5], 3)).toThrow("there are 2 sizes for 3 outputs");
});

test("uneven splits of symbolic sizes run below opset 18 too", async () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N"] });
  b.addMany("Split", [x], { axis: 0, num_outputs: 3 }, 3).forEach((y, i) => void b.output(y, `y${i}`));
  const results = await runGraph(b.build(), { x: tensorFrom("float32", [7], [1, 2, 3, 4, 5, 6, 7]) }, 13);
  expect(["y0", "y1", "y2"].map((name) => [...(results[name]?.data ?? [])])).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
});

test("known contents move with their tensor", () => {
  const b = new GraphBuilder("g");
  const x = b.initializer("x", tensorFrom("int64", [2, 3], [1, 2, 3, 4, 5, 6]));
  expect(b.add("Transpose", [x]).elements).toEqual([1, 4, 2, 5, 3, 6]);
  expect(b.add("Concat", [x, x], { axis: 1 }).elements).toEqual([1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]);
  expect(b.add("Expand", [b.constant("int64", [[1], [2]].flat(), [2, 1]), b.constant("int64", [2, 2])]).elements).toEqual([1, 1, 2, 2]);
  expect(b.addMany("Split", [x], { axis: 1, num_outputs: 2 }, 2).map((y) => y.elements)).toEqual([
    [1, 2, 4, 5],
    [3, 6],
  ]);
});

test("an axis that survives a reshape is mapped, merged and split ones are seen whole", () => {
  const same = (axis: number) => ({ axis, size: 1, stride: 1, start: 0 });
  expect(reshapeWindows(["N", 32, 7, 7], ["N", 1568])).toEqual([same(0), "all", "all", "all"]);
  expect(reshapeWindows(["N", 6, "H", "W"], ["N", 2, 3, "H", "W"])).toEqual([same(0), "all", same(3), same(4)]);
  expect(reshapeWindows([4, 6, 5], [6, 4, 5])).toEqual(["all", "all", same(2)]);
  expect(reshapeWindows(["N", 1, "H"], ["N", "H", 1])).toEqual([same(0), "fixed", same(1)]);
  expect(reshapeWindows(["N", "H"], ["H", "N"])).toEqual(["all", "all"]);
});

test("joined and cut axes are mapped with their offset", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 3, 4] });
  const y = b.input("y", { dtype: "float32", shape: ["N", 5, 4] });
  const joined = b.addNode("Concat", [x, y], { axis: 1 });
  const { receptiveField: concat } = schemaOf("Concat");
  const same = (axis: number) => ({ axis, size: 1, stride: 1, start: 0 });
  expect(typeof concat === "string" ? null : concat(joined, 1, 0)).toEqual([same(0), { axis: 1, size: 1, stride: 1, start: -3 }, same(2)]);
  const cut = b.addNode("Split", [y, b.constant("int64", [2, 3])], { axis: 1 }, { outputs: 2 });
  const { receptiveField: split } = schemaOf("Split");
  expect(typeof split === "string" ? null : split(cut, 0, 1)).toEqual([same(0), { axis: 1, size: 1, stride: 1, start: 2 }, same(2)]);
});

// Central differences of a linear function are exact but for rounding: 1e-9 in float64.
const linear = { step: 0.5, tolerance: 1e-9 } as const;
test("gradients of the movement ops undo the movement, for symbolic sizes", async () => {
  const x = { data: randomTensor(1, "float64", [2, 3, 4]), shape: ["N", 3, "W"] };
  const vector = (b: GraphBuilder, ...values: readonly number[]) => b.constant("int64", values);
  await expectGradient({ ...linear, inputs: [x], build: (b, [v]) => b.add("Reshape", [v ?? null, vector(b, 0, -1)]) });
  await expectGradient({ ...linear, inputs: [x], build: (b, [v]) => b.add("Flatten", [v ?? null], { axis: 2 }) });
  await expectGradient({ ...linear, inputs: [x], build: (b, [v]) => b.add("Transpose", [v ?? null], { perm: [2, 0, 1] }) });
  await expectGradient({ ...linear, inputs: [x], build: (b, [v]) => b.add("Unsqueeze", [v ?? null, vector(b, 1, -1)]) });
  await expectGradient({ ...linear, inputs: [x], build: (b, [v]) => b.add("Expand", [v ?? null, vector(b, 2, 1, 1, 1)]) });
  await expectGradient({
    ...linear,
    inputs: [{ data: randomTensor(1, "float64", [2, 1]), shape: ["N", 1] }],
    build: (b, [v]) => b.add("Squeeze", [v ?? null, vector(b, 1)]),
  });
});

test("gradients of Concat and Split reach every part, also of symbolic sizes", async () => {
  const parts = [
    { data: randomTensor(1, "float64", [2, 3]), shape: ["N", "C"] },
    { data: randomTensor(2, "float64", [2, 2]), shape: ["N", 2] },
  ];
  await expectGradient({ ...linear, inputs: parts, build: (b, values) => b.add("Concat", values, { axis: 1 }) });
  await expectGradient({
    ...linear,
    inputs: [{ data: randomTensor(1, "float64", [7, 2]), shape: ["N", 2] }],
    // The middle output is not used: its cotangent is zero.
    build: (b, [x]) => {
      const [first, , last] = b.addMany("Split", [x ?? null], { axis: 0, num_outputs: 3 }, 3);
      return b.add("Concat", [first ?? null, last ?? null], { axis: 0 });
    },
  });
});

test("a Concat of which one part is wanted gives a slice", async () => {
  await expectGradient({
    ...linear,
    inputs: [{ data: randomTensor(1, "float64", [2, 3]), shape: ["N", 3] }, { data: tensorFrom("int64", [], [1]) }],
    build: (b, [x]) => b.add("Concat", [b.add("Neg", [b.constant("float64", [1, 2], [2, 1])]), x ?? null], { axis: 1 }),
  });
});
