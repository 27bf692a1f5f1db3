import { describe, expect, test } from "vitest";
import { decodeModel, encodeModel, parseModel, writeModel } from "../../../src/codegen/index.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { isMicrosoftOp } from "../../../src/ir/microsoft-ops.ts";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { printGraph } from "../../../src/ir/print.ts";
import { cost, lower, receptiveField } from "../../../src/passes/index.ts";
import { feedsFor } from "../../passes/same-outputs.ts";
import { expectGradient, type GradientCheck, randomTensor } from "../../support/check-gradient.ts";
import { difference } from "../../support/compare.ts";
import { runModel } from "../../support/onnxruntime.ts";

const image = "float32[N, 4, 9, 7]";
const conv = (attributes: string, inputs = "x, w", more = ""): string => `
G(x: ${image}, z: float32[N, 6, 5, 4]) -> (y: float32[N, 6, 5, 4]) {
  w = float32[6, 2, 3, 3] {${Array.from({ length: 108 }, (_, i) => ((i * 37) % 23) / 23 - 0.5).join(", ")}}
  b = float32[6] {0.5, -1, 2, 0, -0.25, 1}${more}
  %y = FusedConv(${inputs}) {group = 2, pads = [1, 1, 1, 1], strides = [2, 2]${attributes}} : float32[N, 6, 5, 4]
}`;
const heads = (attributes: string, inputs = "q, k, v", more = ""): string => `
G(q: float32[N, 5, 8], k: float32[N, 7, 8], v: float32[N, 7, 4]) -> (y: float32[N, 5, 4]) {${more}
  %y = MultiHeadAttention(${inputs}) {num_heads = 2${attributes}} : float32[N, 5, 4]
}`;
const numbers = (n: number): string => Array.from({ length: n }, (_, i) => ((i * 29) % 17) / 8 - 1).join(", ");
const graphs: Readonly<Record<string, string>> = {
  "FusedConv without activation": conv(""),
  "FusedConv with Relu": conv(', activation = "Relu"', "x, w, b"),
  "FusedConv with Z": conv("", "x, w, b, z"),
  "FusedConv with Z, no bias, and Tanh": conv(', activation = "Tanh"', "x, w, _, z"),
  "FusedConv with Sigmoid": conv(', activation = "Sigmoid"'),
  "FusedConv with LeakyRelu": conv(', activation = "LeakyRelu", activation_params = [0.25]', "x, w, b, z"),
  "FusedConv with Clip": conv(', activation = "Clip", activation_params = [-0.5, 0.75]'),
  "FusedConv with HardSigmoid": conv(', activation = "HardSigmoid", activation_params = [0.3, 0.4]'),
  BiasGelu: `G(x: float32[N, 3, 4]) -> (y: float32[N, 3, 4]) {\n b = float32[4] {1, -1, 0.5, 3}\n %y = BiasGelu(x, b) : float32[N, 3, 4]\n}`,
  QuickGelu: `G(x: float32[N, 3, 4]) -> (y: float32[N, 3, 4]) {\n %y = QuickGelu(x) : float32[N, 3, 4]\n}`,
  "QuickGelu with alpha": `G(x: float32[N, 3, 4]) -> (y: float32[N, 3, 4]) {\n %y = QuickGelu(x) {alpha = 1} : float32[N, 3, 4]\n}`,
  MultiHeadAttention: heads(""),
  "MultiHeadAttention with a scale": heads(", scale = 0.3"),
  "MultiHeadAttention with a bias": heads("", "q, k, v, b", `\n  b = float32[20] {${numbers(20)}}`),
  "MultiHeadAttention with a bias of the scores": heads("", "q, k, v, _, _, m", `\n  m = float32[1, 2, 5, 7] {${numbers(70)}}`),
  "causal MultiHeadAttention": `
G(q: float32[N, 5, 8]) -> (y: float32[N, 5, 8]) {
  %y = MultiHeadAttention(q, q, q) {num_heads = 2, unidirectional = 1} : float32[N, 5, 8]
}`,
};

describe.each(Object.entries(graphs))("%s", (_, text) => {
  const graph = parseGraph(text);

  test("computes what its parts do, in every opset", async () => {
    const feeds = feedsFor(graph, { N: 2 });
    const kept = lower(graph, { opset: 18, provider: "onnxruntime-cpu" });
    expect(kept).toBe(graph);
    const expected = (await runModel(writeModel(kept, { opset: 18 }), feeds)).get("y");
    if (expected === undefined) throw new Error("no output y");
    for (const opset of [13, 18, 20, 23, 24]) {
      for (const provider of ["portable", "browser"] as const) {
        const parts = lower(graph, { opset, provider });
        expect(parts.nodes.filter(({ opType }) => isMicrosoftOp(opType))).toEqual([]);
        const actual = (await runModel(writeModel(parts, { opset }), feeds)).get("y");
        // One kernel and its parts round some ten times, in another order.
        expect(difference(`opset ${opset}`, actual, expected, { rtol: 1e-5, atol: 1e-5 })).toBeNull();
      }
    }
  });

  test("is written and read again", () => {
    const bytes = writeModel(graph, { opset: 18 });
    expect(printGraph(parseModel(bytes).graph, { locations: false })).toBe(printGraph(graph, { locations: false }));
    expect(writeModel(parseModel(bytes).graph, { opset: 18 })).toEqual(bytes);
  });

  test("costs what its parts cost", () => {
    expect(cost(graph).macs).toEqual(cost(lower(graph, { opset: 24, provider: "portable" })).macs);
  });
});

