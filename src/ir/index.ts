/** The intermediate representation: graphs in ONNX's words, the builder that makes them, and the table of ops. */
export { attributesOf } from "./attributes.ts";
export { GraphBuilder, maxKnownElements, type NodeOptions, type Origin } from "./builder.ts";
export {
  assertNever,
  CompileError,
  type Diagnostic,
  InternalError,
  isCompileError,
  type Note,
  printDiagnostic,
  userError,
} from "./diagnostic.ts";
export {
  addDims,
  ceilDiv,
  type Dim,
  type DimExpr,
  exactDiv,
  floorDiv,
  isUnknown,
  maxDims,
  minDims,
  mulDims,
  neverEqual,
  parseDim,
  productOf,
  subDims,
  substitute,
  symbolsOf,
  totalOf,
} from "./dim.ts";
export { type DType, dtypeFromOnnx, dtypes, isDType, isFloat } from "./dtype.ts";
export { type Formulas, formulas, type Operand, shapeValue, sumToShapeOf } from "./formulas.ts";
export { type Graph, type Node, printType, type TensorType, type Value } from "./graph.ts";
export { captureLocation, locationAt, nowhere, printLocation, type SourceLocation, type SourcePosition } from "./location.ts";
export * from "./op-schema.ts";
export * from "./op-signature.ts";
export { isOpType, type OpAttributes, type OpType, signatures } from "./op-types.ts";
export { ops, schemaOf } from "./ops/index.ts";
export { type ParseTextOptions, parseGraph, parseGraph as parse } from "./parse-text.ts";
export { type PrintOptions, printGraph, printGraph as print } from "./print.ts";
export { axisIndex, broadcastDim, elementCount, printShape, type Shape, sameShape, staticShape } from "./shape.ts";
export { type TargetName, type TargetTraits, targetNames, traitsOf } from "./targets.ts";
export * from "./tensor-data.ts";
export { verify } from "./verify.ts";
