import fc from "fast-check";
import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { optimize, recognizeOpsFor } from "../../../src/passes/index.ts";
import { difference } from "../../support/compare.ts";
import { feedsFor, run } from "../same-outputs.ts";
import { expectRecognized, recognitionRefusals } from "./expect-recognized.ts";

/** Sums of up to seven products in another order, scaled elsewhere. */
const rounding = { rtol: 1e-5, atol: 1e-6 };
const [q, k, v, kt, s, y] = [
  "float32[N, 2, 5, 4]",
  "float32[N, 2, 7, 4]",
  "float32[N, 2, 7, 3]",
  "float32[N, 2, 4, 7]",
  "float32[N, 2, 5, 7]",
  "float32[N, 2, 5, 3]",
] as const;
const types: Readonly<Record<string, string>> = { q, qs: q, k, ks: k, kt, kts: kt, v };
/** A graph from q, k, v and what else it takes to y; nodes whose type is not said are scores. */
const graph = (nodes: readonly string[], further = ""): string =>
  `G(q: ${q}, k: ${k}, v: ${v}${further}) -> (y: ${y}) {
    half = float32[] {0.5}
    two = float32[] {2}
    root = float32[] {0.70710677}
    other = float32[] {0.3}
    zero = float32[] {0}
    hidden = float32[] {-inf}
    stack = int64[3] {-1, 7, 4}
    unstack = int64[4] {-1, 2, 4, 7}
    ${nodes
      .map((node) => {
        const name = /^%(\w+)/.exec(node)?.[1] ?? "";
        return node.includes(" : ") ? node : `${node} : ${name === "y" ? y : (types[name] ?? s)}`;
      })
      .join("\n    ")}
  }`;
const transposed = "%kt = Transpose(k) {perm = [0, 1, 3, 2]}";
const weighted = ["%p = Softmax(%a)", "%y = MatMul(%p, v)"];

test.each<readonly [string, readonly string[], string, string]>([
  [
    "as PyTorch writes it, the scale behind the product",
    [transposed, "%m = MatMul(q, %kt)", "%a = Mul(%m, half)", ...weighted],
    "",
    "Attention(q, k, v)",
  ],
  [
    "with the scale as a divisor of the queries",
    [transposed, "%qs = Div(q, two)", "%a = MatMul(%qs, %kt)", ...weighted],
    "",
    "Attention(q, k, v)",
  ],
  [
    "as scaled_dot_product_attention is exported, the root of the scale on both",
    [transposed, "%qs = Mul(q, root)", "%kts = Mul(root, %kt)", "%a = MatMul(%qs, %kts)", ...weighted],
    "",
    "Attention(q, k, v)",
  ],
  ["without a scale", [transposed, "%a = MatMul(q, %kt)", ...weighted], "", "Attention(q, k, v) {scale = 1}"],
  ["with another scale", [transposed, "%m = MatMul(q, %kt)", "%a = Mul(other, %m)", ...weighted], "", "Attention(q, k, v) {scale = 0.3}"],
  [
    "with a mask that is added",
    [transposed, "%m = MatMul(q, %kt)", "%w = Mul(%m, half)", "%a = Add(mask, %w)", ...weighted],
    ", mask: float32[5, 7]",
    "Attention(q, k, v, mask)",
  ],
  [
    "with a guard of rows that see nothing",
    [
      transposed,
      "%m = MatMul(q, %kt)",
      "%a = Mul(%m, half)",
      "%p = Softmax(%a)",
      "%n = IsNaN(%p) : bool[N, 2, 5, 7]",
      "%g = Where(%n, zero, %p)",
      "%y = MatMul(%g, v)",
    ],
    "",
    "Attention(q, k, v)",
  ],
  [
    "with the keys transposed in a stack of matrices, as onnxscript does",
    [
      "%f = Reshape(k, stack) : float32[2*N, 7, 4]",
      "%g = Transpose(%f) {perm = [0, 2, 1]} : float32[2*N, 4, 7]",
      "%kt = Reshape(%g, unstack)",
      "%m = MatMul(q, %kt)",
      "%a = Mul(%m, half)",
      ...weighted,
    ],
    "",
    "Attention(q, k, v)",
  ],
])("attention %s is one op", async (_, nodes, further, call) => {
  await expectRecognized(23, graph(nodes, further), [`%y = ${call} : ${y}`], rounding);
});

test("keys that come as [batch, length, heads, depth] are transposed once", async () => {
  const text = graph(["%kt = Transpose(k) {perm = [0, 2, 3, 1]}", "%m = MatMul(q, %kt)", "%a = Mul(%m, half)", ...weighted]).replace(
    `k: ${k}`,
    "k: float32[N, 7, 2, 4]",
  );
  await expectRecognized(
    24,
    text,
    [`%y/Transpose = Transpose(k) {perm = [0, 2, 1, 3]} : ${k}`, `%y = Attention(q, %y/Transpose, v) : ${y}`],
    rounding,
  );
});

test("a condition that hides keys becomes a mask of what is seen", async () => {
  const hiding = [transposed, "%m = MatMul(q, %kt)", "%w = Mul(%m, half)", "%a = Where(seen, hidden, %w)", ...weighted];
  const text = graph(hiding, ", seen: bool[5, 7]");
  await expectRecognized(23, text, ["%y/Not = Not(seen) : bool[5, 7]", `%y = Attention(q, k, v, %y/Not) : ${y}`], rounding);
});

