import { expect, test } from "vitest";
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
