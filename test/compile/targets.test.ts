import { expect, test } from "vitest";
import { writeModel } from "../../src/codegen/index.ts";
import { buildInference, type CompileOptions, compile, compileTraining } from "../../src/compile/index.ts";
import { conv2d, crossEntropy, defineModel, flatten, linear, logSoftmax, relu, sgd } from "../../src/dsl/index.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { isMicrosoftOp } from "../../src/ir/microsoft-ops.ts";
import { parseGraph } from "../../src/ir/parse-text.ts";
import { targetNames } from "../../src/ir/targets.ts";

const net = defineModel({
  name: "Net",
  inputs: { image: ["N", 1, 6, 6] },
  forward({ image }) {
    const x = relu(conv2d(image, { outChannels: 4, kernelSize: 3, name: "conv1" }));
    return { logits: logSoftmax(linear(flatten(x), { outFeatures: 3, name: "fc" }), 1) };
  },
});
const opTypes = ({ nodes }: Graph): readonly string[] => nodes.map(({ opType }) => opType);
const built = (options: CompileOptions): readonly string[] => opTypes(buildInference(net, options).graph);

test("each target has its own ops, and portable is what is written unless another is asked for", () => {
  const portable = ["Conv", "Relu", "Flatten", "Gemm", "LogSoftmax"];
  const fused = ["FusedConv", "Flatten", "Gemm", "LogSoftmax"];
  const browser = ["Conv", "Relu", "Flatten", "Gemm", "ReduceMax", "Sub", "Exp", "ReduceSum", "Log", "Sub"];
  expect(targetNames.map((provider) => built({ provider }))).toEqual([portable, fused, fused, browser]);
  expect(compile(net).bytes).toEqual(compile(net, { provider: "portable" }).bytes);
});

test("the last step can be left out, and is for level all", () => {
  const provider = "onnxruntime-cpu";
  expect(built({ provider, passes: { without: ["fuse-for-target"] } })).not.toContain("FusedConv");
  expect(built({ provider, passes: { until: "fuse-batch-norm" } })).not.toContain("FusedConv");
  expect(built({ provider, passes: { until: "fuse-for-target" } })).toContain("FusedConv");
  for (const optimize of ["none", "exact"] as const) expect(built({ provider, optimize })).not.toContain("FusedConv");
});

const fused = `
Fused(x: float32[N, 1, 3, 3]) -> (y: float32[N, 1, 3, 3]) {
  w = float32[1, 1, 1, 1] {2}
  s = float32[1, 1, 1] {0.5}
  %c = FusedConv(x, w) {activation = "Relu"} : float32[N, 1, 3, 3]
  %y = Mul(c, s) : float32[N, 1, 3, 3]
}`;
test("a graph with fused ops becomes one of what its target has, at every level", () => {
  for (const optimize of ["none", "exact", "all"] as const) {
    for (const provider of ["portable", "browser"] as const)
      expect(opTypes(buildInference(parseGraph(fused), { provider, optimize }).graph).filter(isMicrosoftOp)).toEqual([]);
    expect(opTypes(buildInference(parseGraph(fused), { provider: "onnxruntime-cpu", optimize }).graph)).toContain("FusedConv");
  }
});

test("passes see the parts of fused ops", () => {
  const text = fused.replace(', activation = "Relu"', "").replace(' {activation = "Relu"}', "");
  // The factor goes into the weights.
  expect(opTypes(buildInference(parseGraph(text)).graph)).toEqual(["Conv"]);
});

test("an opset that a target does not take is refused", () => {
  expect(() => buildInference(net, { provider: "browser", opset: 22 })).toThrow("the target browser takes opset 21 at most, not 22");
});

test("training graphs have standard ops for every target", () => {
  for (const provider of targetNames) {
    const { graph } = compileTraining(net, { provider, loss: crossEntropy(), optimizer: sgd() });
    expect(opTypes(graph).filter(isMicrosoftOp)).toEqual([]);
    expect(writeModel(graph, { opset: 18 }).length).toBeGreaterThan(0);
  }
});
