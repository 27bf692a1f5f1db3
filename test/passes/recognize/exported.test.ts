/** Files that PyTorch's exporter wrote (scripts/export-torch-modules.py): what is left of them, and that they compute the same. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseModel } from "../../../src/codegen/index.ts";
import { compile } from "../../../src/compile/index.ts";
import { difference } from "../../support/compare.ts";
import { runModel } from "../../support/onnxruntime.ts";
import { feedsFor } from "../same-outputs.ts";

test.each<readonly [string, string, string]>([
  ["mish", "Mish", "Mish"],
  ["silu", "Sigmoid Mul", "Swish"],
  ["gelu", "Mul Erf Add Mul Mul", "Gelu"],
  ["hard-swish", "HardSwish", "HardSwish"],
  ["hard-sigmoid", "HardSigmoid", "HardSigmoid"],
  ["softmax", "Softmax", "Softmax"],
  ["log-softmax", "LogSoftmax", "LogSoftmax"],
  ["layer-norm", "LayerNormalization", "LayerNormalization"],
  ["rms-norm", "Mul ReduceMean Add Sqrt Div Mul", "RMSNormalization"],
  ["instance", "InstanceNormalization", "InstanceNormalization"],
  ["group-norm", "Reshape InstanceNormalization Reshape", "Reshape InstanceNormalization Reshape"],
  ["batch-norm", "BatchNormalization", "BatchNormalization"],
  [
    "attention",
    "MatMul Add Reshape Transpose Gather Gather Gather Transpose MatMul Mul Softmax MatMul Transpose Reshape MatMul Add",
    "MatMul Add Split Attention MatMul Add",
  ],
  ["pixel-shuffle", "DepthToSpace", "DepthToSpace"],
  ["normalize", "ReduceL2 Clip Div", "ReduceL2 Clip Div"],
])("%s.onnx is %s at opset 18 and %s at opset 24", async (name, at18, at24) => {
  const bytes = new Uint8Array(readFileSync(new URL(`../../fixtures/exported/${name}.onnx`, import.meta.url)));
  const { graph } = parseModel(bytes);
  const feeds = feedsFor(graph);
  const expected = await runModel(bytes, feeds);
  for (const [opset, ops] of [
    [18, at18],
    [24, at24],
  ] as const) {
    const compiled = compile(graph, { opset });
    expect(compiled.graph.nodes.map((n) => n.opType).join(" ")).toBe(ops);
    const actual = await runModel(compiled.bytes, feeds);
    // Some ten roundings, in another order.
    for (const [key, tensor] of expected)
      expect(difference(`${key} at opset ${opset}`, actual.get(key), tensor, { rtol: 1e-5, atol: 1e-5 })).toBeNull();
  }
});
