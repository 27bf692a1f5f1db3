import { expect, test } from "vitest";
import { reduceStrength } from "../../../src/passes/index.ts";
import { exact, expectRewrite, refusals } from "../expect-rewrite.ts";

const t = "float32[N, 8]";
const graph = (...nodes: readonly string[]): string =>
  `G(x: ${t}) -> (y: ${t}) {
    low = float32[] {-0.5}
    zero = float32[] {0}
    some = float32[1] {0.25}
    six = float32[] {6}
    wide = float32[8] {1, 2, 3, 4, 5, 6, 7, 8}
    ${nodes.map((node) => `${node} : ${t}`).join("\n    ")}
  }`;

test.each<readonly [string, readonly string[], string]>([
  ["relu6 as PyTorch writes it", ["%a = Relu(x)", "%y = Clip(%a, zero, six)"], "Clip(x, const_0, const_6)"],
  ["relu6 as tf2onnx writes it", ["%a = Relu(x)", "%y = Min(%a, six)"], "Clip(x, const_0, const_6)"],
  ["a range within another", ["%a = Clip(x, low, six)", "%y = Clip(%a, zero, some)"], "Clip(x, const_0, const_0.25)"],
  ["ranges that do not meet", ["%a = Clip(x, some, six)", "%y = Min(%a, low)"], "Clip(x, const_-0.5, const_-0.5)"],
  ["a Relu of a range from below", ["%a = Max(low, x)", "%y = Relu(%a)"], "Relu(x)"],
])("%s is one op", async (_, nodes, call) => {
  await expectRewrite(reduceStrength, graph(...nodes), [`%y = ${call} : ${t}`], exact);
});

test("ranges that differ along an axis stay, and so does what something else reads", () => {
  expect(refusals(reduceStrength, graph("%a = Relu(x)", "%y = Min(%a, wide)"))).toEqual([]);
  expect(refusals(reduceStrength, graph("%a = Relu(x)", "%c = Min(%a, six)", "%y = Sub(%a, %c)"))).toEqual([
    'c: the output of Relu "a" is used elsewhere (by Sub "y")',
  ]);
});