test("the other work of fused ops is that of their parts, activations and sums included", () => {
  const otherOf = (text: string, opset: number): readonly unknown[] => {
    const graph = parseGraph(text);
    return [cost(graph).other, cost(lower(graph, { opset, provider: "portable" })).other];
  };
  const [relu, reluParts] = otherOf(conv(', activation = "Relu"', "x, w, b, z"), 24);
  expect(relu).toEqual(reluParts);
  expect(relu).toBe("360*N");
});

test("a fused convolution sees what the convolution sees, and Z where it is", () => {
  const graph = parseGraph(conv(', activation = "Relu"', "x, w, b, z"));
  const parts = lower(graph, { opset: 18, provider: "portable" });
  const fields = (g: Graph) => g.inputs.map((input) => g.outputs.map((y) => receptiveField(g, y, input)));
  expect(fields(graph)).toEqual(fields(parts));
});

test("attention sees its own query, and every key and value", () => {
  const graph = parseGraph(heads("", "q, k, v, _, _, m", `\n  m = float32[1, 1, 5, 7] {${numbers(35)}}`));
  const parts = lower(graph, { opset: 24, provider: "portable" });
  const fields = (g: Graph) => g.inputs.map((input) => g.outputs.map((y) => receptiveField(g, y, input)));
  expect(fields(graph)).toEqual(fields(parts));
});

const weights = randomTensor(3, "float32", [4, 2, 3, 3]);
// The step is as good as float32 allows: a sum of a few hundred terms, each rounded to 6e-8 of its size.
test.each<readonly [string, GradientCheck]>([
  [
    "FusedConv",
    {
      inputs: [{ data: randomTensor(1, "float32", [2, 4, 5, 5]) }, { data: weights }, { data: randomTensor(2, "float32", [2, 4, 5, 5]) }],
      build: (b, [x = null, w = null, z = null]) =>
        b.add("FusedConv", [x, w, null, z], { group: 2, pads: [1, 1, 1, 1], activation: "Sigmoid" }),
      step: 0.05,
      tolerance: 0.01,
    },
  ],
  [
    "BiasGelu",
    {
      inputs: [{ data: randomTensor(1, "float32", [2, 3, 4]) }, { data: randomTensor(2, "float32", [4]) }],
      build: (b, inputs) => b.add("BiasGelu", inputs),
      step: 0.02,
      tolerance: 0.005,
    },
  ],
  [
    "QuickGelu",
    {
      inputs: [{ data: randomTensor(1, "float32", [2, 3, 4]) }],
      build: (b, inputs) => b.add("QuickGelu", inputs),
      step: 0.02,
      tolerance: 0.005,
    },
  ],
  [
    "MultiHeadAttention",
    {
      inputs: [1, 2, 3].map((seed) => ({ data: randomTensor(seed, "float32", [2, 3, 4], -1, 1) })),
      build: (b, inputs) => b.add("MultiHeadAttention", inputs, { num_heads: 2 }),
      step: 0.02,
      tolerance: 0.005,
    },
  ],
])("the gradient of %s is that of its parts", async (_, check) => {
  await expectGradient(check);
});

test.each<readonly [string, string]>([
  [conv(', activation = "Selu"'), '"activation" is "Selu", wanted "Relu", "Sigmoid", "Tanh", "LeakyRelu", "Clip", "HardSigmoid"'],
  [conv(', activation = "Clip", activation_params = [1]'), '"activation_params" has 1 numbers, and Clip takes 2'],
  [conv("", "x, w, b, x"), "Z is float32[N, 4, 9, 7], but the convolution gives float32[N, 6, 5, 4]"],
  [heads("", "q, v, k"), "the queries have 8 features, and the keys 4"],
  [heads("", "q"), "query, key and value are float32[N, 5, 8], left out, left out, and striate reads those of [batch, length, width]"],
  [heads("", "q, k, v").replace("num_heads = 2", "num_heads = 3"), "3 heads do not divide 8 features"],
  [heads("", "q, k, v, _, p", "\n  p = int32[1] {3}"), 'striate reads MultiHeadAttention without "key_padding_mask"'],
  [
    heads(
      "",
      "q, k, v, _, _, m",
      "\n  m = float32[5, 1, 5, 1] {1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5}",
    ),
    "attention_bias is float32[5, 1, 5, 1], wanted [N, 2, 5, 7], the first two axes 1 or as they are",
  ],
  [
    "G(x: float32[3, 4]) -> (y: float32[3, 4]) {\n b = float32[3] {1, 2, 3}\n %y = BiasGelu(x, b) : float32[3, 4]\n}",
    "B is float32[3], wanted a number for each element of the last axis of A, float32[3, 4]",
  ],
])("%# tells what a fused op does not take", (text, message) => {
  expect(() => parseGraph(text)).toThrow(message);
});

test("an op is known by its domain too", () => {
  const model = decodeModel(writeModel(parseGraph(graphs["QuickGelu"] ?? ""), { opset: 18 }));
  const within = (domain: string, opType: string): Uint8Array =>
    encodeModel({ ...model, graph: { ...model.graph, node: (model.graph?.node ?? []).map((node) => ({ ...node, domain, opType })) } });
  expect(parseModel(within("com.microsoft", "QuickGelu")).graph.nodes.map(({ opType }) => opType)).toEqual(["QuickGelu"]);
  for (const [domain, opType, name] of [
    ["", "QuickGelu", "QuickGelu"],
    ["com.microsoft", "Relu", "com.microsoft::Relu"],
    ["striate", "ConvInputGrad", "striate::ConvInputGrad"],
    ["com.example", "QuickGelu", "com.example::QuickGelu"],
  ] as const)
    expect(() => parseModel(within(domain, opType))).toThrow(`the graph uses ops that striate does not know: ${name} (1)`);
});
