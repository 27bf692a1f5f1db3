import { describe, expect, test } from "vitest";
import { mobilenetV2 } from "../../../models/mobilenet-v2.ts";
import { resnet18 } from "../../../models/resnet.ts";
import { vit } from "../../../models/vit.ts";
import { parseModel, writeModel } from "../../../src/codegen/index.ts";
import { buildInference, type CompileOptions } from "../../../src/compile/index.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Target } from "../../../src/ir/op-schema.ts";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { printGraph } from "../../../src/ir/print.ts";
import { verify } from "../../../src/ir/verify.ts";
import { fuseForTarget, lower } from "../../../src/passes/index.ts";
import { difference } from "../../support/compare.ts";
import { runModel } from "../../support/onnxruntime.ts";
import { feedsFor } from "../same-outputs.ts";

const cpu: Target = { opset: 18, provider: "onnxruntime-cpu" };
const cuda: Target = { opset: 18, provider: "onnxruntime-cuda" };
const opTypes = (graph: Graph): readonly string[] => graph.nodes.map(({ opType }) => opType);

const weights = `
  w = float32[4, 4, 3, 3] {${Array.from({ length: 144 }, (_, i) => ((i * 31) % 19) / 19 - 0.5).join(", ")}}
  s = float32[4, 1, 1] {1, -2, 0.5, 3}`;
const image = "float32[N, 4, 6, 5]";
const of = (body: string, outputs = `y: ${image}`): string => `G(x: ${image}, z: ${image}) -> (${outputs}) {${weights}\n${body}\n}`;
const conv = (name: string, x: string): string => `  %${name} = Conv(${x}, w) {pads = [1, 1, 1, 1]} : ${image}\n`;
const tokens = "float32[N, 3, 8]";

/** Expects the ops that the pass leaves, and outputs within the rounding of kernels that add in another order. */
async function expectFused(text: string, expected: readonly string[], target: Target = cpu): Promise<Graph> {
  const before = lower(parseGraph(text), target);
  const { graph } = fuseForTarget(target)(before);
  expect(verify(graph)).toEqual([]);
  expect(opTypes(graph)).toEqual(expected);
  expect(fuseForTarget(target)(graph).graph).toBe(graph);
  expect(lower(graph, target)).toBe(graph);
  const feeds = feedsFor(before, { N: 2 });
  const [there, here] = [before, graph].map((g) => runModel(writeModel(g, { opset: target.opset }), feeds));
  const [wanted, actual] = [await there, await here];
  for (const [name, tensor] of wanted ?? []) expect(difference(name, actual?.get(name), tensor, { rtol: 1e-5, atol: 1e-5 })).toBeNull();
  return graph;
}
const refusals = (text: string, target: Target = cpu, before: Graph = lower(parseGraph(text), target)): readonly string[] => {
  const { graph, skipped } = fuseForTarget(target)(before);
  expect(graph).toBe(before);
  return skipped.map(({ node, reason }) => `${node}: ${reason}`);
};

test.each<readonly [string, string, readonly string[]]>([
  ["an activation", of(`${conv("c", "x")}  %y = Relu(c) : ${image}`), ["FusedConv"]],
  ["an activation with numbers", of(`${conv("c", "x")}  %y = LeakyRelu(c) {alpha = 0.2} : ${image}`), ["FusedConv"]],
  ["a range", of(`  a = float32[] {-0.5}\n  e = float32[] {1}\n${conv("c", "x")}  %y = Clip(c, a, e) : ${image}`), ["FusedConv"]],
  ["a range from zero on", of(`  a = float32[] {0}\n${conv("c", "x")}  %y = Clip(c, a) : ${image}`), ["FusedConv"]],
  ["a sum", of(`${conv("c", "x")}  %y = Add(z, c) : ${image}`), ["FusedConv"]],
  ["a sum and its activation", of(`${conv("c", "x")}  %d = Add(c, z) : ${image}\n  %y = Sigmoid(d) : ${image}`), ["FusedConv"]],
  [
    "one of two summands",
    of(`${conv("c", "x")}${conv("d", "z")}  %e = Add(c, d) : ${image}\n  %y = Tanh(e) : ${image}`),
    ["Conv", "FusedConv"],
  ],
  ["the summand that is read once", of(`${conv("c", "x")}${conv("d", "c")}  %y = Add(c, d) : ${image}`), ["Conv", "FusedConv"]],
  ["a swish", of(`  %c = Sigmoid(x) : ${image}\n  %y = Mul(c, x) : ${image}`), ["QuickGelu"]],
  [
    "a swish with a factor",
    of(`  a = float32[] {1.702}\n  %b = Mul(x, a) : ${image}\n  %c = Sigmoid(b) : ${image}\n  %y = Mul(x, c) : ${image}`),
    ["QuickGelu"],
  ],
  [
    "a gelu behind a bias",
    `G(x: ${tokens}) -> (y: ${tokens}) {\n  b = float32[8] {1, 2, 3, 4, -5, 6, 7, 8}\n  %a = Add(b, x) : ${tokens}\n  %y = Gelu(a) : ${tokens}\n}`,
    ["BiasGelu"],
  ],
  [
    "attention of heads side by side",
    `G(x: ${tokens}) -> (y: ${tokens}) {\n  %y = Attention(x, x, x) {q_num_heads = 2, kv_num_heads = 2, scale = 0.3} : ${tokens}\n}`,
    ["MultiHeadAttention"],
  ],
  [
    "attention with a mask",
    `G(x: ${tokens}) -> (y: ${tokens}) {\n  m = float32[1, 1, 3, 3] {0, -9, 0, 1, 0, -9, 0, 0, 2}\n  %y = Attention(x, x, x, m) {q_num_heads = 2, kv_num_heads = 2} : ${tokens}\n}`,
    ["MultiHeadAttention"],
  ],
])("on the CPU, %s is fused", async (_, text, expected) => {
  await expectFused(text, expected);
});

