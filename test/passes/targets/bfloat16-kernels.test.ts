/** The table of kernels against onnxruntime itself: what it takes and what it refuses. */
import ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { writeModel } from "../../../src/codegen/index.ts";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { dtypes } from "../../../src/ir/dtype.ts";
import type { Value } from "../../../src/ir/graph.ts";
import { versionAt } from "../../../src/ir/op-signature.ts";
import { isOpType, type OpType, signatures } from "../../../src/ir/op-types.ts";
import { numbersOf, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { hasCpuKernel } from "../../../src/passes/targets/bfloat16-kernels.ts";
import { difference } from "../../support/compare.ts";
import { readTensor } from "../../support/onnx-data.ts";
import { runModel } from "../../support/onnxruntime.ts";
import { packFolder, packsMissing } from "../../support/packs.ts";

/** A bfloat16 tensor of [1, 4, 4, 4] through one op. */
type Use = (b: GraphBuilder, x: Value) => Value;
const ints = (b: GraphBuilder, ...list: readonly number[]): Value => b.constant("int64", list);
const halves = (b: GraphBuilder, ...shape: readonly number[]): Value => {
  const count = shape.reduce((n, d) => n * d, 1);
  return b.tensor(
    "w",
    tensorFrom(
      "bfloat16",
      shape,
      Array.from({ length: count }, () => 0.5),
    ),
  );
};
const zeros = (b: GraphBuilder): Value => b.constant("int64", new Array<number>(64).fill(0), [1, 4, 4, 4]);
const uses: { readonly [T in OpType]?: Use } = {
  Add: (b, x) => b.add("Add", [x, x]),
  AveragePool: (b, x) => b.add("AveragePool", [x], { kernel_shape: [2, 2] }),
  BatchNormalization: (b, x) => b.add("BatchNormalization", [x, ...[0, 1, 2, 3].map(() => halves(b, 4))]),
  Clip: (b, x) => b.add("Clip", [x, halves(b)]),
  Concat: (b, x) => b.add("Concat", [x, x], { axis: 1 }),
  Conv: (b, x) => b.add("Conv", [x, halves(b, 4, 4, 1, 1)]),
  ConvTranspose: (b, x) => b.add("ConvTranspose", [x, halves(b, 4, 4, 1, 1)]),
  DepthToSpace: (b, x) => b.add("DepthToSpace", [x], { blocksize: 2 }),
  Expand: (b, x) => b.add("Expand", [x, ints(b, 2, 4, 4, 4)]),
  Flatten: (b, x) => b.add("Flatten", [x]),
  Gather: (b, x) => b.add("Gather", [x, ints(b, 0)], { axis: 1 }),
  GatherElements: (b, x) => b.add("GatherElements", [x, zeros(b)], { axis: 1 }),
  GatherND: (b, x) => b.add("GatherND", [x, b.constant("int64", [0, 1], [1, 2])]),
  Gelu: (b, x) => b.add("Gelu", [x]),
  GlobalAveragePool: (b, x) => b.add("GlobalAveragePool", [x]),
  Identity: (b, x) => b.add("Identity", [x]),
  IsInf: (b, x) => b.add("IsInf", [x]),
  IsNaN: (b, x) => b.add("IsNaN", [x]),
  LayerNormalization: (b, x) => b.add("LayerNormalization", [x, halves(b, 4)]),
  MatMul: (b, x) => b.add("MatMul", [x, halves(b, 4, 4)]),
  MaxPool: (b, x) => b.add("MaxPool", [x], { kernel_shape: [2, 2] }),
  Mul: (b, x) => b.add("Mul", [x, x]),
  Pad: (b, x) => b.add("Pad", [x, ints(b, 0, 0, 1, 1, 0, 0, 1, 1)]),
  ReduceMean: (b, x) => b.add("ReduceMean", [x, ints(b, 2)]),
  Relu: (b, x) => b.add("Relu", [x]),
  Reshape: (b, x) => b.add("Reshape", [x, ints(b, 4, 16)]),
  Resize: (b, x) => b.add("Resize", [x, null, b.tensor("s", tensorFrom("float32", [4], [1, 1, 2, 2]))]),
  ScatterElements: (b, x) => b.add("ScatterElements", [x, zeros(b), x], { axis: 1 }),
  ScatterND: (b, x) => b.add("ScatterND", [x, b.constant("int64", [0], [1, 1]), x]),
  Shape: (b, x) => b.add("Shape", [x]),
  Sigmoid: (b, x) => b.add("Sigmoid", [x]),
  Sign: (b, x) => b.add("Sign", [x]),
  Slice: (b, x) => b.add("Slice", [x, ints(b, 0), ints(b, 2), ints(b, 1)]),
  Softmax: (b, x) => b.add("Softmax", [x]),
  Split: (b, x) => b.addMany("Split", [x], { axis: 1, num_outputs: 2 }, 2)[0] ?? x,
  Squeeze: (b, x) => b.add("Squeeze", [x, ints(b, 0)]),
  Transpose: (b, x) => b.add("Transpose", [x], { perm: [0, 2, 3, 1] }),
  Sum: (b, x) => b.add("Sum", [x, x]),
  Unsqueeze: (b, x) => b.add("Unsqueeze", [x, ints(b, 0)]),
};
/** True when onnxruntime's CPU provider runs the op on bfloat16. */
async function runs(use: Use, opset: number): Promise<boolean> {
  const b = new GraphBuilder("G");
  const x = b.input("x", { dtype: "float32", shape: [1, 4, 4, 4] });
  const y = use(b, b.add("Cast", [x], { to: dtypes.bfloat16.onnx }));
  b.output(b.add("Cast", [y], { to: dtypes.float32.onnx }), "y");
  const options = { graphOptimizationLevel: "disabled", executionProviders: ["cpu"], logSeverityLevel: 3 } as const;
  try {
    const session = await ort.InferenceSession.create(writeModel(b.build(), { opset }), options);
    await session.run({ x: new ort.Tensor("float32", new Float32Array(64).fill(0.3), [1, 4, 4, 4]) });
    await session.release();
    return true;
  } catch (error) {
    expect(String(error)).toContain("Could not find an implementation for");
    return false;
  }
}
const rows = Object.entries(uses).flatMap(([name, use]) => (isOpType(name) ? [[name, use] as const] : []));
test.each(rows)("%s has a bfloat16 kernel on the CPU or not, as the table says", async (opType, use) => {
  for (const opset of [18, 22]) {
    const version = versionAt(signatures[opType], opset);
    if (version?.types[version.inputs[0]?.type ?? ""]?.includes("bfloat16") !== true) continue;
    expect([opset, await runs(use, opset)]).toEqual([opset, hasCpuKernel(opType, opset)]);
  }
});

test.skipIf(packsMissing !== null)("ONNX's own Cast to bfloat16: our rounding and onnxruntime's give the expected bits", async () => {
  const folder = `${packFolder("backend")}/node/test_cast_FLOAT_to_BFLOAT16/test_data_set_0`;
  const [input, expected] = [readTensor(`${folder}/input_0.pb`), readTensor(`${folder}/output_0.pb`)];
  const ours = tensorFrom("bfloat16", input.shape, numbersOf(input) ?? []);
  expect([...ours.data]).toEqual([...expected.data]);
  const b = new GraphBuilder("G");
  const x = b.input("x", input);
  b.output(b.add("Cast", [b.add("Cast", [x], { to: dtypes.bfloat16.onnx })], { to: dtypes.float32.onnx }), "y");
  const { y } = Object.fromEntries(await runModel(writeModel(b.build(), { opset: 22 }), new Map([["x", input]])));
  const widened = { ...input, data: Float32Array.from(numbersOf(ours) ?? []) };
  expect(difference("y", y, widened, { rtol: 0, atol: 0 })).toBeNull();
});
