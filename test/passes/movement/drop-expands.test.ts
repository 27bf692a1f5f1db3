import { expect, test } from "vitest";
import { reduceStrength } from "../../../src/passes/index.ts";
import { exact, expectRewrite, refusals } from "../expect-rewrite.ts";

const t = "float32[N, 3, 4]";
const graph = (...nodes: readonly string[]): string =>
  `G(x: ${t}, n: float32[N, 1, 4]) -> (y: ${t}) {
    %s = Shape(x) : int64[3]
    %e = Expand(n, %s) : ${t}
    ${nodes.map((node) => `${node} : ${t}`).join("\n    ")}
  }`;

test.each<readonly [string, string, string]>([
  ["a sum", "%y = Add(x, %e)", "Add(x, n)"],
  ["a difference from it", "%y = Sub(%e, x)", "Sub(n, x)"],
  ["a maximum of three", "%y = Max(%e, x, %e)", "Max(n, x, n)"],
])("what broadcasts anyway is not expanded before it: %s", async (_, node, call) => {
  await expectRewrite(reduceStrength, graph(node), [`%y = ${call} : ${t}`], exact);
});

test("one of two that are expanded has to stay", async () => {
  await expectRewrite(
    reduceStrength,
    graph("%y = Add(%e, %e)"),
    ["%s = Shape(x) : int64[3]", `%e = Expand(n, %s) : ${t}`, `%y = Add(n, %e) : ${t}`],
    exact,
  );
  expect(refusals(reduceStrength, graph("%y = Neg(%e)"))).toEqual([]);
});