test("what is fused keeps the names of its outputs, and its numbers", async () => {
  const graph = await expectFused(
    of(`  a = float32[] {-0.5}\n  e = float32[] {1}\n${conv("c", "x")}  %d = Add(c, z) : ${image}\n  %y = Clip(d, a, e) : ${image}`),
    ["FusedConv"],
  );
  const [node] = graph.nodes;
  expect(node?.attributes).toMatchObject({ activation: "Clip", activation_params: [-0.5, 1], pads: [1, 1, 1, 1] });
  expect([node?.name, node?.outputs.map((v) => v?.name)]).toEqual(["c", ["y"]]);
});

test("what stands in the way is told", () => {
  expect(refusals(of(`${conv("c", "x")}  %y = Relu(c) : ${image}`, `y: ${image}, c: ${image}`))).toEqual([
    'y: the output of Conv "c" is an output of the graph',
  ]);
  expect(refusals(of(`${conv("c", "x")}  %y = Add(c, s) : ${image}`))).toEqual(['y: "s" is not of the convolution\'s shape']);
  expect(refusals(of(`  a = float32[] {1}\n${conv("c", "x")}  %y = Clip(c, a) : ${image}`))).toEqual([
    "y: its bounds are not two known numbers",
  ]);
  expect(
    refusals(
      "G(x: float32[N, 2, 5]) -> (y: float32[N, 2, 5]) {\n  w = float32[2, 2, 1] {1, 2, 3, 4}\n  %c = Conv(x, w) : float32[N, 2, 5]\n  %y = Relu(c) : float32[N, 2, 5]\n}",
    ),
  ).toEqual(["y: it has 3 axes, and FusedConv was measured with 4"]);
  expect(
    refusals(
      `G(x: ${tokens}, b: float32[8]) -> (y: ${tokens}) {\n  %a = Add(x, b) : ${tokens}\n  %y = Gelu(a) {approximate = "tanh"} : ${tokens}\n}`,
      { ...cpu, opset: 20 },
    ),
  ).toEqual(["y: BiasGelu is by erf, and this Gelu by a tanh"]);
  const attention = (attributes: string, mask = ""): string =>
    `G(x: ${tokens}${mask === "" ? "" : `, m: ${mask}`}) -> (y: ${tokens}) {\n  %y = Attention(x, x, x${mask === "" ? "" : ", m"}) {q_num_heads = 2, kv_num_heads = 2${attributes}} : ${tokens}\n}`;

  const whole = (text: string, target: Target = cpu) => refusals(text, target, parseGraph(text));
  expect(whole(attention(", softcap = 2"))).toEqual(["y: its scores are capped"]);
  expect(whole(attention("", "bool[N, 1, 3, 3]"))).toEqual(["y: its mask is of bool, and what is added to scores is of float32"]);
  expect(whole(attention("", "float32[3, 3]"))).toEqual(["y: its mask is not of [batch, heads, queries, keys]"]);
  expect(whole(attention("", "float32[N, 2, 3, 3]"))).toEqual(["y: its mask may hide all keys of a query"]);
  expect(whole(attention(""), { ...cpu, opset: 23 })).toEqual(["y: ai.onnx has Attention in opset 23"]);
});

