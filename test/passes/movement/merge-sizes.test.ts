import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { mergeSizes, shortenSizes } from "../../../src/passes/index.ts";
import { expectRewrite } from "../expect-rewrite.ts";

test("a shape that is looked up axis by axis, as torch's exporter writes an expand, is one Shape and one Concat", async () => {
  await expectRewrite(
    (graph, control) => mergeSizes(shortenSizes(graph, control).graph, control),
    `G(x: float32[N, 3, 4], token: float32[1, 1, 4]) -> (y: float32[N, 1, 4]) {
      i0 = int64[] {0}
      axes = int64[1] {0}
      minus = int64[1] {-1}
      ones = int64[3] {1, 1, 1}
      %s = Shape(x) : int64[3]
      %n = Gather(%s, i0) : int64[]
      %u = Unsqueeze(%n, axes) : int64[1]
      %c = Concat(%u, minus, minus) {axis = 0} : int64[3]
      %e = Equal(%c, minus) : bool[3]
      %w = Where(%e, ones, %c) : int64[3]
      %y = Expand(token, %w) : float32[N, 1, 4]
    }`,
    ["%u = Shape(x) {end = 1} : int64[1]", "%w = Concat(%u, const) {axis = 0} : int64[3]", "%y = Expand(token, %w) : float32[N, 1, 4]"],
  );
});

test("sizes that are equal are computed once, whatever they are computed from", async () => {
  await expectRewrite(
    mergeSizes,
    `G(x: float32[N, 3], z: float32[2, N]) -> (a: float32[N, 1], b: float32[N, 2]) {
      one = int64[1] {1}
      i1 = int64[1] {1}
      i0 = int64[1] {0}
      two = int64[1] {2}
      k = float32[1, 1] {7}
      %s = Shape(x) : int64[2]
      %n = Gather(%s, i0) : int64[1]
      %t = Concat(%n, one) {axis = 0} : int64[2]
      %a = Expand(k, %t) : float32[N, 1]
      %r = Relu(z) : float32[2, N]
      %p = Shape(%r) : int64[2]
      %m = Gather(%p, i1) : int64[1]
      %q = Concat(%m, two) {axis = 0} : int64[2]
      %b = Expand(k, %q) : float32[N, 2]
    }`,
    [
      "%s = Shape(x) : int64[2]",
      "%n = Gather(%s, i0) : int64[1]",
      "%t = Concat(%n, one) {axis = 0} : int64[2]",
      "%a = Expand(k, %t) : float32[N, 1]",
      "%q = Concat(%n, two) {axis = 0} : int64[2]",
      "%b = Expand(k, %q) : float32[N, 2]",
    ],
  );
});

test.each<readonly [string, string, readonly string[]]>([
  [
    "sizes cut and joined in their order",
    `G(x: float32[N, 3, H, 5]) -> (y: int64[3]) {
      i = int64[2] {0, 1}
      from = int64[1] {-2}
      to = int64[1] {3}
      %s = Shape(x) : int64[4]
      %a = Gather(%s, i) : int64[2]
      %b = Slice(%s, from, to) : int64[1]
      %y = Concat(%a, %b) {axis = 0} : int64[3]
    }`,
    ['%y = Shape "y/Shape"(x) {end = 3} : int64[3]'],
  ],
  [
    "sizes of a part of a shape",
    `G(x: float32[N, 3, H, 5]) -> (y: int64[1]) {
      i = int64[1] {-1}
      %s = Shape(x) {start = 1, end = 3} : int64[2]
      %y = Gather(%s, i) : int64[1]
    }`,
    ["%y = Shape(x) {end = 3, start = 2} : int64[1]"],
  ],
])("%s are one Shape", async (_, text, nodes) => {
  await expectRewrite(shortenSizes, text, nodes, undefined, { N: 2, H: 4 });
});

test("sizes in another order stay as they are", () => {
  const before = parseGraph(`
    G(x: float32[N, 3, H]) -> (y: int64[2], z: int64[2]) {
      i = int64[2] {2, 0}
      last = int64[1] {2}
      first = int64[1] {0}
      zero = int64[1] {0}
      steps = int64[1] {-1}
      %s = Shape(x) : int64[3]
      %y = Gather(%s, i) : int64[2]
      %z = Slice(%s, last, first, zero, steps) : int64[2]
    }`);
  expect(shortenSizes(before).graph).toBe(before);
  expect(mergeSizes(before).graph).toBe(before);
});

test("two outputs of the graph stay apart", () => {
  const before = parseGraph(`
    G(x: float32[N, 3]) -> (a: int64[2], b: int64[2]) {
      %a = Shape "first"(x) : int64[2]
      %r = Neg(x) : float32[N, 3]
      %b = Shape "second"(%r) : int64[2]
    }`);
  expect(mergeSizes(before).graph).toBe(before);
});
