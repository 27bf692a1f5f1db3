/** Computes every size of a tensor once, in as few nodes as there are runs of sizes. */
import { dtypes } from "../../ir/dtype.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { axisOf } from "../../ir/ops/axes.ts";
import { inputAt, numbersIn } from "../../ir/ops/call-inputs.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { isOneOf, type Pass, type RewriteOutcome, type RewriteRule, rewrite, rewriteRule } from "../rewrite.ts";

/**
 * The graph in which of integers that are known to be equal, however they are computed, the first ones stand for all: sizes of tensors,
 * mostly, as symbols tell them. What is known in full is for constant folding.
 */
export const mergeSizes: Pass = (graph, control) => rewrite(graph, [sameContents()], control);

/**
 * The graph with sizes that follow each other taken by one Shape, where a shape was computed, cut and joined. For graphs that are lowered
 * afterwards: the bounds of Shape came with opset 15.
 */
export const shortenSizes: Pass = (graph, control) => rewrite(graph, [shortSizes, joinedSizes], control);

/** Values of one type with the same contents are one value. */
function sameContents(): RewriteRule {
  const firsts = new Map<string, Value>();
  return {
    name: "same-sizes",
    opTypes: "all",
    match: (node, context): RewriteOutcome => {
      const [value, ...others] = node.outputs;
      if (value == null || others.length > 0 || !isComputedSize(value)) return "keep";
      const key = `${value.type.dtype}[${value.type.shape.join()}]${value.elements?.join("|")}`;
      const first = firsts.get(key);
      if (first !== undefined) return context.canBecome(value, first) ? () => [context.value(first)] : "keep";
      firsts.set(key, value);
      const parts = node.opType === "Concat" || node.opType === "Shape" ? null : partsOf(value, firsts);
      if (parts === null) return "keep";
      return (b) => {
        const values = parts.map((part) => (Array.isArray(part) ? b.constant("int64", part) : context.value(part)));
        return [b.add("Concat", values, { axis: 0 }, { name: node.name })];
      };
    },
  };
}
/** Vectors and constants that a vector of several sizes can be joined from; null where one of its sizes is in none. */
function partsOf({ type, elements }: Value, firsts: ReadonlyMap<string, Value>): readonly (Value | number[])[] | null {
  if (type.dtype !== "int64" || type.shape.length !== 1 || elements === null || elements.length < 2) return null;
  const parts: (Value | number[])[] = [];
  for (const e of elements) {
    const last = parts.at(-1);
    const part = typeof e === "number" ? [e] : firsts.get(`int64[1]${e}`);
    if (part === undefined) return null;
    if (Array.isArray(part) && Array.isArray(last)) last.push(...part);
    else parts.push(part);
  }
  return parts;
}
/** True for integers all of which are known, and some of them symbols. */
const isComputedSize = ({ type, elements }: Value): boolean =>
  elements !== null && dtypes[type.dtype].kind !== "float" && elements.some((e) => typeof e === "string");

/** Sizes of one tensor that follow each other in its shape. */
interface Run {
  readonly x: Value;
  readonly start: number;
  readonly end: number;
}
/** The run that a vector of sizes is; null where it is none. */
function runOf({ producer }: Value): Run | null {
  if (producer === null) return null;
  if (isOneOf(producer, ["Shape"])) {
    const x = inputAt(producer, 0);
    const rank = x.type.shape.length;
    const clamp = (place: number): number => Math.min(Math.max(place < 0 ? place + rank : place, 0), rank);
    return { x, start: clamp(producer.attributes.start), end: clamp(producer.attributes.end ?? rank) };
  }
  if (isOneOf(producer, ["Gather"])) return gathered(producer);
  if (isOneOf(producer, ["Slice"])) return sliced(producer);
  // One number as a vector.
  if (!isOneOf(producer, ["Unsqueeze", "Reshape"]) || inputAt(producer, 0).type.shape.length > 0) return null;
  return outputAt(producer.outputs, 0).type.shape.length === 1 ? runOf(inputAt(producer, 0)) : null;
}
function gathered(node: Node<"Gather">): Run | null {
  const [run, places] = [runOf(inputAt(node, 0)), numbersIn(inputAt(node, 1))];
  const [first] = places ?? [];
  if (run === null || places === null || first === undefined || inputAt(node, 1).type.shape.length > 1) return null;
  const start = axisOf(first, run.end - run.start) + run.start;
  const follows = places.every((place, i) => axisOf(place, run.end - run.start) + run.start === start + i);
  return follows ? { x: run.x, start, end: start + places.length } : null;
}
function sliced(node: Node<"Slice">): Run | null {
  const run = runOf(inputAt(node, 0));
  const [starts, steps] = [numbersIn(node.inputs[1] ?? null), node.inputs[4] == null ? [1] : numbersIn(node.inputs[4])];
  const length = outputAt(node.outputs, 0).type.shape[0];
  if (run === null || starts?.[0] === undefined || steps?.[0] !== 1 || typeof length !== "number") return null;
  const size = run.end - run.start;
  const offset = Math.min(Math.max(starts[0] < 0 ? starts[0] + size : starts[0], 0), size);
  return { x: run.x, start: run.start + offset, end: run.start + offset + length };
}

/** A vector that takes a run of sizes out of a shape in several nodes. */
const shortSizes: RewriteRule = rewriteRule("size-run", ["Gather", "Slice", "Unsqueeze", "Reshape"], (node, context): RewriteOutcome => {
  const y = outputAt(node.outputs, 0);
  const run = y.type.shape.length === 1 ? runOf(y) : null;
  return run === null ? "keep" : (b) => [b.add("Shape", [context.value(run.x)], { start: run.start, end: run.end }, { name: node.name })];
});
/** Runs that meet, joined: they are one. */
const joinedSizes: RewriteRule = rewriteRule("join-sizes", ["Concat"], (node, context): RewriteOutcome => {
  const parts: (Value | Run)[] = [];
  for (const [i, v] of node.inputs.entries()) {
    const [run, before, last] = [runAt(v), runAt(node.inputs[i - 1]), parts.at(-1)];
    if (v === null || last === undefined || run === null || before === null || before.x !== run.x || before.end !== run.start)
      parts.push(v ?? inputAt(node, i));
    else parts.splice(-1, 1, { x: run.x, start: "x" in last ? last.start : before.start, end: run.end });
  }
  if (parts.length === node.inputs.length) return "keep";
  return (b) => {
    const shape = ({ x, start, end }: Run): Value => b.add("Shape", [context.value(x)], { start, end });
    const values = parts.map((part) => ("x" in part ? shape(part) : context.value(part)));
    const [only, ...others] = values;
    return [only !== undefined && others.length === 0 ? only : b.add("Concat", values, { axis: 0 }, { name: node.name })];
  };
});
const runAt = (v: Value | null | undefined): Run | null => (v != null && v.type.shape.length === 1 ? runOf(v) : null);
