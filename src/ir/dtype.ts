/** Element types, by NumPy's names, with ONNX's numbers. */

/** The element type of a tensor. */
export type DType =
  | "float32"
  | "float64"
  | "float16"
  | "bfloat16"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "bool"
  | "string";

interface DTypeInfo {
  /** The number in TensorProto.DataType. */
  readonly onnx: number;
  /** The name in the ONNX operator schemas, `tensor(float)`. */
  readonly schemaName: string;
  readonly kind: "float" | "int" | "uint" | "bool" | "string";
  /** Bytes of one element; 0 for strings. */
  readonly size: number;
}

/** What is known of each element type. */
export const dtypes: Readonly<Record<DType, DTypeInfo>> = {
  float32: { onnx: 1, schemaName: "tensor(float)", kind: "float", size: 4 },
  uint8: { onnx: 2, schemaName: "tensor(uint8)", kind: "uint", size: 1 },
  int8: { onnx: 3, schemaName: "tensor(int8)", kind: "int", size: 1 },
  uint16: { onnx: 4, schemaName: "tensor(uint16)", kind: "uint", size: 2 },
  int16: { onnx: 5, schemaName: "tensor(int16)", kind: "int", size: 2 },
  int32: { onnx: 6, schemaName: "tensor(int32)", kind: "int", size: 4 },
  int64: { onnx: 7, schemaName: "tensor(int64)", kind: "int", size: 8 },
  string: { onnx: 8, schemaName: "tensor(string)", kind: "string", size: 0 },
  bool: { onnx: 9, schemaName: "tensor(bool)", kind: "bool", size: 1 },
  float16: { onnx: 10, schemaName: "tensor(float16)", kind: "float", size: 2 },
  float64: { onnx: 11, schemaName: "tensor(double)", kind: "float", size: 8 },
  uint32: { onnx: 12, schemaName: "tensor(uint32)", kind: "uint", size: 4 },
  uint64: { onnx: 13, schemaName: "tensor(uint64)", kind: "uint", size: 8 },
  bfloat16: { onnx: 16, schemaName: "tensor(bfloat16)", kind: "float", size: 2 },
};

const names = Object.keys(dtypes) as readonly DType[];
const byOnnx = new Map(names.map((name) => [dtypes[name].onnx, name]));

/** The element type with a number of TensorProto.DataType, or undefined. */
export const dtypeFromOnnx = (code: number): DType | undefined => byOnnx.get(code);
/** True when a text names an element type. */
export const isDType = (text: string): text is DType => Object.hasOwn(dtypes, text);
/** True for the types that a gradient can have. */
export const isFloat = (dtype: DType): boolean => dtypes[dtype].kind === "float";
