/** Tensors as ONNX writes them: always raw_data (little endian, row-major), or string_data. */
import { dtypes } from "../ir/dtype.ts";
import { bytesOf, type TensorData } from "../ir/tensor-data.ts";
import type { TensorProto } from "./proto/onnx.generated.ts";

const utf8 = new TextEncoder();

/** The number of bytes of a tensor's raw_data; 0 for strings. */
export const byteLength = (tensor: TensorData): number => (ArrayBuffer.isView(tensor.data) ? tensor.data.byteLength : 0);

/** A tensor as ONNX writes it. The raw data is a view of the tensor's own memory. */
export function toTensorProto(tensor: TensorData, name?: string): TensorProto {
  return ArrayBuffer.isView(tensor.data) ? { ...tensorHead(tensor, name), rawData: bytesOf(tensor) } : tensorHead(tensor, name);
}
/** A tensor without its raw data. */
export function tensorHead(tensor: TensorData, name?: string): TensorProto {
  const strings = ArrayBuffer.isView(tensor.data) ? {} : { stringData: tensor.data.map((text) => utf8.encode(text)) };
  return { dims: tensor.shape, dataType: dtypes[tensor.dtype].onnx, name, ...strings };
}
