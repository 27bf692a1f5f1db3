import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { mergeMovement, optimize } from "../../../src/passes/index.ts";
import { exact, expectRewrite, refusals } from "../expect-rewrite.ts";
import { expectSameOutputs } from "../same-outputs.ts";

const vectors = `
    zero = int64[1] {0}
    one = int64[1] {1}
    two = int64[1] {2}
    three = int64[1] {3}
    end = int64[1] {9223372036854775807}
    step = int64[1] {2}
    first = int64[] {0}
    second = int64[] {1}
    last = int64[] {-1}`;
/** A graph with x, one node a line. */
const graph = (x: string, outputs: string, ...nodes: readonly string[]): string =>
  `G(x: float32[${x}]) -> (${outputs}) {${vectors}\n${nodes.join("\n")}\n}`;

test.each<readonly [string, string, readonly string[]]>([
  [
    "Slices that are a whole tensor, in any order",
    graph(
      "N, 5, 3",
      "y: float32[N, 5, 3]",
      "%b = Slice(x, two, end, one) : float32[N, 3, 3]",
      "%a = Slice(x, zero, two, one) : float32[N, 2, 3]",
      "%y = Concat(%b, %a) {axis = 1} : float32[N, 5, 3]",
    ),
    [
      '%a, %b = Split "b/Split"(x, const) {axis = 1} : float32[N, 2, 3], float32[N, 3, 3]',
      "%y = Concat(%b, %a) {axis = 1} : float32[N, 5, 3]",
    ],
  ],
  [
    "Slices that are outputs, with bounds from the end",
    graph(
      "N, 3",
      "a: float32[N, 1], b: float32[N, 2]",
      "%a = Slice(x, zero, one, one) : float32[N, 1]",
      "%b = Slice(x, one, end, one) : float32[N, 2]",
    ),
    ['%a, %b = Split "a/Split"(x, const) {axis = 1} : float32[N, 1], float32[N, 2]'],
  ],
  [
    "pieces of one position without their axis",
    graph(
      "2, N",
      "y: float32[N]",
      "%a, %b = Split(x, ones) {axis = 0} : float32[1, N], float32[1, N]",
      "%c = Squeeze(%a, zero) : float32[N]",
      "%d = Squeeze(%b, zero) : float32[N]",
      "%y = Sub(%c, %d) : float32[N]",
    ).replace("{0}", "{0}\n    ones = int64[2] {1, 1}"),
    ["%c = Gather(x, const_0) : float32[N]", "%d = Gather(x, const_1) : float32[N]", "%y = Sub(%c, %d) : float32[N]"],
  ],
  [
    "Gathers of an axis that a Reshape made, brought to the front",
    graph(
      "N, 4, 6",
      "y: float32[N, 4, 2]",
      "%r = Reshape(x, form) : float32[N, 4, 3, 2]",
      "%t = Transpose(%r) {perm = [2, 0, 1, 3]} : float32[3, N, 4, 2]",
      "%q = Gather(%t, first) : float32[N, 4, 2]",
      "%k = Gather(%t, second) : float32[N, 4, 2]",
      "%v = Gather(%t, last) : float32[N, 4, 2]",
      "%s = Sub(%q, %k) : float32[N, 4, 2]",
      "%y = Sub(%s, %v) : float32[N, 4, 2]",
    ).replace("{0}", "{0}\n    form = int64[4] {0, 0, 3, 2}"),
    [
      '%q, %k, %v = Split "q/Split"(x, const) {axis = 2} : float32[N, 4, 2], float32[N, 4, 2], float32[N, 4, 2]',
      "%s = Sub(%q, %k) : float32[N, 4, 2]",
      "%y = Sub(%s, %v) : float32[N, 4, 2]",
    ],
  ],
])("one node cuts %s", async (_, text, nodes) => {
  await expectRewrite(mergeMovement, text, nodes, exact, { N: 3 });
});

