/** Types from ONNX files. */
import { type Dim, isUnknown, parseDim, symbolsOf } from "../ir/dim.ts";
import { dtypeFromOnnx } from "../ir/dtype.ts";
import type { TensorType } from "../ir/graph.ts";
import { fault, unsupported } from "./model-fault.ts";
import type { TensorShapeProto, TensorShapeProtoDimension, TypeProto } from "./proto/onnx.generated.ts";

/** A tensor type as a file declares it: null for what it does not tell. */
export interface DeclaredType {
  readonly dtype: TensorType["dtype"] | null;
  readonly shape: readonly (Dim | null)[] | null;
}
/** Gives each text of a dim_param its dim: the expression it is, or a symbol of its own. Null for a text that says nothing. */
export type DimReader = (text: string) => Dim | null;

/** A type. Throws a ModelFault on what is no tensor, or has an element type that striate does not know. */
export function fromTypeProto(type: TypeProto | undefined, what: string, readDim: DimReader): DeclaredType {
  const tensor = type?.tensorType;
  if (tensor === undefined) throw unsupported(`${what} is ${type === undefined ? "without a type" : `${kindOf(type)}, not a tensor`}`);
  const { elemType = 0 } = tensor;
  const dtype = elemType === 0 ? null : dtypeFromOnnx(elemType);
  if (dtype === undefined) throw unsupported(`${what} has element type ${elemType}, which striate does not know`);
  return { dtype, shape: shapeFrom(tensor.shape, readDim) };
}
function kindOf(type: TypeProto): string {
  if (type.sequenceType !== undefined) return "a sequence";
  if (type.mapType !== undefined) return "a map";
  if (type.optionalType !== undefined) return "an optional";
  return type.sparseTensorType === undefined ? "of no known kind" : "a sparse tensor";
}
const shapeFrom = (shape: TensorShapeProto | undefined, readDim: DimReader): DeclaredType["shape"] =>
  shape === undefined ? null : (shape.dim ?? []).map((dim) => dimFrom(dim, readDim));
function dimFrom({ dimValue, dimParam }: TensorShapeProtoDimension, readDim: DimReader): Dim | null {
  // Old exporters write 0 or -1 for sizes that they do not know; a 0 may also be meant, and then inference says so.
  if (dimValue !== undefined && dimValue > Number.MAX_SAFE_INTEGER) throw fault(`an axis has the size ${dimValue}, which no tensor has`);
  if (dimValue !== undefined) return dimValue >= 0 ? dimValue : null;
  return dimParam === undefined || dimParam === "" ? null : readDim(dimParam);
}

/** Texts longer than this are names, not expressions. */
const longestExpression = 200;

/** A reader of dim_param texts for one file: equal texts give equal dims, different texts that are no expressions different symbols. */
export function dimReader(): DimReader {
  const known = new Map<string, Dim | null>();
  const symbols = new Set<string>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const dim = text.includes("?") ? null : (expression(text) ?? symbolFor(text, symbols));
    for (const symbol of dim === null ? [] : symbolsOf(dim)) symbols.add(symbol);
    known.set(text, dim);
    return dim;
  };
}
/** The dim that a text says, or null where it says none or one that is negative. */
function expression(text: string): Dim | null {
  if (text.length > longestExpression) return null;
  try {
    const dim = parseDim(text);
    return typeof dim === "number" && dim < 0 ? null : dim;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
function symbolFor(text: string, taken: ReadonlySet<string>): string {
  const word = text.slice(0, longestExpression).replace(/[^A-Za-z0-9_]+/g, "_");
  const stem = /^[A-Za-z_]/.test(word) && !["floor", "min", "max"].includes(word) ? word : `d_${word}`;
  let symbol = stem;
  for (let i = 1; taken.has(symbol); i++) symbol = `${stem}_${i}`;
  return symbol;
}

/** What inference and the file say of one value, together. */
export interface MergedType {
  /** The inferred type, with the file's sizes where inference cannot know them. */
  readonly type: TensorType;
  /** What the file says otherwise: an element type that cannot be, or a shape. */
  readonly clash: "none" | "dtype" | "shape";
}
/** Merges the two. A symbol and a number, or two symbols, may be the same size: no clash, and the inferred one stays. */
export function mergeTypes(inferred: TensorType, { dtype, shape }: DeclaredType): MergedType {
  if (dtype !== null && dtype !== inferred.dtype) return { type: inferred, clash: "dtype" };
  if (shape === null) return { type: inferred, clash: "none" };
  const differs = (d: Dim, other: Dim | null | undefined): boolean => typeof d === "number" && typeof other === "number" && d !== other;
  if (shape.length !== inferred.shape.length || inferred.shape.some((d, i) => differs(d, shape[i])))
    return { type: inferred, clash: "shape" };
  return { type: { dtype: inferred.dtype, shape: inferred.shape.map((d, i) => (isUnknown(d) ? (shape[i] ?? d) : d)) }, clash: "none" };
}
/** `float32[N, ?]`. */
export const printDeclared = ({ dtype, shape }: DeclaredType): string =>
  `${dtype ?? "?"}${shape === null ? "" : `[${shape.map((d) => d ?? "?").join(", ")}]`}`;
