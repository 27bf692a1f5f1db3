import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { eliminateDeadCode, type Pass, recognizeOpsFor } from "../../../src/passes/index.ts";
import { difference } from "../../support/compare.ts";
import { expectRewrite } from "../expect-rewrite.ts";
import { feedsFor, run } from "../same-outputs.ts";
import { expectRecognized, recognitionRefusals } from "./expect-recognized.ts";

/** The kernel takes its sums in another order than the one of four axes. */
const rounding = { rtol: 1e-5, atol: 1e-6 };
const [x, split, swapped] = ["float32[N, 5, 6]", "float32[N, 5, 2, 3]", "float32[N, 2, 5, 3]"] as const;
const headsOf = (name: string): readonly string[] => [
  `%${name}r = Reshape(${name}, cut) : ${split}`,
  `%${name}t = Transpose(%${name}r) {perm = [0, 2, 1, 3]} : ${swapped}`,
];
const graph = (nodes: readonly string[], further = ""): string =>
  `G(q: ${x}, k: ${x}, v: ${x}${further}) -> (y: ${x}) {
    cut = int64[4] {0, 0, 2, 3}
    joined = int64[3] {0, 0, 6}
    ${nodes.join("\n    ")}
  }`;
const join = [`%o = Transpose(%a) {perm = [0, 2, 1, 3]} : ${split}`, `%y = Reshape(%o, joined) : ${x}`];
const whole = [...headsOf("q"), ...headsOf("k"), ...headsOf("v")];

test("heads that are split before and joined behind are Attention's own business", async () => {
  const nodes = [...whole, `%a = Attention(%qt, %kt, %vt) {scale = 0.4} : ${swapped}`, ...join];
  await expectRecognized(23, graph(nodes), [`%y = Attention(q, k, v) {kv_num_heads = 2, q_num_heads = 2, scale = 0.4} : ${x}`], rounding);
});
test("a mask comes along", async () => {
  const nodes = [...whole, `%a = Attention(%qt, %kt, %vt, m) : ${swapped}`, ...join];
  await expectRecognized(
    24,
    graph(nodes, ", m: float32[5, 5]"),
    [`%y = Attention(q, k, v, m) {kv_num_heads = 2, q_num_heads = 2} : ${x}`],
    rounding,
  );
});

test("values whose heads come otherwise keep them, and heads that something else reads stay", () => {
  const own = [...headsOf("q"), ...headsOf("k"), `%a = Attention(%qt, %kt, w) : ${swapped}`, ...join];
  expect(recognitionRefusals(23, graph(own, `, w: ${swapped}`))).toEqual([]);
  const twice = [...whole, `%a = Attention(%qt, %kt, %vt) : ${swapped}`, ...join].map((node) =>
    node.replace("%y = Reshape(%o", "%z = Reshape(%o"),
  );
  const nodes = [...twice, `%n = Reshape(%kt, joined) : ${x}`, `%y = Add(%z, %n) : ${x}`];
  const flat = nodes.map((node) => node.replace("%n = Reshape(%kt, joined)", "%u = Reshape(%kr, joined)").replace("%z, %n", "%z, %u"));
  expect(recognitionRefusals(23, graph(flat))).toEqual(['z: the output of Reshape "kr" is used elsewhere (by Reshape "u")']);
});

/** Heads stacked upon the batch, as bmm takes them. */
const [stacked, scores] = ["float32[2*N, 5, 3]", "float32[2*N, 5, 5]"] as const;
const stackOf = (name: string): readonly string[] => [...headsOf(name), `%${name}s = Reshape(%${name}t, stack) : ${stacked}`];
const byProducts = (nodes: readonly string[], further = ""): string =>
  graph([...stackOf("q"), ...stackOf("k"), ...stackOf("v"), ...nodes, `%a = Reshape(%p, unstack) : ${swapped}`, ...join], further).replace(
    "cut =",
    "stack = int64[3] {-1, 5, 3}\n    unstack = int64[4] {-1, 2, 5, 3}\n    scale = float32[] {0.4}\n    cut =",
  );
