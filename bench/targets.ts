/**
 * What onnxruntime's fused ops (com.microsoft) are worth on the CPU: whole models with one kind of fusion, or all, beside the same file of
 * ai.onnx alone; then single ops beside their parts, those that striate does not write included. With onnxruntime's own optimisations on,
 * which make many of these themselves, and off.
 *
 * usage: tsx bench/targets.ts [--only PATTERN] [--runs N]
 *
 * Times are CPU times on one thread, which other programs on the machine disturb least. The variants take turns, and the ratio is that of
 * the least times, with that of the medians behind it.
 */
import { parseArgs } from "node:util";
import ort from "onnxruntime-node";
import { mobilenetV2 } from "../models/mobilenet-v2.ts";
import { resnet18, resnet50 } from "../models/resnet.ts";
import { vit } from "../models/vit.ts";
import { encodeModel, writeModel } from "../src/codegen/index.ts";
import { buildInference } from "../src/compile/index.ts";
import type { Graph } from "../src/ir/graph.ts";
import { parseGraph } from "../src/ir/parse-text.ts";
import { eliminateDeadCode, fuseForTarget, rewrite, rewriteRule } from "../src/passes/index.ts";
import { keyOf } from "../src/random/philox.ts";
import { uniformsOf } from "../src/random/stream.ts";

const { values: flags } = parseArgs({ options: { only: { type: "string", default: "" }, runs: { type: "string", default: "21" } } });
const runs = Number(flags.runs);
const wanted = (name: string): boolean => new RegExp(flags.only).test(name);
const levels = ["all", "disabled"] as const;

interface Variant {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** How many nodes are fused. */
  readonly fused: number;
}

const uniform = (name: string, count: number): Float32Array => uniformsOf(keyOf(0, name), -1, 1)(new Float32Array(count));

/** Prints the times of variants beside those of the first. */
async function compare(model: string, variants: readonly Variant[], inputs: Readonly<Record<string, readonly number[]>>): Promise<void> {
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, shape]) => [
      name,
      new ort.Tensor(
        "float32",
        uniform(
          name,
          shape.reduce((a, d) => a * d, 1),
        ),
        shape,
      ),
    ]),
  );
  for (const level of levels) {
    const options = { graphOptimizationLevel: level, intraOpNumThreads: 1, logSeverityLevel: 3 } as const;
    const sessions: ort.InferenceSession[] = [];
    for (const { bytes } of variants) sessions.push(await ort.InferenceSession.create(bytes, options));
    const times = sessions.map((): number[] => []);
    const outputs: Float32Array[] = [];
    for (let run = 0; run <= runs; run++) {
      for (const [i, session] of sessions.entries()) {
        const before = process.cpuUsage();
        const results = await session.run(feeds);
        const { user, system } = process.cpuUsage(before);
        const [y] = Object.values(results);
        if (run > 0) times[i]?.push((user + system) / 1000);
        else if (y?.data instanceof Float32Array) outputs.push(y.data);
      }
    }
    const least = times.map((t) => Math.min(...t));
    const middle = times.map((t) => t.toSorted((a, b) => a - b)[t.length >> 1] ?? 0);
    variants.forEach(({ name, fused }, i) => {
      const ratio = (of: readonly number[]): string => ((of[i] ?? 0) / (of[0] ?? 1)).toFixed(3);
      const cells = [model, level, name, fused, (least[i] ?? 0).toFixed(2), ratio(least), ratio(middle), errorOf(outputs[i], outputs[0])];
      console.log(`| ${cells.join(" | ")} |`);
    });
    for (const session of sessions) await session.release();
  }
}
function errorOf(actual: Float32Array | undefined, expected: Float32Array | undefined): string {
  if (actual === undefined || expected === undefined) return "?";
  const largest = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-30);
  return (actual.reduce((most, v, i) => Math.max(most, Math.abs(v - (expected[i] ?? 0))), 0) / largest).toExponential(1);
}

