import { expect, test } from "vitest";
import { parseGraph } from "../../src/ir/parse-text.ts";
import { printGraph } from "../../src/ir/print.ts";
import { toFloat16 } from "../../src/passes/index.ts";
import { expectSameOutputs, feedsFor, run } from "./same-outputs.ts";

const graph = parseGraph(`
  G(x: float32[N, 1, 4, 4]) -> (y: float32[N, 2]) {
    w = float32[2, 1, 3, 3] {1, 0, -1, 2, 0, -2, 1, 0, -1, 0, 1, 0, 1, -4, 1, 0, 1, 0}
    high = float32[] {6}
    low = float32[] {0}
    axes = int64[2] {2, 3}
    scales = float32[4] {1, 1, 2, 2}
    %conv = Conv(x, w) : float32[N, 2, 2, 2]
    %clip = Clip(%conv, low, high) : float32[N, 2, 2, 2]
    %up = Resize(%clip, _, scales) {mode = "nearest"} : float32[N, 2, 4, 4]
    %y = ReduceMean(%up, axes) {keepdims = 0} : float32[N, 2]
  }`);
/** Eleven bits in sums of nine products. */
const half = { rtol: 1e-2, atol: 1e-2 };
const text = (options: Parameters<typeof toFloat16>[1]): string => printGraph(toFloat16(graph, options).graph, { weights: "small" });

test("arithmetic goes to float16, and inputs and outputs stay what they were", async () => {
  const after = toFloat16(graph, { opset: 18 });
  expect(
    printGraph(after.graph)
      .split("\n")
      .filter((line) => line.includes("%")),
  ).toEqual([
    "  %x/to_float16 = Cast(x) {to = 10} : float16[N, 1, 4, 4]",
    "  %conv = Conv(%x/to_float16, w) : float16[N, 2, 2, 2]",
    "  %clip = Clip(%conv, low, high) : float16[N, 2, 2, 2]",
    "  %up = Resize(%clip, _, scales) : float16[N, 2, 4, 4]",
    '  %y.float16 = ReduceMean "y"(%up, axes) {keepdims = 0} : float16[N, 2]',
    '  %y = Cast "y/to_float32"(%y.float16) {to = 1} : float32[N, 2]',
  ]);
  expect([...after.graph.initializers.keys()].map(({ name, type }) => `${name} ${type.dtype}`)).toEqual([
    "w float16",
    "low float16",
    "high float16",
    // Resize takes its scales in float32 alone.
    "scales float32",
    "axes int64",
  ]);
  await expectSameOutputs(graph, after.graph, half, { sizes: { N: 2 } });
});

test("inputs and outputs are float16 where that is asked for", async () => {
  const after = toFloat16(graph, { opset: 18, io: "float16" }).graph;
  expect([...after.inputs, ...after.outputs].map(({ type }) => type.dtype)).toEqual(["float16", "float16"]);
  expect(after.nodes.map((node) => node.opType)).toEqual(["Conv", "Clip", "Resize", "ReduceMean"]);
  const outputs = await run(after, feedsFor(after, { N: 2 }));
  expect(outputs.get("y")?.dtype).toBe("float16");
});

test("what is on the list stays in float32, between casts", async () => {
  const after = toFloat16(graph, { opset: 18, keep: (node) => node.opType === "ReduceMean" });
  expect(after.skipped.map(({ node, reason }) => `${node}: ${reason}`)).toEqual(["y: it is on the list of what stays in float32"]);
  expect(after.graph.nodes.map((node) => node.opType)).toEqual(["Cast", "Conv", "Clip", "Resize", "Cast", "ReduceMean"]);
  await expectSameOutputs(graph, after.graph, half, { sizes: { N: 2 } });
});

test("a constant past the end of float16 keeps its node in float32", async () => {
  const wide = parseGraph(`
    G(x: float32[N]) -> (y: float32[N]) {
      million = float32[] {1e6}
      %a = Mul(x, million) : float32[N]
      %y = Div(%a, million) : float32[N]
    }`);
  const { graph: after, skipped } = toFloat16(wide, { opset: 18 });
  expect(skipped.map(({ node, reason }) => `${node}: ${reason}`)).toEqual([
    'a: "million" holds 1000000, and float16 ends at 65504',
    'y: "million" holds 1000000, and float16 ends at 65504',
  ]);
  await expectSameOutputs(wide, after, { rtol: 0, atol: 0 }, { sizes: { N: 3 } });
});

test("the same graph gives the same text", () => {
  expect(text({ opset: 18 })).toBe(text({ opset: 18 }));
});
