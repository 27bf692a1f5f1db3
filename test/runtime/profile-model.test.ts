import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mobilenetV2 } from "../../models/mobilenet-v2.ts";
import { resnet18 } from "../../models/resnet.ts";
import { simpleCnn } from "../../models/simple-cnn.ts";
import { vit } from "../../models/vit.ts";
import { buildInference, compileTraining, crossEntropy, sgd } from "../../src/index.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { locationAt } from "../../src/ir/location.ts";
import { parseGraph } from "../../src/ir/parse-text.ts";
import { tensorFrom } from "../../src/ir/tensor-data.ts";
import { executedGraphOf, isReorder, kernelNodes, profileModel, type SessionOptions } from "../../src/runtime/index.ts";
import { mostProfileBytes, parseProfile } from "../../src/runtime/profile-events.ts";

const opset = 18;
async function mapOf(graph: Graph, session: SessionOptions = {}) {
  const { executed, probe } = await executedGraphOf(graph, opset, session);
  return { executed, ...kernelNodes(executed, probe) };
}
const cnn = (): Graph => buildInference(simpleCnn(), { shapes: { input: [2, 1, 28, 28] } }).graph;

describe("kernels and nodes", () => {
  test("without onnxruntime's rewriting, each node has a kernel of its own", async () => {
    const graph = cnn();
    const { kernels, folded } = await mapOf(graph, { graphOptimization: "none" });
    expect(kernels.map(({ kernel, nodes, main }) => [kernel.opType, nodes.map((node) => node.name), main?.name])).toEqual(
      graph.nodes.map((node) => [node.opType, [node.name], node.name]),
    );
    expect(folded).toEqual([]);
  });

  test("fused kernels have all their nodes, and changes of layout have none", async () => {
    const { kernels } = await mapOf(cnn());
    const rows = kernels.map(({ kernel, nodes }) => [
      isReorder(kernel) ? "layout" : kernel.opType,
      nodes.map((node) => node.opType).join("+"),
    ]);
    expect(rows.filter(([op]) => op !== "layout")).toEqual([
      ["Conv", "Conv+Relu"],
      ["MaxPool", "MaxPool"],
      ["Conv", "Conv+Relu"],
      ["MaxPool", "MaxPool"],
      ["Flatten", "Flatten"],
      ["Gemm", "Gemm"],
    ]);
    expect(rows.filter(([op]) => op === "layout").every(([, nodes]) => nodes === "")).toBe(true);
  });

  test("a residual block's convolutions have the sum and the activation that were fused into them", async () => {
    const { kernels } = await mapOf(buildInference(resnet18({ imageSize: 32 }), { shapes: { input: [1, 3, 32, 32] } }).graph);
    const of = (name: string): string | undefined =>
      kernels
        .find(({ nodes }) => nodes.some((node) => node.name === name))
        ?.nodes.map((node) => node.name)
        .join(" ");
    expect(of("layer1.0.conv1")).toBe("layer1.0.conv1 layer1.0.relu");
    expect(of("layer1.0.conv2")).toBe("layer1.0.conv2 layer1.0.add layer1.0.relu_1");
    expect(of("layer2.0.downsample.0")).toBe("layer2.0.downsample.0");
    expect(kernels.filter(({ kernel }) => kernel.opType === "Conv").every(({ nodes }) => nodes[0]?.opType === "Conv")).toBe(true);
  });

  test.each([
    ["MobileNetV2", () => buildInference(mobilenetV2({ imageSize: 32 }), { shapes: { input: [1, 3, 32, 32] } }).graph],
    ["a vision transformer", () => buildInference(vit({ imageSize: 32, hiddenDim: 64, numHeads: 4, numLayers: 2, mlpDim: 256 })).graph],
    [
      "a training step",
      () => compileTraining(simpleCnn(), { shapes: { input: [2, 1, 28, 28] }, loss: crossEntropy(), optimizer: sgd({ lr: 0.1 }) }).graph,
    ],
    [
      "a graph of products, sums and constants",
      () =>
        parseGraph(`
          G(x: float32[4, 8]) -> (y: float32[4, 8]) {
            w = float32[8, 8] {${new Array(64).fill(0.1).join(", ")}}
            b = float32[8] {1, 1, 1, 1, 1, 1, 1, 1}
            %w2 = Mul(w, b) : float32[8, 8]
            %m = MatMul(x, %w2) : float32[4, 8]
            %a = Add(%m, b) : float32[4, 8]
            %t = Transpose(%a) {perm=[1, 0]} : float32[8, 4]
            %y = Transpose(%t) {perm=[1, 0]} : float32[4, 8]
          }`),
    ],
  ])("%s: each node belongs to one kernel, or was computed before", async (_, graphOf) => {
    const graph = graphOf();
    const { kernels, folded } = await mapOf(graph);
    const owned = [...kernels.flatMap(({ nodes }) => nodes), ...folded];
    expect(owned.length).toBe(graph.nodes.length);
    expect(new Set(owned)).toEqual(new Set(graph.nodes));
  });
});

