/** Which ops run on the GPU in a browser. */
import { versionAt } from "../../ir/op-signature.ts";
import { type OpType, signatures } from "../../ir/op-types.ts";

/**
 * The versions of each op of ai.onnx that the webgpu provider of onnxruntime-web has a kernel of: docs/webgpu-operators.md in the npm package
 * onnxruntime-web 1.30.0, for what `import "onnxruntime-web"` loads. The text `a-b` is the versions from a to b; `a+` is version a alone, since
 * a kernel without an end is one of the version that was the newest when it was written.
 */
const kernels: Readonly<Record<string, string>> = {
  Abs: "6-12 13+",
  Acos: "7+",
  Acosh: "9+",
  Add: "7-12 13 14+",
  ArgMax: "1-10 11-12 13+",
  ArgMin: "1-10 11-12 13+",
  Asin: "7+",
  Asinh: "9+",
  Atan: "7+",
  Atanh: "9+",
  AveragePool: "7-9 10 11-18 19+",
  BatchNormalization: "7-8 9-13 14 15+",
  Cast: "6-8 9-12 13-18 19-20 21+",
  Ceil: "6-12 13+",
  Clip: "6-10 11 12 13+",
  Concat: "1-3 4-10 11-12 13+",
  Conv: "1-10 11+",
  ConvTranspose: "1-10 11+",
  Cos: "7+",
  Cosh: "9+",
  CumSum: "11-13 14+",
  DFT: "17-19 20+",
  DepthToSpace: "11-12 13+",
  DequantizeLinear: "10-12 13-18 19-20 21+",
  Div: "7-12 13 14+",
  Einsum: "12+",
  Elu: "6+",
  Equal: "7-10 11-12 13-18 19+",
  Erf: "9-12 13+",
  Exp: "6-12 13+",
  Expand: "8-12 13+",
  Flatten: "1-8 9-10 11-12 13-20 21+",
  Floor: "6-12 13+",
  Gather: "1-10 11-12 13+",
  GatherElements: "11-12 13+",
  GatherND: "11 12 13+",
  Gelu: "20+",
  Gemm: "7-8 9-10 11-12 13+",
  GlobalAveragePool: "1+",
  GlobalMaxPool: "1+",
  Greater: "7-8 9-12 13+",
  GreaterOrEqual: "12-15 16+",
  GridSample: "16-19",
  HardSigmoid: "6+",
  HardSwish: "14+",
  If: "1-10 11-12 13-18 19-20 21+",
  InstanceNormalization: "6+",
  LayerNormalization: "1-16 17+",
  LeakyRelu: "6-15 16+",
  Less: "7-8 9-12 13+",
  LessOrEqual: "12-15 16+",
  Log: "6-12 13+",
  MatMul: "1-12 13+",
  MaxPool: "1-7 8-9 10 11 12+",
  Mul: "7-12 13 14+",
  Neg: "6-12 13+",
  Not: "1+",
  Pad: "2-10 11-12 13-17 18 19-20 21+",
  Pow: "7-11 12 13-14 15+",
  Range: "11+",
  Reciprocal: "6-12 13+",
  ReduceL1: "1-10 11-12 13-17 18+",
  ReduceL2: "1-10 11-12 13-17 18+",
  ReduceLogSum: "1-10 11-12 13-17 18+",
  ReduceLogSumExp: "1-10 11-12 13-17 18+",
  ReduceMax: "1-10 11 12 13-17 18-19 20+",
  ReduceMean: "1-10 11-12 13-17 18+",
  ReduceMin: "1-10 11 12 13-17 18-19 20+",
  ReduceProd: "1-10 11-12 13-17 18+",
  ReduceSum: "1-10 11-12 13+",
  ReduceSumSquare: "1-10 11-12 13-17 18+",
  Relu: "6-12 13 14+",
  Reshape: "5-12 13 14-18 19-20 21+",
  Resize: "10 11-12 13-17 18 19+",
  ScatterND: "11-12 13-15 16-17 18+",
  Shape: "1-12 13-14 15-18 19-20 21+",
  Sigmoid: "6-12 13+",
  Sin: "7+",
  Sinh: "9+",
  Slice: "1-9 10 11-12 13+",
  Softmax: "1-10 11-12 13+",
  Split: "1 2-10 11-12 13-17 18+",
  Sqrt: "6-12 13+",
  Squeeze: "1-10 11-12 13-20 21+",
  Sub: "7-12 13 14+",
  Tan: "7+",
  Tanh: "6-12 13+",
  ThresholdedRelu: "10+",
  Tile: "6-12 13+",
  Transpose: "1-12 13-20 21+",
  Unsqueeze: "1-10 11-12 13-20 21+",
  Where: "9-15 16+",
};

/** True when the webgpu provider has a kernel of an op as it is in an opset. */
export function hasWebgpuKernel(opType: OpType, opset: number): boolean {
  const version = versionAt(signatures[opType], opset)?.since;
  const ranges = Object.hasOwn(kernels, opType) ? (kernels[opType] ?? "") : "";
  if (version === undefined || signatures[opType].domain !== "") return false;
  return ranges.split(" ").some((range) => {
    const [, from, to] = /^(\d+)(?:-(\d+))?\+?$/.exec(range) ?? [];
    return from !== undefined && version >= Number(from) && version <= Number(to ?? from);
  });
}
