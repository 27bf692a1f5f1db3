/** Patterns over parameter names: `*` stands for any text, a leading `!` excludes, and the last pattern that fits decides. */

/** True when the patterns select a name; no pattern selects nothing. */
export function selects(patterns: readonly string[], name: string): boolean {
  const last = patterns.findLast((pattern) => fits(pattern.replace(/^!/, ""), name));
  return last !== undefined && !last.startsWith("!");
}

/** True when one pattern without a `!` fits a name. Runs in linear steps: the pieces between the stars are found in order. */
export function fits(pattern: string, name: string): boolean {
  const pieces = pattern.split("*");
  const [head = "", ...rest] = pieces;
  const tail = rest.at(-1);
  if (tail === undefined) return name === head;
  if (!name.startsWith(head) || !name.endsWith(tail) || name.length < head.length + tail.length) return false;
  let at = head.length;
  for (const piece of rest.slice(0, -1)) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at + tail.length <= name.length;
}
