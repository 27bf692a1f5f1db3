import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { removeIdentities } from "../../../src/passes/index.ts";
import { expectSameOutputs } from "../same-outputs.ts";

const constants = `
      i0 = int64[2] {0, 0}
      neg = int64[2] {-1, -1}
      max = int64[2] {9223372036854775807, 9223372036854775807}
      min = int64[2] {-9223372036854775807, -9223372036854775807}
      axes = int64[2] {0, 1}
      axis = int64[1] {1}
      none = int64[4] {0, 0, 0, 0}
      shift = int64[4] {0, 1, 0, -1}
      shape = int64[2] {2, 3}
      one = float32[] {1}
      ones = float32[3] {1, 1, 1}
      zero = float32[1, 1] {0}
      no = bool[] {0}
      yes = bool[2, 3] {1, 1, 1, 1, 1, 1}
      r = float32[] {0.5}
      roi = float32[0] {}
      scales = float32[2] {1, 1}`;

/** A node between two others, so that it is free to go. */
const around = (node: string): string => `
    G(x: float32[2, 3]) -> (y: float32[2, 3]) {${constants}
      %a = Neg(x) : float32[2, 3]
      %b = ${node} : float32[2, 3]
      %y = Abs(%b) : float32[2, 3]
    }`;

test.each([
  "Identity(%a)",
  "Dropout(%a)",
  "Dropout(%a, r, no)",
  "Mul(%a, one)",
  "Mul(ones, %a)",
  "Div(%a, ones)",
  "Add(%a, zero)",
  "Add(zero, %a)",
  "Sub(%a, zero)",
  "Pow(%a, one)",
  "Where(yes, %a, x)",
  "Reshape(%a, shape)",
  "Transpose(%a) {perm = [0, 1]}",
  "Cast(%a) {to = 1}",
  "Expand(%a, shape)",
  "Slice(%a, i0, max, axes)",
  "Pad(%a, none)",
  "Concat(%a) {axis = 0}",
  "Sum(%a)",
  "Max(%a)",
  "Clip(%a)",
  "Flatten(%a)",
  "Resize(%a, roi, scales)",
  "Split(%a) {axis = 0, num_outputs = 1}",
])("%s gives back what it is given", async (node) => {
  const before = parseGraph(around(node));
  const { graph, applied } = removeIdentities(before);
  expect(graph.nodes.map((n) => n.opType)).toEqual(["Neg", "Abs"]);
  expect(applied.map((a) => a.node)).toEqual(["b"]);
  await expectSameOutputs(before, graph, { rtol: 0, atol: 0 });
});

test.each(["Slice(%a, neg, min, axes, neg)", "Pad(%a, shift)", "Sub(zero, %a)", "Div(ones, %a)", "Where(yes, x, %a)"])(
  "%s looks like an identity and is none",
  async (node) => {
    const before = parseGraph(around(node));
    const { graph } = removeIdentities(before);
    if (node.startsWith("Where")) expect(graph.nodes.map((n) => n.inputs[0]?.name)).toEqual(["x", "x"]);
    else expect(graph).toBe(before);
    await expectSameOutputs(before, graph, { rtol: 0, atol: 0 });
  },
);

test("a product with ones that broadcasts stays, and says so", () => {
  const before = parseGraph(`
    G(x: float32[1, 3]) -> (y: float32[5, 3]) {
      ones = float32[5, 1] {1, 1, 1, 1, 1}
      %a = Neg(x) : float32[1, 3]
      %y = Mul(%a, ones) : float32[5, 3]
    }`);
  const { graph, skipped } = removeIdentities(before);
  expect(graph).toBe(before);
  expect(skipped.map(({ node, reason }) => `${node}: ${reason}`)).toEqual(['y: the constant broadcasts "a" to the shape of "y"']);
});

test("symbolic sizes are identities where they are the same sizes", async () => {
  const before = parseGraph(`
    G(x: float32[N, 4]) -> (y: float32[N, 4]) {
      shape = int64[2] {0, -1}
      start = int64[1] {0}
      end = int64[1] {9223372036854775807}
      %a = Reshape(x, shape) : float32[N, 4]
      %b = Slice(%a, start, end) : float32[N, 4]
      %y = Neg(%b) : float32[N, 4]
    }`);
  const { graph } = removeIdentities(before);
  expect(graph.nodes.map((n) => n.opType)).toEqual(["Neg"]);
  await expectSameOutputs(before, graph, { rtol: 0, atol: 0 }, { sizes: { N: 3 } });
});

test("dropout whose mask is read, or that trains, stays with its reason", () => {
  const before = parseGraph(`
    G(x: float32[2], r: float32[], t: bool[]) -> (z: float32[2], m: bool[2]) {
      %y, %mask = Dropout "mask"(x) : float32[2], bool[2]
      %m = Not(%mask) : bool[2]
      %z = Dropout(%y, r, t) : float32[2]
    }`);
  const { graph, skipped } = removeIdentities(before);
  expect(graph).toBe(before);
  expect(skipped.map(({ node, reason }) => `${node}: ${reason}`)).toEqual([
    "mask: another of its outputs is used",
    "z: it is in training mode",
  ]);
});

test("an output of the graph keeps its name, also where nothing lies between it and an input", async () => {
  const before = parseGraph(`
    G(x: float32[2]) -> (y: float32[2], z: float32[2]) {
      %a = Neg(x) : float32[2]
      %y = Identity(%a) : float32[2]
      %z = Identity(x) : float32[2]
    }`);
  const { graph, skipped } = removeIdentities(before);
  expect(graph.nodes.map((n) => n.opType)).toEqual(["Neg", "Identity"]);
  expect(skipped.map(({ reason }) => reason)).toEqual(['"z" is an output of the graph and "x" has a name of its own to keep']);
  expect(removeIdentities(graph).graph).toBe(graph);
  await expectSameOutputs(before, graph, { rtol: 0, atol: 0 });
});
