/** Pieces of a tensor that are cut one by one: one Split cuts them all. */
import type { Node, Value } from "../../ir/graph.ts";
import { axisOf } from "../../ir/ops/axes.ts";
import { inputAt, numbersIn } from "../../ir/ops/call-inputs.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { firstPosition, slicesOf } from "../../ir/ops/slice-rules.ts";
import { sameShape } from "../../ir/shape.ts";
import { isOneOf, type RewriteContext, type RewriteOutcome, type RewriteRule, rewriteRule, skip } from "../rewrite.ts";
import { isSoleReader } from "../sole-use.ts";

/** All pieces of a tensor along an axis, in their order. */
interface Cut {
  readonly of: Value;
  readonly axis: number;
  readonly pieces: readonly Value[];
  readonly sizes: readonly number[];
}
/** The rules of this file, for one walk over a graph: the first piece of a tensor makes the Split, the others are its outputs. */
export function mergeCuts(): readonly RewriteRule[] {
  const made = new Map<Value, Value>();
  const piecesOf = (cut: Cut, node: Node, context: RewriteContext): RewriteOutcome => {
    const piece = outputAt(node.outputs, 0);
    return (b) => {
      if (!made.has(piece)) {
        const inputs = [context.value(cut.of), b.constant("int64", cut.sizes)];
        const parts = b.addMany("Split", inputs, { axis: cut.axis }, cut.pieces.length);
        for (const [i, part] of parts.entries()) made.set(cut.pieces[i] ?? piece, part);
      }
      const part = made.get(piece);
      if (part === undefined) return "keep";
      b.rename(part, piece.name);
      return [part];
    };
  };
  const bySlices = onceAlong(cutBySlices);
  const byGathers = onceAlong(cutByGathers);
  const withoutAxis = onceAlong(piecesWithoutAxis);
  return [
    rewriteRule("slices-to-split", ["Slice"], (node, context): RewriteOutcome => {
      const cut = bySlices(inputAt(node, 0), pieceOf(node)?.axis, context);
      return cut === null ? "keep" : "skip" in cut ? cut : piecesOf(cut, node, context);
    }),
    rewriteRule("gathers-to-split", ["Gather"], (node, context): RewriteOutcome => {
      const cut = byGathers(inputAt(node, 0), placeOf(node)?.axis, context);
      return cut === null ? "keep" : piecesOf(cut, node, context);
    }),
    // A Gather takes each of them out at once.
    rewriteRule("split-squeeze", ["Squeeze"], (node, context): RewriteOutcome => {
      const split = inputAt(node, 0).producer;
      const first = split?.outputs[0];
      if (!split || !first || !isOneOf(split, ["Split"])) return "keep";
      const [x, axis] = [inputAt(split, 0), axisOf(split.attributes.axis, inputAt(split, 0).type.shape.length)];
      const index = withoutAxis(first, axis, context)?.get(inputAt(node, 0));
      if (index === undefined) return "keep";
      return (b) => [b.add("Gather", [context.value(x), b.constant("int64", index)], { axis }, { name: node.name })];
    }),
  ];
}
/** A question about a tensor along an axis that is answered once in a walk, however many nodes ask it; null where there is no axis. */
function onceAlong<A>(answer: (of: Value, axis: number, context: RewriteContext) => A) {
  const known = new Map<Value, Map<number, A>>();
  return (of: Value, axis: number | undefined, context: RewriteContext): A | null => {
    if (axis === undefined) return null;
    const along = known.get(of) ?? new Map<number, A>();
    known.set(of, along);
    const found = along.get(axis);
    if (found !== undefined) return found;
    const fresh = answer(of, axis, context);
    along.set(axis, fresh);
    return fresh;
  };
}

/** One piece that a Slice takes along one axis. */
interface Piece {
  readonly value: Value;
  readonly axis: number;
  readonly start: number;
  readonly size: number;
}
/** The pieces of all Slices along an axis, where they are the whole tensor; a refusal where something is left out between them. */
function cutBySlices(of: Value, axis: number, context: RewriteContext): Cut | { readonly skip: string } | null {
  if (context.contents(of) !== null) return null;
  const all = [...new Set(context.readers(of))].flatMap((reader) =>
    reads(reader, of) && isOneOf(reader, ["Slice"]) ? (pieceOf(reader) ?? []) : [],
  );
  const pieces = all.filter((piece) => piece.axis === axis).sort((a, b) => a.start - b.start);
  const [first] = pieces;
  if (first === undefined || pieces.length < 2) return null;
  const ends = pieces.map(({ start, size }) => start + size);
  // What overlaps is a window that is moved along, not a cut.
  if (pieces.some(({ start }, i) => i > 0 && start < (ends[i - 1] ?? 0))) return null;
  const gap = pieces.find(({ start }, i) => start !== (ends[i - 1] ?? 0));
  const whole = of.type.shape[axis];
  if (gap !== undefined || ends.at(-1) !== whole)
    return skip(`the slices of "${of.name}" along axis ${axis} leave out what is ${gap ? `before ${gap.start}` : `behind ${ends.at(-1)}`}`);
  return { of, axis, pieces: pieces.map(({ value }) => value), sizes: pieces.map(({ size }) => size) };
}
/** True for a node that cuts a value, rather than cutting by it. */
const reads = (node: Node, value: Value): boolean => node.inputs.every((v, i) => (v === value) === (i === 0));
function pieceOf(node: Node<"Slice">): Piece | null {
  const [slice, another] = slicesOf(node) ?? [];
  if (slice === undefined || another !== undefined || slice.step !== 1) return null;
  const value = outputAt(node.outputs, 0);
  const [start, size] = [firstPosition(inputAt(node, 0).type.shape[slice.axis] ?? 0, slice), value.type.shape[slice.axis]];
  return typeof start === "number" && typeof size === "number" && size > 0 ? { value, axis: slice.axis, start, size } : null;
}

