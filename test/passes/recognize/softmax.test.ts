import { expect, test } from "vitest";
import { expectRecognized, recognitionRefusals } from "./expect-recognized.ts";

/** Sums of four numbers in another order. */
const rounding = { rtol: 1e-5, atol: 1e-6 };
const t = "float32[N, 3, 4]";
const r = "float32[N, 3, 1]";
const graph = (...nodes: readonly string[]): string =>
  `G(x: ${t}) -> (y: ${t}) {
    one = float32[] {1}
    last = int64[1] {-1}
    second = int64[1] {1}
    both = int64[2] {1, 2}
    ${nodes.map((node) => (node.includes(" : ") ? node : `${node} : ${t}`)).join("\n    ")}
  }`;
const shifted = [`%m = ReduceMax(x, last) : ${r}`, "%d = Sub(x, %m)", "%e = Exp(%d)"];

test.each<readonly [string, readonly string[], string]>([
  ["a softmax as PyTorch writes it", [...shifted, `%s = ReduceSum(%e, last) : ${r}`, "%y = Div(%e, %s)"], "Softmax(x)"],
  [
    "a softmax by a reciprocal along another axis",
    [
      "%m = ReduceMax(x, second) : float32[N, 1, 4]",
      "%d = Sub(x, %m)",
      "%e = Exp(%d)",
      "%s = ReduceSum(%e, second) : float32[N, 1, 4]",
      "%i = Reciprocal(%s) : float32[N, 1, 4]",
      "%y = Mul(%i, %e)",
    ],
    "Softmax(x) {axis = -2}",
  ],
  ["the logarithm of a softmax", ["%s = Softmax(x) {axis = 1}", "%y = Log(%s)"], "LogSoftmax(x) {axis = 1}"],
  ["a difference to the logarithm of a sum", [`%s = ReduceLogSumExp(x, last) : ${r}`, "%y = Sub(x, %s)"], "LogSoftmax(x)"],
  ["a log softmax in parts", [...shifted, `%s = ReduceSum(%e, last) : ${r}`, `%l = Log(%s) : ${r}`, "%y = Sub(%d, %l)"], "LogSoftmax(x)"],
])("%s is one op", async (_, nodes, call) => {
  await expectRecognized(18, graph(...nodes), [`%y = ${call} : ${t}`], rounding);
});

test.each<readonly [string, readonly string[]]>([
  [
    "y: nothing is taken off before the exponential, which overflows where Softmax does not",
    ["%e = Exp(x)", `%s = ReduceSum(%e, last) : ${r}`, "%y = Div(%e, %s)"],
  ],
  ["y: its sum is not over one axis, as Softmax's", [...shifted, "%s = ReduceSum(%e, both) : float32[N, 1, 1]", "%y = Div(%e, %s)"]],
  ["y: its maximum is over other axes than its sum", [...shifted, "%s = ReduceSum(%e, second) : float32[N, 1, 4]", "%y = Div(%e, %s)"]],
  [
    'y: the output of Exp "e" is used elsewhere (by Neg "n")',
    [...shifted, `%s = ReduceSum(%e, last) : ${r}`, "%q = Div(%e, %s)", "%n = Neg(%e)", "%y = Add(%q, %n)"],
  ],
])("refused: %s", (reason, nodes) => {
  expect(recognitionRefusals(18, graph(...nodes)).map((text) => text.replace(/^q:/, "y:"))).toEqual([reason]);
});
