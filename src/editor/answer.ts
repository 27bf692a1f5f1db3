/** An analysis together with the texts that it was made of, and what has been typed since: old answers stay where they belong. */
import { type CallFacts, callFacts } from "./call-facts.ts";
import type { Analysis, Details } from "./protocol.ts";
import type { SourceFile } from "./source-calls.ts";

/** A stretch of a text that was replaced by one of another length; offsets are those of the moment of the edit. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly length: number;
}
/** An analysis and its texts. */
export interface Answer {
  readonly analysis: Analysis;
  details: Details | null;
  /** The buffers at the time, by file. */
  readonly sources: ReadonlyMap<string, SourceFile>;
  /** What has been typed since, by file. */
  readonly edits: Map<string, Edit[]>;
  /** The texts of calls whose types do not say their shapes although they could; null where types cannot be asked. */
  open: ReadonlySet<string> | null;
}

/** The edit that puts `after` in the place of `before` at an offset, without what both begin and end with: some editors send the whole text. */
export function narrowedEdit(start: number, before: string, after: string): Edit {
  const most = Math.min(before.length, after.length);
  let head = 0;
  while (head < most && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < most - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  return { start: start + head, end: start + before.length - tail, length: after.length - head - tail };
}

/** The offset after some edits of an offset before them; null where the text around it was replaced. */
export function movedOffset(offset: number, edits: readonly Edit[]): number | null {
  let at = offset;
  for (const { start, end, length } of edits) {
    if (at >= end) at += length - (end - start);
    else if (at > start) return null;
  }
  return at;
}

/** What an answer says about the calls of a file, and how its offsets move to today's text. */
export function factsOf(
  answer: Answer,
  file: string,
): { readonly facts: readonly CallFacts[]; readonly move: (offset: number) => number | null } {
  const source = answer.sources.get(file);
  const edits = answer.edits.get(file) ?? [];
  return {
    facts: source === undefined ? [] : callFacts(source, answer.analysis, answer.details),
    move: (offset) => movedOffset(offset, edits),
  };
}
