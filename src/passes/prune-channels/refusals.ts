/** Why channels that hold a constant stay nevertheless. */
import type { Node } from "../../ir/graph.ts";
import type { Skipped } from "../rewrite.ts";
import type { Cause, Liveness, Related } from "./channel-liveness.ts";
import type { Channels, ChannelTable } from "./channel-table.ts";

/** One refusal for each tensor that is computed with constant channels which stay, and each reason. */
export function refusalsOf(table: ChannelTable, related: readonly Related[], live: Liveness): readonly Skipped[] {
  const meetings = meetingsOf(table, related);
  const told = new Set<number>();
  return related.flatMap(({ node, relation }) => {
    const groups = new Map<string, Constants>();
    for (const { value } of relation.outputs) {
      const own = table.of(value);
      for (let c = 0; own !== null && c < own.count; c++) {
        const channel = own.first + c;
        if (Number.isNaN(table.constant(channel))) continue;
        const [root, cause] = [table.classOf(channel), live.causeOf(channel)];
        if (cause === null || told.has(root)) continue;
        told.add(root);
        const why = meetings.get(root) ?? cause;
        const known = groups.get(why.reason);
        if (known === undefined) groups.set(why.reason, { cause: why, channels: [channel - own.first], content: table.constant(channel) });
        else known.channels.push(channel - own.first);
      }
    }
    return [...groups.values()].map((constants) => refusal(node, constants));
  });
}
/** Channels of one value that hold constants, and stay for one reason. */
interface Constants {
  readonly cause: Cause;
  readonly channels: number[];
  /** What the first one holds. */
  readonly content: number;
}
function refusal(node: Node, { cause: { reason }, channels, content }: Constants): Skipped {
  const [shown, isOne] = [Number(content.toPrecision(6)), channels.length === 1];
  const held = isOne
    ? `channel ${channels[0]} is constant (${shown})`
    : `${channels.length} channels are constant (the first one is ${shown})`;
  return { rule: "prune-channels", node: node.name, location: node.location, reason: `${held}, but ${reason}` };
}
/** For each class the node in which one of its constant channels meets one that is none. */
function meetingsOf(table: ChannelTable, related: readonly Related[]): ReadonlyMap<number, Cause> {
  const meetings = new Map<number, Cause>();
  const isConstant = (channels: Channels, c: number): boolean => !Number.isNaN(table.constant(channels.first + c));
  for (const { node, relation } of related) {
    if (relation.ties.length < 2) continue;
    for (const { input, output, pairs, from, to } of relation.ties) {
      const made = table.of(relation.outputs[output]?.value);
      for (let n = 0; made !== null && n < pairs; n++) {
        if (!isConstant(input, from(n)) || isConstant(made, to(n))) continue;
        const root = table.classOf(input.first + from(n));
        if (meetings.has(root)) continue;
        meetings.set(root, { node, reason: `${node.opType} "${node.name}" joins constant channels with others` });
      }
    }
  }
  return meetings;
}
