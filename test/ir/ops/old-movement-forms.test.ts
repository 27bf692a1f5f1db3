import { expect, test } from "vitest";
import { addModernNode } from "../../../src/codegen/modern-node.ts";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Dim } from "../../../src/ir/dim.ts";
import { printType, type Value } from "../../../src/ir/graph.ts";
import { nowhere } from "../../../src/ir/location.ts";
import type { Attributes } from "../../../src/ir/op-signature.ts";
import type { OpType } from "../../../src/ir/op-types.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";

interface Old {
  readonly opset: number;
  readonly shape: readonly Dim[];
  readonly more?: (b: GraphBuilder) => readonly (Value | null)[];
  readonly attributes?: Attributes;
  readonly outputs?: number;
}
/** The types of the outputs of a node as an older opset writes it, read into today's form. */
function read(opType: OpType, { opset, shape, more, attributes = {}, outputs = 1 }: Old): readonly string[] {
  const b = new GraphBuilder("g");
  const inputs = [b.input("x", { dtype: "float32", shape }), ...(more?.(b) ?? [])];
  const names = Array.from({ length: outputs }, (_, i) => `y${i}`);
  const node = { opType, name: "n", opset, inputs, attributes, outputCount: outputs, location: nowhere };
  return addModernNode(b, node, names).map((y) => (y === null ? "none" : printType(y.type)));
}

test("attributes of old opsets become today's inputs", () => {
  expect(read("Reshape", { opset: 1, shape: ["N", 2, 3], attributes: { shape: [0, -1], consumed_inputs: [0] } })).toEqual([
    "float32[N, 6]",
  ]);
  expect(read("Squeeze", { opset: 1, shape: ["N", 1, 3, 1], attributes: { axes: [1, 3] } })).toEqual(["float32[N, 3]"]);
  expect(read("Squeeze", { opset: 11, shape: [2, 1] })).toEqual(["float32[2]"]);
  expect(read("Unsqueeze", { opset: 11, shape: ["N", 3], attributes: { axes: [0, -1] } })).toEqual(["float32[1, N, 3, 1]"]);
  expect(read("Slice", { opset: 1, shape: ["N", 9], attributes: { starts: [2], ends: [1000], axes: [1] } })).toEqual(["float32[N, 7]"]);
  expect(read("Slice", { opset: 9, shape: [4, 9], attributes: { starts: [0, 2], ends: [2, -1] } })).toEqual(["float32[2, 6]"]);
  expect(read("Pad", { opset: 1, shape: ["N", 3], attributes: { paddings: [0, 1, 0, 2] } })).toEqual(["float32[N, 6]"]);
  expect(read("Pad", { opset: 2, shape: ["N", 3], attributes: { pads: [0, 1, 0, 2], mode: "edge", value: 1 } })).toEqual(["float32[N, 6]"]);
});

test("a Split without sizes cuts equal parts before opset 18", () => {
  expect(read("Split", { opset: 2, shape: ["N", 6], attributes: { axis: 1 }, outputs: 3 })).toEqual([
    "float32[N, 2]",
    "float32[N, 2]",
    "float32[N, 2]",
  ]);
  expect(read("Split", { opset: 13, shape: ["C"], outputs: 2 })).toEqual(["float32[floor(C/2)]", "float32[floor(C/2)]"]);
  expect(read("Split", { opset: 11, shape: [5], attributes: { split: [1, 4] }, outputs: 2 })).toEqual(["float32[1]", "float32[4]"]);
  const sizes = (b: GraphBuilder) => [b.initializer("split", tensorFrom("float32", [2], [2, 3]))];
  expect(read("Split", { opset: 1, shape: [5], more: sizes, outputs: 2 })).toEqual(["float32[2]", "float32[3]"]);
  expect(() => read("Split", { opset: 13, shape: [5], outputs: 2 })).toThrow("5 elements along axis 0 cannot be cut into 2 equal parts");
});

test("defaults and names that changed are said in today's words", () => {
  const second = (b: GraphBuilder) => [b.input("z", { dtype: "float32", shape: ["N", 4] })];
  expect(read("Concat", { opset: 1, shape: ["N", 3], more: second })).toEqual(["float32[N, 7]"]);
  expect(read("Cast", { opset: 1, shape: ["N"], attributes: { to: "INT64" } })).toEqual(["int64[N]"]);
  expect(read("Cast", { opset: 1, shape: ["N"], attributes: { to: "DOUBLE" } })).toEqual(["float64[N]"]);
  expect(() => read("Cast", { opset: 1, shape: ["N"], attributes: { to: "COMPLEX" } })).toThrow('attribute "to" is not of kind int');
});

test("OneHot before opset 11 has no negative indices", () => {
  const b = new GraphBuilder("g");
  const inputs = [b.constant("int64", [0, -1]), b.constant("int64", 3), b.constant("float32", [0, 1])];
  const node = { opType: "OneHot", name: "n", opset: 9, inputs, attributes: {}, outputCount: 1, location: nowhere } as const;
  expect(() => addModernNode(b, node, ["y"])).toThrow("index -1 is negative, and opset 9 counts from the front only");
});