const softmaxOf = (name: string): readonly string[] => [`%w = Softmax(%${name}) : ${scores}`, `%p = MatMul(%w, %vs) : ${stacked}`];
const products = [`%kk = Transpose(%ks) {perm = [0, 2, 1]} : float32[2*N, 3, 5]`, `%s = MatMul(%qs, %kk) : ${scores}`];

/** What the rules make of a graph in several turns, until nothing changes. */
const inTurns: Pass = (from, control) => {
  const result = recognizeOpsFor({ opset: 23 })(from, control);
  return result.graph === from ? result : inTurns(eliminateDeadCode(result.graph).graph, control);
};

test("heads that are stacked upon the batch for products of three axes are Attention's as well", async () => {
  const text = byProducts([...products, `%c = Mul(%s, scale) : ${scores}`, ...softmaxOf("c")]);
  await expectRewrite(inTurns, text, [`%y = Attention(q, k, v) {kv_num_heads = 2, q_num_heads = 2, scale = 0.4} : ${x}`], rounding);
  const masked = byProducts([...products, `%c = Add(%s, m) : ${scores}`, ...softmaxOf("c")], ", m: float32[1, 5, 5]");
  await expectRewrite(inTurns, masked, [`%y = Attention(q, k, v, m) {kv_num_heads = 2, q_num_heads = 2, scale = 1} : ${x}`], rounding);
});
test("a mask that differs along the stack keeps it", () => {
  const text = byProducts([...products, `%c = Add(%s, m) : ${scores}`, ...softmaxOf("c")], ", m: float32[2*N, 5, 5]");
  const { graph: after, skipped } = inTurns(parseGraph(text));
  expect(after.nodes.filter(({ opType }) => opType === "Attention")).toHaveLength(1);
  expect(skipped.map(({ reason }) => reason)).toEqual(['"p/Unsqueeze" differs along the stack']);
});

/** Queries, keys and values side by side in one tensor. */
const packed = (perm: string, taken: readonly string[], width = 18): string =>
  `G(x: float32[N, 5, ${width}]) -> (y: float32[N, 5, 6]) {
    cut = int64[5] {0, 0, ${width / 6}, 2, 3}
    joined = int64[3] {0, 0, 6}
    i0 = int64[] {0}
    i1 = int64[] {1}
    i2 = int64[] {-1}
    %r = Reshape(x, cut) : float32[N, 5, ${width / 6}, 2, 3]
    %t = Transpose(%r) {perm = [${perm}]} : float32[${width / 6}, N, 2, 5, 3]
    %q = Gather(%t, ${taken[0]}) : float32[N, 2, 5, 3]
    %k = Gather(%t, ${taken[1]}) : float32[N, 2, 5, 3]
    %v = Gather(%t, ${taken[2]}) : float32[N, 2, 5, 3]
    %a = Attention(%q, %k, %v) : float32[N, 2, 5, 3]
    ${join.join("\n    ")}
  }`;
test.each([
  [["i0", "i1", "i2"], 18],
  [["i2", "i0", "i0"], 12],
] as const)("pieces %j of one projection are cut from it", async (taken, width) => {
  const text = packed("2, 0, 3, 1, 4", taken, width);
  const before = parseGraph(text);
  const { graph: after } = recognizeOpsFor({ opset: 23 })(before);
  expect(eliminateDeadCode(after).graph.nodes.map(({ opType }) => opType)).toEqual(["Split", "Attention"]);
  const feeds = feedsFor(before, { N: 3 });
  const [expected, actual] = [await run(before, feeds, 18), await run(after, feeds, 23)];
  for (const [name, tensor] of expected) expect(difference(name, actual.get(name), tensor, rounding)).toBeNull();
});
test("pieces that were taken apart in another order stay", () => {
  const text = packed("2, 0, 3, 4, 1", ["i0", "i1", "i2"])
    .replaceAll("2, 5, 3]", "2, 3, 5]")
    .replace("%o = Transpose(%a) {perm = [0, 2, 1, 3]}", "%o = Transpose(%a) {perm = [0, 3, 1, 2]}");
  expect(recognitionRefusals(23, text)).toEqual([]);
});
