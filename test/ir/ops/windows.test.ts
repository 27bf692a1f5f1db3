import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Node, Value } from "../../../src/ir/graph.ts";
import type { OpType } from "../../../src/ir/op-types.ts";
import { schemaOf } from "../../../src/ir/ops/index.ts";

const along = (axis: number) => ({ axis, size: 1, stride: 1, start: 0 });
function windows<T extends OpType>(make: (b: GraphBuilder) => Node<T>, index: number) {
  const node = make(new GraphBuilder("g"));
  const { receptiveField } = schemaOf(node.opType);
  return typeof receptiveField === "string" ? receptiveField : receptiveField(node, index, 0);
}
const float = (b: GraphBuilder, name: string, shape: readonly (number | string)[]): Value => b.input(name, { dtype: "float32", shape });

test("a reduction sees the whole of the axes that it reduces", () => {
  const mean = (keepdims: number) => (b: GraphBuilder) =>
    b.addNode("ReduceMean", [float(b, "x", ["N", 8, "H", "W"]), b.constant("int64", [1, 2])], { keepdims });
  expect(windows(mean(1), 0)).toEqual([along(0), "all", "all", along(3)]);
  expect(windows(mean(0), 0)).toEqual([along(0), "all", "all", along(1)]);
  expect(windows(mean(1), 1)).toBeNull();
  expect(windows((b) => b.addNode("ArgMax", [float(b, "x", ["N", 8])], { axis: 0, keepdims: 0 }), 0)).toEqual(["all", along(0)]);
});

test("softmax sees the whole of its axis", () => {
  expect(windows((b) => b.addNode("Softmax", [float(b, "x", ["N", 8, "H"])], { axis: 1 }), 0)).toEqual([along(0), "all", along(2)]);
});

test("matrix products see whole rows and columns, at their own place in the batch", () => {
  const product = (b: GraphBuilder) => b.addNode("MatMul", [float(b, "a", ["B", "T", 4]), float(b, "b", [3, 1, 4, 5])]);
  expect(windows(product, 0)).toEqual([along(1), along(2), "all"]);
  expect(windows(product, 1)).toEqual([along(0), "fixed", "all", along(3)]);
  const row = (b: GraphBuilder) => b.addNode("MatMul", [float(b, "a", [4]), float(b, "b", [3, 4, 5])]);
  expect(windows(row, 0)).toEqual(["all"]);
  expect(windows(row, 1)).toEqual([along(0), "all", along(1)]);
  const gemm = (b: GraphBuilder) =>
    b.addNode("Gemm", [float(b, "a", [4, "N"]), float(b, "b", [5, 4]), float(b, "c", [5])], { transA: 1, transB: 1 });
  expect(windows(gemm, 0)).toEqual(["all", along(0)]);
  expect(windows(gemm, 1)).toEqual([along(1), "all"]);
  expect(windows(gemm, 2)).toEqual([along(1)]);
});
