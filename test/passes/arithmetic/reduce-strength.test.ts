import { expect, test } from "vitest";
import { reduceStrength } from "../../../src/passes/index.ts";
import { expectRewrite, refusals } from "../expect-rewrite.ts";

/** A rounding more or less. */
const lastBit = { rtol: 3e-7, atol: 1e-7 };
const constants = `
    one = float32[] {1}
    minus = float32[1] {-1}
    two = float32[] {2}
    half = float32[] {0.5}
    inverseRoot = float32[] {-0.5}
    tiny = float32[] {1e-40}
    least = float32[] {1e-25}
    most = float32[] {1e25}
    row = float32[1, 3] {2, -3, 0.5}
    column = float32[2, 1] {2, 3}
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
  [
    "a vector of factors and another",
    around("%n = Mul(%e, six) : float32[N, 3]", "Mul(%n, row)"),
    [exp, "%y = Mul(%e, row.joined) : float32[N, 3]"],
  ],
  ["(x - c) + d", around("%n = Sub(%e, six) : float32[N, 3]", "Add(two, %n)"), [exp, "%y = Add(%e, two.joined) : float32[N, 3]"]],
  ["c - (x + d)", around("%n = Add(%e, two) : float32[N, 3]", "Sub(six, %n)"), [exp, "%y = Sub(six.joined, %e) : float32[N, 3]"]],
  ["c - (d - x)", around("%n = Sub(two, %e) : float32[N, 3]", "Sub(six, %n)"), [exp, "%y = Add(%e, six.joined) : float32[N, 3]"]],
  ["-(x + c)", around("%n = Add(%e, six) : float32[N, 3]", "Neg(%n)"), [exp, "%y = Sub(y.joined, %e) : float32[N, 3]"]],
  ["-x * c", around("%n = Neg(%e) : float32[N, 3]", "Mul(six, %n)"), [exp, "%y = Mul(%e, six.joined) : float32[N, 3]"]],
  ["-(x * c)", around("%n = Mul(%e, six) : float32[N, 3]", "Neg(%n)"), [exp, "%y = Mul(%e, y.joined) : float32[N, 3]"]],
  ["-(a - b)", around("%n = Sub(%e, x) : float32[N, 3]", "Neg(%n)"), [exp, "%y = Sub(x, %e) : float32[N, 3]"]],
  [
    "(-a) / (-b)",
    around("%n = Neg(%e) : float32[N, 3]\n    %m = Neg(x) : float32[N, 3]", "Div(%m, %n)"),
    [exp, "%y = Div(x, %e) : float32[N, 3]"],
  ],
])("%s", async (_, text, nodes) => {
  await expectRewrite(reduceStrength, text, nodes, lastBit);
});

test.each<readonly [string, string, readonly string[]]>([
  [
    "a number that is no longer one",
    around("%n = Mul(%e, least) : float32[N, 3]", "Mul(%n, least)"),
    ["y: the constants together are out of range"],
  ],
  ["infinity", around("%n = Mul(%e, most) : float32[N, 3]", "Mul(%n, most)"), ["y: the constants together are out of range"]],
  [
    "a table",
    around("%n = Mul(%e, six) : float32[N, 3]", "Mul(%n, column)")
      .replace("x: float32[N, 3]", "x: float32[2, 3]")
      .replaceAll("N, 3", "2, 3"),
    [],
  ],
  ["a product with a sum", around("%n = Mul(%e, six) : float32[N, 3]", "Add(%n, six)"), []],
  [
    "-(a - b) where a - b is read elsewhere",
    around("%n = Sub(%e, six) : float32[N, 3]\n    %m = Neg(%n) : float32[N, 3]", "Mul(%n, %m)"),
    [],
  ],
])("constants are not joined to %s", (_, text, reasons) => {
  expect(refusals(reduceStrength, text)).toEqual(reasons);
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

const scaled = (left: string, right: string, further = ""): string => `
  G(q: float32[N, 5, 4], k: float32[N, 4, 3]${further}) -> (y: float32[N, 5, 3]) {
    root = float32[1] {0.7}
    half = float32[] {0.5}
    most = float32[] {3e38}
    row = float32[4] {1, 2, 3, 4}
    %a = Mul(q, ${left}) : float32[N, 5, 4]
    %b = Mul(${right}, k) : float32[N, 4, 3]
    %y = MatMul(%a, %b) : float32[N, 5, 3]
  }`;
test("the scales of both factors of a matrix product are one scale of the first", async () => {
  await expectRewrite(
    reduceStrength,
    scaled("root", "half"),
    ["%y/Mul = Mul(q, y.scale) : float32[N, 5, 4]", "%y = MatMul(%y/Mul, k) : float32[N, 5, 3]"],
    lastBit,
  );
});
test.each<readonly [string, string, readonly string[]]>([
  ["one of them is not one number", scaled("row", "half"), []],
  ["one of them is no constant", scaled("root", "s", ", s: float32[]"), []],
  ["together they are out of range", scaled("most", "most"), ["y: the two scales together are out of range"]],
  [
    "one of the products is read elsewhere",
    scaled("root", "half").replace("y: float32[N, 5, 3])", "y: float32[N, 5, 3], a: float32[N, 5, 4])"),
    [],
  ],
])("two scales stay where %s", (_, text, reasons) => {
  expect(refusals(reduceStrength, text)).toEqual(reasons);
});
