/** Between striate's tensors and onnxruntime-node's. Nothing is copied either way. */
import type ort from "onnxruntime-node";
import { InternalError } from "../ir/diagnostic.ts";
import { type DType, isDType } from "../ir/dtype.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { onnxruntime } from "./onnxruntime.ts";

/** onnxruntime-node's tensor over the memory of a tensor. */
export function toOrt({ dtype, shape, data }: TensorData): ort.Tensor {
  const usable = unshared(data);
  if (dtype !== "float16" || !ArrayBuffer.isView(usable)) return construct(dtype, usable, shape);
  // Where JavaScript has Float16Array, the constructor makes one of float16, and the binding of 1.30 then sees an array of no bytes:
  // the bits go in as uint16, and the type is said afterwards.
  const bits = new Uint16Array(usable.buffer, usable.byteOffset, usable.length);
  return Object.assign(construct("uint16", bits, shape), { type: dtype });
}
/** Sound because feeds are checked before: the array is the one that onnxruntime-node wants for the dtype. Its constructor checks again. */
const construct = (dtype: DType, data: TensorData["data"], shape: readonly number[]): ort.Tensor =>
  new (onnxruntime().Tensor)(dtype as "float32", data as Float32Array, shape);

/** Memory that threads share is refused by the binding, Buffers and clamped arrays by the tensor's constructor. */
function unshared(data: TensorData["data"]): TensorData["data"] {
  if (!ArrayBuffer.isView(data)) return data;
  if (data.buffer instanceof SharedArrayBuffer) return data.slice();
  return data instanceof Uint8Array && data.constructor !== Uint8Array ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data;
}

/** A tensor over the memory of onnxruntime-node's. */
export function fromOrt(tensor: ort.Tensor): TensorData {
  const { type, dims, data } = tensor;
  if (!isDType(type)) throw new InternalError(`onnxruntime-node returned a tensor of ${type}`);
  if (!ArrayBuffer.isView(data)) return { dtype: type, shape: dims, data };
  // Where JavaScript has Float16Array, onnxruntime-node returns one; here float16 is its bits.
  if (type === "float16") return { dtype: type, shape: dims, data: new Uint16Array(data.buffer, data.byteOffset, data.length) };
  return { dtype: type, shape: dims, data: numeric(data) };
}
/** Sound because every numeric type of onnxruntime-node but float16 comes in one of TensorData's arrays. */
const numeric = (data: ArrayBufferView): TensorData["data"] => data as Float32Array;
