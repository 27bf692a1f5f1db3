/** Ops that cut, join and rearrange channels. */
import type { GraphBuilder } from "../../ir/builder.ts";
import { mulDims, productOf } from "../../ir/dim.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { axisIndex, type Shape } from "../../ir/shape.ts";
import { numbersOf } from "../../ir/tensor-data.ts";
import { isOneOf, type RewriteContext, skip } from "../rewrite.ts";
import { again, type Pruned, type Relation, type RelationOutcome, type RelationRule, straight, type Tie } from "./channel-relation.ts";
import type { Channels, ChannelTable } from "./channel-table.ts";
import { carried } from "./pointwise-relations.ts";
import { axesOf } from "./spatial-relations.ts";

/** The relation of a Concat of tensors whose channels are known. */
export const joining: RelationRule<Node<"Concat">> = (node, table) => {
  const inputs = node.inputs.filter((v) => v !== null);
  const all = inputs.map((v) => table.of(v)).filter((channels) => channels !== null);
  const [first] = all;
  if (first === undefined) return null;
  const y = outputAt(node.outputs, 0);
  const along = axisIndex(node.attributes.axis, y.type.shape.length);
  if (all.length < inputs.length || all.some(({ axis }) => axis !== first.axis)) return skip("its inputs do not have the same channels");
  const isAlong = along === first.axis;
  const starts: number[] = [];
  let count = 0;
  for (const channels of all) {
    starts.push(isAlong ? count : 0);
    count = isAlong ? count + channels.count : channels.count;
  }
  // Along the axis of the channels each is one input's; along another it is all inputs'.
  const owners = isAlong ? all.flatMap((channels) => Array.from({ length: channels.count }, (_, c) => channels.first + c)) : null;
  const shared = (c: number): number => {
    const content = table.constant(first.first + c);
    return all.every((channels) => table.constant(channels.first + c) === content) ? content : Number.NaN;
  };
  return {
    outputs: [{ value: y, axis: first.axis, count }],
    ties: all.map((channels, i) => ({ ...straight(channels), to: (n: number) => n + (starts[i] ?? 0) })),
    mix: null,
    whole: [],
    constant: (_, c) => (owners === null ? shared(c) : table.constant(owners[c] ?? -1)),
    rebuild: (b, pruned) => again(b, node, pruned),
  };
};

/** The relation of a Split. */
export const splitting: RelationRule<Node<"Split">> = (node, table) => {
  const [x] = node.inputs;
  const channels = table.of(x);
  if (channels === null || !x) return null;
  const isAlong = axisIndex(node.attributes.axis, x.type.shape.length) === channels.axis;
  const parts = node.outputs.map((v) => (v === null ? 0 : Number(v.type.shape[channels.axis])));
  if (node.outputs.includes(null)) return skip("one of its outputs is not asked for");
  const starts: number[] = [];
  let end = 0;
  for (const part of parts) {
    starts.push(end);
    if (isAlong) end += part;
  }
  const outputs = node.outputs.flatMap((v, k) => (v === null ? [] : [{ value: v, axis: channels.axis, count: parts[k] ?? 0 }]));
  return {
    outputs,
    ties: outputs.map(({ count }, output) => ({
      input: channels,
      output,
      pairs: count,
      from: (n) => n + (starts[output] ?? 0),
      to: (n) => n,
    })),
    mix: null,
    whole: [],
    constant: (output, c) => table.constant(channels.first + (starts[output] ?? 0) + c),
    rebuild: (b, pruned) => (isAlong ? splitAgain(b, node, pruned, parts) : again(b, node, pruned)),
  };
};
function splitAgain(b: GraphBuilder, node: Node<"Split">, pruned: Pruned, parts: readonly number[]): readonly (Value | null)[] {
  const sizes = node.outputs.map((v, k) => (v === null ? 0 : (pruned.kept(v)?.length ?? parts[k] ?? 0)));
  const [x] = node.inputs;
  const left = node.outputs.filter((_, k) => (sizes[k] ?? 0) > 0);
  if (!x) return node.outputs;
  // A single part is the whole.
  if (left.length < 2) return node.outputs.map((v) => (v === left[0] ? pruned.value(x) : null));
  const target = b.constant(
    "int64",
    sizes.filter((n) => n > 0),
  );
  const named = { name: node.name, outputs: left.map((v) => v?.name ?? null) };
  const made = b.addNode("Split", [pruned.value(x), target], { axis: node.attributes.axis }, named).outputs;
  return node.outputs.map((v) => made[left.indexOf(v)] ?? null);
}

