/** Attributes from ONNX files. */
import type { AttributeValue } from "../ir/op-signature.ts";
import { shortestFloat32 } from "../ir/tensor-data.ts";
import { fault, unsupported } from "./model-fault.ts";
import type { AttributeProto } from "./proto/onnx.generated.ts";
import { fromTensorProto, type TensorReading } from "./read-tensor.ts";

const utf8 = new TextDecoder();
const text = (bytes: Uint8Array): string => utf8.decode(bytes);

/** How each AttributeProto.AttributeType is read; a null one is not taken. Files before version 2 of the format give no type. */
type Reader = (proto: AttributeProto, reading: TensorReading, what: string) => AttributeValue | undefined;
const readers: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [1, (a) => (a.f === undefined ? 0 : shortestFloat32(a.f))],
  [2, (a) => a.i ?? 0],
  [3, (a) => text(a.s ?? new Uint8Array(0))],
  [4, (a, reading, what) => (a.t === undefined ? undefined : fromTensorProto(a.t, reading, `the tensor of ${what}`))],
  [6, (a) => (a.floats ?? []).map(shortestFloat32)],
  [7, (a) => a.ints ?? []],
  [8, (a) => (a.strings ?? []).map(text)],
]);
const refused: ReadonlyMap<number, string> = new Map([
  [5, "a graph"],
  [9, "a list of tensors"],
  [10, "a list of graphs"],
  [11, "a sparse tensor"],
  [12, "a list of sparse tensors"],
  [13, "a type"],
  [14, "a list of types"],
]);

/** The value of an attribute. Throws a ModelFault on a kind that no op of the table has. */
export function fromAttributeProto(proto: AttributeProto, reading: TensorReading, node: string): AttributeValue {
  const what = `attribute "${proto.name ?? ""}" of ${node}`;
  if (proto.refAttrName !== undefined && proto.refAttrName !== "")
    throw fault(`${what} refers to the function attribute "${proto.refAttrName}" outside a function`);
  const type = proto.type ?? guessedType(proto);
  const value = readers.get(type)?.(proto, reading, what);
  if (value !== undefined) return value;
  const kind = refused.get(type);
  if (kind !== undefined) throw unsupported(`${what} is ${kind}, which striate does not take`);
  throw fault(`${what} has no value`);
}
function guessedType(a: AttributeProto): number {
  if (a.f !== undefined) return 1;
  if (a.i !== undefined) return 2;
  if (a.s !== undefined) return 3;
  if (a.t !== undefined) return 4;
  if (a.g !== undefined) return 5;
  if (a.floats !== undefined) return 6;
  return a.ints === undefined ? (a.strings === undefined ? 0 : 8) : 7;
}
