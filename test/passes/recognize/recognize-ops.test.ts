import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { optimize, recognizeOps } from "../../../src/passes/index.ts";
import { expectRewrite, refusals } from "../expect-rewrite.ts";
import { expectSameOutputs } from "../same-outputs.ts";

/** Both sides round some ten times. */
const rounding = { rtol: 1e-5, atol: 1e-6 };
const constants = `
    half = float32[] {0.5}
    one = float32[1] {1}
    two = float32[] {2}
    three = float32[] {3}
    six = float32[] {6}
    zero = float32[] {0}
    sixth = float32[] {0.16666667}
    root = float32[] {1.4142135}
    inverse = float32[] {0.70710677}
    cubic = float32[] {0.044715}
    pi = float32[] {0.7978846}
    eps = float32[] {1e-5}
    last = int64[1] {-1}
    scale = float32[4] {1, -2, 3, 0.5}
    bias = float32[4] {1, 2, 3, 4}`;
const t = "float32[N, 3, 4]";
/** A graph from x to y, one node a line, all of the same type but for those that say theirs. */
const graph = (...nodes: readonly string[]): string =>
  `G(x: ${t}) -> (y: ${t}) {${constants}\n${nodes.map((node) => (node.includes(":") ? node : `${node} : ${t}`)).join("\n")}\n}`;

const centred = ["%mean = ReduceMean(x, last) : float32[N, 3, 1]", "%d = Sub(x, %mean)"];
const deviation = [
  "%v = ReduceMean(%q, last) : float32[N, 3, 1]",
  "%e = Add(%v, eps) : float32[N, 3, 1]",
  "%r = Sqrt(%e) : float32[N, 3, 1]",
];

test.each<readonly [string, string, readonly string[]]>([
  [
    "Gelu as PyTorch exports it",
    graph("%a = Div(x, root)", "%b = Erf(%a)", "%c = Add(%b, one)", "%d = Mul(x, %c)", "%y = Mul(%d, half)"),
    [`%y = Gelu(x) : ${t}`],
  ],
  [
    "Gelu with its factors in another order",
    graph("%a = Mul(inverse, x)", "%b = Erf(%a)", "%c = Add(one, %b)", "%h = Div(x, two)", "%y = Mul(%c, %h)"),
    [`%y = Gelu(x) : ${t}`],
  ],
  [
    "Gelu by a tanh",
    graph(
      "%p = Pow(x, three)",
      "%q = Mul(%p, cubic)",
      "%s = Add(x, %q)",
      "%m = Mul(%s, pi)",
      "%h = Tanh(%m)",
      "%c = Add(%h, one)",
      "%g = Mul(half, x)",
      "%y = Mul(%g, %c)",
    ),
    [`%y = Gelu(x) {approximate = "tanh"} : ${t}`],
  ],
  [
    "HardSigmoid",
    graph("%a = Add(x, three)", "%b = Clip(%a, zero, six)", "%y = Div(%b, six)"),
    [`%y = HardSigmoid(x) {alpha = 0.16666667} : ${t}`],
  ],
  [
    "HardSwish",
    graph("%a = Add(x, three)", "%b = Clip(%a, zero, six)", "%c = Mul(x, %b)", "%y = Div(%c, six)"),
    [`%y = HardSwish(x) : ${t}`],
  ],
  ["HardSwish by HardSigmoid", graph("%a = HardSigmoid(x) {alpha = 0.16666667}", "%y = Mul(x, %a)"), [`%y = HardSwish(x) : ${t}`]],
  [
    "LayerNormalization by a power",
    graph(...centred, "%q = Pow(%d, two)", ...deviation, "%n = Div(%d, %r)", "%s = Mul(%n, scale)", "%y = Add(%s, bias)"),
    [`%y = LayerNormalization(x, scale, bias) : ${t}`],
  ],
  [
    "LayerNormalization by a product, without a bias",
    graph(...centred, "%q = Mul(%d, %d)", ...deviation, "%n = Div(%d, %r)", "%y = Mul(scale, %n)"),
    [`%y = LayerNormalization(x, scale) : ${t}`],
  ],
])("%s is one op", async (_, text, nodes) => {
  const before = parseGraph(text);
  const { graph: after } = optimize(before, "all", { beforeLowering: true, until: "identity-removal" });
  expect(after.nodes.map((n) => n.opType)).toEqual(nodes.map((line) => /= (\w+)/.exec(line)?.[1]));
  await expectSameOutputs(before, after, rounding, { sizes: { N: 2 } });
  if (!text.includes("bias)") && !text.includes("Clip")) await expectRewrite(recognizeOps, text, nodes, rounding);
});

test.each<readonly [string, string]>([
  ["another constant", graph("%a = Div(x, root)", "%b = Erf(%a)", "%c = Add(%b, one)", "%d = Mul(x, %c)", "%y = Mul(%d, sixth)")],
  [
    "another argument",
    graph("%n = Neg(x)", "%a = Div(%n, root)", "%b = Erf(%a)", "%c = Add(%b, one)", "%d = Mul(x, %c)", "%y = Mul(%d, half)"),
  ],
  ["another clip", graph("%a = Add(x, three)", "%b = Clip(%a, half, six)", "%c = Mul(x, %b)", "%y = Div(%c, six)")],
])("what only looks like it stays: %s", (_, text) => {
  expect(refusals(recognizeOps, text)).toEqual([]);
});

test("a factor that is one number for all elements is no scale of a layer normalisation", async () => {
  const text = graph(...centred, "%q = Mul(%d, %d)", ...deviation, "%n = Div(%d, %r)", "%y = Mul(%n, two)");
  await expectRewrite(recognizeOps, text, [`%n = LayerNormalization(x, const) : ${t}`, `%y = Mul(%n, two) : ${t}`], rounding);
});

test("a variance over another axis than the mean is none of a normalisation", () => {
  const text = graph(
    "first = int64[1] {0}",
    "%mean = ReduceMean(x, last) : float32[N, 3, 1]",
    "%d = Sub(x, %mean)",
    "%q = Mul(%d, %d)",
    "%v = ReduceMean(%q, first) : float32[1, 3, 4]",
    "%e = Add(%v, eps) : float32[1, 3, 4]",
    "%r = Sqrt(%e) : float32[1, 3, 4]",
    "%n = Div(%d, %r)",
    "%y = Mul(scale, %n)",
  ).replace("{0} : float32[N, 3, 4]", "{0}");
  expect(refusals(recognizeOps, text)).toEqual(["y: its mean and its variance are over different axes"]);
});