/** The relation of a Slice with constant bounds. */
export const slicing: RelationRule<Node<"Slice">> = (node, table, context) => {
  const [x, starts, , listed, steps] = node.inputs;
  const channels = table.of(x);
  if (channels === null || !x || !starts) return null;
  const y = outputAt(node.outputs, 0);
  const count = starts.type.shape[0];
  const axes = listed ? axesOf(listed, x, context) : Array.from({ length: Number(count) }, (_, i) => i);
  if (axes === null) return skip("its axes are not known");
  const place = axes.indexOf(channels.axis);
  if (place < 0) return carried(node, y, channels, { constant: (c) => table.constant(channels.first + c) });
  const [start, step, size] = [numberAt(starts, place, context), steps ? numberAt(steps, place, context) : 1, y.type.shape[channels.axis]];
  if (axes.length > 1) return skip("it cuts other axes along with the channels");
  if (start === null || step === null || typeof size !== "number") return skip("its bounds are not known");
  const from = start < 0 ? start + channels.count : start;
  const first = Math.max(0, Math.min(step < 0 ? channels.count - 1 : channels.count, from));
  return picking(
    node,
    y,
    channels,
    table,
    Array.from({ length: size }, (_, n) => first + n * step),
  );
};
function numberAt(value: Value, place: number, context: RewriteContext): number | null {
  const tensor = context.contents(value);
  return tensor === null ? null : (numbersOf(tensor)?.[place] ?? null);
}
/** The relation of a Gather with constant indices. */
export const gathering: RelationRule<Node<"Gather">> = (node, table, context) => {
  const [x, indices] = node.inputs;
  const channels = table.of(x);
  if (channels === null || !x || !indices) return null;
  const y = outputAt(node.outputs, 0);
  const along = axisIndex(node.attributes.axis, x.type.shape.length);
  const rank = indices.type.shape.length;
  if (along === null) return null;
  if (along !== channels.axis) {
    const axis = channels.axis + (along < channels.axis ? rank - 1 : 0);
    return carried(node, y, channels, { axis, constant: (c) => table.constant(channels.first + c) });
  }
  const tensor = context.contents(indices);
  const numbers = tensor === null ? null : numbersOf(tensor);
  if (numbers === null || rank !== 1) return skip("its indices are no constant list");
  return picking(
    node,
    y,
    channels,
    table,
    numbers.map((i) => (i < 0 ? i + channels.count : i)),
  );
};
/** The relation of a node that gives the listed channels of its input. */
function picking(node: Node, y: Value, channels: Channels, table: ChannelTable, picked: readonly number[]): RelationOutcome {
  const { axis } = channels;
  const at = (n: number): number => picked[n] ?? 0;
  return {
    outputs: [{ value: y, axis, count: picked.length }],
    ties: [{ input: channels, output: 0, pairs: picked.length, from: at, to: (n) => n }],
    mix: null,
    whole: [],
    constant: (_, c) => table.constant(channels.first + at(c)),
    rebuild: (b, pruned) => {
      const held = pruned.kept(channels.value) ?? Array.from({ length: channels.count }, (_, c) => c);
      const places = new Map(held.map((c, i) => [c, i]));
      const wanted = (pruned.kept(y) ?? picked.map((_, n) => n)).map((n) => places.get(at(n)) ?? 0);
      const named = { name: node.name, outputs: [y.name] };
      const data = pruned.value(channels.value);
      const [first = 0] = wanted;
      if (!wanted.every((place, n) => place === first + n)) return [b.add("Gather", [data, b.constant("int64", wanted)], { axis }, named)];
      const bound = (n: number): Value => b.constant("int64", [n]);
      return [b.add("Slice", [data, bound(first), bound(first + wanted.length), bound(axis)], {}, named)];
    },
  };
}

/** The relation of a Shape whose size of the channels nobody reads. */
export const measuring: RelationRule<Node<"Shape">> = (node, table, context) => {
  const [x] = node.inputs;
  const channels = table.of(x);
  const y = outputAt(node.outputs, 0);
  if (channels === null || !x) return null;
  const rank = x.type.shape.length;
  const { start } = node.attributes;
  const place = channels.axis - Math.max(0, Math.min(rank, start < 0 ? start + rank : start));
  const isOut = place < 0 || place >= Number(y.type.shape[0]);
  const isSeen = !isOut && (context.isOutput(y) || context.readers(y).some((reader) => !picksOthers(reader, y, place, context)));
  if (isSeen) return skip("the number of channels is read");
  return { outputs: [], ties: [], mix: null, whole: [], constant: () => Number.NaN, rebuild: (b, pruned) => again(b, node, pruned) };
};
/** True for a Gather or a Slice that leaves out one place of a vector. */
function picksOthers(reader: Node, vector: Value, place: number, context: RewriteContext): boolean {
  const [x, first, end, , steps] = reader.inputs;
  const [from, to] = [first, end].map((v) => {
    const tensor = v ? context.contents(v) : null;
    return tensor === null ? null : numbersOf(tensor);
  });
  const length = Number(vector.type.shape[0]);
  const at = (n: number): number => (n < 0 ? n + length : n);
  if (x !== vector || !from) return false;
  if (isOneOf(reader, ["Gather"])) return from.every((i) => at(i) !== place);
  const [start, stop] = [from[0], to?.[0]];
  return isOneOf(reader, ["Slice"]) && !steps && start !== undefined && stop !== undefined && (place < at(start) || place >= at(stop));
}

