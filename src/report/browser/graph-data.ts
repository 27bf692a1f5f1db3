/** What the page's graph viewer is given: every scope laid out on its own. Lengths are pixels, the origin is the top left corner. */

/** A graph as a tree of scopes; the first is the whole graph. */
export interface GraphData {
  readonly scopes: readonly ScopeData[];
}
/** The parts of one scope. */
export interface ScopeData {
  /** The whole name. */
  readonly name: string;
  readonly w: number;
  readonly h: number;
  readonly boxes: readonly BoxData[];
  readonly edges: readonly EdgeData[];
}
/** A node, a folded scope, or a place where values come in or go out. */
export interface BoxData {
  readonly kind: "plain" | "weighted" | "scope" | "port" | "end";
  /** The centre. */
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  /** The name, what it is, and the shape that it gives. */
  readonly lines: readonly string[];
  /** The number of the scope that it opens; absent for what is none. */
  readonly scope?: number;
  /** Its part of all multiply-adds, 0 to 1. */
  readonly share?: number;
  /** What is told of it when it is chosen. */
  readonly details?: readonly (readonly [what: string, text: string])[];
}
/** An arrow along cubic curves. */
export interface EdgeData {
  /** Positions in the list of boxes. */
  readonly from: number;
  readonly to: number;
  /** x, y, x, y and so on: a start, then two control points and an end for each curve. */
  readonly points: readonly number[];
}