test("each target fuses what its provider has kernels of", async () => {
  const range = of(`  a = float32[] {0}\n  e = float32[] {6}\n${conv("c", "x")}  %y = Clip(c, a, e) : ${image}`);
  expect(refusals(range, cuda)).toEqual(["y: the FusedConv of onnxruntime-cuda takes no Clip"]);
  await expectFused(of(`${conv("c", "x")}  %d = Add(c, z) : ${image}\n  %y = Relu(d) : ${image}`), ["FusedConv"], cuda);
  expect(refusals(of(`${conv("c", "x")}  %y = Add(c, z) : ${image}`), cuda)).toEqual([
    "y: the FusedConv of onnxruntime-cuda takes a sum with an activation behind it alone",
  ]);
  const half = of(`${conv("c", "x")}  %y = Relu(c) : ${image}`).replaceAll("float32", "float16");
  expect(refusals(half)).toEqual(["y: onnxruntime-cpu has no FusedConv of float16"]);
  expect(refusals(half, cuda)).toEqual(["y: onnxruntime-cuda has no FusedConv of float16"]);
  const swish = of(`  %c = Sigmoid(x) : ${image}\n  %y = Mul(c, x) : ${image}`).replaceAll("float32", "float16");
  expect(refusals(swish)).toEqual(["y: onnxruntime-cpu has no QuickGelu of float16"]);
  await expectFused(swish, ["QuickGelu"], cuda);
});

test("a fused convolution that CUDA's kernel fails on is never left there", () => {
  const graph = parseGraph(of(`${conv("c", "x")}  %d = Add(c, z) : ${image}\n  %y = Relu(d) : ${image}`));
  const only = fuseForTarget(cuda)(graph, { accept: ({ rule }) => rule === "fuse-conv-sum" });
  expect(opTypes(only.graph)).toEqual(["Conv", "Add", "Relu"]);
  const read = parseGraph(of(`  %y = FusedConv(x, w, _, z) {pads = [1, 1, 1, 1]} : ${image}`));
  expect([opTypes(lower(read, cuda)), opTypes(lower(read, cpu))]).toEqual([["Conv", "Add"], ["FusedConv"]]);
});

test("a change that is not accepted is not made", () => {
  const graph = parseGraph(of(`${conv("c", "x")}  %d = Add(c, z) : ${image}\n  %y = Relu(d) : ${image}`));
  const only = fuseForTarget(cpu)(graph, { accept: ({ rule }) => rule === "fuse-conv-sum" });
  expect([only.applied.map(({ rule }) => rule), opTypes(only.graph)]).toEqual([["fuse-conv-sum"], ["FusedConv", "Relu"]]);
});

describe("whole models", () => {
  const models: Readonly<
    Record<string, readonly [Parameters<typeof buildInference>[0], CompileOptions, Readonly<Record<string, number>>]>
  > = {
    "ResNet-18": [
      resnet18({ numClasses: 10 }),
      { shapes: { input: ["N", 3, 64, 64] } },
      { FusedConv: 17, Conv: 3, MaxPool: 1, GlobalAveragePool: 1, Flatten: 1, Gemm: 1 },
    ],
    MobileNetV2: [
      mobilenetV2({ numClasses: 10 }),
      { shapes: { input: ["N", 3, 64, 64] } },
      { FusedConv: 45, Conv: 7, GlobalAveragePool: 1, Flatten: 1, Gemm: 1 },
    ],
    ViT: [
      vit({ numClasses: 10, imageSize: 32, patchSize: 8, numLayers: 2, numHeads: 4, hiddenDim: 32, mlpDim: 64 }),
      {},
      { MultiHeadAttention: 2, BiasGelu: 2 },
    ],
  };
  test.each(Object.entries(models))("%s computes the same, and is read back as it was written", async (_, [model, options, counts]) => {
    const [portable, fused] = (["portable", "onnxruntime-cpu"] as const).map((provider) => buildInference(model, { ...options, provider }));
    if (portable === undefined || fused === undefined) throw new Error("not built");
    const count = (opType: string): number => opTypes(fused.graph).filter((op) => op === opType).length;
    expect(Object.fromEntries(Object.keys(counts).map((op) => [op, count(op)]))).toEqual(counts);
    const feeds = feedsFor(portable.graph, { N: 2 });
    const bytes = writeModel(fused.graph, { opset: 18 });
    const [wanted, actual] = [await runModel(writeModel(portable.graph, { opset: 18 }), feeds), await runModel(bytes, feeds)];
    // Some fifty layers, each with sums in another order.
    for (const [name, tensor] of wanted) expect(difference(name, actual.get(name), tensor, { rtol: 1e-3, atol: 1e-4 })).toBeNull();
    const read = parseModel(bytes).graph;
    expect(printGraph(read)).toBe(printGraph(fused.graph));
    // Compiled again for every runtime, the file has the parts, and all passes have seen them.
    const again = buildInference(read, { opset: 18 });
    expect(opTypes(again.graph).toSorted()).toEqual(opTypes(portable.graph).toSorted());
  });
});
