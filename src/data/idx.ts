/** The IDX file format of MNIST and its successors: http://yann.lecun.com/exdb/mnist/ */
import { userError } from "../ir/diagnostic.ts";
import { type DType, dtypes } from "../ir/dtype.ts";
import { nowhere } from "../ir/location.ts";
import { arrayOf, type TensorData } from "../ir/tensor-data.ts";
import { readDataFile } from "./read-file.ts";

const dtypeOfCode: ReadonlyMap<number, DType> = new Map([
  [0x08, "uint8"],
  [0x09, "int8"],
  [0x0b, "int16"],
  [0x0c, "int32"],
  [0x0d, "float32"],
  [0x0e, "float64"],
]);
const maxRank = 8;

/**
 * The tensor in the bytes of an IDX file: two zero bytes, a type, a rank, big-endian sizes, big-endian elements.
 * Throws a CompileError that names `source` on anything else; uses no memory beyond a copy of the elements.
 */
export function readIdx(bytes: Uint8Array, source: string): TensorData {
  const fault = (message: string): never => {
    throw userError("idx-file", `${source}: ${message}`, nowhere, { help: "the file is damaged, or no IDX file: download it again" });
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) return fault(`${bytes.length} bytes are too few for an IDX header`);
  const magic = view.getUint32(0);
  const dtype = dtypeOfCode.get((magic >>> 8) & 0xff);
  const rank = magic & 0xff;
  if (magic >>> 16 !== 0 || dtype === undefined || rank === 0 || rank > maxRank) {
    return fault(`magic number 0x${magic.toString(16).padStart(8, "0")} is none of an IDX file's`);
  }
  const header = 4 + 4 * rank;
  if (bytes.length < header) return fault(`it ends inside its header, after ${bytes.length} of ${header} bytes`);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  // Sizes come from the file: their product may be past 2^53, where it is inexact but still no file's length.
  const wanted = header + shape.reduce((n, d) => n * d, 1) * dtypes[dtype].size;
  if (bytes.length !== wanted) return fault(`${dtype}[${shape.join(", ")}] takes ${wanted} bytes, but it has ${bytes.length}`);
  return { dtype, shape, data: arrayOf(dtype, nativeOrder(bytes.subarray(header), dtypes[dtype].size)) };
}

/** The tensor in an IDX file, which may be gzipped. Throws a CompileError when it is missing or damaged. */
export const readIdxFile = (path: string): TensorData => readIdx(readDataFile(path), path);

function nativeOrder(bigEndian: Uint8Array, size: number): Uint8Array {
  // A copy in any case: the tensor must not hold on to, or share, the file's buffer.
  const bytes = new Uint8Array(bigEndian);
  const words = Buffer.from(bytes.buffer);
  if (size === 2) words.swap16();
  if (size === 4) words.swap32();
  if (size === 8) words.swap64();
  return bytes;
}
