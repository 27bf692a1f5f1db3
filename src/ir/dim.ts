/**
 * Dimensions: numbers, or canonical texts of integer expressions over named sizes, such as "N", "16*H", "floor((H+1)/2)".
 *
 * A text is a sum of products of atoms, highest degree first and the constant last; an atom is a symbol, floor(e/k), min(a,b)
 * or max(a,b). Equal expressions have equal texts, so `===` compares dims. Nothing here turns a symbol into a number.
 * The canonical form of one symbol, `m*floor((a*S+b)/d)+c` with 0 <= b < d, is the one that the DSL's types compute.
 */

import { opaqueName } from "./opaque-name.ts";

/** The canonical text of a symbolic dimension. */
export type DimExpr = string;
/** A size: a number, or a symbolic expression. A text that starts with "?" stands for a size about which nothing is known. */
export type Dim = number | DimExpr;

/** A sum: coefficients by monomial. A monomial is its atoms, sorted, joined by "*"; the constant's key is "". */
type Sum = ReadonlyMap<string, number>;

const parsed = new Map<string, Sum>();
const cacheLimit = 10_000;

/** The terms of a dim. Throws a RangeError on a text that is no expression. */
function sumOf(dim: Dim): Sum {
  if (typeof dim === "number") return new Map([["", dim]]);
  return parsed.get(dim) ?? remember(dim, parseSum(dim));
}
function remember(text: string, sum: Sum): Sum {
  if (parsed.size >= cacheLimit) parsed.clear();
  parsed.set(text, sum);
  return sum;
}

/** An expression of more terms, or a longer text, is kept as a size about which nothing is known but that it equals itself. */
const mostTerms = 64;
const longestText = 1000;

/** Canonical text (or number) of a sum. */
function render(sum: Sum): Dim {
  const terms = [...sum].filter(([, c]) => c !== 0);
  if (terms.length === 0) return 0;
  const [first] = terms;
  if (terms.length === 1 && first !== undefined && first[0] === "") return first[1];
  terms.sort(([a], [b]) => degree(b) - degree(a) || (a < b ? -1 : 1));
  const text = terms.map(([key, c], i) => term(key, c, i === 0)).join("");
  if (terms.length > mostTerms || text.length > longestText || !terms.every(([, c]) => Number.isSafeInteger(c)))
    return atomDim(opaqueName(text));
  // Remembered here, so that the parser, which ends in this function, never has to parse its own result.
  remember(text, new Map(terms));
  return text;
}
const degree = (key: string): number => (key === "" ? 0 : atomsOf(key).length);
function term(key: string, c: number, first: boolean): string {
  const sign = c < 0 ? "-" : first ? "" : "+";
  const size = Math.abs(c);
  return key === "" ? `${sign}${size}` : `${sign}${size === 1 ? "" : `${size}*`}${key}`;
}

/** The factors of a monomial, cut at the "*" outside brackets. */
function atomsOf(key: string): readonly string[] {
  return splitOutside(key, "*");
}
function splitOutside(text: string, separator: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const ch = text[i];
    if (ch === "(") depth++;
    else if (ch === ")") depth--;
    else if (ch === separator && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)];
}

function addInto(target: Map<string, number>, sum: Sum, factor: number): void {
  for (const [key, c] of sum) target.set(key, (target.get(key) ?? 0) + c * factor);
}

/** a + b. */
export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a + b;
  const out = new Map(sumOf(a));
  addInto(out, sumOf(b), 1);
  return render(out);
}
/** a - b. */
export function subDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (a === b) return 0;
  const out = new Map(sumOf(a));
  addInto(out, sumOf(b), -1);
  return render(out);
}
/** a * b. */
export function mulDims(a: Dim, b: Dim): Dim {
  // Sizes have no -0, which texts and `===` could not tell from 0.
  if (typeof a === "number" && typeof b === "number") return a * b + 0;
  return render(product(sumOf(a), sumOf(b)));
}
function product(a: Sum, b: Sum): Sum {
  if (a.size * b.size > mostTerms * 16) return sumOf(atomDim(opaqueName(`(${render(a)})*(${render(b)})`)));
  const out = new Map<string, number>();
  for (const [p, c] of a) {
    for (const [q, d] of b) {
      const key = p === "" ? q : q === "" ? p : [...atomsOf(p), ...atomsOf(q)].sort().join("*");
      out.set(key, (out.get(key) ?? 0) + c * d);
    }
  }
  return out;
}
/** The product of dims; 1 for none. */
export const productOf = (dims: readonly Dim[]): Dim => dims.reduce<Dim>(mulDims, 1);
/** The sum of dims; 0 for none. */
export const totalOf = (dims: readonly Dim[]): Dim => dims.reduce<Dim>(addDims, 0);

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));

