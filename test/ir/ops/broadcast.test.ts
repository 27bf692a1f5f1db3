import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Dim } from "../../../src/ir/dim.ts";
import { broadcastShapes, offsetsOf } from "../../../src/ir/ops/broadcast.ts";

const shapes = (...list: readonly (readonly Dim[])[]) => broadcastShapes(list, () => "?7");

test("shapes broadcast from their last axes", () => {
  expect(shapes(["N", 3, 4], [4])).toEqual(["N", 3, 4]);
  expect(shapes([3, 1], [1, 4])).toEqual([3, 4]);
  expect(shapes([], ["N", 2])).toEqual(["N", 2]);
  expect(shapes([1], ["N"], [3, 1])).toEqual([3, "N"]);
});

test("a number wins over a symbol, and two symbols give a size that nobody knows", () => {
  expect(shapes(["N"], [4])).toEqual([4]);
  expect(shapes(["N"], ["M"])).toEqual(["?7"]);
  expect(shapes(["N", 2], ["N", 1])).toEqual(["N", 2]);
});

test("sizes that clash are named with their axis", () => {
  expect(() => shapes([2, 256], [64])).toThrow("axis 1: 256 and 64 cannot be broadcast");
});

test("the builder says where two operands do not broadcast", () => {
  const b = new GraphBuilder("g");
  const [x, y] = [b.input("x", { dtype: "float32", shape: ["N", 256] }), b.input("y", { dtype: "float32", shape: [64] })];
  expect(() => b.add("Add", [x, y], {}, { name: "sum" })).toThrow(
    [
      'error[broadcast-mismatch]: Add "sum": axis 1: 256 and 64 cannot be broadcast',
      '  note: input "x" is float32[N, 256]',
      '  note: input "y" is float32[64]',
      "  help: make the sizes equal, or one of them 1",
    ].join("\n"),
  );
});

test("offsets repeat along broadcast axes", () => {
  expect([...offsetsOf([2, 1], [2, 3])]).toEqual([0, 0, 0, 1, 1, 1]);
  expect([...offsetsOf([3], [2, 3])]).toEqual([0, 1, 2, 0, 1, 2]);
  expect([...offsetsOf([], [2, 2])]).toEqual([0, 0, 0, 0]);
  expect([...offsetsOf([2, 2], [2, 2])]).toEqual([0, 1, 2, 3]);
  expect([...offsetsOf([1], [0])]).toEqual([]);
});
