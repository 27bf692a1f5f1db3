import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { recognizeOpsFor } from "../../../src/passes/index.ts";
import { expectRecognized, recognitionRefusals } from "./expect-recognized.ts";

/** Both sides round some five times. */
const rounding = { rtol: 1e-5, atol: 1e-6 };
const t = "float32[N, 3, 4]";
/** A graph from x to y, one node a line, all of x's type. */
const graph = (...nodes: readonly string[]): string =>
  `G(x: ${t}) -> (y: ${t}) {
    one = float32[] {1}
    half = float32[] {0.5}
    fifth = float32[] {0.2}
    sixth = float32[] {0.16666667}
    third = float32[] {0.33333334}
    three = float32[] {3}
    six = float32[] {6}
    zero = float32[] {0}
    quick = float32[] {1.702}
    ${nodes.map((node) => `${node} : ${t}`).join("\n    ")}
  }`;

test.each<readonly [string, number, readonly string[], string]>([
  ["Mish as PyTorch and tf2onnx write it", 18, ["%a = Softplus(x)", "%b = Tanh(%a)", "%y = Mul(x, %b)"], "Mish(x)"],
  [
    "Mish by an exponential and a logarithm",
    22,
    ["%a = Exp(x)", "%b = Add(one, %a)", "%c = Log(%b)", "%d = Tanh(%c)", "%y = Mul(%d, x)"],
    "Mish(x)",
  ],
  ["Swish as PyTorch writes SiLU", 24, ["%a = Sigmoid(x)", "%y = Mul(x, %a)"], "Swish(x)"],
  ["Swish with the gate first and scaled", 24, ["%a = Mul(quick, x)", "%b = Sigmoid(%a)", "%y = Mul(%b, x)"], "Swish(x) {alpha = 1.702}"],
  ["Sigmoid by an exponential", 18, ["%a = Neg(x)", "%b = Exp(%a)", "%c = Add(%b, one)", "%y = Div(one, %c)"], "Sigmoid(x)"],
  ["Sigmoid by a reciprocal", 18, ["%a = Neg(x)", "%b = Exp(%a)", "%c = Add(one, %b)", "%y = Reciprocal(%c)"], "Sigmoid(x)"],
  ["HardSigmoid as Keras has it", 18, ["%a = Mul(x, fifth)", "%b = Add(%a, half)", "%y = Clip(%b, zero, one)"], "HardSigmoid(x)"],
  [
    "HardSigmoid by a minimum and a maximum",
    18,
    ["%a = Mul(fifth, x)", "%b = Add(half, %a)", "%c = Max(%b, zero)", "%y = Min(one, %c)"],
    "HardSigmoid(x)",
  ],
  [
    "HardSigmoid by relu6 as PyTorch writes it",
    18,
    ["%a = Add(x, three)", "%b = Relu(%a)", "%c = Clip(%b, zero, six)", "%y = Div(%c, six)"],
    "HardSigmoid(x) {alpha = 0.16666667}",
  ],
  [
    "HardSwish by relu6 as PyTorch writes it",
    18,
    ["%a = Add(x, three)", "%b = Relu(%a)", "%c = Clip(%b, zero, six)", "%d = Mul(x, %c)", "%y = Div(%d, six)"],
    "HardSwish(x)",
  ],
  [
    "HardSwish as tf2onnx writes it",
    18,
    ["%a = Add(x, three)", "%b = Relu(%a)", "%c = Min(%b, six)", "%d = Mul(%c, sixth)", "%y = Mul(x, %d)"],
    "HardSwish(x)",
  ],
])("%s is one op", async (_, opset, nodes, call) => {
  await expectRecognized(opset, graph(...nodes), [`%y = ${call} : ${t}`], rounding);
});

test("a value over 1 + e^-x is multiplied with a sigmoid", async () => {
  const nodes = ["%a = Neg(x)", "%b = Exp(%a)", "%c = Add(%b, one)", "%y = Div(x, %c)"];
  await expectRecognized(18, graph(...nodes), [`%y/Sigmoid = Sigmoid(x) : ${t}`, `%y = Mul(x, %y/Sigmoid) : ${t}`], rounding);
});

