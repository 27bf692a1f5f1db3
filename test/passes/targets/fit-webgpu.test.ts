import { describe, expect, test } from "vitest";
import { mobilenetV2 } from "../../../models/mobilenet-v2.ts";
import { unet } from "../../../models/unet.ts";
import { vit } from "../../../models/vit.ts";
import { writeModel } from "../../../src/codegen/index.ts";
import { buildInference } from "../../../src/compile/index.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { isOpType, signatures } from "../../../src/ir/op-types.ts";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { verify } from "../../../src/ir/verify.ts";
import { fitWebgpu, lower } from "../../../src/passes/index.ts";
import { hasWebgpuKernel } from "../../../src/passes/targets/webgpu-kernels.ts";
import { difference } from "../../support/compare.ts";
import { runModel } from "../../support/onnxruntime.ts";
import { feedsFor } from "../same-outputs.ts";

const target = (opset: number) => ({ opset, provider: "browser" }) as const;
const opTypes = (graph: Graph): readonly string[] => graph.nodes.map(({ opType }) => opType);
/** The graph after the pass has nothing left to do. */
function fitted(before: Graph, opset: number): Graph {
  const { graph } = fitWebgpu(target(opset))(before);
  return graph === before ? graph : fitted(graph, opset);
}

const image = "float32[N, 4, 6, 8]";
const unary = (call: string, y = image): string =>
  `G(x: ${image}) -> (y: ${y}) {\n  s = float32[4, 1, 1] {0.5, -1, 2, 0}\n  t = float32[4] {1, 2, 3, -4}\n  %y = ${call} : ${y}\n}`;
const several = (op: string): string =>
  `G(x: ${image}, z: ${image}, s: float32[1, 8]) -> (y: ${image}) {\n  %y = ${op}(x, z, s) : ${image}\n}`;

test.each<readonly [string, string]>([
  ["PRelu", unary("PRelu(x, s)")],
  ["Softplus", unary("Softplus(x)")],
  ["Mish", unary("Mish(x)")],
  ["Swish", unary("Swish(x) {alpha = 1.5}")],
  ["LogSoftmax", unary("LogSoftmax(x) {axis = 1}")],
  ["Sum", several("Sum")],
  ["Mean", several("Mean")],
  ["Max", several("Max")],
  ["Min", several("Min")],
  ["Sign", unary("Sign(x)")],
  ["SpaceToDepth", unary("SpaceToDepth(x) {blocksize = 2}", "float32[N, 16, 3, 4]")],
  ["GroupNormalization", unary("GroupNormalization(x, t, t) {num_groups = 2}")],
  ["RMSNormalization", unary("RMSNormalization(x, r)").replace("t = ", "r = float32[8] {1, 2, 3, 4, 5, 6, 7, -8}\n  t = ")],
  ["Attention", unary("Attention(x, x, x) {is_causal = 0}")],
])("%s is computed by kernels of webgpu", async (_, text) => {
  const before = parseGraph(text);
  const feeds = feedsFor(before, { N: 2 });
  for (const opset of [13, 18, 21]) {
    const lowered = lower(before, target(opset));
    const after = fitted(lowered, opset);
    expect(verify(after)).toEqual([]);
    expect(after.nodes.filter(({ opType }) => !hasWebgpuKernel(opType, opset))).toEqual([]);
    expect(lower(after, target(opset))).toBe(after);
    const [wanted, actual] = [await runModel(writeModel(lowered, { opset }), feeds), await runModel(writeModel(after, { opset }), feeds)];
    // A kernel and its parts round a few times, in another order.
    for (const [name, tensor] of wanted) expect(difference(name, actual.get(name), tensor, { rtol: 1e-5, atol: 1e-6 })).toBeNull();
  }
});

test("infinities, zeros and what is no number come out as from the op itself", async () => {
  const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -200, 200];
  const [x, z] = [values, values.toReversed()].map((list) => tensorFrom("float32", [8], list));
  if (x === undefined || z === undefined) throw new Error("no feeds");
  for (const call of ["Max(x, z)", "Min(x, z)", "Sum(x, z)", "Sign(x)", "Softplus(x)", "PRelu(x, a)", "IsNaN(x)"]) {
    const y = call === "IsNaN(x)" ? "bool[8]" : "float32[8]";
    const before = parseGraph(`G(x: float32[8], z: float32[8]) -> (y: ${y}) {\n  a = float32[] {0.25}\n  %y = ${call} : ${y}\n}`);
    const after = fitted(before, 18);
    expect(after).not.toBe(before);
    const feeds = new Map([
      ["x", x],
      ["z", z],
    ]);
    const [wanted, actual] = [await runModel(writeModel(before), feeds), await runModel(writeModel(after), feeds)];
    const tensor = wanted.get("y");
    if (tensor === undefined) throw new Error("no output");
    // Softplus is an exponential and a logarithm, whose kernels are good to a few units in the last place.
    expect(difference(call, actual.get("y"), tensor, { rtol: 1e-6, atol: 1e-7 })).toBeNull();
  }
});

test("what stays in wasm is told, and sizes are no work", () => {
  const reasons = (text: string): readonly string[] =>
    fitWebgpu(target(18))(parseGraph(text)).skipped.map(({ node, reason }) => `${node}: ${reason}`);
  expect(reasons(unary("Round(x)"))).toEqual(["y: it runs in wasm, since the webgpu provider has no kernel of Round"]);
  expect(
    reasons(
      "G(x: float32[1, 2, 5, 5, 5]) -> (y: float32[1, 2, 5, 5, 5]) {\n  w = float32[2, 2, 1, 1, 1] {1, 2, 3, 4}\n  %y = Conv(x, w) : float32[1, 2, 5, 5, 5]\n}",
    ),
  ).toEqual(["y: it runs in wasm, since the webgpu provider has no kernel of Conv of three spatial axes"]);
  expect(reasons("G(x: int64[N]) -> (y: int64[1]) {\n  %y = Shape(x) : int64[1]\n}")).toEqual([]);
  expect(reasons(unary("Relu(x)"))).toEqual([]);
});

test("a kernel is one of a version: opset 22 takes convolutions from webgpu, and 23 what moves elements", () => {
  const lost = (from: number, to: number): readonly string[] =>
    Object.keys(signatures).filter((op) => isOpType(op) && hasWebgpuKernel(op, from) && !hasWebgpuKernel(op, to));
  expect(lost(13, 21)).toEqual([]);
  expect(lost(21, 22)).toEqual(expect.arrayContaining(["Conv", "ConvTranspose", "MaxPool", "AveragePool", "HardSwish"]));
  expect(lost(22, 23)).toEqual(expect.arrayContaining(["Reshape", "Transpose", "Pad", "Cast"]));
});

describe("whole models", () => {
  const models = {
    MobileNetV2: mobilenetV2({ numClasses: 10 }),
    "U-Net": unet(),
    ViT: vit({ numClasses: 10, imageSize: 32, patchSize: 8, numLayers: 2, numHeads: 4, hiddenDim: 32, mlpDim: 64 }),
  };
  test.each(Object.entries(models))("every node of %s runs on webgpu", (_, model) => {
    for (const opset of [18, 21]) {
      const { graph, report } = buildInference(model, { provider: "browser", opset });
      expect(report.find(({ pass }) => pass === "fit-webgpu")?.skipped).toEqual([]);
      expect(opTypes(graph).length).toBeGreaterThan(10);
    }
  });
});
