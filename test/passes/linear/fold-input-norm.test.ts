import { expect, test } from "vitest";
import { foldInputNorm } from "../../../src/passes/index.ts";
import { expectRewrite, refusals } from "../expect-rewrite.ts";

/** Weights are rounded once more, and sums of some ten products taken in another order. */
const rounding = { rtol: 1e-5, atol: 1e-5 };
const statistics = `
    s = float32[4] {1, -2, 0.5, 3}
    b = float32[4] {0.5, 1, -1, 2}
    m = float32[4] {1, 0, -2, 0.25}
    v = float32[4] {1, 2, 3, 4}`;
const weight =
  "w = float32[2, 2, 1, 2] {1, -2, 3, 4, 5, -6, 7, 8}\n    still = float32[4] {0, 0, 0, 0}\n    c = float32[2] {1, 2}\n    d = float32[3] {1, 2, 3}\n    k = float32[4, 3] {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6}";

test.each<readonly [string, string, readonly string[]]>([
  [
    "a convolution in groups",
    `G(x: float32[N, 4, 3, 4]) -> (y: float32[N, 2, 3, 3]) {${statistics}
      ${weight}
      %a = BatchNormalization(x, s, b, m, v) : float32[N, 4, 3, 4]
      %y = Conv(%a, w, c) {group = 2} : float32[N, 2, 3, 3]
    }`,
    ["%y = Conv(x, w.folded, y.bias.folded) {group = 2} : float32[N, 2, 3, 3]"],
  ],
  [
    "a convolution that pads, where nothing is shifted",
    `G(x: float32[N, 4, 3, 4]) -> (y: float32[N, 2, 3, 5]) {${statistics}
      ${weight}
      %a = BatchNormalization(x, s, still, still, v) : float32[N, 4, 3, 4]
      %y = Conv(%a, w, c) {group = 2, pads = [0, 1, 0, 1]} : float32[N, 2, 3, 5]
    }`,
    ["%y = Conv(x, w.folded, y.bias.folded) {group = 2, pads = [0, 1, 0, 1]} : float32[N, 2, 3, 5]"],
  ],
  [
    "a Gemm",
    `G(x: float32[N, 4]) -> (y: float32[N, 3]) {${statistics}
      ${weight}
      %a = BatchNormalization(x, s, b, m, v) : float32[N, 4]
      %y = Gemm(%a, k, d) {alpha = 0.5, beta = 2} : float32[N, 3]
    }`,
    ["%y = Gemm(x, k.folded, y.bias.folded) {alpha = 0.5} : float32[N, 3]"],
  ],
  [
    "a MatMul",
    `G(x: float32[N, 4]) -> (y: float32[N, 3]) {${statistics}
      ${weight}
      %a = BatchNormalization(x, s, b, m, v) : float32[N, 4]
      %y = MatMul(%a, k) : float32[N, 3]
    }`,
    ["%y = Gemm(x, k.folded, y.bias.folded) : float32[N, 3]"],
  ],
])("batch norm folds into the op behind it: %s", async (_, text, nodes) => {
  await expectRewrite(foldInputNorm, text, nodes, rounding);
});

test("zero padding does not see the shift, and that is the reason given", () => {
  const text = `
    G(x: float32[1, 4, 3, 4]) -> (y: float32[1, 2, 3, 5]) {${statistics}
      ${weight}
      %a = BatchNormalization(x, s, b, m, v) {epsilon = 0} : float32[1, 4, 3, 4]
      %y = Conv(%a, w, c) {group = 2, pads = [0, 1, 0, 1]} : float32[1, 2, 3, 5]
    }`;
  expect(refusals(foldInputNorm, text)).toEqual(["y: it pads with zeros, where the normalisation before it shifts channel 0 to -0.5"]);
});

const before = (node: string, reader: string, y = "float32[N, 2, 3, 3]"): string => `
    G(x: float32[N, 4, 3, 4]) -> (y: ${y}) {${statistics}
      ${weight}
      f = float32[4, 1, 1] {1, -2, 0.5, 3}
      two = float32[] {2}
      up = float32[4, 1, 1, 2] {1, -2, 3, 4, 5, -6, 7, 8}
      %a = ${node} : float32[N, 4, 3, 4]
      %y = ${reader} : ${y}
    }`;
const folded = "%y = Conv(x, w.folded, y.bias.folded) {group = 2} : float32[N, 2, 3, 3]";
test.each([
  ["a factor per channel", "Mul(f, x)"],
  ["one divisor", "Div(x, two)"],
  ["a shift per channel", "Add(x, f)"],
  ["a difference from a constant", "Sub(f, x)"],
])("%s before a convolution goes into its weights", async (_, node) => {
  await expectRewrite(foldInputNorm, before(node, "Conv(%a, w, c) {group = 2}"), [folded], rounding);
});

test("a factor before a transposed convolution goes into its weights, in groups too", async () => {
  const y = "float32[N, 2, 3, 5]";
  await expectRewrite(
    foldInputNorm,
    before("Mul(x, f)", "ConvTranspose(%a, up, c) {group = 2}", y),
    [`%y = ConvTranspose(x, up.folded, y.bias.folded) {group = 2} : ${y}`],
    rounding,
  );
});
test("a shift does not, since outputs at the edges see fewer inputs", () => {
  expect(refusals(foldInputNorm, before("Add(x, f)", "ConvTranspose(%a, up, c) {group = 2}", "float32[N, 2, 3, 5]"))).toEqual([
    "y: its outputs see unlike numbers of inputs, and what is before it shifts channel 0 by 1",
  ]);
});
test("a shift before a convolution that pads is refused", () => {
  expect(refusals(foldInputNorm, before("Add(x, f)", "Conv(%a, w, c) {group = 2, pads = [0, 1, 0, 1]}", "float32[N, 2, 3, 5]"))).toEqual([
    "y: it pads with zeros, where the normalisation before it shifts channel 0 to 1",
  ]);
});
