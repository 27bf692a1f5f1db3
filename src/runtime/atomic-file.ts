/** Writing files so that a crash at any moment leaves either the old file or the new one. */
import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";

/** Appends bytes to the file being written. */
export type Append = (bytes: Uint8Array) => Promise<void>;

/** No system call takes much more than 2 GiB at once. */
const piece = 2 ** 26;

/** Writes a file under another name beside it, forces it to the disk, and renames it. On an error the old file stays as it was. */
export async function writeAtomically(path: string, write: (append: Append) => Promise<void>): Promise<void> {
  const temporary = temporaryName(path);
  const file = await open(temporary, "w");
  try {
    await write((bytes) => appendAll(file, bytes));
    await file.sync();
    await file.close();
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await file.close().catch(() => {});
    await unlink(temporary).catch(() => {});
    throw error;
  }
}

/** The name under which this process writes a file before it renames it. */
export const temporaryName = (path: string): string => `${path}.${process.pid}.tmp`;
/** True for the name of a file that a process left half written beside `path`. */
export const isTemporaryOf = (path: string, name: string): boolean => name.startsWith(`${path}.`) && /^\.\d+\.tmp$/.test(name.slice(path.length));

async function appendAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, Math.min(piece, bytes.length - at));
    at += bytesWritten;
  }
}

/** Fills an array from a file, from a position on. Throws a RangeError when the file ends before. */
export async function readFully(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < into.length; ) {
    const { bytesRead } = await file.read(into, at, Math.min(piece, into.length - at), position + at);
    if (bytesRead === 0) throw new RangeError(`the file ends at byte ${position + at}`);
    at += bytesRead;
  }
}

/** Makes a rename last; systems that cannot open a folder need no such thing. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => null);
  if (folder === null) return;
  try {
    await folder.sync().catch(() => {});
  } finally {
    await folder.close();
  }
}
