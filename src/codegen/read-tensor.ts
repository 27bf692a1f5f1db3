/** Tensors from ONNX files: raw or typed data, here or in another file. No size is trusted before it is compared with the bytes there are. */
import { type DType, dtypeFromOnnx, dtypes } from "../ir/dtype.ts";
import { arrayOf, type TensorData, type TypedArray, zeros } from "../ir/tensor-data.ts";
import { fault, unsupported } from "./model-fault.ts";
import { countVarints, eachVarint, joined } from "./packed.ts";
import type { TensorProto } from "./proto/onnx.generated.ts";

/** Reads the bytes that a tensor keeps outside the model; `size` is what its type and shape ask for. */
export type ExternalReader = (keys: ReadonlyMap<string, string>, size: number) => Uint8Array;
/** How tensors are read. */
export interface TensorReading {
  readonly external: ExternalReader;
}

const utf8 = new TextDecoder();

/** A tensor. Throws a ModelFault when its bytes are not those of its type and shape. */
export function fromTensorProto(proto: TensorProto, { external }: TensorReading, what = `tensor "${proto.name ?? ""}"`): TensorData {
  const dtype = dtypeFromOnnx(proto.dataType ?? 0);
  if (dtype === undefined)
    throw unsupported(`${what} has element type ${proto.dataType ?? 0}, which is none of ${Object.keys(dtypes).join(", ")}`);
  if (proto.segment !== undefined) throw unsupported(`${what} is a segment of a tensor`);
  const shape = proto.dims ?? [];
  const count = elementsIn(shape, what);
  if (dtype === "string") return { dtype, shape, data: strings(proto, count, what) };
  const { size } = dtypes[dtype];
  if (proto.dataLocation === 1) {
    const keys = new Map((proto.externalData ?? []).map(({ key = "", value = "" }) => [key, value]));
    return { dtype, shape, data: arrayOf(dtype, sized(external(keys, count * size), count * size, what)) };
  }
  if (proto.rawData !== undefined && (proto.rawData.length > 0 || count === 0)) {
    return { dtype, shape, data: arrayOf(dtype, sized(proto.rawData, count * size, what)) };
  }
  return { dtype, shape, data: typedData(proto, dtype, count, what) };
}
function elementsIn(shape: readonly number[], what: string): number {
  if (shape.some((d) => !Number.isSafeInteger(d) || d < 0)) throw fault(`${what} has the shape [${shape.join(", ")}]`);
  const count = shape.reduce((product, d) => product * d, 1);
  if (!Number.isSafeInteger(count)) throw fault(`${what} has the shape [${shape.join(", ")}], which no file holds`);
  return count;
}
function sized(bytes: Uint8Array, wanted: number, what: string): Uint8Array {
  if (bytes.length !== wanted) throw fault(`${what} holds ${bytes.length} bytes, and its type and shape ask for ${wanted}`);
  return bytes;
}
function strings(proto: TensorProto, count: number, what: string): readonly string[] {
  const data = proto.stringData ?? [];
  if (data.length !== count) throw fault(`${what} holds ${data.length} strings, and its shape asks for ${count}`);
  return data.map((bytes) => utf8.decode(bytes));
}

type TypedField = "floatData" | "doubleData" | "int32Data" | "int64Data" | "uint64Data";
/** The field that holds each type when there is no raw data, and its number. */
const typedFields: Readonly<Record<Exclude<DType, "string">, readonly [field: TypedField, id: number]>> = {
  float32: ["floatData", 4],
  float64: ["doubleData", 10],
  int32: ["int32Data", 5],
  int16: ["int32Data", 5],
  int8: ["int32Data", 5],
  uint16: ["int32Data", 5],
  uint8: ["int32Data", 5],
  bool: ["int32Data", 5],
  float16: ["int32Data", 5],
  bfloat16: ["int32Data", 5],
  int64: ["int64Data", 7],
  uint64: ["uint64Data", 11],
  uint32: ["uint64Data", 11],
};

function typedData(proto: TensorProto, dtype: Exclude<DType, "string">, count: number, what: string): TypedArray {
  const [field, id] = typedFields[dtype];
  const payload = joined([...(proto[field] ?? []), ...onePerField(proto.unknown ?? [], id)]);
  if (field === "floatData" || field === "doubleData") return arrayOf(dtype, sized(payload, count * dtypes[dtype].size, what));
  const found = countVarints(payload);
  if (found !== count) throw fault(`${what} holds ${found} elements, and its shape asks for ${count}`);
  const out = zeros(dtype, count);
  if (out instanceof BigInt64Array || out instanceof BigUint64Array) {
    const halves = new Uint32Array(out.buffer);
    eachVarint(payload, (i, low, high) => {
      halves[2 * i] = low;
      halves[2 * i + 1] = high;
    });
  } else {
    eachVarint(payload, (i, low) => {
      out[i] = low;
    });
  }
  return out;
}
/** Numbers that are not packed come as one field each: the schema takes them for unknown fields. Gives their bytes without the tag. */
function onePerField(unknown: readonly Uint8Array[], id: number): readonly Uint8Array[] {
  // All these fields have numbers below 16, so the tag is one byte.
  return unknown.filter((field) => (field[0] ?? 0) >>> 3 === id).map((field) => field.subarray(1));
}
