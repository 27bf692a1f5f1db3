/** NumPy's .npy files: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
import { userError } from "../ir/diagnostic.ts";
import { type DType, dtypes } from "../ir/dtype.ts";
import { nowhere } from "../ir/location.ts";
import { arrayOf, type TensorData } from "../ir/tensor-data.ts";
import { readDataFile } from "./read-file.ts";

const dtypeOfDescr: ReadonlyMap<string, DType> = new Map([
  ["<f4", "float32"],
  ["<f8", "float64"],
  ["<f2", "float16"],
  ["|i1", "int8"],
  ["<i2", "int16"],
  ["<i4", "int32"],
  ["<i8", "int64"],
  ["|u1", "uint8"],
  ["<u2", "uint16"],
  ["<u4", "uint32"],
  ["<u8", "uint64"],
  ["|b1", "bool"],
]);
const magic = "\x93NUMPY";
const header = /^\{\s*'descr':\s*'([^']*)',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([\d,\s]*)\),?\s*\}\s*$/;

/** The array in the bytes of a .npy file. Throws a CompileError that names `source` on anything else, and on big-endian and Fortran-ordered arrays. */
export function readNpy(bytes: Uint8Array, source: string): TensorData {
  const fault = (message: string): never => {
    throw userError("npy-file", `${source}: ${message}`, nowhere, {
      help: "numpy.save writes such files from a C-contiguous array of numbers",
    });
  };
  const text = (from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).toString("latin1");
  const major = bytes[6];
  if (text(0, 6) !== magic || (major !== 1 && major !== 2 && major !== 3)) return fault("it is no .npy file");
  const lengthBytes = major === 1 ? 2 : 4;
  if (bytes.length < 8 + lengthBytes) return fault("it ends inside its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = 8 + lengthBytes + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  const [, descr = "", order, sizes = ""] = header.exec(text(8 + lengthBytes, Math.min(start, bytes.length, 10_000))) ?? [];
  const dtype = dtypeOfDescr.get(descr);
  if (order === undefined || start > bytes.length) return fault("its header is damaged");
  if (dtype === undefined) return fault(`elements of type "${descr}" are not read; ${[...dtypeOfDescr.keys()].join(", ")} are`);
  const shape = sizes
    .split(",")
    .map((size) => size.trim())
    .filter((size) => size !== "")
    .map(Number);
  if (order === "True" && shape.length > 1) return fault("it is in Fortran order: save numpy.ascontiguousarray(x)");
  const wanted = shape.reduce((n, d) => n * d, 1) * dtypes[dtype].size;
  if (bytes.length - start !== wanted)
    return fault(`${dtype}[${shape.join(", ")}] takes ${wanted} bytes, but it has ${bytes.length - start}`);
  return { dtype, shape, data: arrayOf(dtype, new Uint8Array(bytes.subarray(start))) };
}

/** The array in a .npy file. Throws a CompileError when it is missing or damaged. */
export const readNpyFile = (path: string): TensorData => readNpy(readDataFile(path), path);
