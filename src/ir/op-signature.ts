/** The form of an op: what ONNX's operator schemas say of its attributes, inputs, outputs and types. */
import type { DType } from "./dtype.ts";
import type { Graph } from "./graph.ts";
import type { TensorData } from "./tensor-data.ts";

/** The kinds of attribute values. */
export type AttributeKind = "int" | "float" | "string" | "ints" | "floats" | "strings" | "tensor" | "graph";
/** An attribute's value. */
export type AttributeValue = number | string | readonly number[] | readonly string[] | TensorData | Graph;
/** Attributes by name. */
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** One attribute. */
export interface AttributeSchema {
  readonly kind: AttributeKind;
  readonly required: boolean;
  readonly default?: number | string | readonly number[];
}
/** One input or output; `type` is a variable of the version's `types`, or an element type. */
export interface ParameterSchema {
  readonly name: string;
  readonly type: string;
  readonly option: "single" | "optional" | "variadic";
  /** How many a variadic one has at least. */
  readonly least?: number;
}
/** An op's form from one opset on. */
export interface SignatureVersion {
  readonly since: number;
  readonly attributes: Readonly<Record<string, AttributeSchema>>;
  readonly inputs: readonly ParameterSchema[];
  readonly outputs: readonly ParameterSchema[];
  readonly types: Readonly<Record<string, readonly DType[]>>;
}
/** An op's forms, oldest first. The last one is what graphs in memory use. */
export interface OpSignature {
  readonly domain: string;
  readonly versions: readonly SignatureVersion[];
}

/** The form of an op in an opset, or undefined when the opset is older than the op. */
export const versionAt = (signature: OpSignature, opset: number): SignatureVersion | undefined =>
  signature.versions.findLast((v) => v.since <= opset);
