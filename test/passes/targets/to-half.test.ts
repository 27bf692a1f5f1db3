import { expect, test } from "vitest";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { printGraph } from "../../../src/ir/print.ts";
import { emulateBfloat16, type HalfOptions, toHalf } from "../../../src/passes/index.ts";
import { expectSameOutputs, feedsFor, run } from "../same-outputs.ts";

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
const float16 = { format: "float16", opset: 18 } as const;
const bfloat16 = { format: "bfloat16", opset: 22, provider: "onnxruntime-cuda" } as const;
const text = (options: HalfOptions): string => printGraph(toHalf(graph, options).graph, { weights: "small" });

test("arithmetic goes to float16, and inputs and outputs stay what they were", async () => {
  const after = toHalf(graph, float16);
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
  const after = toHalf(graph, { ...float16, io: "float16" }).graph;
  expect([...after.inputs, ...after.outputs].map(({ type }) => type.dtype)).toEqual(["float16", "float16"]);
  expect(after.nodes.map((node) => node.opType)).toEqual(["Conv", "Clip", "Resize", "ReduceMean"]);
  const outputs = await run(after, feedsFor(after, { N: 2 }));
  expect(outputs.get("y")?.dtype).toBe("float16");
});

test("what is on the list stays in float32, between casts", async () => {
  const after = toHalf(graph, { ...float16, keep: (node) => node.opType === "ReduceMean" });
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
  const { graph: after, skipped } = toHalf(wide, float16);
  expect(skipped.map(({ node, reason }) => `${node}: ${reason}`)).toEqual([
    'a: "million" holds 1000000, and float16 ends at 65504',
    'y: "million" holds 1000000, and float16 ends at 65504',
  ]);
  await expectSameOutputs(wide, after, { rtol: 0, atol: 0 }, { sizes: { N: 3 } });
});

test("the same graph gives the same text", () => {
  expect(text(float16)).toBe(text(float16));
  expect(text(bfloat16)).toBe(text(bfloat16));
});

test("arithmetic goes to bfloat16 for a device, from the opset on that has it, with constants rounded to even", async () => {
  const { graph: after, skipped } = toHalf(graph, bfloat16);
  expect(skipped).toEqual([]);
  expect(after.nodes.map(({ opType, outputs }) => `${opType} ${outputs[0]?.type.dtype}`)).toEqual([
    ...["Cast bfloat16", "Conv bfloat16", "Clip bfloat16", "Resize bfloat16", "ReduceMean bfloat16", "Cast float32"],
  ]);
  expect([...after.initializers.keys()].map(({ name, type }) => `${name} ${type.dtype}`)).toEqual([
    ...["w bfloat16", "low bfloat16", "high bfloat16", "scales float32", "axes int64"],
  ]);
  // Eight bits in sums of nine products: as the device rounds, but computed in float32 by the CPU, which has no such kernels.
  await expectSameOutputs(graph, emulateBfloat16(after, 22), { rtol: 5e-2, atol: 5e-2 }, { sizes: { N: 2 } });
});

test("what an opset does not have stays in float32, and the reason says which one has it", () => {
  const { graph: after, skipped } = toHalf(graph, { ...bfloat16, opset: 18 });
  expect(skipped.map(({ node, reason }) => `${node}: ${reason}`)).toEqual([
    "conv: Conv takes bfloat16 from opset 22 on: compile with --opset 22",
  ]);
  expect(after.nodes.map((node) => node.opType)).toEqual(["Conv", "Cast", "Clip", "Resize", "ReduceMean", "Cast"]);
  const never = toHalf(
    parseGraph(`G(i: int64[4]) -> (y: float32[4, 2]) {
      depth = int64[] {2}
      values = float32[2] {0, 1}
      %y = OneHot(i, depth, values) : float32[4, 2]
    }`),
    bfloat16,
  );
  expect(never.skipped.map(({ reason }) => reason)).toEqual(["OneHot has no bfloat16 form"]);
});

test("what onnxruntime's CPU provider cannot compute stays in float32, and nothing moves to bfloat16 for nothing", () => {
  const before = parseGraph(`
    G(x: float32[N, 1, 4, 4]) -> (y: float32[N, 16]) {
      %relu = Relu(x) : float32[N, 1, 4, 4]
      %y = Flatten(%relu) : float32[N, 16]
    }`);
  const { graph: after, applied, skipped } = toHalf(before, { ...bfloat16, provider: "portable" });
  expect(applied).toEqual([]);
  expect(skipped.map(({ reason }) => reason)).toEqual([
    "onnxruntime's CPU provider has no bfloat16 kernel of Relu: compile with --target onnxruntime-cuda, and run it there",
  ]);
  expect(printGraph(after)).toBe(printGraph(before));
});

test("constants up to the end of bfloat16 are rounded, and those past it keep their node in float32", () => {
  const of = (number: string) =>
    toHalf(
      parseGraph(
        `G(x: float32[N]) -> (y: float32[N]) { c = float32[2] {1, ${number}} %y = Mul(x, c) : float32[N] }`.replaceAll("[N]", "[2]"),
      ),
      bfloat16,
    );
  expect(of("3.39e38").skipped).toEqual([]);
  expect(of("3.4e38").skipped.map(({ reason }) => reason)).toEqual([`"c" holds ${Math.fround(3.4e38)}, and bfloat16 ends at 3.39e38`]);
});

test("inputs and outputs are bfloat16 where that is asked for, and float32 again where they are emulated", async () => {
  const after = toHalf(graph, { ...bfloat16, io: "bfloat16" }).graph;
  expect([...after.inputs, ...after.outputs].map(({ type }) => type.dtype)).toEqual(["bfloat16", "bfloat16"]);
  expect(after.nodes.map((node) => node.opType)).toEqual(["Conv", "Clip", "Resize", "ReduceMean"]);
  const mixed = toHalf(graph, { ...bfloat16, io: "bfloat16", keep: (node) => node.opType === "ReduceMean" }).graph;
  expect(mixed.nodes.map((node) => node.opType)).toEqual(["Conv", "Clip", "Resize", "Cast", "ReduceMean", "Cast"]);
  // Eight bits in sums of nine products.
  await expectSameOutputs(graph, emulateBfloat16(mixed, 22), { rtol: 5e-2, atol: 5e-2 }, { sizes: { N: 2 } });
  const emulated = emulateBfloat16(after, 22);
  expect([...emulated.inputs, ...emulated.outputs].map(({ name, type }) => `${name} ${type.dtype}`)).toEqual(["x float32", "y float32"]);
  // Eight bits in sums of nine products.
  await expectSameOutputs(graph, emulated, { rtol: 5e-2, atol: 5e-2 }, { sizes: { N: 2 } });
  expect(emulateBfloat16(graph, 22)).toBe(graph);
});