/** floor(a / k) for a positive integer k. Throws a RangeError on another k. */
export function floorDiv(a: Dim, k: number): Dim {
  if (!Number.isSafeInteger(k) || k < 1) throw new RangeError(`a dimension cannot be divided by ${k}`);
  if (k === 1) return a;
  if (typeof a === "number") return Math.floor(a / k);
  const whole = new Map<string, number>();
  const rest = new Map<string, number>();
  for (const [key, c] of sumOf(a)) (key !== "" && c % k === 0 ? whole : rest).set(key, c);
  for (const [key, c] of whole) whole.set(key, c / k);
  addInto(whole, floorOf(rest, k), 1);
  return render(whole);
}
/** floor(rest / k), reduced: common factors out, the constant between 0 and k - 1, nested floors joined. */
function floorOf(rest: Sum, k: number): Sum {
  const symbolic = [...rest].filter(([key, c]) => key !== "" && c !== 0);
  const constant = rest.get("") ?? 0;
  const g = symbolic.reduce((d, [, c]) => gcd(d, c), k);
  if (symbolic.length === 0) return new Map([["", Math.floor(constant / k)]]);
  const divisor = k / g;
  const offset = Math.floor(constant / g);
  const [only] = symbolic;
  if (divisor === 1) return new Map([...symbolic.map(([key, c]) => [key, c / g] as const), ["", offset]]);
  const inner = symbolic.length === 1 && only !== undefined && only[1] === g ? floorAtom(only[0]) : null;
  if (inner !== null) {
    // floor((floor(e/d) + o) / k) = floor((e + o d) / (d k))
    return sumOf(floorDiv(addDims(inner.operand, offset * inner.divisor), inner.divisor * divisor));
  }
  const shift = Math.floor(offset / divisor);
  const operand = render(new Map([...symbolic.map(([key, c]) => [key, c / g] as const), ["", offset - shift * divisor]]));
  return new Map([
    [`floor(${bracketed(operand)}/${divisor})`, 1],
    ["", shift],
  ]);
}
const bracketed = (operand: Dim): string => (/^[A-Za-z_?][\w.]*$/.test(String(operand)) ? String(operand) : `(${operand})`);
/** The operand and divisor of an atom that is a floor, else null. */
function floorAtom(atom: string): { readonly operand: Dim; readonly divisor: number } | null {
  if (!atom.startsWith("floor(") || atomsOf(atom).length > 1) return null;
  const [operand, divisor] = splitOutside(atom.slice(6, -1), "/");
  return operand === undefined || divisor === undefined ? null : { operand: render(sumOf(operand)), divisor: Number(divisor) };
}
/** ceil(a / k) for a positive integer k. */
export const ceilDiv = (a: Dim, k: number): Dim => floorDiv(addDims(a, k - 1), k);

/** a / b where b divides a as a polynomial, else null. */
export function exactDiv(a: Dim, b: Dim): Dim | null {
  if (b === 0) return null;
  if (a === b) return 1;
  if (typeof a === "number" && typeof b === "number") return a % b === 0 ? a / b : null;
  let rest = new Map(sumOf(a));
  const divisor = [...sumOf(b)].sort(([p], [q]) => degree(q) - degree(p) || (p < q ? -1 : 1));
  const [lead] = divisor;
  if (lead === undefined) return null;
  const quotient = new Map<string, number>();
  for (let steps = 0; steps < 64; steps++) {
    const top = [...rest].filter(([, c]) => c !== 0).sort(([p], [q]) => degree(q) - degree(p) || (p < q ? -1 : 1))[0];
    if (top === undefined) return render(quotient);
    const key = monomialQuotient(top[0], lead[0]);
    const c = top[1] / lead[1];
    if (key === null || !Number.isInteger(c)) return null;
    quotient.set(key, (quotient.get(key) ?? 0) + c);
    const next = new Map(rest);
    addInto(next, product(new Map([[key, c]]), new Map(divisor)), -1);
    rest = next;
  }
  return null;
}
function monomialQuotient(p: string, q: string): string | null {
  if (q === "") return p;
  const left = p === "" ? [] : [...atomsOf(p)];
  for (const atom of atomsOf(q)) {
    const i = left.indexOf(atom);
    if (i < 0) return null;
    left.splice(i, 1);
  }
  return left.join("*");
}

