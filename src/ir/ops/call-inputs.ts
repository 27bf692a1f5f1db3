/** Reading a call's inputs: the ones that must be there, and the known contents of shapes, axes and the like. */

import { InternalError } from "../diagnostic.ts";
import type { Dim } from "../dim.ts";
import type { Value } from "../graph.ts";
import { RuleFault } from "../op-schema.ts";
import { printShape } from "../shape.ts";

/** A call, a node, or a node as an older opset writes it. */
export interface HasInputs {
  readonly inputs: readonly (Value | null)[];
}

/** An input that the op's signature requires, so that its absence is a fault of this package. */
export function inputAt(node: HasInputs, index: number): Value {
  const value = node.inputs[index];
  if (value === null || value === undefined) throw new InternalError(`input ${index} is missing after the arity check`);
  return value;
}
/** An optional input; null when it is left out. */
export const optionalInput = (node: HasInputs, index: number): Value | null => node.inputs[index] ?? null;

/** The length of a vector input, a number or a symbol. Throws a RuleFault when it is not a vector. */
export function vectorLength(value: Value, what: string): Dim {
  const [length] = value.type.shape;
  if (length === undefined || value.type.shape.length !== 1) {
    throw new RuleFault("op-rank", `${what} has to be a vector, got ${value.type.dtype}${printShape(value.type.shape)}`);
  }
  return length;
}

/** The contents of an input as numbers, or null when they are not known. Infinities stand for integers past 2^53. */
export function numbersIn(value: Value | null): readonly number[] | null {
  const elements = value?.elements ?? null;
  return elements?.every((e) => typeof e === "number") === true ? elements : null;
}

/** The length of a vector that decides the output's rank. Throws a RuleFault when it is not a known number. */
export function knownLength(value: Value, what: string): number {
  const length = vectorLength(value, what);
  if (typeof length === "number" && length <= maxRank) return length;
  if (typeof length === "number") throw new RuleFault("rank", `${what} has ${length} elements, and ${maxRank} axes are the most`);
  throw new RuleFault(
    "unknown-rank",
    `the rank cannot be known: ${what} has the unknown length ${length}`,
    "compute it with a known number of elements",
  );
}

/** No tensor has more axes than this: it bounds what a hostile file can make us allocate. */
const maxRank = 1024;

/**
 * A shape given as an int64 vector: its contents, or sizes about which nothing is known when only its length is.
 * Throws a RuleFault when not even the length is known.
 */
export function sizesIn(value: Value, what: string, unknown: () => Dim): readonly Dim[] {
  const length = vectorLength(value, what);
  if (value.elements !== null) return value.elements;
  if (typeof length === "number" && length <= maxRank) return Array.from({ length }, unknown);
  const reason =
    typeof length === "number" ? `has ${length} elements, and ${maxRank} axes are the most` : `has the unknown length ${length}`;
  throw new RuleFault("unknown-rank", `the rank cannot be known: ${what} ${reason}`, "compute it with a known number of elements");
}
