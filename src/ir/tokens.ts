/** The words of the text form of graphs, with their places. */
import { type CompileError, userError } from "./diagnostic.ts";
import { locationAt, type SourceLocation } from "./location.ts";

/** A walk through a text, token by token. */
export interface Tokens {
  /** The place of the next token. */
  place(): SourceLocation;
  /** The next token is this punctuation mark; it is taken if so. */
  take(mark: string): boolean;
  /** True when the next token is this punctuation mark. */
  peek(mark: string): boolean;
  /** Takes a punctuation mark. Throws a CompileError on anything else. */
  expect(mark: string): void;
  /** Takes a name, a number or a keyword. Throws a CompileError on anything else; `wanted` says what should be there. */
  word(wanted: string): string;
  /** Takes a text in quotes, or gives null. */
  quoted(): string | null;
  /** Takes what stands between brackets, cut at the commas outside of round ones. */
  bracketed(): readonly string[];
  /** Takes the remark at the end of the line; empty when there is none. */
  remark(): string;
  /** True when nothing is left. */
  ended(): boolean;
  fail(message: string, at?: SourceLocation): CompileError;
}

const space = /\s*/y;
const remark = /[ \t]*#[ \t]*([^\n]*)/y;
const word = /[^\s"(){}[\],:=%#]+(?::\d+)*/y;
const text = /"(?:[^"\\\n]|\\.)*"/y;

/** A walk through a text; messages call it by a file name. */
export function tokensOf(source: string, fileName: string): Tokens {
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  const skip = (): void => void match(space);
  const place = (): SourceLocation => {
    skip();
    const before = source.slice(0, at);
    const line = before.split("\n").length;
    return locationAt(fileName, line, at - before.lastIndexOf("\n"));
  };
  const fail = (message: string, location = place()): CompileError => userError("graph-text", message, location);
  const next = (): string => {
    skip();
    return at >= source.length ? "the end of the text" : JSON.stringify(match(word)?.[0] ?? source[at]);
  };
  const peek = (mark: string): boolean => {
    skip();
    return source.startsWith(mark, at);
  };
  const take = (mark: string): boolean => {
    if (!peek(mark)) return false;
    at += mark.length;
    return true;
  };
  const unexpected = (wanted: string): CompileError => {
    const location = place();
    return fail(`got ${next()}, wanted ${wanted}`, location);
  };
  const quoted = (): string | null => {
    skip();
    const start = place();
    const found = match(text);
    if (found === null) return null;
    try {
      return String(JSON.parse(found[0]));
    } catch {
      throw fail(`${found[0]} is not a text in JSON's quotes`, start);
    }
  };
  const bracketed = (): readonly string[] => {
    if (!take("[")) throw unexpected('"["');
    const parts: string[] = [];
    let depth = 0;
    let start = at;
    for (; at < source.length && !(depth === 0 && source[at] === "]"); at++) {
      if (source[at] === "(") depth++;
      else if (source[at] === ")") depth--;
      else if (source[at] === "," && depth === 0) {
        parts.push(source.slice(start, at).trim());
        start = at + 1;
      }
    }
    const last = source.slice(start, at).trim();
    if (!take("]")) throw unexpected('"]"');
    return last === "" && parts.length === 0 ? [] : [...parts, last];
  };
  return {
    place,
    take,
    peek,
    quoted,
    bracketed,
    fail,
    expect: (mark) => {
      if (!take(mark)) throw unexpected(`"${mark}"`);
    },
    word: (wanted) => {
      skip();
      const found = match(word)?.[0];
      if (found === undefined) throw unexpected(wanted);
      return found;
    },
    remark: () => match(remark)?.[1]?.trim() ?? "",
    ended: () => {
      skip();
      return at >= source.length;
    },
  };
}
