/** Reading and writing .safetensors files (https://github.com/huggingface/safetensors). */
import { type FileHandle, open } from "node:fs/promises";
import { writeFileAtomically } from "../codegen/atomic-file.ts";
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";
import { arrayOf, bytesOf, type TensorData } from "../ir/tensor-data.ts";
import { headerLength, layOut, parseHeader, type SafetensorsEntry, SafetensorsFault } from "./safetensors-header.ts";

/** The tensors of a file, in the order of their bytes, and the texts that go with them. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, TensorData>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads a file, each tensor into memory of its own. Throws a CompileError when it is missing, damaged or made to mislead. */
export function readSafetensors(path: string): Promise<Safetensors> {
  return explained(path, async () => {
    const file = await open(path, "r");
    try {
      return await readOpen(file);
    } finally {
      await file.close();
    }
  });
}

/** Reads a file's bytes; the tensors are views of them where their place allows. `source` is what messages call it. Throws a CompileError. */
export function parseSafetensors(bytes: Uint8Array, source = "the safetensors data"): Safetensors {
  try {
    const start = 8 + headerLength(bytes.subarray(0, 8), bytes.length);
    const { entries, metadata } = parseHeader(bytes.subarray(8, start), bytes.length - start);
    return collect(
      entries,
      metadata,
      entries.map((entry) => bytes.subarray(start + entry.begin, start + entry.end)),
    );
  } catch (error) {
    throw explanation(source, error);
  }
}

/**
 * Writes a file: at any moment there is either the old one or the new one under its name. The same tensors give the same bytes.
 * The tensors must not change before the promise settles. Throws a CompileError on strings, or when the file cannot be written.
 */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  return explained(path, async () => {
    const { head, order } = layOut(tensors, metadata);
    await writeFileAtomically(path, [head, ...order.map(([, tensor]) => bytesOf(tensor))]);
  });
}

/** The bytes of a file. Throws a CompileError on strings. */
export function encodeSafetensors(tensors: ReadonlyMap<string, TensorData>, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  try {
    const { head, order } = layOut(tensors, metadata);
    const parts = [head, ...order.map(([, tensor]) => bytesOf(tensor))];
    const out = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  } catch (error) {
    throw explanation("the safetensors data", error);
  }
}

async function readOpen(file: FileHandle): Promise<Safetensors> {
  const { size } = await file.stat();
  const first = new Uint8Array(Math.min(8, size));
  await readFully(file, first, 0);
  const header = new Uint8Array(headerLength(first, size));
  await readFully(file, header, 8);
  const start = 8 + header.length;
  const { entries, metadata } = parseHeader(header, size - start);
  const contents: Uint8Array[] = [];
  // The tensors fill the file without overlap, so that this takes the file's size in memory, no more.
  for (const { begin, end } of entries) {
    const bytes = new Uint8Array(end - begin);
    await readFully(file, bytes, start + begin);
    contents.push(bytes);
  }
  return collect(entries, metadata, contents);
}

function collect(
  entries: readonly SafetensorsEntry[],
  metadata: Readonly<Record<string, string>>,
  contents: readonly Uint8Array[],
): Safetensors {
  const tensors = entries.map(({ name, dtype, shape, begin }, i) => {
    const bytes = contents[i] ?? new Uint8Array(0);
    if (dtype === "bool" && bytes.some((byte) => byte > 1)) throw new SafetensorsFault(`has a bool in "${name}" that is neither 0 nor 1`);
    return { name, begin, tensor: { dtype, shape, data: arrayOf(dtype, bytes) } };
  });
  tensors.sort((a, b) => a.begin - b.begin);
  return { tensors: new Map(tensors.map(({ name, tensor }) => [name, tensor])), metadata };
}

/** One system call reads less than 2 GiB. */
const pieceSize = 2 ** 26;
/** Fills an array from a file. Throws a RangeError when the file ends before, because it has shrunk meanwhile. */
async function readFully(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < into.length; ) {
    const { bytesRead } = await file.read(into, at, Math.min(pieceSize, into.length - at), position + at);
    if (bytesRead === 0) throw new RangeError(`the file ends at byte ${position + at}`);
    at += bytesRead;
  }
}

async function explained<R>(path: string, work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (error) {
    throw explanation(path, error);
  }
}
function explanation(source: string, error: unknown): unknown {
  if (error instanceof SafetensorsFault) return userError("safetensors", `${source} ${error.message}`, nowhere);
  if (error instanceof RangeError) return userError("safetensors", `${source}: ${error.message}`, nowhere);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT") return userError("safetensors", `${source}: there is no such file`, nowhere);
  if (/^E[A-Z]+$/.test(code)) return userError("safetensors", `${source}: ${error instanceof Error ? error.message : code}`, nowhere);
  return error;
}
