/** Types as ONNX writes them. */
import { isUnknown } from "../ir/dim.ts";
import { dtypes } from "../ir/dtype.ts";
import type { TensorType, Value } from "../ir/graph.ts";
import type { TypeProto, ValueInfoProto } from "./proto/onnx.generated.ts";

/** A tensor type: numbers as dim_value, symbolic sizes as dim_param, unknown sizes as neither. */
export function toTypeProto({ dtype, shape }: TensorType): TypeProto {
  const dim = shape.map((size) => (typeof size === "number" ? { dimValue: size } : isUnknown(size) ? {} : { dimParam: size }));
  return { tensorType: { elemType: dtypes[dtype].onnx, shape: { dim } } };
}
/** A value's name and type. */
export const toValueInfo = (value: Value): ValueInfoProto => ({ name: value.name, type: toTypeProto(value.type) });
