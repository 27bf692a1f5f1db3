/** Tensors with their contents: weights and constants. */
import type { Dim } from "./dim.ts";
import { type DType, dtypes } from "./dtype.ts";

/** The storage of elements: bool as one byte each, float16 and bfloat16 as their bits. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint32Array
  | BigUint64Array;

/** A dense tensor, row-major. */
export interface TensorData {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray | readonly string[];
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

/** Elements of a dtype over the bytes of a buffer, copied where they are misaligned. Throws a RangeError on strings. */
export function arrayOf(dtype: DType, bytes: Uint8Array): TypedArray {
  if (dtype === "string") throw new RangeError("strings have no bytes");
  const size = dtypes[dtype].size;
  const source = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new arrays[dtype](source.buffer as ArrayBuffer, source.byteOffset, Math.floor(source.byteLength / size));
}
/** A zeroed array of n elements. */
export function zeros(dtype: DType, n: number): TypedArray {
  if (dtype === "string") throw new RangeError("strings have no zero");
  return new arrays[dtype](n);
}
/** The bytes of a tensor. Throws a RangeError on strings. */
export function bytesOf(tensor: TensorData): Uint8Array {
  const { data } = tensor;
  if (!ArrayBuffer.isView(data)) throw new RangeError("strings have no bytes");
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** A tensor from numbers, rounded to the dtype. */
export function tensorFrom(dtype: DType, shape: readonly number[], values: ArrayLike<number>): TensorData {
  if (dtype === "string") throw new RangeError("a string tensor holds no numbers");
  if (dtype === "int64" || dtype === "uint64") {
    return { dtype, shape, data: dtype === "int64" ? BigInt64Array.from(values, toInt64) : BigUint64Array.from(values, toUint64) };
  }
  if (dtype === "float16") return { dtype, shape, data: Uint16Array.from(values, toFloat16) };
  if (dtype === "bfloat16") return { dtype, shape, data: Uint16Array.from(values, toBfloat16) };
  const data = zeros(dtype, values.length);
  for (let i = 0; i < values.length; i++) data[i] = values[i] ?? 0;
  return { dtype, shape, data };
}
/** The nearest int64: what lies outside of its range becomes its end, and NaN becomes 0. */
const toInt64 = (v: number): bigint => (v >= 2 ** 63 ? 2n ** 63n - 1n : v <= -(2 ** 63) ? -(2n ** 63n) : BigInt(Math.trunc(v || 0)));
const toUint64 = (v: number): bigint => (v >= 2 ** 64 ? 2n ** 64n - 1n : v <= 0 ? 0n : BigInt(Math.trunc(v || 0)));
/** A float32 tensor of no axes. */
export const scalar = (value: number, dtype: DType = "float32"): TensorData => tensorFrom(dtype, [], [value]);
/** An int64 vector. */
export const int64s = (values: readonly number[]): TensorData => tensorFrom("int64", [values.length], values);

/** The elements as numbers; integers past 2^53 become infinities, so that they compare but do not compute. Null for strings. */
export function numbersOf(tensor: TensorData): readonly number[] | null {
  const { data, dtype } = tensor;
  if (!ArrayBuffer.isView(data)) return null;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return eachOf<bigint>(data, safeNumber);
  if (dtype === "float16") return eachOf(data, fromFloat16);
  if (dtype === "bfloat16") return eachOf(data, fromBfloat16);
  return eachOf(data, (v) => v);
}
/** A loop, since Array.from asks an iterator for each element. */
function eachOf<T>(data: ArrayLike<T>, numberOf: (element: T) => number): readonly number[] {
  const numbers: number[] = [];
  for (let i = 0; i < data.length; i++) {
    const element = data[i];
    if (element !== undefined) numbers.push(numberOf(element));
  }
  return numbers;
}
const safeNumber = (v: bigint): number => (v > 2n ** 53n ? Infinity : v < -(2n ** 53n) ? -Infinity : Number(v));

/** A tensor of known elements, or null when one is symbolic or no longer an exact integer. */
export function tensorOfElements(dtype: DType, shape: readonly number[], elements: readonly Dim[]): TensorData | null {
  const integer = dtypes[dtype].kind !== "float";
  const numbers: number[] = [];
  for (const e of elements) {
    if (typeof e !== "number" || (integer && !Number.isSafeInteger(e))) return null;
    numbers.push(e);
  }
  return dtype === "string" ? null : tensorFrom(dtype, shape, numbers);
}

const scratch = new DataView(new ArrayBuffer(8));
/** The bits of the nearest float16, ties to even. */
export function toFloat16(value: number): number {
  scratch.setFloat32(0, value);
  const sign = (scratch.getUint32(0) >>> 16) & 0x8000;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  const exponent = Math.max(Math.floor(Math.log2(size || 2 ** -30)), -14);
  const step = 2 ** ((2 ** (exponent + 1) <= size ? exponent + 1 : 2 ** exponent > size && exponent > -14 ? exponent - 1 : exponent) - 10);
  const units = roundEven(size / step);
  // units counts steps of the binade: 1024 to 2048 for normal numbers, below that for subnormal ones.
  const bits = units < 1024 ? units : units + (Math.round(Math.log2(step)) + 24) * 1024;
  return sign | bits;
}
/** The value of float16 bits. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
/** The bits of the nearest bfloat16, ties to even. */
export function toBfloat16(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  if (Number.isNaN(value)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}
/** The value of bfloat16 bits. */
export function fromBfloat16(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}
const roundEven = (x: number): number => {
  const floor = Math.floor(x);
  const half = x - floor;
  return half > 0.5 || (half === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
};

/** The shortest decimal that is this float32: 0.1 and not 0.10000000149011612. Other numbers are given back as they are. */
export function shortestFloat32(value: number): number {
  if (value === 0) return value;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
