/** Which channels are needed: marked from what cannot go backwards to all that it is computed from. */
import { InternalError } from "../../ir/diagnostic.ts";
import type { Node, Value } from "../../ir/graph.ts";
import type { Mix, Relation } from "./channel-relation.ts";
import type { Channels, ChannelTable } from "./channel-table.ts";

/** Why a channel stays. */
export interface Cause {
  /** The node that needs it, null for the graph itself. */
  readonly node: Node | null;
  /** A clause about the channels in question, such as "are read by Softmax "s"". */
  readonly reason: string;
}
/** A node with the relation of its channels. */
export interface Related {
  readonly node: Node;
  readonly relation: Relation;
}
/** The channels that stay. */
export interface Liveness {
  isLive(channel: number): boolean;
  /** True when all of so many channels in a row stay. */
  areLive(first: number, count: number): boolean;
  /** Why a channel stays; null for one that can go. */
  causeOf(channel: number): Cause | null;
}
/** All channels of a value, which have to stay. */
export interface Pin {
  readonly channels: Channels;
  readonly cause: Cause;
}

/** A weighted sum with those of its input channels that nobody has needed so far, group by group. */
interface OpenMix {
  readonly node: Node;
  readonly mix: Mix;
  readonly output: Channels;
  readonly idle: number[][];
}

/** The liveness of all channels, given those that stay whatever reads them. */
export function livenessOf(
  table: ChannelTable,
  related: readonly Related[],
  pins: readonly Pin[],
  isRead: (value: Value) => boolean,
): Liveness {
  // By class; most classes have one in the end.
  const causes = new Array<Cause | null>(table.size()).fill(null);
  let marked = 0;
  const mixes = related.flatMap(({ node, relation }) => openMix(node, relation, table));
  const members = membersOf(table, mixes);
  const queue: number[] = [];
  const mark = (channel: number, cause: Cause): void => {
    const root = table.classOf(channel);
    if (causes[root] !== null) return;
    causes[root] = cause;
    marked++;
    queue.push(root);
  };
  const isLive = (channel: number): boolean => causes[table.classOf(channel)] !== null;
  const areLive = (first: number, count: number): boolean => {
    for (let channel = first; channel < first + count; channel++) if (!isLive(channel)) return false;
    return true;
  };
  const settle = (): void => {
    for (let root = queue.pop(); root !== undefined; root = queue.pop()) {
      for (const [open, o] of members[root] ?? []) needInputs(open, o, table, isLive, mark);
    }
  };
  for (const { channels, cause } of pins) for (let c = 0; c < channels.count; c++) mark(channels.first + c, cause);
  settle();
  // What keeps a group whole may wake channels of other groups, and those again.
  for (let before = -1; before !== marked; ) {
    before = marked;
    for (const open of mixes) if (open.mix.groups > 1 && !allLive(open, areLive)) evenGroups(open, isLive, mark);
    for (const channels of table.all()) keepOne(channels, isRead(channels.value), isLive, mark);
    settle();
  }
  return { isLive, areLive, causeOf: (channel) => causes[table.classOf(channel)] ?? null };
}

function openMix(node: Node, { mix, outputs }: Relation, table: ChannelTable): readonly OpenMix[] {
  if (mix === null) return [];
  const output = table.of(outputs[0]?.value);
  if (output === null) throw new InternalError(`the channels of ${node.opType} "${node.name}" are not in the table`);
  const perGroup = mix.inputs / mix.groups;
  const idle = Array.from({ length: mix.input === null ? 0 : mix.groups }, (_, g) =>
    Array.from({ length: perGroup }, (_unused, i) => g * perGroup + i),
  );
  return [{ node, mix, output, idle }];
}
/** For each class the sums that its channels are outputs of. */
function membersOf(table: ChannelTable, mixes: readonly OpenMix[]): readonly ((readonly [OpenMix, number])[] | null)[] {
  const members = new Array<[OpenMix, number][] | null>(table.size()).fill(null);
  for (const open of mixes) {
    for (let o = 0; o < open.output.count; o++) {
      const root = table.classOf(open.output.first + o);
      const list = members[root];
      if (list) list.push([open, o]);
      else members[root] = [[open, o]];
    }
  }
  return members;
}
type Mark = (channel: number, cause: Cause) => void;
/** Marks what a needed output is summed up from, but for constants that can be added to it beforehand. */
function needInputs({ node, mix, idle }: OpenMix, o: number, table: ChannelTable, isLive: (channel: number) => boolean, mark: Mark): void {
  const { input, border } = mix;
  const group = Math.floor(o / (mix.outputs / mix.groups));
  const open = idle[group];
  if (input === null || open === undefined || open.length === 0) return;
  const left: number[] = [];
  for (const i of open) {
    const channel = input.first + i;
    if (isLive(channel)) continue;
    const content = table.constant(channel);
    if (content === 0 || (!Number.isNaN(content) && border === null) || !mix.weighs(o, i)) left.push(i);
    else mark(channel, { node, reason: reasonToRead(node, content, border) });
  }
  idle[group] = left;
}

const reasonToRead = (node: Node, content: number, border: string | null): string =>
  Number.isNaN(content)
    ? `${node.opType} "${node.name}" reads what is no longer constant there`
    : `${node.opType} "${node.name}" ${border}, and takes no constant but zero`;

const allLive = ({ mix: { input }, output }: OpenMix, areLive: Liveness["areLive"]): boolean =>
  areLive(output.first, output.count) && (input === null || areLive(input.first, input.count));
/** Keeps as many channels in each group of a convolution as in the fullest one; a group without any goes. */
function evenGroups({ node, mix, output }: OpenMix, isLive: (channel: number) => boolean, mark: Mark): void {
  const { input, groups } = mix;
  const cause = { node, reason: `the groups of ${node.opType} "${node.name}" have to be of one size` };
  const [ins, outs] = [mix.inputs / groups, mix.outputs / groups];
  const channelsIn = (group: number, first: number | null, count: number): readonly number[] =>
    first === null ? [] : Array.from({ length: count }, (_, i) => first + group * count + i);
  const lists = Array.from(
    { length: groups },
    (_, g) => [channelsIn(g, output.first, outs), channelsIn(g, input?.first ?? null, ins)] as const,
  );
  const live = (list: readonly number[]): number => list.filter(isLive).length;
  const staying = lists.filter(([o, i]) => input === null || live(o) + live(i) > 0);
  for (const side of [0, 1] as const) {
    const most = Math.max(1, ...staying.map((group) => live(group[side])));
    for (const group of staying) {
      const list = group[side];
      const spare = list.filter((channel) => !isLive(channel));
      for (const channel of spare.slice(0, Math.max(0, most - (list.length - spare.length)))) mark(channel, cause);
    }
  }
}
/** Keeps one channel of a tensor that is read. */
function keepOne({ value, first, count }: Channels, isRead: boolean, isLive: (channel: number) => boolean, mark: Mark): void {
  if (!isRead || count === 0) return;
  for (let c = 0; c < count; c++) if (isLive(first + c)) return;
  mark(first, { node: value.producer, reason: `"${value.name}" cannot be left without channels` });
}
