import { expect, test } from "vitest";
import { expectRecognized, recognitionRefusals } from "./expect-recognized.ts";

/** Sums of three products in another order. */
const rounding = { rtol: 1e-5, atol: 1e-6 };
const graph = (equation: string, x: string, y: string, to: string, before = "", right = "y"): string =>
  `G(x: float32[${x}], y: float32[${y}]) -> (z: float32[${to}]) {
    w = float32[2, 3] {1, 2, 3, 4, -5, 6}
    half = float32[] {0.5}
    ${before}
    %z = Einsum(x, ${right}) {equation = "${equation}"} : float32[${to}]
  }`;
test.each<readonly [string, string, readonly string[]]>([
  ["a stack of matrices", graph("bhij,bhjk->bhik", "N, 2, 5, 3", "N, 2, 3, 4", "N, 2, 5, 4"), ["%z = MatMul(x, y) : float32[N, 2, 5, 4]"]],
  ["a batch and one matrix", graph("...ij,jk", "N, 2, 5, 3", "3, 4", "N, 2, 5, 4"), ["%z = MatMul(x, y) : float32[N, 2, 5, 4]"]],
  ["broadcast matrices", graph("...ij,...jk", "N, 1, 5, 3", "1, 2, 3, 4", "N, 2, 5, 4"), ["%z = MatMul(x, y) : float32[N, 2, 5, 4]"]],
  [
    "the second operand's rows",
    graph("jk, nij -> nik", "3, 4", "N, 5, 3", "N, 5, 4").replace("jk, nij", "njk, nij").replace("float32[3, 4]", "float32[N, 3, 4]"),
    ["%z = MatMul(y, x) : float32[N, 5, 4]"],
  ],
  ["a constant to be transposed", graph("ij,kj->ik", "N, 3", "N, 1", "N, 2", "", "w"), ["%z = MatMul(x, z/Transpose) : float32[N, 2]"]],
  [
    "what is transposed and scaled before",
    graph(
      "nij,nkj->nik",
      "N, 5, 3",
      "N, 3, 4",
      "N, 5, 4",
      "%t = Transpose(y) {perm = [0, 2, 1]} : float32[N, 4, 3]\n    %s = Mul(%t, half) : float32[N, 4, 3]",
      "%s",
    ),
    [
      "%t = Transpose(y) {perm = [0, 2, 1]} : float32[N, 4, 3]",
      "%s = Mul(%t, half) : float32[N, 4, 3]",
      "%z/Transpose = Transpose(%s) {perm = [0, 2, 1]} : float32[N, 3, 4]",
      "%z = MatMul(x, %z/Transpose) : float32[N, 5, 4]",
    ],
  ],
])("Einsum of %s is a matrix product", async (_, text, nodes) => {
  await expectRecognized(18, text, nodes, rounding);
});

test.each<readonly [string, string, readonly string[]]>([
  [
    "an operand to be transposed",
    graph("ij,kj->ik", "N, 3", "4, 3", "N, 4"),
    ['z: "y" would have to be transposed, which Einsum does as well'],
  ],
  ["two inner axes", graph("ijk,jkl->il", "N, 2, 3", "2, 3, 4", "N, 4"), []],
  ["a sum over one operand's own axis", graph("ijk,kl->il", "N, 2, 3", "3, 4", "N, 4"), []],
  ["an outer product", graph("i,j->ij", "N", "3", "N, 3"), []],
  ["a batch of the second operand alone", graph("ij,bjk->bik", "5, 3", "N, 3, 4", "N, 5, 4"), []],
])("Einsum stays for %s", (_, text, reasons) => {
  expect(recognitionRefusals(18, text)).toEqual(reasons);
});
