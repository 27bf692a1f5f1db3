/** Which shared libraries an ELF file says that it needs. */
import { closeSync, openSync, readSync } from "node:fs";

/** A piece of a file that must be there. */
type Read = (offset: number, length: number) => DataView;
interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}
const [load, dynamic] = [1, 2];
const [needed, stringTable] = [1, 5];
/** A dynamic section has some dozens of entries, a library's name some dozens of bytes. */
const [longestSection, longestName] = [2 ** 20, 256];

/** The libraries that the dynamic section of a 64-bit little-endian ELF file names; empty for any other file. */
export function neededLibraries(path: string): readonly string[] {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const open = file;
    return parse(
      (offset, length) => {
        const bytes = new Uint8Array(length);
        if (readSync(open, bytes, 0, length, offset) !== length) throw new RangeError("the file ends before");
        return new DataView(bytes.buffer);
      },
      (offset) => {
        const bytes = new Uint8Array(longestName);
        return new TextDecoder().decode(bytes.subarray(0, readSync(open, bytes, 0, longestName, offset))).split("\0")[0] ?? "";
      },
    );
  } catch {
    return [];
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function parse(read: Read, name: (offset: number) => string): readonly string[] {
  const header = read(0, 64);
  const [is64, isLittle] = [header.getUint8(4) === 2, header.getUint8(5) === 1];
  if (header.getUint32(0) !== 0x7f454c46 || !is64 || !isLittle) return [];
  const segments = Array.from({ length: header.getUint16(56, true) }, (_, i) =>
    segmentAt(read(long(header, 32) + i * header.getUint16(54, true), 56)),
  );
  const table = segments.find((segment) => segment.type === dynamic);
  if (table === undefined || table.size > longestSection) return [];
  const entries = read(table.offset, table.size);
  const pairs = Array.from({ length: Math.floor(table.size / 16) }, (_, i) => [long(entries, i * 16), long(entries, i * 16 + 8)] as const);
  const address = pairs.find(([tag]) => tag === stringTable)?.[1] ?? 0;
  const home = segments.find((segment) => segment.type === load && address >= segment.address && address < segment.address + segment.size);
  if (home === undefined) return [];
  const strings = address - home.address + home.offset;
  return pairs.filter(([tag]) => tag === needed).map(([, at]) => name(strings + at));
}
const long = (view: DataView, at: number): number => Number(view.getBigUint64(at, true));
const segmentAt = (view: DataView): Segment => ({
  type: view.getUint32(0, true),
  offset: long(view, 8),
  address: long(view, 16),
  size: long(view, 32),
});