/** min(a, b). */
export const minDims = (a: Dim, b: Dim): Dim => extreme("min", a, b);
/** max(a, b). */
export const maxDims = (a: Dim, b: Dim): Dim => extreme("max", a, b);
function extreme(name: "min" | "max", a: Dim, b: Dim): Dim {
  const difference = subDims(a, b);
  if (typeof difference === "number") return (name === "min") === difference < 0 ? a : b;
  const sign = signOf(difference);
  if (sign !== 0) return (name === "min") === sign < 0 ? a : b;
  const [p, q] = String(a) < String(b) ? [a, b] : [b, a];
  return atomDim(`${name}(${p},${q})`);
}
/** 1 or -1 when a dim cannot be negative or positive for any sizes, which are natural numbers; 0 when that is not plain. */
function signOf(dim: Dim): -1 | 0 | 1 {
  const signs = new Set([...sumOf(dim).values()].filter((c) => c !== 0).map(Math.sign));
  // Atoms are sizes, hence at least 0; a floor or a minimum of anything else could be negative.
  if (signs.size !== 1 || [...sumOf(dim).keys()].some((key) => /min\(|-/.test(key))) return 0;
  return signs.has(1) ? 1 : -1;
}

/** True when two dims are equal for no sizes, or are two different numbers. */
export function neverEqual(a: Dim, b: Dim): boolean {
  const difference = subDims(a, b);
  return typeof difference === "number" && difference !== 0;
}

/** True when nothing is known of a dim. */
export const isUnknown = (dim: Dim): boolean => typeof dim === "string" && dim.includes("?");

/** A dim with its symbols replaced. */
export function substitute(dim: Dim, sizes: ReadonlyMap<string, Dim>): Dim {
  if (typeof dim === "number") return dim;
  let out: Dim = 0;
  for (const [key, c] of sumOf(dim)) {
    const factors = key === "" ? [] : atomsOf(key).map((atom) => substituteAtom(atom, sizes));
    out = addDims(out, mulDims(c, productOf(factors)));
  }
  return out;
}
function substituteAtom(atom: string, sizes: ReadonlyMap<string, Dim>): Dim {
  const floor = floorAtom(atom);
  if (floor !== null) return floorDiv(substitute(floor.operand, sizes), floor.divisor);
  const name = atom.startsWith("min(") ? "min" : atom.startsWith("max(") ? "max" : null;
  if (name !== null) {
    const [a = "", b = ""] = splitOutside(atom.slice(4, -1), ",");
    return extreme(name, substitute(parseDim(a), sizes), substitute(parseDim(b), sizes));
  }
  return sizes.get(atom) ?? atom;
}
const functionNames: ReadonlySet<string> = new Set(["floor", "min", "max"]);
/** The symbols in a dim. */
export function symbolsOf(dim: Dim): ReadonlySet<string> {
  const words = typeof dim === "number" ? [] : (dim.match(/[A-Za-z_?][\w.?]*/g) ?? []);
  return new Set(words.filter((word) => !functionNames.has(word)));
}

/** A dim from a text, made canonical: "H*16", "(H - 1) / 2 + 1". A quotient means its floor. Throws a RangeError on anything else. */
export const parseDim = (text: string): Dim => render(parseSum(text));

function parseSum(text: string): Sum {
  const tokens = text.match(/\d+|[A-Za-z_?][\w.?]*|[-+*/(),]|\S/g) ?? [];
  let at = 0;
  const fail = (): never => {
    throw new RangeError(`"${text}" is not a dimension: write a number, a name, or an expression such as "16*H" or "floor((H+1)/2)"`);
  };
  const take = (token: string): boolean => tokens[at] === token && ++at > 0;
  const expect = (token: string): void => void (take(token) || fail());
  const expression = (): Dim => {
    let left = take("-") ? mulDims(-1, quotient()) : quotient();
    for (;;) {
      if (take("+")) left = addDims(left, quotient());
      else if (take("-")) left = subDims(left, quotient());
      else return left;
    }
  };
  const quotient = (): Dim => {
    let left = primary();
    for (;;) {
      if (take("*")) left = mulDims(left, primary());
      else if (take("/")) {
        const k = primary();
        left = typeof k === "number" && k > 0 ? floorDiv(left, k) : fail();
      } else return left;
    }
  };
  const primary = (): Dim => {
    const token = tokens[at++];
    if (token === undefined) return fail();
    if (/^\d+$/.test(token)) return Number(token);
    if (token === "(") return closed(expression());
    if (tokens[at] === "(") {
      at++;
      if (token === "floor") return closed(expression());
      const [a, , b] = [expression(), expect(","), expression()];
      return token === "min" || token === "max" ? closed(extreme(token, a, b)) : fail();
    }
    return /^[A-Za-z_?]/.test(token) && !functionNames.has(token) ? atomDim(token) : fail();
  };
  const closed = (dim: Dim): Dim => {
    expect(")");
    return dim;
  };
  const value = expression();
  if (at !== tokens.length) fail();
  return sumOf(value);
}
/** A symbol as a dim, known to the cache before anything asks for its terms. */
const atomDim = (name: string): Dim => render(new Map([[name, 1]]));
