/** Tensors and types in ONNX's protobuf files, decoded by onnx-proto: not by the code that is under test. */
import { readFileSync } from "node:fs";
import onnxProto from "onnx-proto";
import { dtypeFromOnnx } from "../../src/ir/dtype.ts";
import { arrayOf, type TensorData, zeros } from "../../src/ir/tensor-data.ts";

const { onnx } = onnxProto;

/** The tensor in a TensorProto file. Throws on element types that striate does not have. */
export function readTensor(path: string): TensorData {
  const proto = onnx.TensorProto.decode(readFileSync(path));
  const dtype = dtypeFromOnnx(proto.dataType ?? 0);
  if (dtype === undefined) throw new Error(`${path} has element type ${proto.dataType}`);
  const shape = (proto.dims ?? []).map(Number);
  if (dtype === "string") return { dtype, shape, data: (proto.stringData ?? []).map((text) => Buffer.from(text).toString("utf8")) };
  // The raw data is a view into the file, which may be misaligned.
  if ((proto.rawData?.length ?? 0) > 0) return { dtype, shape, data: arrayOf(dtype, Uint8Array.from(proto.rawData ?? [])) };
  const typed =
    [proto.floatData, proto.doubleData, proto.int32Data, proto.int64Data, proto.uint64Data].find((list) => (list?.length ?? 0) > 0) ?? [];
  const data = zeros(dtype, typed.length);
  const big = data instanceof BigInt64Array || data instanceof BigUint64Array;
  typed.forEach((v, i) => {
    data[i] = big ? BigInt(String(v)) : Number(v);
  });
  return { dtype, shape, data };
}

/** A size in a type: a number, a name, or null when nothing is said of it. */
export type ExpectedDim = number | string | null;
/** The type of a named value; its shape is null when nothing is said of it. */
export interface ExpectedType {
  readonly name: string;
  /** The number of the element type, or null for what is no tensor. */
  readonly elementType: number | null;
  readonly shape: readonly ExpectedDim[] | null;
}
/** The value_infos in a GraphProto file. */
export function readTypes(path: string): readonly ExpectedType[] {
  return onnx.GraphProto.decode(readFileSync(path)).valueInfo.map((info) => {
    const tensor = info.type?.tensorType;
    const dims = tensor?.shape?.dim?.map((dim) =>
      dim.dimParam ? dim.dimParam : dim.dimValue != null && Object.hasOwn(dim, "dimValue") ? Number(dim.dimValue) : null,
    );
    return { name: info.name ?? "", elementType: tensor?.elemType ?? null, shape: tensor?.shape == null ? null : (dims ?? []) };
  });
}
