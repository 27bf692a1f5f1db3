import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { printGraph } from "../../../src/ir/print.ts";
import { runConstants } from "../../../src/passes/index.ts";
import { expectSameOutputs, run } from "../same-outputs.ts";

const runPart = (graph: Parameters<typeof run>[0]) => run(graph, new Map());

test("what no rule computes is run, and what the rest reads of it becomes an initializer", async () => {
  const before = parseGraph(`
    G(x: float32[N, 2]) -> (y: float32[N, 2], k: int64[2]) {
      w = float32[1, 1, 2, 3] {1, 2, 3, 4, 5, 6}
      kernel = float32[1, 1, 2, 2] {1, 0, 0, -1}
      form = int64[1] {2}
      two = int64[1] {2}
      %c = Conv(w, kernel) : float32[1, 1, 1, 2]
      %s = Softmax(%c) : float32[1, 1, 1, 2]
      %r = Reshape(%s, form) : float32[2]
      %v, %k = TopK(%r, two) : float32[2], int64[2]
      %y = Add(x, %v) : float32[N, 2]
    }`);
  const { graph, applied } = await runConstants(before, runPart);
  // w * kernel is [1 - 5, 2 - 6]; of two equal numbers softmax makes halves, and TopK takes the first one first.
  expect(printGraph(graph)).toBe(`G(x: float32[N, 2]) -> (y: float32[N, 2], k: int64[2]) {
  v = float32[2] {0.5, 0.5}
  k = int64[2] {0, 1}
  %y = Add(x, v) : float32[N, 2]
}
`);
  expect(applied.map(({ rule, node }) => `${rule} ${node}`)).toContain("run-constants v");
  await expectSameOutputs(before, graph, { rtol: 0, atol: 0 }, { sizes: { N: 3 } });
});

test("what is too large stays a computation, of which the small parts are run", async () => {
  const before = parseGraph(`
    G(x: float32[1, 1, 700, 700]) -> (y: float32[1, 1, 700, 700]) {
      w = float32[1, 1, 2, 2] {1, 2, 3, 4}
      kernel = float32[1, 1, 2, 2] {1, 0, 0, 1}
      form = int64[4] {1, 1, 700, 700}
      %c = Conv(w, kernel) : float32[1, 1, 1, 1]
      %dead = Conv(kernel, kernel) : float32[1, 1, 1, 1]
      %e = Expand(%c, form) : float32[1, 1, 700, 700]
      %s = Softmax(%e) : float32[1, 1, 700, 700]
      %y = Add(x, %s) : float32[1, 1, 700, 700]
    }`);
  const ran: string[] = [];
  const { graph } = await runConstants(before, (part) => {
    ran.push(...part.nodes.map(({ name }) => name));
    return runPart(part);
  });
  expect(ran).toEqual(["c"]);
  expect(printGraph(graph)).toBe(`G(x: float32[1, 1, 700, 700]) -> (y: float32[1, 1, 700, 700]) {
  form = int64[4] {1, 1, 700, 700}
  c = float32[1, 1, 1, 1] {5}
  %e = Expand(c, form) : float32[1, 1, 700, 700]
  %s = Softmax(%e) : float32[1, 1, 700, 700]
  %y = Add(x, %s) : float32[1, 1, 700, 700]
}
`);
});

test("a graph without such a part stays itself, and what is random is none", async () => {
  const never = (): never => {
    throw new Error("nothing is to be run");
  };
  const before = parseGraph(`
    G(x: float32[2]) -> (y: float32[2]) {
      ratio = float32[] {0.5}
      training = bool[] {1}
      ones = float32[2] {1, 1}
      %d = Dropout(ones, ratio, training) {seed = 3} : float32[2]
      %y = Add(x, %d) : float32[2]
    }`);
  expect((await runConstants(before, never)).graph).toBe(before);
});