/**
 * The pieces of an axis that a Reshape split in two, and that Gathers take apart, perhaps after a Transpose brought the first of the two
 * to another place: as in the queries, keys and values of a joint projection.
 */
function cutByGathers(x: Value, along: number, context: RewriteContext): Cut | null {
  const taken = [...new Set(context.readers(x))].map((reader) =>
    reads(reader, x) && isOneOf(reader, ["Gather"]) ? placeOf(reader) : null,
  );
  if (context.isOutput(x) || x.type.shape[along] !== taken.length) return null;
  const pieces = taken.flatMap((place) => (place?.axis === along ? [place] : [])).sort((a, b) => a.index - b.index);
  if (pieces.length !== taken.length || !pieces.every(({ index }, i) => index === i)) return null;
  const { producer } = x;
  const transpose = producer !== null && isOneOf(producer, ["Transpose"]) ? producer : null;
  const split = transpose === null ? x : inputAt(transpose, 0);
  const reshape = split.producer;
  if (!reshape || !isOneOf(reshape, ["Reshape"]) || (transpose !== null && !isSoleReader(context, split, transpose))) return null;
  const perm = transpose?.attributes.perm ?? x.type.shape.map((_, axis) => axis);
  if (transpose !== null && transpose.attributes.perm === undefined) return null;
  const axis = perm[along] ?? 0;
  const rest = perm.filter((_, i) => i !== along);
  const of = inputAt(reshape, 0);
  const before = split.type.shape;
  const size = before[axis + 1];
  if (!rest.every((place, i) => i === 0 || place > (rest[i - 1] ?? 0)) || typeof size !== "number" || size === 0) return null;
  const joined = [...before.slice(0, axis), pieces.length * size, ...before.slice(axis + 2)];
  if (!sameShape(of.type.shape, joined)) return null;
  return { of, axis, pieces: pieces.map(({ value }) => value), sizes: pieces.map(() => size) };
}
function placeOf(node: Node<"Gather">): { readonly value: Value; readonly axis: number; readonly index: number } | null {
  const [x, indices] = [inputAt(node, 0), inputAt(node, 1)];
  const axis = axisOf(node.attributes.axis, x.type.shape.length);
  const [index] = indices.type.shape.length === 0 ? (numbersIn(indices) ?? []) : [];
  const size = x.type.shape[axis];
  return index === undefined || typeof size !== "number" ? null : { value: outputAt(node.outputs, 0), axis, index: axisOf(index, size) };
}

/** The outputs of a Split, given its first one, with their indices, where each is one position and loses its axis; null where not all do. */
function piecesWithoutAxis(first: Value, axis: number, context: RewriteContext): ReadonlyMap<Value, number> | null {
  const pieces = first.producer?.outputs ?? [];
  const isTaken = (piece: Value | null): boolean => {
    if (piece === null || piece.type.shape[axis] !== 1 || context.isOutput(piece)) return false;
    return context.readers(piece).every((reader) => isOneOf(reader, ["Squeeze"]) && axisTaken(reader) === axis);
  };
  return pieces.every(isTaken) ? new Map(pieces.flatMap((piece, i) => (piece === null ? [] : [[piece, i] as const]))) : null;
}
/** The one axis that a Squeeze takes out; null for several. */
function axisTaken(node: Node<"Squeeze">): number | null {
  const { shape } = inputAt(node, 0).type;
  const ones = shape.flatMap((d, axis) => (d === 1 ? [axis] : []));
  const axes = node.inputs[1] == null ? (shape.every((d) => typeof d === "number") ? ones : null) : numbersIn(node.inputs[1]);
  const [axis, another] = axes ?? [];
  return axis === undefined || another !== undefined ? null : axisOf(axis, shape.length);
}
