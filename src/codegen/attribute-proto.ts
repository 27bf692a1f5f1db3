/** Attributes as ONNX writes them. */
import { InternalError } from "../ir/diagnostic.ts";
import type { Graph } from "../ir/graph.ts";
import type { AttributeKind, AttributeValue } from "../ir/op-signature.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import type { EmittedAttribute } from "./emit-node.ts";
import type { AttributeProto, GraphProto } from "./proto/onnx.generated.ts";
import { toTensorProto } from "./tensor-proto.ts";

/** AttributeProto.AttributeType of each kind. */
export const attributeTypes: Readonly<Record<AttributeKind, number>> = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
};
const utf8 = new TextEncoder();

/** An attribute as ONNX writes it; `writeGraph` writes the graphs in it. */
export function toAttributeProto({ name, kind, value }: EmittedAttribute, writeGraph: (graph: Graph) => GraphProto): AttributeProto {
  return { name, type: attributeTypes[kind], ...payload(name, kind, value, writeGraph) };
}
function payload(name: string, kind: AttributeKind, value: AttributeValue, writeGraph: (graph: Graph) => GraphProto): AttributeProto {
  if (typeof value === "number") return kind === "float" ? { f: value } : { i: value };
  if (typeof value === "string") return { s: utf8.encode(value) };
  if (isTensor(value)) return { t: toTensorProto(value) };
  if (isGraph(value)) return { g: writeGraph(value) };
  const texts = value.filter((v) => typeof v === "string");
  const numbers = value.filter((v) => typeof v === "number");
  if (kind === "strings") return { strings: texts.map((text) => utf8.encode(text)) };
  if (kind === "floats" || kind === "ints") return { [kind]: numbers };
  throw new InternalError(`attribute "${name}" is a list, and its kind is ${kind}`);
}
/** True for an attribute that holds a tensor. */
export const isTensor = (value: AttributeValue): value is TensorData => typeof value === "object" && "data" in value;
/** True for an attribute that holds a graph. */
export const isGraph = (value: AttributeValue): value is Graph => typeof value === "object" && "nodes" in value;
