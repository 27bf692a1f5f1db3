/** The graph: immutable, in ONNX's own words. */
import type { Dim } from "./dim.ts";
import type { DType } from "./dtype.ts";
import type { SourceLocation } from "./location.ts";
import type { OpAttributes, OpType } from "./op-types.ts";
import { printShape, type Shape } from "./shape.ts";
import type { TensorData } from "./tensor-data.ts";

/** An element type and a shape. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}
/** `float32[N, 3, 224, 224]`. */
export const printType = (type: TensorType): string => `${type.dtype}${printShape(type.shape)}`;

/** A tensor in a graph: an input, an initializer, or the output of a node. */
export interface Value {
  readonly name: string;
  readonly type: TensorType;
  readonly producer: Node | null;
  /** The contents where they are known and few: what shape inference computes with. Integers may be symbolic; bools are 0 and 1. */
  readonly elements: readonly Dim[] | null;
}

/** One application of an op. Attributes hold every default. */
export interface Node<T extends OpType = OpType> {
  readonly opType: T;
  readonly name: string;
  readonly inputs: readonly (Value | null)[];
  readonly attributes: OpAttributes[T];
  /** Null where an optional output is not asked for. */
  readonly outputs: readonly (Value | null)[];
  readonly location: SourceLocation;
}

/** A function from inputs to outputs: nodes in topological order over values. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<Value, TensorData>;
}
