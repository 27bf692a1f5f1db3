/** The header of a .safetensors file (https://github.com/huggingface/safetensors): read with no trust, written canonically. */

import { type JsonNode, jsonNode } from "../codegen/json-node.ts";
import { type DType, dtypes } from "../ir/dtype.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { objectEntries, ScanFault, type ScannedEntry } from "./json-scan.ts";

/** One tensor of a file: its type, and its bytes within the data that follows the header. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}
/** What a header says. */
export interface SafetensorsHeader {
  readonly entries: readonly SafetensorsEntry[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own bound on the header's length, in bytes. */
const longestHeader = 100_000_000;
/** An entry's own JSON is some 60 bytes: one far longer is no tensor. */
const longestEntry = 4096;
const mostMetadata = 65_536;

/** In the order in which the format's own writer lays tensors out: wider elements first, so that all are aligned. */
const codes = {
  U64: "uint64",
  I64: "int64",
  F64: "float64",
  F32: "float32",
  U32: "uint32",
  I32: "int32",
  BF16: "bfloat16",
  F16: "float16",
  U16: "uint16",
  I16: "int16",
  I8: "int8",
  U8: "uint8",
  BOOL: "bool",
} as const satisfies Readonly<Record<string, DType>>;
const dtypeOf = new Map<string, DType>(Object.entries(codes));
const codeOf = new Map<DType, string>(Object.entries(codes).map(([code, dtype]) => [dtype, code]));

/** What is wrong with a file, in words that follow its name. */
export class SafetensorsFault extends Error {}
const fault = (problem: string): never => {
  throw new SafetensorsFault(problem);
};

/** The header's length from a file's first eight bytes. Throws a SafetensorsFault when the file cannot hold it. */
export function headerLength(first: Uint8Array, fileSize: number): number {
  if (fileSize < 8 || first.length < 8) return fault(`has ${fileSize} bytes, too few for a safetensors file`);
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  if (length > BigInt(longestHeader)) return fault(`claims a header of ${length} bytes, the format allows ${longestHeader}`);
  if (length > BigInt(fileSize - 8)) return fault(`claims a header of ${length} bytes, but only ${fileSize - 8} follow`);
  return Number(length);
}

/** What the bytes of a header say about `dataSize` bytes that follow. Throws a SafetensorsFault on anything the format forbids. */
export function parseHeader(bytes: Uint8Array, dataSize: number): SafetensorsHeader {
  const entries: SafetensorsEntry[] = [];
  const seen = new Set<string>();
  let metadata: Readonly<Record<string, string>> = {};
  for (const { key, start, end } of scanned(bytes)) {
    if (seen.has(key)) fault(`has the tensor "${key}" twice`);
    seen.add(key);
    if (key === "__metadata__") metadata = parseMetadata(bytes.subarray(start, end));
    else if (end - start > longestEntry) fault(`describes the tensor "${key}" in ${end - start} bytes, which no tensor needs`);
    else entries.push(parseEntry(key, bytes.subarray(start, end)));
  }
  checkLayout(entries, dataSize);
  return { entries, metadata };
}

function* scanned(bytes: Uint8Array): Generator<ScannedEntry> {
  try {
    yield* objectEntries(bytes);
  } catch (error) {
    throw error instanceof ScanFault ? new SafetensorsFault(`has a header that is no JSON object: ${error.message}`) : error;
  }
}

function parseMetadata(bytes: Uint8Array): Readonly<Record<string, string>> {
  const found: [string, string][] = [];
  for (const { key, start, end } of scanned(bytes)) {
    if (found.length === mostMetadata) fault(`has more than ${mostMetadata} metadata texts`);
    found.push([key, jsonOf(bytes.subarray(start, end), `__metadata__.${key}`).text()]);
  }
  return Object.fromEntries(found);
}
function jsonOf(bytes: Uint8Array, path: string): JsonNode {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    fault(`says no JSON for ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return jsonNode(value, path, (message) => fault(`is wrong: ${message}`));
}

function parseEntry(name: string, bytes: Uint8Array): SafetensorsEntry {
  const { dtype: code, shape: sizes, data_offsets: offsets } = jsonOf(bytes, `"${name}"`).fields(["dtype", "shape", "data_offsets"]);
  const dtype = dtypeOf.get(code.text()) ?? code.fail(`is ${code.text()}, wanted one of ${[...dtypeOf.keys()].join(", ")}`);
  const shape = sizes.list().map((size) => size.count());
  const [begin, end, more] = offsets.list();
  if (begin === undefined || end === undefined || more !== undefined) return offsets.fail("must be two numbers");
  const bytesWanted = shape.reduce((product, size) => product * size, dtypes[dtype].size);
  // A product of sizes that is past 2^53 is no longer exact; any size of 0 makes it 0 all the same.
  if (!Number.isSafeInteger(bytesWanted)) return sizes.fail(`is [${shape.join(", ")}], more than any file holds`);
  if (end.count() - begin.count() !== bytesWanted) {
    return offsets.fail(`span ${end.count() - begin.count()} bytes, but ${dtype}[${shape.join(", ")}] takes ${bytesWanted}`);
  }
  return { name, dtype, shape, begin: begin.count(), end: end.count() };
}

/** The tensors fill the data: no byte belongs to two, and none to nobody. */
function checkLayout(entries: readonly SafetensorsEntry[], dataSize: number): void {
  const inOrder = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, begin, end } of inOrder) {
    if (begin < at) fault(`has overlapping tensors: "${name}" begins at byte ${begin}, before byte ${at} where another ends`);
    if (begin > at) fault(`has ${begin - at} bytes before "${name}" that belong to no tensor`);
    at = end;
  }
  if (at > dataSize) fault(`is cut off: its tensors take ${at} bytes, ${dataSize} are there`);
  if (at < dataSize) fault(`has ${dataSize - at} bytes at its end that belong to no tensor`);
}

/** The first bytes of a file (length and header) and the order of its data: the bytes of the format's own writer, metadata sorted by name. */
export function layOut(
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>>,
): {
  readonly head: Uint8Array;
  readonly order: readonly (readonly [string, TensorData])[];
} {
  const ranks = [...codeOf.keys()];
  const order = [...tensors].sort(([a, s], [b, t]) => ranks.indexOf(s.dtype) - ranks.indexOf(t.dtype) || (a < b ? -1 : 1));
  const fields: string[] = [];
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) fields.push(`"__metadata__":${JSON.stringify(Object.fromEntries(keys.map((key) => [key, metadata[key]])))}`);
  let at = 0;
  for (const [name, { dtype, shape, data }] of order) {
    const code = codeOf.get(dtype) ?? fault(`cannot hold "${name}": the format has no ${dtype}`);
    const size = shape.reduce((product, n) => product * n, 1);
    if (name === "__metadata__") fault(`cannot hold a tensor named "__metadata__"`);
    if (data.length !== size) fault(`cannot hold "${name}": it has ${data.length} elements, its shape [${shape.join(", ")}] has ${size}`);
    const end = at + size * dtypes[dtype].size;
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype: code, shape, data_offsets: [at, end] })}`);
    at = end;
  }
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > longestHeader) fault(`cannot be written: its header would take ${length} bytes, the format allows ${longestHeader}`);
  const head = new Uint8Array(8 + length).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(json, 8);
  return { head, order };
}
