/** The equation of Einsum: which letter each axis of each operand has. */
import { RuleFault } from "../op-schema.ts";

/**
 * The letters of an operand's axes, or of the result's. The axes of an ellipsis are "0", "1", ... counted from the last one, as they
 * broadcast.
 */
export type Term = readonly string[];
/** An equation, with a term for each operand. */
export interface Equation {
  readonly operands: readonly Term[];
  readonly result: Term;
}

const ellipsis = "...";
/** Reads an equation for operands of these ranks. Throws a RuleFault where it is none, or is for others. */
export function equationOf(text: string, ranks: readonly number[]): Equation {
  const compact = text.replaceAll(" ", "");
  const fault = (what: string): RuleFault => new RuleFault("einsum-equation", `equation "${text}" ${what}`);
  const [left = "", right, more] = compact.split("->");
  if (more !== undefined) throw fault('has more than one "->"');
  const terms = left.split(",");
  if (terms.length !== ranks.length)
    throw fault(
      `has ${terms.length} ${terms.length === 1 ? "term" : "terms"} for ${ranks.length} ${ranks.length === 1 ? "input" : "inputs"}`,
    );
  const operands = terms.map((term, i) => {
    const rank = ranks[i] ?? 0;
    const letters = lettersOf(term, rank);
    if (letters === null) throw fault(`has the term "${term}", which is no row of letters with at most one "..."`);
    if (letters.length !== rank) throw fault(`has the term "${term}" for input ${i}, which has ${rank} ${rank === 1 ? "axis" : "axes"}`);
    return letters;
  });
  const spreads = operands.flatMap((term, i) => (terms[i]?.includes(ellipsis) ? [term.filter(isOfEllipsis).length] : []));
  const [spread = 0] = spreads;
  // So says shape inference of ONNX itself.
  if (spreads.some((count) => count !== spread)) throw fault(`has a "..." of ${spreads.join(" and of ")} axes`);
  const result = right === undefined ? impliedResult(operands, spread) : lettersOf(right, letterCount(right) + spread);
  if (result === null) throw fault(`has the result "${right}", which is no row of letters with at most one "..."`);
  const unknown = result.find((letter) => !operands.some((term) => term.includes(letter)));
  if (unknown !== undefined) throw fault(`has "${unknown}" in its result alone`);
  if (new Set(result).size < result.length) throw fault("has a letter twice in its result");
  return { operands, result };
}
/** True for an axis that an ellipsis stands for. */
export const isOfEllipsis = (letter: string): boolean => letter >= "0" && letter <= "99";
const letterCount = (term: string): number => term.replace(ellipsis, "").length;

function lettersOf(term: string, rank: number): Term | null {
  const [before = "", behind, more] = term.split(ellipsis);
  if (more !== undefined || !/^[A-Za-z]*$/.test(before + (behind ?? ""))) return null;
  if (behind === undefined) return [...before];
  const spread = Math.max(0, rank - before.length - behind.length);
  return [...before, ...spreadLetters(spread), ...behind];
}
const spreadLetters = (count: number): Term => Array.from({ length: count }, (_, i) => String(count - 1 - i));
/** Without a result: the ellipsis, and the letters that come once, in the order of the alphabet. */
function impliedResult(operands: readonly Term[], spread: number): Term {
  const all = operands.flat().filter((letter) => !isOfEllipsis(letter));
  const single = all.filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter));
  return [...spreadLetters(spread), ...single.sort()];
}