/** The fusions, each by the names of its rules. */
const fusions: Readonly<Record<string, readonly string[]>> = {
  "FusedConv without Z": ["fuse-conv-activation"],
  "FusedConv with Z": ["fuse-conv-sum", "fuse-conv-activation"],
  BiasGelu: ["fuse-bias-gelu"],
  QuickGelu: ["fuse-swish"],
  MultiHeadAttention: ["fuse-attention"],
  all: ["fuse-conv-sum", "fuse-conv-activation", "fuse-bias-gelu", "fuse-swish", "fuse-attention"],
};
async function compareModel(name: string, graph: Graph, shape: readonly number[], opset = 18): Promise<void> {
  if (!wanted(name)) return;
  const variants: Variant[] = [{ name: "ai.onnx alone", bytes: writeModel(graph, { opset }), fused: 0 }];
  const seen = new Set([""]);
  for (const [fusion, rules] of Object.entries(fusions)) {
    const result = fuseForTarget({ opset, provider: "onnxruntime-cpu" })(graph, { accept: ({ rule }) => rules.includes(rule) });
    // All fusions that a model has may be one kind.
    const changes = result.applied
      .map(({ rule, node }) => `${rule} ${node}`)
      .toSorted()
      .join();
    if (seen.has(changes)) continue;
    seen.add(changes);
    variants.push({ name: fusion, bytes: writeModel(result.graph, { opset }), fused: result.applied.length });
  }
  await compare(name, variants, { [graph.inputs[0]?.name ?? ""]: shape });
}
/** A network with x sigmoid(x) where it has Relu. */
function withSwish(graph: Graph): Graph {
  const rule = rewriteRule("swish", ["Relu"], (node, context) => (b) => {
    const [x] = node.inputs;
    return x === null || x === undefined ? "keep" : [b.add("Mul", [context.value(x), b.add("Sigmoid", [context.value(x)])])];
  });
  return eliminateDeadCode(rewrite(graph, [rule]).graph).graph;
}

console.log("| model | onnxruntime's optimisations | written | fused | ms | ratio | of medians | largest error |");
console.log("|---|---|---|---|---|---|---|---|");
const image = [1, 3, 224, 224];
const portable = (model: Parameters<typeof buildInference>[0], opset = 18): Graph =>
  buildInference(model, { shapes: { input: image }, opset }).graph;
await compareModel("ResNet-18", portable(resnet18()), image);
if (wanted("ResNet-18, swish")) await compareModel("ResNet-18, swish", withSwish(portable(resnet18())), image);
if (wanted("ResNet-50")) await compareModel("ResNet-50", portable(resnet50()), image);
if (wanted("MobileNetV2")) await compareModel("MobileNetV2", portable(mobilenetV2()), image);
for (const opset of [18, 23]) {
  const name = `ViT-B/16, two blocks, opset ${opset}`;
  if (wanted(name)) await compareModel(name, portable(vit({ numLayers: 2 }), opset), image, opset);
}

/** The heads of ViT-B/16 alone, at images of 224 and of 384 pixels, in the parts that lowering gives. */
for (const tokens of [197, 577]) {
  const type = `float32[1, ${tokens}, 768]`;
  const graph = parseGraph(`G(x: ${type}) -> (y: ${type}) {\n  %y = MultiHeadAttention(x, x, x) {num_heads = 12} : ${type}\n}`);
  for (const opset of [18, 23])
    await compareModel(`attention, ${tokens} tokens, opset ${opset}`, buildInference(graph, { opset }).graph, [1, tokens, 768], opset);
}

