import fc from "fast-check";
import { expect, test } from "vitest";
import { addFractions, fraction, fractionOf, isLess, mulFractions, subFractions, toNumber } from "../../../src/passes/answers/fraction.ts";

test("a fraction is found again in its float32, the form that files keep scales in", () => {
  const term = fc.integer({ min: 1, max: 1000 });
  fc.assert(
    fc.property(term, term, fc.boolean(), (n, d, negative) => {
      const exact = fraction(negative ? -n : n, d);
      expect(fractionOf(Math.fround(toNumber(exact)))).toEqual(exact);
    }),
  );
  expect(fractionOf(0)).toEqual({ n: 0, d: 1 });
  expect(fractionOf(-0.5)).toEqual({ n: -1, d: 2 });
});

test("arithmetic is exact and in lowest terms", () => {
  const [third, sixth] = [fraction(1, 3), fraction(-2, -12)];
  expect(addFractions(third, sixth)).toEqual({ n: 1, d: 2 });
  expect(subFractions(sixth, third)).toEqual({ n: -1, d: 6 });
  expect(mulFractions(third, fraction(3))).toEqual({ n: 1, d: 1 });
  expect([isLess(sixth, third), isLess(third, third)]).toEqual([true, false]);
  expect(() => fraction(1, 0)).toThrowError("1 / 0 is no fraction");
});
