/** Files that are there whole or not at all. */
import { open, rename, rm } from "node:fs/promises";

/** Bytes are written in pieces of this size: one system call takes less than 2 GiB. */
const pieceSize = 2 ** 28;

/**
 * Writes bytes to a file beside the final one, lets the disk have them, and renames it: readers see the old file or the new one, also
 * after a crash. Throws Node's error when the disk refuses, and leaves nothing behind then.
 */
export async function writeFileAtomically(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const draft = `${path}.${process.pid}.tmp`;
  const file = await open(draft, "w");
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.byteLength; ) {
        const { bytesWritten } = await file.write(piece, at, Math.min(pieceSize, piece.byteLength - at));
        at += bytesWritten;
      }
    }
    await file.sync();
    await file.close();
    await rename(draft, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(draft, { force: true });
    throw error;
  }
}
