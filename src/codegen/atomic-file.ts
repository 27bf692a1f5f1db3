/** Files that are there whole or not at all. */
import { open, rename, rm } from "node:fs/promises";
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";

/** Bytes are written in pieces of this size: one system call takes less than 2 GiB. */
const pieceSize = 2 ** 28;

/**
 * Writes bytes to a file beside the final one, lets the disk have them, and renames it: readers see the old file or the new one, also
 * after a crash. Throws a CompileError when the disk refuses, and leaves nothing behind then.
 */
export async function writeFileAtomically(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const draft = `${path}.${process.pid}.tmp`;
  try {
    await writeDurably(draft, pieces);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw isRefusal(error) ? userError("output-file", `cannot write ${path}: ${error.message}`, nowhere) : error;
  }
}

async function writeDurably(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const file = await open(path, "w");
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.byteLength; ) {
        const { bytesWritten } = await file.write(piece, at, Math.min(pieceSize, piece.byteLength - at));
        at += bytesWritten;
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
/** True for what the system says, other than faults in making the pieces. */
const isRefusal = (error: unknown): error is Error => error instanceof Error && "syscall" in error;
