/** Reading a user's file into memory, with a bound on its size. */
import { readFileSync, statSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";

const defaultLimit = 2 ** 31 - 1;

/** The bytes of a file, unpacked where it is gzip. Throws a CompileError when it is missing, unreadable, damaged or larger than the limit. */
export function readDataFile(path: string, limit: number = defaultLimit): Uint8Array {
  const bytes = readBounded(path, limit);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: limit });
  } catch (error) {
    throw userError("data-file", `${path}: cannot unpack it: ${reasonOf(error)}`, nowhere, { help: "download the file again" });
  }
}

function readBounded(path: string, limit: number): Uint8Array {
  try {
    const { size } = statSync(path);
    if (size > limit) throw new RangeError(`it has ${size} bytes, more than the limit of ${limit}`);
    return readFileSync(path);
  } catch (error) {
    throw userError("data-file", `${path}: cannot read it: ${reasonOf(error)}`, nowhere);
  }
}

/** What an error says, in one line and without a stack. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
