import { expect, test } from "vitest";
import { fuseBias } from "../../../src/passes/index.ts";
import { expectRewrite, refusals } from "../expect-rewrite.ts";

/** The bias is added before or after a sum of a few products. */
const rounding = { rtol: 1e-6, atol: 1e-6 };
const weight = "w = float32[2, 1, 1, 2] {1, -2, 3, 4}";

test.each<readonly [string, string, readonly string[]]>([
  [
    "Conv and a constant per channel",
    `G(x: float32[N, 1, 3, 4]) -> (y: float32[N, 2, 3, 3]) {
      ${weight}
      c = float32[2, 1, 1] {5, -6}
      %a = Conv(x, w) : float32[N, 2, 3, 3]
      %y = Add(c, %a) : float32[N, 2, 3, 3]
    }`,
    ["%y = Conv(x, w, y/Reshape) : float32[N, 2, 3, 3]"],
  ],
  [
    "Conv with a bias, and one number",
    `G(x: float32[N, 1, 3, 4]) -> (y: float32[N, 2, 3, 3]) {
      ${weight}
      bias = float32[2] {1, 2}
      c = float32[] {5}
      %a = Conv(x, w, bias) : float32[N, 2, 3, 3]
      %y = Add(%a, c) : float32[N, 2, 3, 3]
    }`,
    ["%y = Conv(x, w, y/Add) : float32[N, 2, 3, 3]"],
  ],
  [
    "Conv and an input, whose form changes in the addition's place",
    `G(x: float32[N, 1, 3, 4], c: float32[1, 2, 1, 1]) -> (y: float32[N, 2, 3, 3]) {
      ${weight}
      %a = Conv(x, w) : float32[N, 2, 3, 3]
      %y = Add(%a, c) : float32[N, 2, 3, 3]
    }`,
    ["%y/Reshape = Reshape(c, const_2) : float32[2]", "%y = Conv(x, w, %y/Reshape) : float32[N, 2, 3, 3]"],
  ],
  [
    "MatMul and a row, both inputs",
    `G(x: float32[N, 3], w: float32[3, 2], c: float32[2]) -> (y: float32[N, 2]) {
      %a = MatMul(x, w) : float32[N, 2]
      %y = Add(%a, c) : float32[N, 2]
    }`,
    ["%y = Gemm(x, w, c) : float32[N, 2]"],
  ],
  [
    "MatMul and another product",
    `G(x: float32[N, 3], w: float32[3, 2]) -> (y: float32[N, 2]) {
      %a = MatMul(x, w) : float32[N, 2]
      %b = MatMul(x, w) : float32[N, 2]
      %y = Add(%a, %b) : float32[N, 2]
    }`,
    ["%b = MatMul(x, w) : float32[N, 2]", "%y = Gemm(x, w, %b) : float32[N, 2]"],
  ],
  [
    "Gemm with an addend, and a constant",
    `G(x: float32[N, 3], w: float32[3, 2]) -> (y: float32[N, 2]) {
      c = float32[2] {1, 2}
      d = float32[1, 2] {3, 4}
      %a = Gemm(x, w, c) {alpha = 0.5} : float32[N, 2]
      %y = Add(%a, d) : float32[N, 2]
    }`,
    ["%y = Gemm(x, w, y/Add) {alpha = 0.5} : float32[N, 2]"],
  ],
])("%s", async (_, text, nodes) => {
  await expectRewrite(fuseBias, text, nodes, rounding);
});

test.each<readonly [string, readonly string[]]>([
  [
    `G(x: float32[2, 3, 4], w: float32[4, 5]) -> (y: float32[2, 3, 5]) {
      c = float32[5] {1, 2, 3, 4, 5}
      %a = MatMul(x, w) : float32[2, 3, 5]
      %y = Add(%a, c) : float32[2, 3, 5]
    }`,
    ['y: MatMul "a" is no product of two matrices'],
  ],
  [
    `G(x: float32[1, 1, 3, 4]) -> (y: float32[1, 2, 3, 3]) {
      ${weight}
      c = float32[3] {1, 2, 3}
      %a = Conv(x, w) : float32[1, 2, 3, 3]
      %y = Add(%a, c) : float32[1, 2, 3, 3]
    }`,
    ['y: "c" is not one number per channel'],
  ],
  [
    `G(x: float32[1, 1, 1, 2]) -> (y: float32[1, 2, 1, 3]) {
      ${weight}
      c = float32[1, 1, 3] {1, 2, 3}
      %a = Conv(x, w) : float32[1, 2, 1, 1]
      %y = Add(%a, c) : float32[1, 2, 1, 3]
    }`,
    ['y: "c" broadcasts the output of Conv "a"'],
  ],
  [
    `G(x: float32[2, 3], w: float32[3, 2], c: float32[2], d: float32[2]) -> (y: float32[2, 2]) {
      %a = Gemm(x, w, c) : float32[2, 2]
      %y = Add(%a, d) : float32[2, 2]
    }`,
    ['y: Gemm "a" has an addend already, and one of the two is not constant'],
  ],
  [
    `G(x: float32[2, 3], w: float32[3, 2], c: float32[2]) -> (y: float32[2, 2], z: float32[2, 2]) {
      %a = MatMul(x, w) : float32[2, 2]
      %y = Add(%a, c) : float32[2, 2]
      %z = Relu(%a) : float32[2, 2]
    }`,
    ['y: the output of MatMul "a" is used elsewhere (by Relu "z")'],
  ],
  [
    `G(x: float32[1, 1, 3, 4], r: float32[1, 2, 3, 3]) -> (y: float32[1, 2, 3, 3]) {
      ${weight}
      %a = Conv(x, w) : float32[1, 2, 3, 3]
      %y = Add(%a, r) : float32[1, 2, 3, 3]
    }`,
    [],
  ],
])("an addition that is no bias stays: %#", (text, reasons) => {
  expect(refusals(fuseBias, text)).toEqual(reasons);
});
