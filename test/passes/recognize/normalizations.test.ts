import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { optimize } from "../../../src/passes/index.ts";
import { expectSameOutputs } from "../same-outputs.ts";
import { expectRecognized, recognitionRefusals } from "./expect-recognized.ts";

/** Means of up to 20 numbers in another order, and a root. */
const rounding = { rtol: 1e-4, atol: 1e-5 };
const constants = `
    one = float32[] {1}
    two = float32[] {2}
    minusHalf = float32[] {-0.5}
    eps = float32[] {1e-5}
    last = int64[1] {-1}
    pixels = int64[2] {2, 3}
    second = int64[1] {1}
    gamma = float32[5] {1, -2, 3, 0.5, 2}
    beta = float32[5] {1, 2, 3, 4, 5}
    perChannel = float32[3, 1, 1] {2, 3, -1}
    shifts = float32[1, 3, 1, 1] {1, 0, 4}`;
const t = "float32[N, 3, 4, 5]";
const [row, image, channel] = ["float32[N, 3, 4, 1]", "float32[N, 3, 1, 1]", "float32[N, 1, 4, 5]"] as const;
const graph = (...nodes: readonly string[]): string =>
  `G(x: ${t}) -> (y: ${t}) {${constants}\n${nodes.map((node) => (node.includes(" : ") ? node : `${node} : ${t}`)).join("\n")}\n}`;
/** The nodes from x to the root of its variance, with means over the axes of a name. */
const deviation = (axes: string, type: string): readonly string[] => [
  `%m = ReduceMean(x, ${axes}) : ${type}`,
  "%d = Sub(x, %m)",
  "%q = Mul(%d, %d)",
  `%v = ReduceMean(%q, ${axes}) : ${type}`,
  `%e = Add(%v, eps) : ${type}`,
  `%r = Sqrt(%e) : ${type}`,
];
const square = ["%q = Pow(x, two)", `%v = ReduceMean(%q, last) : ${row}`, `%e = Add(eps, %v) : ${row}`];

test.each<readonly [string, number, readonly string[], string]>([
  [
    "a layer normalisation by the reciprocal of a root",
    18,
    [...deviation("last", row), `%i = Div(one, %r) : ${row}`, "%n = Mul(%i, %d)", "%y = Mul(gamma, %n)"],
    "LayerNormalization(x, gamma)",
  ],
  ["a layer normalisation without a scale", 18, [...deviation("last", row), "%y = Div(%d, %r)"], "LayerNormalization(x, const)"],
  [
    "a layer normalisation by moments, as TensorFlow has it",
    18,
    [
      ...deviation("last", row),
      `%i = Reciprocal(%r) : ${row}`,
      "%s = Mul(%i, gamma)",
      "%xs = Mul(x, %s)",
      "%ms = Mul(%m, %s)",
      "%o = Sub(beta, %ms)",
      "%y = Add(%xs, %o)",
    ],
    "LayerNormalization(x, gamma, beta)",
  ],
  [
    "a root mean square normalisation as PyTorch writes it",
    23,
    [...square, `%r = Sqrt(%e) : ${row}`, `%i = Div(one, %r) : ${row}`, "%n = Mul(x, %i)", "%y = Mul(gamma, %n)"],
    "RMSNormalization(x, gamma)",
  ],
  [
    "a root mean square normalisation by a power",
    24,
    [...square, `%i = Pow(%e, minusHalf) : ${row}`, "%n = Mul(%i, x)", "%y = Mul(%n, gamma)"],
    "RMSNormalization(x, gamma)",
  ],
  ["an instance normalisation", 18, [...deviation("pixels", image), "%y = Div(%d, %r)"], "InstanceNormalization(x, const, const_1)"],
])("%s is one op", async (_, opset, nodes, call) => {
  await expectRecognized(opset, graph(...nodes), [`%y = ${call} : ${t}`], rounding);
});

test("scale and shift of an instance normalisation become its own", async () => {
  const nodes = [...deviation("pixels", image), "%n = Div(%d, %r)", "%s = Mul(%n, perChannel)", "%y = Add(%s, shifts)"];
  const { applied } = await recognizedTwice(graph(...nodes));
  expect(applied).toEqual(["recognize-instance-normalization", "recognize-batch-normalization", "instance-normalization-affine"]);
});

test.each<readonly [string, readonly string[]]>([
  ["y: its means are over axes 1, not the last ones", [...deviation("second", channel), "%y = Div(%d, %r)"]],
  [
    "y: its mean and its variance are over different axes",
    [
      `%m = ReduceMean(x, last) : ${row}`,
      "%d = Sub(x, %m)",
      "%q = Mul(%d, %d)",
      `%v = ReduceMean(%q, pixels) : ${image}`,
      `%e = Add(%v, eps) : ${image}`,
      `%r = Sqrt(%e) : ${image}`,
      "%y = Div(%d, %r)",
    ],
  ],
  [
    'y: the output of ReduceMean "m" is used elsewhere (by Mul "z")',
    [...deviation("last", row), "%z = Mul(x, %m)", "%n = Div(%d, %r)", "%y = Add(%n, %z)"],
  ],
])("refused: %s", (reason, nodes) => {
  const reasons = recognitionRefusals(18, graph(...nodes)).map((text) => text.replace(/^n:/, "y:"));
  expect([...new Set(reasons)]).toEqual([reason]);
});

test("a root mean square normalisation stays in parts where the target has no such op", () => {
  const nodes = [...square, `%r = Sqrt(%e) : ${row}`, "%n = Div(x, %r)", "%y = Mul(gamma, %n)"];
  expect(recognitionRefusals(22, graph(...nodes))).toEqual([]);
  const other = [...square, `%r = Sqrt(%e) : ${row}`, "%n = Div(x, %r)", "%y = Mul(two, %n)"];
  expect(recognitionRefusals(23, graph(...other))).toEqual(['y: "two" is not one number for each normalised element']);
});

async function recognizedTwice(text: string): Promise<{ readonly applied: readonly string[] }> {
  const before = parseGraph(text);
  const { graph: after, report } = optimize(before, "all", { beforeLowering: true });
  expect(after.nodes.map((n) => n.opType)).toEqual(["InstanceNormalization"]);
  await expectSameOutputs(before, after, rounding, { sizes: { N: 2 } });
  return { applied: report.filter(({ pass }) => pass === "recognize-ops").flatMap((r) => r.applied.map(({ rule }) => rule)) };
}
