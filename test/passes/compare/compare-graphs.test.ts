import fc from "fast-check";
import { expect, test } from "vitest";
import type { Graph } from "../../../src/ir/graph.ts";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { areSame, compareGraphs, differenceOf, type GraphComparison, matchNodes } from "../../../src/passes/index.ts";

const chain = (lines: readonly string[], output = "y"): Graph =>
  parseGraph(`net(x: float32[1, 2, 8, 8]) -> (${output.replace("%", "")}: float32[1, 2, 8, 8]) {\n${lines.join("\n")}\n}`);
const weight = (name: string, first: number): string =>
  `  ${name}.weight = float32[2, 2, 3, 3] "${Buffer.from(Float32Array.from({ length: 36 }, (_, i) => first + i).buffer).toString("base64")}"`;
const conv = (name: string, from: string, pads = 1): string =>
  `  %${name} = Conv(${from}, ${name}.weight) {pads = [${pads}, ${pads}, ${pads}, ${pads}]} : float32[1, 2, 8, 8]`;
const relu = (name: string, from: string): string => `  %${name} = Relu(%${from}) : float32[1, 2, 8, 8]`;

/** The comparison in one line a kind. */
const told = ({ added, removed, changed, same, weights, sameWeights }: GraphComparison) => ({
  added: added.map((node) => node.name),
  removed: removed.map((node) => node.name),
  changed: changed.map(({ before, after, op, attributes, reads }) => [
    `${before.name}>${after.name}`,
    ...(op === null ? [] : [`${op.before}>${op.after}`]),
    ...attributes.map((a) => `${a.name} ${a.before}>${a.after}`),
    ...(reads === null ? [] : [`reads ${reads.before}>${reads.after}`]),
  ]),
  same,
  weights: weights.map(({ kind, before, after }) => `${kind} ${before?.name ?? ""}>${after?.name ?? ""}`),
  sameWeights,
});
const nothing = { added: [], removed: [], changed: [], weights: [] };

const plain = chain([weight("a", 0), weight("b", 9), conv("a", "x"), relu("relu", "a"), conv("b", "%relu"), relu("y", "b")]);

test("a graph is the same as itself", () => {
  const same = compareGraphs(plain, plain);
  expect(told(same)).toEqual({ ...nothing, same: 4, sameWeights: 2 });
  expect(areSame(same)).toBe(true);
});

test("a layer that was put in is the only one that is new, though every counter behind it has moved on", () => {
  const after = chain(
    [
      weight("a", 0),
      weight("new", 5),
      weight("b", 9),
      conv("a", "x"),
      relu("relu", "a"),
      conv("new", "%relu"),
      relu("relu_1", "new"),
      conv("b", "%relu_1"),
      relu("relu_2", "b"),
    ],
    "%relu_2",
  );
  const before = chain(
    [weight("a", 0), weight("b", 9), conv("a", "x"), relu("relu", "a"), conv("b", "%relu"), relu("relu_1", "b")],
    "%relu_1",
  );
  expect(told(compareGraphs(before, after))).toEqual({
    added: ["new", "relu_1"],
    removed: [],
    changed: [["relu_1>relu_2"]],
    same: 3,
    weights: ["added >new.weight"],
    sameWeights: 2,
  });
});

test("a rename is told as a rename, for the node and for its weight", () => {
  const after = chain([weight("stem", 0), weight("b", 9), conv("stem", "x"), relu("relu", "stem"), conv("b", "%relu"), relu("y", "b")]);
  expect(told(compareGraphs(plain, after))).toEqual({
    ...nothing,
    changed: [["a>stem"]],
    same: 3,
    weights: ["renamed a.weight>stem.weight"],
    sameWeights: 1,
  });
});

test("graphs with no name in common are paired by weights and neighbours", () => {
  const after = chain([weight("p", 0), weight("q", 9), conv("p", "x"), relu("r", "p"), conv("q", "%r"), relu("s", "q")], "%s");
  expect(told(compareGraphs(plain, after))).toEqual({
    ...nothing,
    changed: [["a>p"], ["relu>r"], ["b>q"], ["y>s"]],
    same: 0,
    weights: ["renamed a.weight>p.weight", "renamed b.weight>q.weight"],
    sameWeights: 0,
  });
});

test("attributes, ops and weights that changed are told of the node that has them", () => {
  const dilated = conv("b", "%relu", 2).replace("{", "{dilations = [2, 2], ");
  const after = chain([
    weight("a", 1),
    weight("b", 9),
    conv("a", "x"),
    relu("relu", "a").replace("Relu", "Sigmoid"),
    dilated,
    relu("y", "b"),
  ]);
  const comparison = compareGraphs(plain, after);
  expect(told(comparison)).toEqual({
    ...nothing,
    changed: [
      ["relu>relu", "Relu>Sigmoid"],
      ["b>b", "pads [1, 1, 1, 1]>[2, 2, 2, 2]", "dilations null>[2, 2]"],
    ],
    same: 2,
    weights: ["changed a.weight>a.weight"],
    sameWeights: 1,
  });
  // Weights are 0 to 35, and 1 to 36.
  expect(comparison.weights[0]?.difference).toEqual({ absolute: 1, relative: 1 / 35, at: 0 });
});