test.each<readonly [string, readonly string[], string]>([
  [
    "its softmax is along axis 2, not along the keys",
    [transposed, "%a = MatMul(q, %kt)", "%p = Softmax(%a) {axis = 2}", "%y = MatMul(%p, v)"],
    "",
  ],
  [
    '"mask" is not one number for each query and key',
    [transposed, "%m = MatMul(q, %kt)", "%a = Add(%m, mask)", ...weighted],
    ", mask: float32[N, 1, 1, 7]",
  ],
  ["its keys are not transposed", ["%a = MatMul(q, t)", ...weighted], `, t: ${kt}`],
  [
    "its products broadcast batches or heads",
    [transposed.replace("(k)", "(c)").replace("%kt =", "%u =").concat(" : float32[1, 2, 4, 7]"), "%a = MatMul(q, %u)", ...weighted],
    ", c: float32[1, 2, 7, 4]",
  ],
  ['the output of Softmax "p" is an output of the graph', [transposed, "%a = MatMul(q, %kt)", ...weighted], "OUT"],
])("refused: %s", (reason, nodes, further) => {
  const text = further === "OUT" ? graph(nodes).replace("-> (", `-> (p: ${s}, `) : graph(nodes, further);
  expect(recognitionRefusals(23, text)).toEqual([`y: ${reason}`]);
});

test("a constant mask that hides all keys of a query is refused, since its weights are no numbers", () => {
  const row = (n: number, text: string): string => Array.from({ length: n }, () => text).join(", ");
  const nodes = [
    `mask = float32[5, 7] {${row(28, "0")}, ${row(7, "-inf")}} : `,
    transposed,
    "%m = MatMul(q, %kt)",
    "%a = Add(%m, mask)",
    ...weighted,
  ];
  expect(recognitionRefusals(23, graph(nodes).replace("} : \n", "}\n"))).toEqual([
    'y: "mask" hides all keys of a query, whose weights are then not numbers',
  ]);
});

test("a mask added before the scale is another function, and below opset 23 everything stays", () => {
  const nodes = [transposed, "%m = MatMul(q, %kt)", "%w = Add(%m, mask)", "%a = Mul(%w, half)", ...weighted];
  expect(recognitionRefusals(23, graph(nodes, ", mask: float32[5, 7]"))).toEqual([]);
  expect(recognitionRefusals(22, graph([transposed, "%a = MatMul(q, %kt)", ...weighted]))).toEqual([]);
});

test("wherever numbers stand and whichever side they are on, it is found and computes the same", async () => {
  const place = fc.constantFrom("", "half", "other", "root", "two");
  const spot = fc.record({ by: place, first: fc.boolean(), divides: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(spot, spot, spot, spot, fc.boolean(), fc.constantFrom(-1, 3), async (onQ, onK, onKt, onScores, masked, axis) => {
      const nodes: string[] = [];
      const scaled = (from: string, to: string, { by, first, divides }: { by: string; first: boolean; divides: boolean }): string => {
        if (by === "") return from;
        nodes.push(divides ? `%${to} = Div(${from}, ${by})` : `%${to} = Mul(${first ? `${by}, ${from}` : `${from}, ${by}`})`);
        return `%${to}`;
      };
      const queries = scaled("q", "qs", onQ);
      // A number on the keys before they are transposed stays where it is.
      const keys = scaled("k", "ks", onK);
      nodes.push(`%kt = Transpose(${keys}) {perm = [0, 1, 3, 2]}`);
      const turned = scaled("%kt", "kts", onKt);
      nodes.push(`%m = MatMul(${queries}, ${turned})`);
      const scores = scaled("%m", "w", onScores);
      if (masked) nodes.push(`%a = Add(${onQ.first ? `mask, ${scores}` : `${scores}, mask`})`);
      nodes.push(`%p = Softmax(${masked ? "%a" : scores}) {axis = ${axis}}`, "%y = MatMul(%p, v)");
      const before = parseGraph(graph(nodes, masked ? ", mask: float32[1, 2, 5, 7]" : ""));
      const after = recognizeOpsFor({ opset: 23 })(before).graph;
      expect(after.nodes.map((n) => n.opType)).toContain("Attention");
      const feeds = feedsFor(before, { N: 2 });
      const [expected, actual] = [await run(before, feeds), await run(after, feeds, 23)];
      // Scores of up to some tens: their exponentials differ by as many roundings.
      for (const [name, tensor] of expected) expect(difference(name, actual.get(name), tensor, { rtol: 1e-4, atol: 1e-5 })).toBeNull();
    }),
    { numRuns: 40, seed: 11 },
  );
});

test("a scale that PyTorch 2's exporter computes from the depth of the heads is a number like any", async () => {
  const nodes = [
    "from = int64[1] {-1}",
    "end = int64[1] {9223372036854775807}",
    "one = float32[1] {1}",
    "%sh = Shape(q) : int64[4]",
    "%n = Slice(%sh, from, end) : int64[1]",
    "%c = Cast(%n) {to = 1} : float32[1]",
    "%r = Sqrt(%c) : float32[1]",
    "%i = Div(one, %r) : float32[1]",
    "%f = Sqrt(%i) : float32[1]",
    transposed,
    "%qs = Mul(q, %f)",
    "%kts = Mul(%kt, %f)",
    "%m = MatMul(%qs, %kts)",
    "%a = Add(%m, mask)",
    ...weighted,
  ].map((node) => (/^\w+ = /.test(node) ? `${node} : ` : node));
  const before = parseGraph(graph(nodes, ", mask: float32[N, 1, 5, 7]").replaceAll("} : \n", "}\n"));
  const { graph: after } = optimize(before, "all", { beforeLowering: true, opset: 23 });
  expect(after.nodes.map((n) => n.opType)).toEqual(["Attention"]);
  const feeds = feedsFor(before, { N: 2 });
  const [expected, actual] = [await run(before, feeds), await run(after, feeds, 23)];
  for (const [name, tensor] of expected) expect(difference(name, actual.get(name), tensor, rounding)).toBeNull();
});
