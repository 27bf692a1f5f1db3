/** What rules say and how they compare at run time, as the types do. */
import { type Dim, isUnknown } from "../../ir/dim.ts";
import type { Fault } from "../trace.ts";

/** A dim as messages print it. */
export const show = (dim: Dim | null | undefined): string => (dim === null || dim === undefined || isUnknown(dim) ? "?" : `${dim}`);
/** True when two dims are known and their texts differ; a dim that is not given clashes with nothing. */
export const clash = (p: Dim, q: Dim | null): boolean => q !== null && p !== q && !isUnknown(p) && !isUnknown(q);
/** That an input has the wrong number of axes, or null. */
export const rankFault = (rank: number, wanted: number, text: string): Fault | null =>
  rank === wanted ? null : { code: "rank-mismatch", text: `input has ${rank} axes, but ${text} are needed` };
/** What a value is, where a message cannot print it: "null", "an array", "a function". */
export function describe(x: unknown): string {
  if (x === null || x === undefined) return String(x);
  return Array.isArray(x) ? "an array" : typeof x === "object" ? "an object" : `a ${typeof x}`;
}
/** An option as messages print it: text, which something else was wanted in place of, in quotes. */
export function shown(option: unknown): string {
  if (Array.isArray(option)) return `[${option.map(shown).join(", ")}]`;
  return typeof option === "string"
    ? JSON.stringify(option)
    : ["number", "boolean"].includes(typeof option)
      ? String(option)
      : describe(option);
}