test("an op of another name in the same place is a change of the op", () => {
  const after = chain([
    weight("a", 0),
    weight("b", 9),
    conv("a", "x"),
    "  %tanh = Tanh(%a) : float32[1, 2, 8, 8]",
    conv("b", "%tanh"),
    relu("y", "b"),
  ]);
  expect(told(compareGraphs(plain, after)).changed).toEqual([["relu>tanh", "Relu>Tanh"]]);
});

test("a node that reads something else says so", () => {
  const add = (from: string) => `  %y = Add(%b, ${from}) : float32[1, 2, 8, 8]`;
  const graph = (from: string) => chain([weight("a", 0), weight("b", 9), conv("a", "x"), relu("relu", "a"), conv("b", "%relu"), add(from)]);
  expect(told(compareGraphs(graph("%a"), graph("%relu"))).changed).toEqual([["y>y", "reads b,a>b,relu"]]);
});

test("inputs and outputs that came, went, or have another name or type are told", () => {
  const before = parseGraph("net(x: float32[N, 4], z: float32[N, 4]) -> (y: float32[N, 4]) {\n  %y = Add(x, z) : float32[N, 4]\n}");
  const after = parseGraph(
    "net(x: float32[N, 8]) -> (y: float32[N, 8], w: float32[N, 8]) {\n  %y = Relu(x) : float32[N, 8]\n  %w = Neg(x) : float32[N, 8]\n}",
  );
  const ports = compareGraphs(before, after).ports.map(({ what, name, type }) => [
    what,
    name.before,
    name.after,
    type.before?.shape ?? null,
    type.after?.shape ?? null,
  ]);
  expect(ports).toEqual([
    ["input", "x", "x", ["N", 4], ["N", 8]],
    ["input", "z", null, ["N", 4], null],
    ["output", "y", "y", ["N", 4], ["N", 8]],
    ["output", null, "w", null, ["N", 8]],
  ]);
});

test("the difference of tensors counts from the larger, takes halves as numbers, and NaN as no number", () => {
  const of = (values: readonly number[], dtype: "float32" | "float16" = "float32") => tensorFrom(dtype, [values.length], values);
  expect(differenceOf(of([1, -4, 2]), of([1, -3, 2.5]))).toEqual({ absolute: 1, relative: 0.25, at: 1 });
  expect(differenceOf(of([1, 2]), of([1, 2.5], "float16"))).toEqual({ absolute: 0.5, relative: 0.25, at: 1 });
  expect(differenceOf(of([Number.NaN, 1]), of([Number.NaN, 1]))).toEqual({ absolute: 0, relative: 0, at: 0 });
  expect(differenceOf(of([1, 1]), of([1, Number.NaN]))).toEqual({ absolute: Infinity, relative: Infinity, at: 1 });
});

const ops = ["Relu", "Sigmoid", "Neg", "Exp", "Abs"] as const;
/** A random graph of ops on one or two earlier values, and its text with other names. */
const graphs = fc
  .array(fc.record({ op: fc.constantFrom(...ops), from: fc.nat(), with: fc.option(fc.nat(), { nil: null }) }), {
    minLength: 1,
    maxLength: 24,
  })
  .map((steps) => (prefix: string): Graph => {
    const names = ["x"];
    const lines = steps.map((step, i) => {
      const pick = (n: number): string => names[n % names.length] ?? "x";
      const call = step.with === null ? `${step.op}(${pick(step.from)})` : `Add(${pick(step.from)}, ${pick(step.with)})`;
      names.push(`%${prefix}${i}`);
      return `  %${prefix}${i} = ${call} : float32[1, 2, 8, 8]`;
    });
    return chain(lines, names.at(-1) ?? "x");
  });

test("property: a graph whose names all changed is the same graph with other names", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const [before, after] = [graph("before."), graph("after.")];
      const { added, removed, changed } = compareGraphs(before, after);
      expect([added, removed]).toEqual([[], []]);
      expect(changed.filter((change) => change.op !== null || change.attributes.length > 0)).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

test("property: nodes are paired once at most, and a graph with itself by every node", () => {
  fc.assert(
    fc.property(graphs, graphs, (one, other) => {
      const pairs = matchNodes(one("n"), other("m"));
      expect(new Set(pairs.values()).size).toBe(pairs.size);
      const graph = one("n");
      expect([...matchNodes(graph, graph)].every(([a, b]) => a === b)).toBe(true);
    }),
    { numRuns: 150 },
  );
});
