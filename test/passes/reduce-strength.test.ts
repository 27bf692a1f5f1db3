import { expect, test } from "vitest";
import { reduceStrength } from "../../src/passes/index.ts";
import { expectRewrite, refusals } from "./expect-rewrite.ts";

/** A rounding more or less. */
const lastBit = { rtol: 3e-7, atol: 1e-7 };
const constants = `
    one = float32[] {1}
    minus = float32[1] {-1}
    two = float32[] {2}
    half = float32[] {0.5}
    inverseRoot = float32[] {-0.5}
    tiny = float32[] {1e-40}
    six = float32[3] {6, 7, 9}`;
/** A positive a and any x. */
const around = (body: string, last: string): string => `
  G(x: float32[N, 3]) -> (y: float32[N, 3]) {${constants}
    %e = Exp(x) : float32[N, 3]
    ${body}
    %y = ${last} : float32[N, 3]
  }`;
const exp = "%e = Exp(x) : float32[N, 3]";

test.each<readonly [string, string, readonly string[]]>([
  ["a constant divides", around("", "Div(%e, six)"), [exp, "%y = Mul(%e, six.reciprocal) : float32[N, 3]"]],
  ["one is divided", around("", "Div(one, %e)"), [exp, "%y = Reciprocal(%e) : float32[N, 3]"]],
  ["the square", around("", "Pow(%e, two)"), [exp, "%y = Mul(%e, %e) : float32[N, 3]"]],
  ["the root", around("", "Pow(%e, half)"), [exp, "%y = Sqrt(%e) : float32[N, 3]"]],
  ["the inverse", around("", "Pow(%e, minus)"), [exp, "%y = Reciprocal(%e) : float32[N, 3]"]],
  ["a + (-b)", around("%n = Neg(%e) : float32[N, 3]", "Add(%n, x)"), [exp, "%y = Sub(x, %e) : float32[N, 3]"]],
  ["a - (-b)", around("%n = Neg(%e) : float32[N, 3]", "Sub(x, %n)"), [exp, "%y = Add(x, %e) : float32[N, 3]"]],
  ["a * (1 / b)", around("%n = Reciprocal(%e) : float32[N, 3]", "Mul(%n, x)"), [exp, "%y = Div(x, %e) : float32[N, 3]"]],
  [
    "x / sqrt(v)",
    around("%q = Sqrt(%e) : float32[N, 3]\n    %n = Reciprocal(%q) : float32[N, 3]", "Mul(x, %n)"),
    [exp, "%q = Sqrt(%e) : float32[N, 3]", "%y = Div(x, %q) : float32[N, 3]"],
  ],
  [
    "x * v^-1/2",
    around("%n = Pow(%e, inverseRoot) : float32[N, 3]", "Mul(x, %n)"),
    [exp, "%y/Sqrt = Sqrt(%e) : float32[N, 3]", "%y = Div(x, %y/Sqrt) : float32[N, 3]"],
  ],
  ["x * -1", around("", "Mul(%e, minus)"), [exp, "%y = Neg(%e) : float32[N, 3]"]],
  ["two factors", around("%n = Mul(%e, six) : float32[N, 3]", "Mul(half, %n)"), [exp, "%y = Mul(%e, half.joined) : float32[N, 3]"]],
  ["two addends", around("%n = Add(%e, two) : float32[N, 3]", "Add(%n, six)"), [exp, "%y = Add(%e, six.joined) : float32[N, 3]"]],
])("%s", async (_, text, nodes) => {
  await expectRewrite(reduceStrength, text, nodes, lastBit);
});

test("what is negated twice is what it was, and the largest of rising values stands where the largest stood", async () => {
  const text = `
    G(x: float32[N, 3]) -> (y: float32[N, 3], i: int64[N, 1]) {
      %a = Neg(x) : float32[N, 3]
      %b = Neg(%a) : float32[N, 3]
      %y = Abs(%b) : float32[N, 3]
      %s = Softmax(x) : float32[N, 3]
      %i = ArgMax(%s) {axis = 1} : int64[N, 1]
    }`;
  await expectRewrite(reduceStrength, text, ["%y = Abs(x) : float32[N, 3]", "%i = ArgMax(x) {axis = 1} : int64[N, 1]"]);
});

test.each<readonly [string, readonly string[]]>([
  [around("", "Div(%e, tiny)"), ['y: the reciprocal of "tiny" is out of range']],
  [
    `G(x: float32[2, 3]) -> (i: int64[1, 3]) {
      %s = Softmax(x) : float32[2, 3]
      %i = ArgMax(%s) : int64[1, 3]
    }`,
    ["i: Softmax is along another axis"],
  ],
  [
    `G(x: float32[3]) -> (y: float32[1, 3]) {
      two = float32[1, 1] {2}
      %y = Pow(x, two) : float32[1, 3]
    }`,
    ["y: the exponent broadcasts what it is applied to"],
  ],
  [
    `G(x: int64[3]) -> (y: int64[3]) {
      two = int64[] {2}
      %y = Div(x, two) : int64[3]
    }`,
    [],
  ],
])("what would not be the same stays: %#", (text, reasons) => {
  expect(refusals(reduceStrength, text)).toEqual(reasons);
});