test.each<readonly [string, readonly string[]]>([
  ["another gate", ["%a = Softplus(x)", "%b = Tanh(%a)", "%n = Neg(x)", "%y = Mul(%n, %b)"]],
  ["a factor besides", ["%a = Softplus(x)", "%b = Tanh(%a)", "%c = Mul(%b, half)", "%y = Mul(x, %c)"]],
  ["a line through another point", ["%a = Mul(x, fifth)", "%b = Add(%a, third)", "%y = Clip(%b, zero, one)"]],
  ["a clip at another height", ["%a = Add(x, three)", "%b = Clip(%a, zero, three)", "%y = Div(%b, six)"]],
  ["a sigmoid of another value", ["%n = Neg(x)", "%a = Sigmoid(%n)", "%y = Mul(x, %a)"]],
])("what only looks like it stays: %s", (_, nodes) => {
  expect(recognitionRefusals(23, graph(...nodes))).toEqual([]);
});

test("what else reads a part keeps it", () => {
  const text = graph("%a = Softplus(x)", "%b = Tanh(%a)", "%y = Mul(x, %b)").replace("(y:", `(b: ${t}, y:`);
  expect(recognitionRefusals(18, text)).toEqual(['y: the output of Tanh "b" is an output of the graph']);
  const twice = graph("%a = Softplus(x)", "%b = Tanh(%a)", "%c = Mul(x, %b)", "%y = Sub(%c, %a)");
  expect(recognitionRefusals(18, twice)).toEqual(['c: the output of Softplus "a" is used elsewhere (by Sub "y")']);
});

test("an op that the target lacks stays in parts", () => {
  const silu = parseGraph(graph("%a = Sigmoid(x)", "%y = Mul(x, %a)"));
  const mish = parseGraph(graph("%a = Softplus(x)", "%b = Tanh(%a)", "%y = Mul(x, %b)"));
  expect(recognizeOpsFor({ opset: 23 })(silu).graph).toBe(silu);
  expect(recognizeOpsFor({ opset: 17 })(mish).graph).toBe(mish);
});

test.each(["float64", "bfloat16"])("%s stays in parts: some opsets have no kernel or no form of the whole op for it", (dtype) => {
  const text = graph("%a = Add(x, three)", "%b = Clip(%a, zero, six)", "%y = Div(%b, six)").replaceAll("float32", dtype);
  expect(recognitionRefusals(24, text)).toEqual([]);
});

/** Arguments from -40 to 40. */
const guarded = (threshold: number, dtype: string, below = "%x"): string => `G(u: ${dtype}[N, 3, 9]) -> (y: ${dtype}[N, 3, 9]) {
    t = ${dtype}[] {${threshold}}
    forty = ${dtype}[] {40}
    %x = Mul(u, forty) : ${dtype}[N, 3, 9]
    %s = Softplus(${below}) : ${dtype}[N, 3, 9]
    %g = Greater(%x, t) : bool[N, 3, 9]
    %y = Where(%g, %x, %s) : ${dtype}[N, 3, 9]
  }`;
test("Softplus above whose threshold nothing is left to add, as PyTorch has it, is Softplus", async () => {
  const nodes = ["%x = Mul(u, forty) : float32[N, 3, 9]", "%y = Softplus(%x) : float32[N, 3, 9]"];
  await expectRecognized(18, guarded(20, "float32"), nodes, { rtol: 0, atol: 0 });
});
test.each<readonly [string, string]>([
  ["a threshold at which there is something to add", guarded(10, "float32")],
  ["the softplus of something else", guarded(20, "float32", "u")],
  ["float64", guarded(20, "float64")],
])("what only looks like Softplus stays: %s", (_, text) => {
  expect(recognitionRefusals(18, text)).toEqual([]);
});