test("the kernels, what is between them, and what is around them make up the time of a run", async () => {
  const graph = cnn();
  const feeds = { input: tensorFrom("float32", [2, 1, 28, 28], new Array<number>(2 * 784).fill(0.5)) };
  const { kernels, wall, between, outside, runs } = await profileModel(graph, { opset, feeds, runs: 3, warmup: 1 });
  expect(runs.length).toBe(3);
  expect(wall).toBeCloseTo(runs.reduce((a, b) => a + b, 0) / 3, 6);
  const inKernels = kernels.reduce((sum, { microseconds }) => sum + microseconds, 0);
  // Sums of floats.
  expect(inKernels + between + outside).toBeCloseTo(wall, 6);
  expect(Math.min(between, outside)).toBeGreaterThanOrEqual(0);
  expect(kernels.every(({ times }) => times.length === 3)).toBe(true);
  // The first convolution reads the batch and its weights and writes 16 planes: 4 bytes each.
  const conv = kernels.find(({ nodes }) => nodes.some((node) => node.name === "conv1"));
  expect(conv?.bytes).toBe(4 * (2 * 784 + 16 * 9 + 16 + 2 * 16 * 784));
});

test("a probe leaves nothing behind, also where onnxruntime refuses the feeds", async () => {
  const folder = mkdtempSync(join(tmpdir(), "striate-leavings-"));
  const { TMPDIR } = process.env;
  process.env["TMPDIR"] = folder;
  try {
    const graph = cnn();
    const feeds = { input: tensorFrom("float32", [2, 1, 28, 28], new Array<number>(2 * 784).fill(0.5)) };
    await profileModel(graph, { opset, feeds, runs: 1, warmup: 0 });
    const wrong = { input: tensorFrom("float32", [1], [0]) };
    await expect(profileModel(graph, { opset, feeds: wrong, runs: 1, warmup: 0 })).rejects.toThrowError("error[");
    // onnxruntime has files of its own there.
    expect(readdirSync(folder).filter((name) => name.startsWith("striate"))).toEqual([]);
  } finally {
    if (TMPDIR === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = TMPDIR;
    rmSync(folder, { recursive: true });
  }
});

test("what onnxruntime refuses is told in the model's names, at the user's line", async () => {
  const b = new GraphBuilder("g");
  const x = b.input("table", { dtype: "float32", shape: [4] });
  const row = b.input("row", { dtype: "int64", shape: [1] });
  b.output(b.add("Gather", [x, row], {}, { name: "pick", location: locationAt("net.ts", 3, 7) }), "y");
  const profile = (row: number, size = 4) =>
    profileModel(b.build(), {
      opset,
      feeds: { table: tensorFrom("float32", [size], new Array<number>(size).fill(1)), row: tensorFrom("int64", [1], [row]) },
      runs: 1,
      warmup: 0,
    });
  await expect(profile(99)).rejects.toThrowError(
    "net.ts:3:7 error[onnxruntime]: onnxruntime: Non-zero status code returned while running Gather node. Name:'pick' Status Message: indices element out of data bounds, idx=99 must be within the inclusive range [-4,3]",
  );
  await expect(profile(0, 5)).rejects.toThrowError(/"table"/);
});

describe("profiles", () => {
  const event = (cat: string, name: string, ts: number, dur: number, args: object = {}) => ({ cat, name, ts, dur, ph: "X", args });
  const parse = (events: unknown) => parseProfile(Buffer.from(JSON.stringify(events)));

  test("kernels belong to the run within whose time they lie, and those in a body to its If or Loop", () => {
    const runs = parse([
      event("Node", "a_kernel_time", 10, 5, { op_name: "Conv", activation_size: "8", parameter_size: "4", output_size: "16" }),
      event("Node", "inner_kernel_time", 21, 2, { op_name: "Add" }),
      event("Node", "loop_kernel_time", 20, 9, { op_name: "Loop" }),
      event("Node", "after_kernel_time", 29, 0, { op_name: "Relu", mem_bytes_requested_in_use: "64", mem_requested_in_use_delta: "-32" }),
      event("Session", "model_run", 9, 30),
      event("Node", "b_kernel_time", 50, 5, { op_name: "Conv" }),
      event("Session", "model_run", 49, 7),
      event("Session", "session_initialization", 0, 5),
    ]);
    expect(runs.map(({ microseconds, kernels }) => [microseconds, kernels.map((k) => k.name)])).toEqual([
      [30, ["a", "loop", "after"]],
      [7, ["b"]],
    ]);
    expect(runs[0]?.kernels[0]).toMatchObject({
      opType: "Conv",
      microseconds: 5,
      inputBytes: 8,
      parameterBytes: 4,
      outputBytes: 16,
      heldBytes: null,
    });
    expect(runs[0]?.kernels[2]).toMatchObject({ heldBytes: 64, heldChange: -32 });
  });

  test("what is no profile is refused, and no event is trusted to be one", () => {
    for (const bad of ["", "{}", "[", "null", '"text"']) {
      expect(() => parseProfile(Buffer.from(bad))).toThrowError("error[profile]: onnxruntime's profile is no list of events");
    }
    fc.assert(fc.property(fc.array(fc.anything()), (events) => void parse(events)));
    const wild = fc.record({
      cat: fc.constantFrom("Node", "Session"),
      name: fc.oneof(fc.constant("model_run"), fc.constant("x_kernel_time"), fc.anything()),
      ts: fc.anything(),
      dur: fc.anything(),
      args: fc.anything(),
    });
    fc.assert(
      fc.property(fc.array(wild), (events) => {
        for (const { kernels, microseconds } of parse(events))
          for (const { microseconds: own, inputBytes } of kernels)
            expect([microseconds, own, inputBytes].every(Number.isFinite)).toBe(true);
      }),
    );
  });

  test("names and sizes are bounded", () => {
    const long = `${"x".repeat(5000)}_kernel_time`;
    const [run] = parse([
      event("Session", "model_run", 0, 9),
      event("Node", "y_kernel_time", 1, 1, { op_name: "o".repeat(5000), output_size: "9".repeat(40) }),
    ]);
    expect([run?.kernels[0]?.opType.length, run?.kernels[0]?.outputBytes]).toEqual([1000, 0]);
    expect(parse([event("Session", "model_run", 0, 9), event("Node", long, 1, 1)])[0]?.kernels).toEqual([]);
    expect(() => parseProfile(new Uint8Array(mostProfileBytes + 1))).toThrowError(
      `error[profile]: onnxruntime's profile has ${mostProfileBytes + 1} bytes, and at most ${mostProfileBytes} are read\n  help: give fewer --runs`,
    );
  });
});
