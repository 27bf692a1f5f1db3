/**
 * Cutting a JSON object into its entries without parsing their values: a header of a hundred megabytes that is made to fill the memory
 * (nested a million levels deep, or a list of fifty million numbers) is then never built as objects.
 */

/** One entry: its key, and where its value's bytes are. */
export interface ScannedEntry {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}
/** Bytes that are no JSON object; the message says where. */
export class ScanFault extends Error {}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const opens = (byte: number | undefined): boolean => byte === 0x7b || byte === 0x5b;
const closes = (byte: number | undefined): boolean => byte === 0x7d || byte === 0x5d;

/** The entries of the one object that the bytes hold. Values are only bracketed right, not yet JSON. Throws a ScanFault. */
export function* objectEntries(bytes: Uint8Array): Generator<ScannedEntry> {
  const skip = (from: number): number => {
    let at = from;
    while (isSpace(bytes[at])) at++;
    return at;
  };
  let at = skip(0);
  if (bytes[at] !== 0x7b) throw new ScanFault(`no "{" at byte ${at}`);
  at = skip(at + 1);
  while (bytes[at] !== 0x7d) {
    const keyEnd = stringEnd(bytes, at);
    const key = keyOf(bytes.subarray(at, keyEnd), at);
    at = skip(keyEnd);
    if (bytes[at] !== colon) throw new ScanFault(`no ":" at byte ${at}`);
    const start = skip(at + 1);
    const end = valueEnd(bytes, start);
    yield { key, start, end };
    at = skip(end);
    if (bytes[at] === comma) {
      at = skip(at + 1);
      if (bytes[at] === 0x7d) throw new ScanFault(`a "," before "}" at byte ${at}`);
    } else if (bytes[at] !== 0x7d) throw new ScanFault(`no "," or "}" at byte ${at}`);
  }
  at = skip(at + 1);
  if (at !== bytes.length) throw new ScanFault(`something after the object at byte ${at}`);
}

const longestKey = 65_536;
function keyOf(text: Uint8Array, at: number): string {
  if (text.length > longestKey) throw new ScanFault(`a name of ${text.length} bytes at byte ${at}`);
  try {
    const key: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
    if (typeof key === "string") return key;
  } catch {
    // Said below, with the place.
  }
  throw new ScanFault(`no name at byte ${at}`);
}

/** The end of the string that starts at a byte. */
function stringEnd(bytes: Uint8Array, start: number): number {
  if (bytes[start] !== quote) throw new ScanFault(`no string at byte ${start}`);
  for (let at = start + 1; at < bytes.length; at++) {
    if (bytes[at] === backslash) at++;
    else if (bytes[at] === quote) return at + 1;
  }
  throw new ScanFault(`a string at byte ${start} that does not end`);
}

/** The end of the value that starts at a byte: where its brackets close, or before the next comma or bracket. */
function valueEnd(bytes: Uint8Array, start: number): number {
  let depth = 0;
  let at = start;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === quote) at = stringEnd(bytes, at);
    else if (depth === 0 && (byte === comma || closes(byte))) break;
    else {
      if (opens(byte)) depth++;
      else if (closes(byte)) depth--;
      at++;
    }
    if (depth === 0 && at > start && (closes(bytes[at - 1]) || bytes[at - 1] === quote)) break;
  }
  if (at === start || depth > 0) throw new ScanFault(`no value at byte ${start}`);
  return at;
}
