import { expect, test } from "vitest";
import { reduceStrength } from "../../../src/passes/index.ts";
import { expectRewrite, refusals } from "../expect-rewrite.ts";

/** Sums of eight squares in another order. */
const rounding = { rtol: 1e-6, atol: 1e-6 };
const [t, r] = ["float32[N, 8]", "float32[N, 1]"] as const;
const graph = (...nodes: readonly string[]): string =>
  `G(x: ${t}) -> (y: ${r}) {
    axis = int64[1] {-1}
    two = float32[] {2}
    ${nodes.join("\n    ")}
  }`;

test.each<readonly [string, readonly string[], string]>([
  ["a sum of products with itself", [`%q = Mul(x, x) : ${t}`, `%y = ReduceSum(%q, axis) : ${r}`], "ReduceSumSquare(x, axis)"],
  ["a sum of squares", [`%q = Pow(x, two) : ${t}`, `%y = ReduceSum(%q, axis) : ${r}`], "ReduceSumSquare(x, axis)"],
  ["a sum of absolute values", [`%q = Abs(x) : ${t}`, `%y = ReduceSum(%q, axis) : ${r}`], "ReduceL1(x, axis)"],
  ["the root of a sum of squares", [`%q = ReduceSumSquare(x, axis) : ${r}`, `%y = Sqrt(%q) : ${r}`], "ReduceL2(x, axis)"],
])("%s is one op", async (_, nodes, call) => {
  await expectRewrite(reduceStrength, graph(...nodes), [`%y = ${call} : ${r}`], rounding);
});

test("squares that something else reads stay", () => {
  const nodes = [`%q = Mul(x, x) : ${t}`, `%s = ReduceSum(%q, axis) : ${r}`, `%m = ReduceMax(%q, axis) : ${r}`, `%y = Sub(%s, %m) : ${r}`];
  expect(refusals(reduceStrength, graph(...nodes))).toEqual(['s: the output of Mul "q" is used elsewhere (by ReduceMax "m")']);
});
