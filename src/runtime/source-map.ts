/** From a node's name in a model file back to the user's line, which the compiler wrote beside it. */
import { readFileSync, statSync } from "node:fs";
import { decodeModelProto, type ModelProto, type NodeProto } from "../codegen/proto/onnx.generated.ts";
import { startDecoding } from "../codegen/proto/wire.ts";
import { locationAt, type SourceLocation } from "../ir/location.ts";

/** A model as bytes, or the path of its file. */
export type ModelSource = Uint8Array | string;

/** Files past this size are not read for the sake of a message. */
const largestFile = 2 ** 31 - 1;

/** The model's own description, or null where the file is too large or no model. */
export function readModelProto(model: ModelSource): ModelProto | null {
  try {
    if (typeof model !== "string") return decodeModelProto(startDecoding(model));
    return statSync(model).size > largestFile ? null : decodeModelProto(startDecoding(readFileSync(model)));
  } catch {
    return null;
  }
}

/** Finds the place in the source of a node that onnxruntime names; null where the model says none. */
export type Locate = (nodeName: string) => SourceLocation | null;

/** The locations that a model's own nodes carry, read from it when first asked for. */
export function locateIn(model: ModelSource): Locate {
  let known: ReadonlyMap<string, SourceLocation> | undefined;
  return (name) => {
    known ??= nodeLocations(readModelProto(model));
    return known.get(name) ?? fusedLocation(name, known);
  };
}

/** The location of each node that has one, by the node's name. */
function nodeLocations(model: ModelProto | null): ReadonlyMap<string, SourceLocation> {
  const found = new Map<string, SourceLocation>();
  for (const node of model?.graph?.node ?? []) {
    const location = locationOfNode(node);
    if (node.name !== undefined && location !== null) found.set(node.name, location);
  }
  return found;
}

const key = "striate.location";
/** Where a node of a file was written, or null: its metadata says it, or its doc string in formats before version 10. */
export function locationOfNode(node: NodeProto): SourceLocation | null {
  const fromDoc = node.docString?.startsWith(`${key} `) === true ? node.docString.slice(key.length + 1) : undefined;
  const text = node.metadataProps?.find((entry) => entry.key === key)?.value ?? fromDoc;
  const [, file, line, column] = /^(.*):(\d+):(\d+)$/.exec(text ?? "") ?? [];
  return file === undefined ? null : locationAt(file, Number(line), Number(column));
}

/** onnxruntime names a node that it made of several after them: the longest name within the name is the one meant. */
function fusedLocation(name: string, known: ReadonlyMap<string, SourceLocation>): SourceLocation | null {
  let best = "";
  for (const candidate of known.keys()) {
    if (candidate.length > best.length && name.includes(candidate)) best = candidate;
  }
  return known.get(best) ?? null;
}