type Attribute = Readonly<Record<string, number | string | readonly number[]>>;
type Op = readonly [op: string, inputs: readonly string[], output: string, attributes?: Attribute];
interface Candidate {
  readonly name: string;
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly parts: readonly Op[];
  readonly fused: Op;
}
const half = [1, 197, 768];
const wide = [1, 197, 3072];
/** Single ops, at the sizes of a block of ViT-B/16 and of AlexNet's classifier; the last value is the output y. */
const candidates: readonly Candidate[] = [
  { name: "FastGelu", inputs: { x: wide }, parts: [["Gelu", ["x"], "y", { approximate: "tanh" }]], fused: ["FastGelu", ["x"], "y"] },
  {
    name: "FusedGemm, Relu",
    inputs: { x: [1, 4096], w: [4096, 1024], c: [1024] },
    parts: [
      ["Gemm", ["x", "w", "c"], "s"],
      ["Relu", ["s"], "y"],
    ],
    fused: ["FusedGemm", ["x", "w", "c"], "y", { activation: "Relu" }],
  },
  {
    name: "FusedMatMul, transB",
    inputs: { x: [1, 12, 197, 64], w: [1, 12, 197, 64] },
    parts: [
      ["Transpose", ["w"], "t", { perm: [0, 1, 3, 2] }],
      ["MatMul", ["x", "t"], "y"],
    ],
    fused: ["FusedMatMul", ["x", "w"], "y", { transB: 1 }],
  },
  {
    name: "SkipLayerNormalization",
    inputs: { x: half, z: half, g: [768], b: [768] },
    parts: [
      ["Add", ["x", "z"], "s"],
      ["LayerNormalization", ["s", "g", "b"], "y", { epsilon: 1e-6 }],
    ],
    fused: ["SkipLayerNormalization", ["x", "z", "g", "b"], "y", { epsilon: 1e-6 }],
  },
  {
    name: "BiasGelu",
    inputs: { x: wide, b: [3072] },
    parts: [
      ["Add", ["x", "b"], "s"],
      ["Gelu", ["s"], "y"],
    ],
    fused: ["BiasGelu", ["x", "b"], "y"],
  },
  {
    name: "QuickGelu",
    inputs: { x: wide },
    parts: [
      ["Sigmoid", ["x"], "s"],
      ["Mul", ["x", "s"], "y"],
    ],
    fused: ["QuickGelu", ["x"], "y", { alpha: 1 }],
  },
];
const utf8 = new TextEncoder();
function attributeOf([name, value]: readonly [string, number | string | readonly number[]]) {
  if (typeof value === "string") return { name, type: 3, s: utf8.encode(value) };
  if (typeof value !== "number") return { name, type: 7, ints: value };
  return Number.isInteger(value) && name !== "alpha" ? { name, type: 2, i: value } : { name, type: 1, f: value };
}
/** The model of a few ops; `domain` is that of all of them. */
function modelOf({ inputs }: Candidate, ops: readonly Op[], domain: string): Uint8Array {
  const typed = (name: string, shape: readonly number[]) => ({
    name,
    type: { tensorType: { elemType: 1, shape: { dim: shape.map((dimValue) => ({ dimValue })) } } },
  });
  const node = ops.map(([opType, input, output, attributes = {}]) => ({
    opType,
    domain,
    input,
    output: [output],
    attribute: Object.entries(attributes).map(attributeOf),
  }));
  const graph = {
    name: "candidate",
    node,
    input: Object.entries(inputs).map(([name, shape]) => typed(name, shape)),
    output: [{ name: "y", type: { tensorType: { elemType: 1 } } }],
  };
  return encodeModel({
    irVersion: 9,
    opsetImport: [
      { domain: "", version: 20 },
      { domain: "com.microsoft", version: 1 },
    ],
    graph,
  });
}
for (const candidate of candidates) {
  const { name, inputs, parts, fused } = candidate;
  if (!wanted(`op ${name}`)) continue;
  await compare(
    `op ${name}`,
    [
      { name: "parts", bytes: modelOf(candidate, parts, ""), fused: 0 },
      { name: "fused", bytes: modelOf(candidate, [fused], "com.microsoft"), fused: 1 },
    ],
    inputs,
  );
}
