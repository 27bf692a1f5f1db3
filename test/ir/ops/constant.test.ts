import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { dtypes } from "../../../src/ir/dtype.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { expectGradient, randomTensor } from "../../support/check-gradient.ts";
import { runGraph } from "../../support/run-graph.ts";

test("every form of Constant has its type and contents", () => {
  const b = new GraphBuilder("g");
  expect(b.add("Constant", [], { value: tensorFrom("uint8", [2], [1, 2]) })).toMatchObject({
    type: { dtype: "uint8", shape: [2] },
    elements: [1, 2],
  });
  expect(b.add("Constant", [], { value_float: 0.5 })).toMatchObject({ type: { dtype: "float32", shape: [] }, elements: [0.5] });
  expect(b.add("Constant", [], { value_ints: [1, -1] })).toMatchObject({ type: { dtype: "int64", shape: [2] }, elements: [1, -1] });
  expect(b.add("Constant", [], { value_string: "a" })).toMatchObject({ type: { dtype: "string", shape: [] }, elements: null });
  expect(() => b.add("Constant", [])).toThrow("a Constant holds one value, got 0");
  expect(() => b.add("Constant", [], { value_int: 1, value_float: 1 })).toThrow("a Constant holds one value, got 2");
});

test("ConstantOfShape takes symbolic sizes and knows small contents", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", { dtype: "float32", shape: ["N", 3] });
  expect(b.add("ConstantOfShape", [b.add("Shape", [x])]).type).toMatchObject({ dtype: "float32", shape: ["N", 3] });
  expect(b.add("ConstantOfShape", [b.constant("int64", [2])], { value: tensorFrom("int64", [1], [7]) }).elements).toEqual([7, 7]);
  expect(b.add("ConstantOfShape", [b.constant("int64", [], [0])]).type.shape).toEqual([]);
  expect(() => b.add("ConstantOfShape", [b.constant("int64", [-1])])).toThrow("the shape holds -1");
});

test("a Cast of known elements is what onnxruntime makes of them", async () => {
  const x = tensorFrom("float32", [6], [-1.75, 0, 0.1, 2.5, 100.9, -0.2]);
  const b = new GraphBuilder("g");
  const targets = ["int64", "int8", "bool", "float16", "float64"] as const;
  const known = targets.map((to) => b.add("Cast", [b.initializer(`k${to}`, x)], { to: dtypes[to].onnx }).elements);
  const value = b.input("x", x);
  targets.forEach(
    (to, i) => void b.output(b.add("Cast", [b.add("Cast", [value], { to: dtypes[to].onnx })], { to: dtypes.float64.onnx }), `y${i}`),
  );
  const results = await runGraph(b.build(), { x });
  // Adding 0 makes a zero of either sign the same.
  expect(known.map((elements) => elements?.map((v) => Number(v) + 0))).toEqual(
    targets.map((_, i) => [...(results[`y${i}`]?.data ?? [])].map((v) => Number(v) + 0)),
  );
});

test("casts keep symbols, and give up what does not fit", () => {
  const b = new GraphBuilder("g");
  const size = b.add("Size", [b.input("x", { dtype: "float32", shape: ["N", 2] })]);
  const cast = (value: typeof size, to: keyof typeof dtypes) => b.add("Cast", [value], { to: dtypes[to].onnx }).elements;
  expect(cast(size, "float32")).toEqual(["2*N"]);
  expect(cast(size, "bool")).toBeNull();
  expect(cast(b.constant("float32", 300), "uint8")).toBeNull();
  expect(cast(b.constant("int64", Number.POSITIVE_INFINITY), "float32")).toBeNull();
  expect(cast(b.constant("float32", Number.NEGATIVE_INFINITY), "float64")).toEqual([Number.NEGATIVE_INFINITY]);
  expect(() => b.add("Cast", [size], { to: 99 })).toThrow("there is no element type with the number 99");
});

test("the gradient of a Cast between floats goes back, through integers there is none", async () => {
  await expectGradient({
    // float32 in between rounds by 1e-7 of values up to 2: differences over 1.
    step: 0.5,
    tolerance: 1e-5,
    inputs: [{ data: randomTensor(1, "float64", [3]) }],
    build: (b, [x]) => b.add("Cast", [b.add("Cast", [x ?? null], { to: dtypes.float32.onnx })], { to: dtypes.float64.onnx }),
  });
});