const sliced = (...nodes: readonly string[]): string => graph("N, 5", "a: float32[N, 2], b: float32[N, 2]", ...nodes);
test.each<readonly [string, string, readonly string[]]>([
  [
    "a gap",
    sliced("%a = Slice(x, zero, two, one) : float32[N, 2]", "%b = Slice(x, three, end, one) : float32[N, 2]"),
    Array.from(["a", "b"], (name) => `${name}: the slices of "x" along axis 1 leave out what is before 3`),
  ],
  [
    "a rest",
    sliced("%a = Slice(x, zero, two, one) : float32[N, 2]", "%b = Slice(x, two, four, one) : float32[N, 2]").replace(
      "{0}",
      "{0}\n    four = int64[1] {4}",
    ),
    Array.from(["a", "b"], (name) => `${name}: the slices of "x" along axis 1 leave out what is behind 4`),
  ],
  ["an overlap", sliced("%a = Slice(x, zero, two, one) : float32[N, 2]", "%b = Slice(x, one, three, one) : float32[N, 2]"), []],
  [
    "steps",
    graph(
      "N, 4",
      "a: float32[N, 2], b: float32[N, 2]",
      "%a = Slice(x, zero, end, one, step) : float32[N, 2]",
      "%b = Slice(x, one, end, one, step) : float32[N, 2]",
    ),
    [],
  ],
  [
    "an axis of a size that is a symbol",
    graph(
      "N, 4",
      "a: float32[min(1,N), 4], b: float32[N - min(1,N), 4]",
      "%a = Slice(x, zero, one, zero) : float32[min(1,N), 4]",
      "%b = Slice(x, one, end, zero) : float32[N - min(1,N), 4]",
    ),
    [],
  ],
  ["one slice", graph("N, 5", "a: float32[N, 2]", "%a = Slice(x, zero, two, one) : float32[N, 2]"), []],
])("slices with %s stay", (_, text, reasons) => {
  expect(refusals(mergeMovement, text)).toEqual(reasons);
});

const gathers = (perm: string, shape: string, ...nodes: readonly string[]): string =>
  graph("N, 4, 6", `y: ${shape}`, "%r = Reshape(x, form) : float32[N, 4, 2, 3]", `%t = Transpose(%r) {perm = [${perm}]}`, ...nodes).replace(
    "{0}",
    "{0}\n    form = int64[4] {0, 0, 2, 3}",
  );
test.each<readonly [string, string]>([
  [
    "the other axes change places",
    gathers(
      "2, 1, 0, 3",
      "float32[4, N, 3]",
      "%a = Gather(%t, first) : float32[4, N, 3]",
      "%b = Gather(%t, second) : float32[4, N, 3]",
      "%y = Sub(%a, %b) : float32[4, N, 3]",
    ).replace("3]}", "3]} : float32[2, 4, N, 3]"),
  ],
  [
    "one piece is not taken",
    gathers("2, 0, 1, 3", "float32[N, 4, 3]", "%y = Gather(%t, first) : float32[N, 4, 3]").replace("3]}", "3]} : float32[2, N, 4, 3]"),
  ],
  [
    "the axis is the inner one",
    gathers(
      "3, 0, 1, 2",
      "float32[N, 4, 2]",
      "%a = Gather(%t, first) : float32[N, 4, 2]",
      "%b = Gather(%t, second) : float32[N, 4, 2]",
      "%c = Gather(%t, last) : float32[N, 4, 2]",
      "%d = Sub(%a, %b) : float32[N, 4, 2]",
      "%y = Sub(%d, %c) : float32[N, 4, 2]",
    ).replace("2]}", "2]} : float32[3, N, 4, 2]"),
  ],
])("Gathers stay where %s", (_, text) => {
  expect(refusals(mergeMovement, text)).toEqual([]);
});

test("a change that is not accepted leaves the other pieces as they are", async () => {
  const before = parseGraph(
    sliced("%a = Slice(x, zero, two, one) : float32[N, 2]", "%b = Slice(x, two, end, one) : float32[N, 3]").replace(
      "b: float32[N, 2]",
      "b: float32[N, 3]",
    ),
  );
  const { graph: after } = mergeMovement(before, { accept: ({ node }) => node === "b" });
  expect(after.nodes.map(({ opType }) => opType)).toEqual(["Slice", "Split"]);
  await expectSameOutputs(before, after, exact, { sizes: { N: 2 } });
});

test("a tensor that is rolled along two axes takes four nodes", async () => {
  const before = parseGraph(
    graph(
      "N, 5, 7",
      "y: float32[N, 5, 7]",
      "%a = Slice(x, two, end, one) : float32[N, 3, 7]",
      "%b = Slice(x, zero, two, one) : float32[N, 2, 7]",
      "%c = Concat(%a, %b) {axis = 1} : float32[N, 5, 7]",
      "%d = Slice(%c, three, end, two) : float32[N, 5, 4]",
      "%e = Slice(%c, zero, three, two) : float32[N, 5, 3]",
      "%y = Concat(%d, %e) {axis = 2} : float32[N, 5, 7]",
    ),
  );
  const { graph: after } = optimize(before);
  expect(after.nodes.map(({ opType }) => opType)).toEqual(["Split", "Concat", "Split", "Concat"]);
  await expectSameOutputs(before, after, exact, { sizes: { N: 3 } });
});
