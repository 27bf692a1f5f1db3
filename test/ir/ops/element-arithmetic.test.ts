import { expect, test } from "vitest";
import {
  absElement,
  addElements,
  divElements,
  equalElements,
  fmodElements,
  lessElements,
  lessOrEqualElements,
  maxElements,
  minElements,
  modElements,
  mulElements,
  powElements,
  roundHalfEven,
  settle,
  signElement,
  subElements,
} from "../../../src/ir/ops/element-arithmetic.ts";

test("integers divide toward zero", () => {
  expect(divElements(7, 2, "int64")).toBe(3);
  expect(divElements(-7, 2, "int64")).toBe(-3);
  expect(divElements(7, -2, "int64")).toBe(-3);
  expect(divElements("2*H", 2, "int64")).toBe("H");
  expect(divElements("H", 2, "int64")).toBe("floor(H/2)");
  expect(divElements("H*W", "W", "int64")).toBe("H");
});

test("a symbolic quotient that may be negative is not known, since truncation is not a floor there", () => {
  expect(divElements("H-1", 2, "int64")).toBeNull();
  expect(settle("int64", divElements(1, 0, "int64"))).toBeNull();
});

test("sums, differences and products of symbols are symbolic", () => {
  expect(addElements("H", 3)).toBe("H+3");
  expect(subElements("H+3", "H")).toBe(3);
  expect(mulElements("H", 2)).toBe("2*H");
  expect(mulElements("H", 0.5)).toBeNull();
  expect(powElements("H", 2)).toBe("H*H");
  expect(powElements(2, 10)).toBe(1024);
});

test("remainders take the divisor's or the dividend's sign", () => {
  expect(modElements(-7, 3)).toBe(2);
  expect(modElements(7, -3)).toBe(-2);
  expect(fmodElements(-7, 3)).toBe(-1);
  expect(fmodElements(7, -3)).toBe(1);
  expect(modElements("4*H", 4)).toBe(0);
  expect(modElements("H", 4)).toBe("H-4*floor(H/4)");
});

test("comparisons of symbols are known where no size changes them", () => {
  expect(equalElements("N", "N")).toBe(1);
  expect(equalElements("N", -1)).toBe(0);
  expect(equalElements("N", 4)).toBeNull();
  expect(lessElements("N", "N+1")).toBe(1);
  expect(lessElements("N", 0)).toBe(0);
  expect(lessOrEqualElements(0, "N")).toBe(1);
  expect(lessOrEqualElements("N", 5)).toBeNull();
});

test("extrema of symbols are symbolic, and infinite integers stand for those past 2^53", () => {
  expect(maxElements("N", 0)).toBe("N");
  expect(minElements("N", Number.POSITIVE_INFINITY)).toBe("N");
  expect(maxElements(Number.NEGATIVE_INFINITY, "N")).toBe("N");
  expect(minElements("N", 4)).toBe("min(4,N)");
  expect(maxElements(Number.NaN, 1)).toBeNaN();
});

test("signs and absolute values of sizes are known", () => {
  expect(absElement("N")).toBe("N");
  expect(absElement("-N")).toBe("N");
  expect(signElement("N+1")).toBe(1);
  expect(signElement("N")).toBeNull();
});

test("results are rounded as their element type holds them, and integers never wrap", () => {
  expect(settle("float32", 0.1)).toBe(0.10000000149011612);
  expect(settle("float16", 0.1)).toBe(0.0999755859375);
  expect(settle("int64", 2 ** 53)).toBeNull();
  expect(settle("int32", 2 ** 31)).toBeNull();
  expect(settle("int32", -(2 ** 31))).toBe(-(2 ** 31));
  expect(settle("uint8", -1)).toBeNull();
  expect(settle("bool", 3)).toBe(1);
  expect(settle("int64", Number.NaN)).toBeNull();
});

test("halves are rounded to even", () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, -2.6].map(roundHalfEven)).toEqual([0, 2, 2, -0, -2, 2, -3]);
});