/** The relation of a Transpose. */
export const transposing: RelationRule<Node<"Transpose">> = (node, table) => {
  const channels = table.of(node.inputs[0]);
  const y = outputAt(node.outputs, 0);
  if (channels === null) return null;
  const perm = node.attributes.perm ?? y.type.shape.map((_, i) => y.type.shape.length - 1 - i);
  return carried(node, y, channels, { axis: perm.indexOf(channels.axis), constant: (c) => table.constant(channels.first + c) });
};

/** The ops that only give other sizes to the same elements. */
export const regroupingOps = ["Reshape", "Flatten", "Squeeze", "Unsqueeze"] as const;
/** The relation of a node that keeps the order of elements: channels stay, or become blocks of channels, or are joined to fewer. */
export const regrouping: RelationRule<Node<(typeof regroupingOps)[number]>> = (node, table) => {
  const [x, listed] = node.inputs;
  const channels = table.of(x);
  if (channels === null || !x) return null;
  const y = outputAt(node.outputs, 0);
  if (isOneOf(node, ["Squeeze"]) && !listed) return skip("its axes are not named");
  const found = regrouped(x.type.shape, channels, y.type.shape);
  if (found === null) return skip("it does not keep the channels apart");
  const target = isOneOf(node, ["Reshape"]) ? targetFor(x.type.shape, y.type.shape, found.axis) : null;
  if (isOneOf(node, ["Reshape"]) && target === null) return skip("more than one of its sizes is not known");
  return regroupedRelation(node, channels, y, found, table, target);
};
interface Regrouping {
  readonly axis: number;
  /** Output channels for one of the input. */
  readonly split: number;
  /** Input channels for one of the output. */
  readonly joined: number;
}
/** Where channels lie in the output: along the first axis with as many elements before it, and a number of channels that fits. */
function regrouped(from: Shape, { axis, count }: Channels, to: Shape): Regrouping | null {
  const [before, behind] = [productOf(from.slice(0, axis)), productOf(from.slice(axis + 1))];
  const candidates = to.flatMap((size, i) => (typeof size === "number" && productOf(to.slice(0, i)) === before ? [{ size, i }] : []));
  const rest = (i: number) => productOf(to.slice(i + 1));
  const same = candidates.find(({ size, i }) => size === count && rest(i) === behind);
  if (same !== undefined) return { axis: same.i, split: 1, joined: 1 };
  for (const { size, i } of candidates) {
    const [split, joined] = [size / count, count / size];
    if (Number.isInteger(split) && mulDims(split, rest(i)) === behind) return { axis: i, split, joined: 1 };
    if (size > 1 && Number.isInteger(joined) && mulDims(joined, behind) === rest(i)) return { axis: i, split: 1, joined };
  }
  return null;
}
/** The sizes of a Reshape as it is written: 0 for one that is the input's, -1 for one that follows from the others; null where that fails. */
function targetFor(from: Shape, to: Shape, axis: number): readonly number[] | null {
  const written = to.map((size, i) => (i === axis ? 1 : typeof size === "number" ? size : size === from[i] ? 0 : -1));
  return written.filter((size) => size === -1).length > 1 || to.includes(0) ? null : written;
}
function regroupedRelation(
  node: Node,
  channels: Channels,
  y: Value,
  { axis, split, joined }: Regrouping,
  table: ChannelTable,
  target: readonly number[] | null,
): Relation {
  const count = (channels.count * split) / joined;
  const tie: Tie = {
    input: channels,
    output: 0,
    pairs: Math.max(count, channels.count),
    from: (n) => Math.floor(n / split),
    to: (n) => Math.floor(n / joined),
  };
  return {
    outputs: [{ value: y, axis, count }],
    ties: [tie],
    mix: null,
    whole: [],
    constant: (_, c) => {
      const start = channels.first + Math.floor((c * joined) / split);
      const content = table.constant(start);
      for (let j = 1; j < joined; j++) if (table.constant(start + j) !== content) return Number.NaN;
      return content;
    },
    rebuild: (b, pruned) => {
      const size = pruned.kept(y)?.length ?? count;
      if (target === null) return again(b, node, pruned);
      const data = pruned.value(channels.value);
      const sizes = b.constant(
        "int64",
        target.map((n, i) => (i === axis ? size : n)),
      );
      return [b.add("Reshape", [data, sizes], {}, { name: node.name, outputs: [y.name] })];
    },
  };
}
