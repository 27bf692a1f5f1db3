import { expect, test } from "vitest";
import { axisIndex, elementCount, printShape, sameShape, staticShape } from "../../src/ir/index.ts";

test("a shape is printed with its symbols, and unknown sizes as ?", () => {
  expect(printShape(["N", 3, "floor((H+1)/2)", "2*?7"])).toBe("[N, 3, floor((H+1)/2), ?]");
  expect(printShape([])).toBe("[]");
});

test("shapes are the same when all sizes are", () => {
  expect(sameShape(["N", 3], ["N", 3])).toBe(true);
  expect(sameShape(["N", 3], ["N", 3, 1])).toBe(false);
  expect(sameShape(["N", 3], ["M", 3])).toBe(false);
});

test("the number of elements may be an expression", () => {
  expect(elementCount(["N", 3, 4])).toBe("12*N");
  expect(elementCount([2, 0, "N"])).toBe(0);
  expect(elementCount([])).toBe(1);
});

test("a shape is static when all sizes are numbers", () => {
  expect(staticShape([2, 3])).toEqual([2, 3]);
  expect(staticShape([2, "N"])).toBeNull();
});

test.each([
  [0, 3, 0],
  [-1, 3, 2],
  [-3, 3, 0],
  [3, 3, null],
  [-4, 3, null],
  [0, 0, null],
  [0.5, 3, null],
  [Number.NaN, 3, null],
])("axis %d of %d axes is axis %s", (axis, rank, wanted) => {
  expect(axisIndex(axis, rank)).toBe(wanted);
});
