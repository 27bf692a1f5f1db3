/** ONNX files as graphs. */
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { Graph } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { type ExternalFiles, externalReader } from "./external-data.ts";
import { explained, fault, unsupported } from "./model-fault.ts";
import { newestOpset } from "./opset-versions.ts";
import { decodeModelProto, encodeModelProto, type ModelProto, type StringStringEntryProto } from "./proto/onnx.generated.ts";
import { newWriter, startDecoding } from "./proto/wire.ts";
import { readGraph } from "./read-graph.ts";

/** What a model file says. */
export interface ParsedModel {
  /** The graph, every op in its newest form. */
  readonly graph: Graph;
  /** The version of the ai.onnx opset that the file is written in. */
  readonly opset: number;
  readonly irVersion: number;
  /** The program that wrote it, with its version; empty when the file does not say. */
  readonly producer: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly docString: string;
  /** What is odd about the file, such as declared shapes that cannot be. */
  readonly warnings: readonly Diagnostic[];
}
/** How a model is read. */
export interface ParseOptions {
  /** What messages call the file. */
  readonly fileName?: string;
  /** Gives the files with tensors that the model does not hold itself. A model that has such tensors is refused when this is absent. */
  readonly externalData?: ExternalFiles;
}

/**
 * The graph and the metadata of an ONNX model. Throws a CompileError on bytes that are no model, or a model that striate cannot take; what
 * it allocates before that is a few times the size of the bytes.
 */
export function parseModel(bytes: Uint8Array, options: ParseOptions = {}): ParsedModel {
  const { fileName = "model" } = options;
  return explained(fileName, () => {
    const model = decoded(bytes);
    if (model.graph === undefined) throw fault("it holds no graph: is it an ONNX model?");
    const metadata = entries(model.metadataProps);
    const opset = opsetOf(model);
    refuseFunctions(model);
    const warnings: Diagnostic[] = [];
    const warn = (message: string): void =>
      void warnings.push({
        severity: "warning",
        code: "model-file",
        message: `${fileName}: ${message}`,
        location: nowhere,
        notes: [],
        help: undefined,
      });
    return {
      graph: readGraph(model.graph, { opset, warn, external: externalReader(options.externalData) }),
      warnings,
      opset,
      metadata,
      irVersion: model.irVersion ?? 0,
      producer: `${model.producerName ?? ""} ${model.producerVersion ?? ""}`.trim(),
      docString: model.docString ?? "",
    };
  });
}

/** The message in an ONNX file, field by field and with the fields that nobody knows. Throws a CompileError on bytes that are none. */
export const decodeModel = (bytes: Uint8Array, fileName = "model"): ModelProto => explained(fileName, () => decoded(bytes));
/** The bytes of a message. */
export const encodeModel = (model: ModelProto): Uint8Array => encodeModelProto(newWriter(), model).finish();

function decoded(bytes: Uint8Array): ModelProto {
  try {
    return decodeModelProto(startDecoding(bytes));
  } catch (error) {
    // protobufjs throws plain errors of its own making on bytes that are no message.
    if (error instanceof Error) throw fault(`it is not an ONNX model, or it is cut off: ${error.message}`);
    throw error;
  }
}
const entries = (props: readonly StringStringEntryProto[] = []): ReadonlyMap<string, string> =>
  new Map(props.map(({ key = "", value = "" }) => [key, value]));

function opsetOf({ opsetImport = [], irVersion = 0 }: ModelProto): number {
  const standard = opsetImport.filter(({ domain = "" }) => domain === "" || domain === "ai.onnx").map(({ version = 1 }) => version);
  const [opset] = standard;
  // Versions 1 and 2 of the format come before opsets: they mean the first one.
  if (opset === undefined) return irVersion < 3 && opsetImport.length === 0 ? 1 : newestOpset;
  if (standard.some((version) => version !== opset)) throw fault(`it imports ai.onnx in several versions: ${standard.join(", ")}`);
  if (opset < 1 || opset > newestOpset) throw unsupported(`it uses opset ${opset}, and striate reads opset 1 to ${newestOpset}`);
  return opset;
}
function refuseFunctions({ functions = [], graph }: ModelProto): void {
  const names = new Set(functions.map(({ name = "", domain = "" }) => `${domain}::${name}`));
  const used = (graph?.node ?? []).map(({ opType = "", domain = "" }) => `${domain}::${opType}`).filter((name) => names.has(name));
  if (used.length > 0)
    throw unsupported(
      `it calls functions of its own: ${[...new Set(used)].join(", ")}`,
      "inline them (onnx.inliner does) before reading it",
    );
}
