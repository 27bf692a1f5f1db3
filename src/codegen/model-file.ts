/** ONNX models on disk, with weights beside them where they are large. */
import { closeSync, existsSync, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { type CompileError, userError } from "../ir/diagnostic.ts";
import type { Graph, Value } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { bytesOf, type TensorData } from "../ir/tensor-data.ts";
import { writeFileAtomically } from "./atomic-file.ts";
import type { ExternalFile } from "./external-data.ts";
import { explained, fault } from "./model-fault.ts";
import { type ParsedModel, parseModel } from "./parse-model.ts";
import type { StringStringEntryProto } from "./proto/onnx.generated.ts";
import { byteLength } from "./tensor-proto.ts";
import { modelPieces, type WriteOptions } from "./write-model.ts";

/** How a model file is written. */
export interface WriteFileOptions extends WriteOptions {
  /** Whether weights go into a file of their own, `<model>.data`; when absent, they do where they take more than 1.5 GiB. */
  readonly externalData?: boolean;
}

/** Weights stay in the model up to this size: one message holds 2 GiB, and readers need room beside them. */
const externalFrom = 1.5 * 2 ** 30;
/** Tensors below this size stay in the model: shapes and axes, which readers want at hand. */
const smallestExternal = 1024;
/** Tensors begin at whole pages, so that a runtime can map them. */
const page = 4096;

/** Writes a model, atomically and in pieces. Throws a CompileError when the graph cannot be said in the opset, or the file cannot be written. */
export async function writeModelFile(path: string, graph: Graph, options: WriteFileOptions = {}): Promise<void> {
  const size = [...graph.initializers.values()].reduce((sum, data) => sum + byteLength(data), 0);
  const layout = layoutOf(graph, basename(path), options.externalData ?? size > externalFrom);
  const pieces = modelPieces(graph, options, (value) => layout.places.get(value) ?? null);
  if (layout.tensors.length > 0) await writeFileAtomically(`${path}.data`, dataPieces(layout.tensors));
  await writeFileAtomically(path, pieces);
}

interface Layout {
  /** In the order of their offsets. */
  readonly tensors: readonly { readonly data: TensorData; readonly offset: number }[];
  readonly places: ReadonlyMap<Value, readonly StringStringEntryProto[]>;
}
function layoutOf(graph: Graph, fileName: string, external: boolean): Layout {
  const tensors: { readonly data: TensorData; readonly offset: number }[] = [];
  const places = new Map<Value, readonly StringStringEntryProto[]>();
  let end = 0;
  for (const [value, data] of external ? graph.initializers : []) {
    const length = byteLength(data);
    if (length < smallestExternal) continue;
    const offset = Math.ceil(end / page) * page;
    tensors.push({ data, offset });
    places.set(value, [
      { key: "location", value: `${fileName}.data` },
      { key: "offset", value: `${offset}` },
      { key: "length", value: `${length}` },
    ]);
    end = offset + length;
  }
  return { tensors, places };
}
function* dataPieces(tensors: Layout["tensors"]): Iterable<Uint8Array> {
  let at = 0;
  for (const { data, offset } of tensors) {
    if (offset > at) yield new Uint8Array(offset - at);
    yield bytesOf(data);
    at = offset + byteLength(data);
  }
}

/**
 * Reads a model with the tensors that lie beside it, in its folder or below. Throws a CompileError on a file that is none, that striate
 * cannot take, or that asks for tensors outside of its folder.
 */
export async function readModelFile(path: string): Promise<ParsedModel> {
  const opened: number[] = [];
  try {
    const bytes = readWhole(path, opened);
    const folder = dirname(path);
    return parseModel(bytes, { fileName: path, externalData: (location) => externalFile(folder, location, opened) });
  } finally {
    for (const file of opened) closeSync(file);
  }
}

function readWhole(path: string, opened: number[]): Uint8Array {
  try {
    return explained(path, () => {
      const file = openFile(path, opened);
      if (file.size < 2 ** 31) return file.read(0, file.size);
      throw fault(
        `it has ${file.size} bytes, and an ONNX model has less than 2 GiB`,
        "its weights belong in files beside it (external data)",
      );
    });
  } catch (error) {
    throw diskError(path, error);
  }
}
function externalFile(folder: string, location: string, opened: number[]): ExternalFile | null {
  const path = join(folder, location);
  if (!existsSync(path)) return null;
  const [home, real] = [realpathSync(folder), realpathSync(path)];
  if (!real.startsWith(home.endsWith(sep) ? home : home + sep))
    throw fault(`it keeps tensors in "${location}", a link that leads out of the model's folder`);
  return openFile(real, opened);
}
function openFile(path: string, opened: number[]): ExternalFile {
  const descriptor = openSync(path, "r");
  opened.push(descriptor);
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) throw fault(`"${basename(path)}" is not a file`);
  return { size: stat.size, read: (offset, length) => readRange(descriptor, offset, length) };
}
/** One system call reads less than 2 GiB. */
const pieceSize = 2 ** 28;
function readRange(descriptor: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const read = readSync(descriptor, bytes, at, Math.min(pieceSize, length - at), offset + at);
    if (read === 0) throw fault("a file became shorter while it was read");
    at += read;
  }
  return bytes;
}

/** Node's error as the user's; others as they are. */
function diskError(path: string, error: unknown): CompileError | unknown {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string" || !("syscall" in error)) return error;
  return userError("model-file", `cannot read ${path}: ${error.message}`, nowhere);
}
