/** A graph as the bytes of an ONNX model. */
import { attributesOf } from "../ir/attributes.ts";
import { userError } from "../ir/diagnostic.ts";
import type { Graph, Node, Value } from "../ir/graph.ts";
import { nowhere, printLocation } from "../ir/location.ts";
import { microsoftVersion } from "../ir/microsoft-ops.ts";
import { signatures } from "../ir/op-types.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { version } from "../version.ts";
import { isGraph, toAttributeProto } from "./attribute-proto.ts";
import { type EmittedNode, emitNode } from "./emit-node.ts";
import { defaultOpset, irVersionOf } from "./opset-versions.ts";
import {
  encodeGraphProto,
  encodeModelProto,
  encodeTensorProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type StringStringEntryProto,
  type TensorProto,
} from "./proto/onnx.generated.ts";
import { newWriter } from "./proto/wire.ts";
import { byteLength, tensorHead, toTensorProto } from "./tensor-proto.ts";
import { toValueInfo } from "./type-proto.ts";

/** What a model file says besides its graph. */
export interface WriteOptions {
  /** The version of the ai.onnx opset, 7 to 26; 18 when absent. */
  readonly opset?: number;
  /** Further metadata_props of the model. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly docString?: string;
}
/** Where the contents of an initializer lie in another file, for those that are not in the model itself. */
export type Placement = (value: Value, data: TensorData) => readonly StringStringEntryProto[] | null;

/** A model is one protobuf message, which readers take up to this size. */
const largestModel = 2 ** 31 - 1;
const locationKey = "striate.location";

/**
 * The bytes of an ONNX model: the same graph gives the same bytes. Throws a CompileError when the opset cannot say what the graph says, or
 * when the model is larger than 2 GiB.
 */
export function writeModel(graph: Graph, options: WriteOptions = {}): Uint8Array {
  const pieces = modelPieces(graph, options, () => null);
  const size = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  checkSize(size);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  return bytes;
}

/** The bytes of a model in pieces, so that weights need not be copied; `place` says which of them lie in another file. */
export function modelPieces(graph: Graph, options: WriteOptions, place: Placement): readonly Uint8Array[] {
  const opset = options.opset ?? defaultOpset;
  const irVersion = irVersionOf(opset);
  const emitted = graph.nodes.map((node) => emitNode(node, opset));
  const body = encodeGraphProto(newWriter(), graphHead(graph, emitted, opset, irVersion)).finish();
  const weights = [...keptInitializers(graph, emitted)].flatMap(([value, data]) => initializerPieces(value, data, place(value, data)));
  const size = weights.reduce((sum, piece) => sum + piece.byteLength, body.byteLength);
  return [
    encodeModelProto(newWriter(), modelHead(options, opset, irVersion, graph)).finish(),
    lengthPrefix(graphTag, size),
    body,
    ...weights,
  ];
}
const graphTag = 7 * 8 + 2;
const initializerTag = 5 * 8 + 2;
const rawDataTag = 9 * 8 + 2;

function lengthPrefix(tag: number, size: number): Uint8Array {
  checkSize(size);
  return newWriter().uint32(tag).uint32(size).finish();
}
function checkSize(size: number): void {
  if (size <= largestModel) return;
  throw userError("model-size", `the model takes ${size} bytes, and one protobuf message holds ${largestModel}`, nowhere, {
    help: "write it to a file with external data",
  });
}
/** An initializer as a field of the graph. */
function initializerPieces(value: Value, data: TensorData, externalData: readonly StringStringEntryProto[] | null): readonly Uint8Array[] {
  const tensor: TensorProto = { ...tensorHead(data, value.name), ...(externalData === null ? {} : { externalData, dataLocation: 1 }) };
  const head = encodeTensorProto(newWriter(), tensor).finish();
  const { rawData } = externalData === null ? toTensorProto(data) : {};
  if (rawData === undefined) return [lengthPrefix(initializerTag, head.byteLength), head];
  const raw = lengthPrefix(rawDataTag, byteLength(data));
  return [lengthPrefix(initializerTag, head.byteLength + raw.byteLength + rawData.byteLength), head, raw, rawData];
}

function modelHead({ metadata = {}, docString }: WriteOptions, opset: number, irVersion: number, graph: Graph): ModelProto {
  const props = Object.entries({ ...metadata, "striate.version": version }).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    irVersion,
    producerName: "striate",
    producerVersion: version,
    docString,
    opsetImport: [{ domain: "", version: opset }, ...[...domainsIn(graph)].map((domain) => ({ domain, version: microsoftVersion }))],
    metadataProps: props.map(([key, value]) => ({ key, value })),
  };
}
/** The domains of a graph's ops other than ai.onnx, those of the graphs in its attributes included. */
function domainsIn({ nodes }: Graph): ReadonlySet<string> {
  const inner = nodes.flatMap((node) =>
    Object.values(attributesOf(node))
      .filter(isGraph)
      .flatMap((graph) => [...domainsIn(graph)]),
  );
  return new Set([...nodes.map(({ opType }) => signatures[opType].domain), ...inner].filter((domain) => domain !== ""));
}
/** The graph without its initializers. */
function graphHead(graph: Graph, emitted: readonly EmittedNode[], opset: number, irVersion: number): GraphProto {
  const declared = new Set([...graph.inputs, ...graph.outputs]);
  const inner = graph.nodes.flatMap((node) => node.outputs.filter((v) => v !== null && !declared.has(v)));
  return {
    node: emitted.map((e) => toNodeProto(e, opset, irVersion)),
    name: graph.name,
    input: graph.inputs.map(toValueInfo),
    output: graph.outputs.map(toValueInfo),
    valueInfo: inner.flatMap((value) => (value === null ? [] : [toValueInfo(value)])),
  };
}
function toNodeProto({ node, inputs, attributes }: EmittedNode, opset: number, irVersion: number): NodeProto {
  const outputs = node.outputs.slice(0, node.outputs.findLastIndex((v) => v !== null) + 1);
  const { domain } = signatures[node.opType];
  return {
    input: inputs.map(nameOf),
    output: outputs.map(nameOf),
    name: node.name,
    opType: node.opType,
    ...(domain === "" ? {} : { domain }),
    attribute: attributes.map((attribute) => toAttributeProto(attribute, (graph) => wholeGraph(graph, opset, irVersion))),
    ...locationOf(node, irVersion),
  };
}
const nameOf = (value: Value | null): string => value?.name ?? "";
/** A graph within an attribute. */
function wholeGraph(graph: Graph, opset: number, irVersion: number): GraphProto {
  const emitted = graph.nodes.map((node) => emitNode(node, opset));
  const initializer = [...keptInitializers(graph, emitted)].map(([value, data]) => toTensorProto(data, value.name));
  return { ...graphHead(graph, emitted, opset, irVersion), initializer };
}
/** The user's line: nodes have metadata from version 10 of the format on, and a doc string before that. */
function locationOf(node: Node, irVersion: number): NodeProto {
  const text = printLocation(node.location);
  if (text === "") return {};
  return irVersion >= 10 ? { metadataProps: [{ key: locationKey, value: text }] } : { docString: `${locationKey} ${text}` };
}

/** All initializers but those whose every reader has taken them in as an attribute. */
function keptInitializers(graph: Graph, emitted: readonly EmittedNode[]): ReadonlyMap<Value, TensorData> {
  const read = new Set(graph.nodes.flatMap((node) => node.inputs));
  const stillRead = new Set([...emitted.flatMap(({ inputs }) => inputs), ...graph.outputs]);
  return new Map([...graph.initializers].filter(([value]) => stillRead.has(value) || !read.has(value)));
}
