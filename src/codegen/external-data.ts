/** Tensors that a model keeps in files beside it. */
import { fault } from "./model-fault.ts";
import type { ExternalReader } from "./read-tensor.ts";

/** A file with tensors in it. */
export interface ExternalFile {
  /** In bytes. */
  readonly size: number;
  /** The bytes from an offset on; the range lies inside the file. */
  read(offset: number, length: number): Uint8Array;
}
/** Gives the file at a location, a path relative to the model's folder; null when there is none. */
export type ExternalFiles = (location: string) => ExternalFile | null;

/**
 * A reader of external tensors. Every range is compared with the size of its file before anything is read, equal ranges are read once, and
 * the ranges read from a file are together no longer than the file: a small model cannot ask for more memory than its files take on disk.
 */
export function externalReader(files: ExternalFiles | undefined): ExternalReader {
  const opened = new Map<string, { readonly file: ExternalFile; readonly ranges: Map<string, Uint8Array>; taken: number }>();
  const open = (location: string) => {
    const known = opened.get(location);
    if (known !== undefined) return known;
    if (files === undefined) throw fault(`it keeps tensors in the file "${location}"`, "read the model from its path");
    checkLocation(location);
    const file = files(location);
    if (file === null) throw fault(`there is no file "${location}" beside it, and tensors are kept there`);
    const entry = { file, ranges: new Map<string, Uint8Array>(), taken: 0 };
    opened.set(location, entry);
    return entry;
  };
  return (keys, size) => {
    const location = keys.get("location") ?? "";
    const entry = open(location);
    const offset = wholeNumber(keys.get("offset") ?? "0", `offset in "${location}"`);
    const length = wholeNumber(keys.get("length") ?? String(size), `length in "${location}"`);
    if (length !== size) throw fault(`a tensor takes ${size} bytes, but ${length} bytes of "${location}" are given for it`);
    if (offset + length > entry.file.size)
      throw fault(`a tensor lies at bytes ${offset} to ${offset + length} of "${location}", which has ${entry.file.size}`);
    const range = `${offset}+${length}`;
    const known = entry.ranges.get(range);
    if (known !== undefined) return known;
    entry.taken += length;
    if (entry.taken > entry.file.size) throw fault(`tensors overlap in "${location}"`);
    const bytes = entry.file.read(offset, length);
    entry.ranges.set(range, bytes);
    return bytes;
  };
}
function wholeNumber(text: string, what: string): number {
  const n = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(n)) throw fault(`the ${what} is "${text.slice(0, 40)}", not a whole number`);
  return n;
}
/** External files lie in the model's folder or below it. */
function checkLocation(location: string): void {
  const parts = location.split(/[\\/]/);
  if (location === "" || location.includes("\0") || /^([\\/]|[A-Za-z]:)/.test(location) || parts.includes("..")) {
    throw fault(`it keeps tensors in "${location.slice(0, 200)}", a path that leads out of the model's folder`);
  }
}
