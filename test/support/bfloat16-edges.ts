/** bfloat16 does not exist in JavaScript's onnxruntime: graph inputs and outputs of it become float32, with a conversion inside. */
import { decodeModel, encodeModel } from "../../src/codegen/index.ts";
import { dtypes } from "../../src/ir/dtype.ts";
import { numbersOf, type TensorData } from "../../src/ir/tensor-data.ts";

type Model = ReturnType<typeof decodeModel>;
type Info = NonNullable<NonNullable<Model["graph"]>["input"]>[number];
type Node = NonNullable<NonNullable<Model["graph"]>["node"]>[number];

const isShort = ({ type }: Info): boolean => type?.tensorType?.elemType === dtypes.bfloat16.onnx;
const asFloat32 = (info: Info): Info =>
  isShort(info) ? { ...info, type: { tensorType: { ...info.type?.tensorType, elemType: dtypes.float32.onnx } } } : info;
/** ONNX's number for an attribute that is an integer. */
const intKind = 2;
const cast = (from: string, to: string, elementType: number): Node => ({
  opType: "Cast",
  input: [from],
  output: [to],
  attribute: [{ name: "to", i: elementType, type: intKind }],
});

/** A model whose inputs and outputs of bfloat16 are float32. */
export function withFloat32Edges(bytes: Uint8Array): Uint8Array {
  const model = decodeModel(bytes);
  const { graph = {} } = model;
  const [inputs, outputs] = [graph.input ?? [], graph.output ?? []].map((list) => list.filter(isShort).map(({ name = "" }) => name));
  if (inputs === undefined || outputs === undefined || inputs.length + outputs.length === 0) return bytes;
  const inner = (name: string): string => (inputs.includes(name) || outputs.includes(name) ? `${name}/bfloat16` : name);
  const nodes = (graph.node ?? []).map((node) => ({
    ...node,
    input: (node.input ?? []).map(inner),
    output: (node.output ?? []).map(inner),
  }));
  const before = inputs.map((name) => cast(name, inner(name), dtypes.bfloat16.onnx));
  const after = outputs.map((name) => cast(inner(name), name, dtypes.float32.onnx));
  return encodeModel({
    ...model,
    graph: {
      ...graph,
      input: (graph.input ?? []).map(asFloat32),
      output: (graph.output ?? []).map(asFloat32),
      node: [...before, ...nodes, ...after],
    },
  });
}
/** A bfloat16 tensor as float32; any other as it is. */
export const widened = (tensor: TensorData): TensorData =>
  tensor.dtype === "bfloat16" ? { ...tensor, dtype: "float32", data: Float32Array.from(numbersOf(tensor) ?? []) } : tensor;
