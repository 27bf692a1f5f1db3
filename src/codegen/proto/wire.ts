/** What the generated codec stands on: protobufjs's reader and writer, with the bounds that a file from anywhere needs. */
import protobuf from "protobufjs/minimal.js";

/** protobufjs's writer. */
export type Writer = protobuf.Writer;
/** A message being read. */
export interface Decoding {
  readonly reader: protobuf.Reader;
  /** The text between two bytes. */
  readonly text: (start: number, end: number) => string;
  /** How deep the message lies in others. */
  depth: number;
  /** How many more bytes of memory the messages may take. */
  room: number;
}
/** A message as the decoder fills it. */
export type Writable<T> = { -readonly [K in keyof T]: NonNullable<T[K]> extends readonly (infer E)[] ? E[] | undefined : T[K] };

/** The message itself, to be filled. Sound because a decoder fills only what it or an earlier part of the same field has made. */
export const writable = <T>(message: T): Writable<T> => message as Writable<T>;

/** Messages nest this deep: a graph in an attribute takes four levels, so twenty graphs within each other. */
const deepest = 100;
/**
 * What a file may take in memory as messages: so many times its size, a small network aside. Training graphs of thousands of nodes take
 * 3.6 times theirs; what takes more than the bound is made of empty messages, to fill the memory.
 */
const timesTheFile = 5;
const freeBytes = 16 * 2 ** 20;
/** What each kind of object takes, with its place in a list, in V8. */
const bytesOf = { message: 88, list: 56, string: 40, view: 120, number: 16 } as const;

/** Takes the room of an object. Throws a RangeError when there is none left. */
function take(d: Decoding, bytes: number): void {
  d.room -= bytes;
  if (d.room < 0) throw new RangeError("too many small messages for the size of the file");
}

/** A writer. */
export const newWriter = (): Writer => new protobuf.Writer();

/** Starts to read bytes. */
export function startDecoding(bytes: Uint8Array): Decoding {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    reader: new protobuf.Reader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
    text: (start, end) => buffer.toString("utf8", start, end),
    depth: 0,
    room: freeBytes + timesTheFile * bytes.length,
  };
}

/** Where what has its length before it ends. */
function endOf(reader: protobuf.Reader, what: string): number {
  const end = reader.size() + reader.pos;
  if (end > reader.len) throw new RangeError(`a ${what} claims to end at byte ${end}, past the end of what holds it at byte ${reader.len}`);
  return end;
}

/** Reads a message with its length before it, on top of `into` (a field that comes twice is merged). Throws a RangeError past the bounds. */
export function decodeNested<M>(d: Decoding, decode: (d: Decoding, into?: M) => M, into?: M): M {
  const { reader } = d;
  const outer = reader.len;
  const end = endOf(reader, "message");
  if (++d.depth > deepest) throw new RangeError(`messages nest deeper than ${deepest} levels`);
  take(d, bytesOf.message);
  reader.len = end;
  const message = decode(d, into);
  reader.len = outer;
  d.depth--;
  return message;
}

/** The bytes of a field that the schema does not know, its tag included. */
export function decodeUnknown(d: Decoding, tag: number, start: number): Uint8Array {
  const { reader } = d;
  take(d, bytesOf.view);
  reader.skipType(tag & 7, 0, tag >>> 3);
  return reader.raw(start, reader.pos);
}

/** A text. Read in one piece: protobufjs joins short texts from pieces of eight letters, and V8 keeps the pieces. */
export function decodeString(d: Decoding): string {
  const { reader } = d;
  const end = endOf(reader, "text");
  take(d, bytesOf.string + end - reader.pos);
  const text = d.text(reader.pos, end);
  reader.pos = end;
  return text;
}

/** A view of the file's bytes. */
export function decodeBytes(d: Decoding): Uint8Array {
  take(d, bytesOf.view);
  return d.reader.bytes();
}

/** An int64 as the nearest number. */
export function decodeInt64({ reader }: Decoding): number {
  const value: number | protobuf.Long = reader.int64();
  return typeof value === "number" ? value : value.high * 2 ** 32 + (value.low >>> 0);
}

/** A list with one more element. A list that begins with an element takes no more room than that, where `[].push` makes room for 17. */
export function appended<T>(d: Decoding, list: T[] | undefined, element: T): T[] {
  if (list === undefined) {
    take(d, bytesOf.list);
    return [element];
  }
  list.push(element);
  return list;
}

/** A number of a list. */
export function decodeElement(d: Decoding, one: (d: Decoding) => number): number {
  take(d, bytesOf.number);
  return one(d);
}

/** Reads packed numbers behind those that there are. */
export function decodePacked(d: Decoding, list: number[] | undefined, one: (d: Decoding) => number): number[] {
  const { reader } = d;
  const end = endOf(reader, "list");
  // A list that is made for its first element takes the room of that one; pushes make room ahead.
  const numbers = list ?? (reader.pos < end ? [decodeElement(d, one)] : []);
  while (reader.pos < end) numbers.push(decodeElement(d, one));
  // The copy takes no more room than its elements. A list that goes on is not copied each time: that would take the square of its pieces.
  return list === undefined && numbers.length > 1 ? numbers.slice() : numbers;
}

/** Writes a message with its tag and length. */
export function encodeNested<M>(w: Writer, tag: number, message: M, encode: (w: Writer, message: M) => Writer): void {
  encode(w.uint32(tag).fork(), message).ldelim();
}

/** Writes an int64; numbers at and past the limits become the limits. */
export function encodeInt64(w: Writer, value: number): void {
  w.int64(value >= 2 ** 63 ? "9223372036854775807" : value <= -(2 ** 63) ? "-9223372036854775808" : value);
}
