/** Graphs to and from ONNX files. */

export type { ExternalFile, ExternalFiles } from "./external-data.ts";
export { type JsonNode, jsonNode } from "./json-node.ts";
export { readModelFile, type WriteFileOptions, writeModelFile } from "./model-file.ts";
export { defaultOpset, newestOpset } from "./opset-versions.ts";
export { decodeModel, encodeModel, type ParsedModel, type ParseOptions, parseModel } from "./parse-model.ts";
export * from "./training-manifest.ts";
export { type ModelPorts, printModelTypes } from "./typescript.ts";
export { type WriteOptions, writeModel } from "./write-model.ts";
