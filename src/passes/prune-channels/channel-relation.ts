/** How the channels of a node's outputs depend on those of its inputs. */
import type { GraphBuilder } from "../../ir/builder.ts";
import type { Node, Value } from "../../ir/graph.ts";
import type { RewriteContext, Skip } from "../rewrite.ts";
import type { Channels, ChannelTable } from "./channel-table.ts";

/** Pairs of channels that stay or go together: pair n is channel `from(n)` of one value and `to(n)` of another. */
export interface Tie {
  readonly input: Channels;
  /** Index among the relation's outputs. */
  readonly output: number;
  readonly pairs: number;
  from(n: number): number;
  to(n: number): number;
}
/** An output whose channels can go. */
export interface ChannelOutput {
  readonly value: Value;
  readonly axis: number;
  readonly count: number;
}
/** Every output channel as a weighted sum over the input channels of its group. */
export interface Mix {
  /** Null where the input's channels cannot go. */
  readonly input: Channels | null;
  readonly inputs: number;
  readonly outputs: number;
  readonly groups: number;
  /** True when an output channel's weight for an input channel is not zero. */
  weighs(output: number, input: number): boolean;
  /** What an output channel becomes by an input channel that is 1 everywhere. */
  total(output: number, input: number): number;
  /** What is added to an output channel. */
  addend(output: number): number;
  /** Why an input channel that is constant, but not zero, adds no constant to the outputs; null where it does. */
  readonly border: string | null;
}
/** What has to be known to leave channels out. */
export interface Pruned {
  /** The channels of a value that stay, in order; null where all do. */
  kept(value: Value): readonly number[] | null;
  /** The value of the new graph that stands for one of the old. */
  value(old: Value): Value;
}
/** One node's channels. */
export interface Relation {
  readonly outputs: readonly ChannelOutput[];
  readonly ties: readonly Tie[];
  readonly mix: Mix | null;
  /** Inputs all of whose channels are read. */
  readonly whole: readonly Value[];
  /** What a channel of an output holds everywhere, NaN where that is not known. */
  constant(output: number, channel: number): number;
  /** The node without the channels that go; null in place of an output none of whose channels stay. */
  rebuild(b: GraphBuilder, pruned: Pruned): readonly (Value | null)[];
}
/** What a rule answers: the relation, a reason why the node takes its inputs as they are, or null for a node without channels that could go. */
export type RelationOutcome = Relation | Skip | null;
/** A rule about nodes of one op. */
export type RelationRule<N extends Node = Node> = (node: N, table: ChannelTable, context: RewriteContext) => RelationOutcome;

/** All n channels, one to one. */
export const straight = (input: Channels, output = 0): Tie => ({ input, output, pairs: input.count, from: (n) => n, to: (n) => n });
/** The node's inputs in the new graph, with some replaced. */
export const prunedInputs = (node: Node, pruned: Pruned, replaced: ReadonlyMap<number, Value> = new Map()): readonly (Value | null)[] =>
  node.inputs.map((v, i) => replaced.get(i) ?? (v === null ? null : pruned.value(v)));
/** The node again, on inputs of fewer channels. */
export function again<N extends Node>(
  b: GraphBuilder,
  node: N,
  pruned: Pruned,
  replaced?: ReadonlyMap<number, Value>,
): readonly (Value | null)[] {
  const outputs = node.outputs.map((v) => v?.name ?? null);
  return b.addNode(node.opType, prunedInputs(node, pruned, replaced), node.attributes, { name: node.name, outputs }).outputs;
}
