import { expect, test } from "vitest";
import { fusePad } from "../../../src/passes/index.ts";
import { exact, expectRewrite, refusals } from "../expect-rewrite.ts";

const weight = "w = float32[1, 2, 2, 2] {1, -2, 3, 4, -5, 6, 7, 8}";
const pads = (text: string): string => `p = int64[8] {${text}}`;

test.each<readonly [string, string, readonly string[]]>([
  [
    "a convolution pads itself, beside the padding it has",
    `G(x: float32[N, 2, 3, 4]) -> (y: float32[N, 1, 5, 6]) {
      ${weight}
      ${pads("0, 0, 1, 0, 0, 0, 0, 2")}
      %a = Pad(x, p) : float32[N, 2, 4, 6]
      %y = Conv(%a, w) {pads = [1, 0, 1, 1]} : float32[N, 1, 5, 6]
    }`,
    ["%y = Conv(x, w) {pads = [2, 0, 1, 3]} : float32[N, 1, 5, 6]"],
  ],
  [
    "an average counts the zeros that were there before",
    `G(x: float32[N, 2, 3, 4]) -> (y: float32[N, 2, 3, 5]) {
      ${pads("0, 0, 1, 1, 0, 0, 0, 1")}
      %a = Pad(x, p) : float32[N, 2, 4, 6]
      %y = AveragePool(%a) {kernel_shape = [2, 2]} : float32[N, 2, 3, 5]
    }`,
    ["%y = AveragePool(x) {count_include_pad = 1, kernel_shape = [2, 2], pads = [1, 1, 0, 1]} : float32[N, 2, 3, 5]"],
  ],
  [
    "a maximum of what is never negative is the same with zeros around it",
    `G(x: float32[N, 2, 3, 4]) -> (y: float32[N, 2, 3, 5]) {
      ${pads("0, 0, 1, 1, 0, 0, 0, 1")}
      %r = Relu(x) : float32[N, 2, 3, 4]
      %a = Pad(%r, p) : float32[N, 2, 4, 6]
      %y = MaxPool(%a) {kernel_shape = [2, 2]} : float32[N, 2, 3, 5]
    }`,
    ["%r = Relu(x) : float32[N, 2, 3, 4]", "%y = MaxPool(%r) {kernel_shape = [2, 2], pads = [1, 1, 0, 1]} : float32[N, 2, 3, 5]"],
  ],
])("%s", async (_, text, nodes) => {
  // Sums of eight products in the same order: adding zeros changes nothing.
  await expectRewrite(fusePad, text, nodes, _.startsWith("a maximum") ? exact : { rtol: 1e-6, atol: 1e-6 });
});

const conv = (padding: string, mode = "", attributes = ""): string => `
  G(x: float32[1, 2, 4, 4], v: float32[]) -> (y: float32[1, 1, 4, 4]) {
    ${weight}
    seven = float32[] {7}
    ${padding}
    %a = Pad(x, p${mode} : float32[1, 2, 5, 5]
    %y = Conv(%a, w)${attributes} : float32[1, 1, 4, 4]
  }`;
const pool = (node: string, shape: string): string => `
  G(x: float32[1, 2, 4, 4]) -> (y: float32[${shape}]) {
    ${pads("0, 0, 1, 1, 0, 0, 0, 0")}
    %a = Pad(x, p) : float32[1, 2, 5, 5]
    %y = ${node} : float32[${shape}]
  }`;

test.each<readonly [string, readonly string[]]>([
  [conv(pads("0, 0, 1, 1, 0, 0, 0, 0"), ') {mode = "reflect"}'), ['y: pad mode "reflect" is not zero padding']],
  [conv(pads("0, 0, 1, 1, 0, 0, 0, 0"), ", seven)"), ["y: it pads with 7, not with zeros"]],
  [conv(pads("0, 0, 1, 1, 0, 0, 0, 0"), ", v)"), ["y: the padded value is not known"]],
  [conv(pads("0, 0, 2, 1, 0, 0, -1, 0"), ")"), ["y: axis 2 is cropped, not padded"]],
  [
    conv(pads("0, 0, 1, 1, 0, 0, 0, 0"), ")", ' {auto_pad = "SAME_UPPER"}').replaceAll("float32[1, 1, 4, 4]", "float32[1, 1, 5, 5]"),
    ['y: Conv pads by itself as "SAME_UPPER"'],
  ],
  [pool("MaxPool(%a) {kernel_shape = [2, 2]}", "1, 2, 4, 4"), ['y: "x" may be negative, and MaxPool pads with less than any number']],
  [
    pool("AveragePool(%a) {kernel_shape = [2, 2], pads = [0, 0, 1, 1]}", "1, 2, 5, 5"),
    ["y: its own padding is left out of the average, and the one before it is not"],
  ],
  [
    pool("AveragePool(%a) {kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1}", "1, 2, 3, 3"),
    ["y: with ceil_mode, its last windows leave the padding out of their average"],
  ],
  [
    pool("AveragePool(%a) {kernel_shape = [1, 2], strides = [2, 1]}", "1, 2, 3, 4"),
    ["y: 1 elements of padding are as wide as its window of 1"],
  ],
  [
    pool("AveragePool(%a) {count_include_pad = 1, kernel_shape = [2, 3], pads = [1, 1, 0, 0]}", "1, 2, 5, 4"),
    ["y: 2 elements of padding are as wide as its window of 2"],
  ],
])("what a window's own padding is not is refused: %#", (text, reasons) => {
  expect(refusals(fusePad, text)).toEqual(reasons);
});

test("padded channels are no matter of a window", () => {
  const text = `
    G(x: float32[1, 1, 4, 4]) -> (y: float32[1, 1, 3, 3]) {
      ${weight}
      ${pads("0, 1, 0, 0, 0, 0, 0, 0")}
      %a = Pad(x, p) : float32[1, 2, 4, 4]
      %y = Conv(%a, w) : float32[1, 1, 3, 3]
    }`;
  expect(refusals(fusePad, text)).toEqual(["y: axis 1 is no spatial axis"]);
});
