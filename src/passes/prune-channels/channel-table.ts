/** The channels of all values of a graph, which of them are one, and what is known of their contents. */
import { InternalError } from "../../ir/diagnostic.ts";
import type { Value } from "../../ir/graph.ts";

/** The axis along which a value's channels lie. */
export interface Channels {
  readonly value: Value;
  readonly axis: number;
  readonly count: number;
  /** The number of channel 0 among the channels of all values. */
  readonly first: number;
}
/** Channels of many values, numbered through; channels that stay or go together are one class. */
export interface ChannelTable {
  /** The channels of a value, null where nothing can be said of them. */
  of(value: Value | null | undefined): Channels | null;
  add(value: Value, axis: number, count: number): Channels;
  /** Makes two channels one class. */
  tie(a: number, b: number): void;
  /** The representative of a channel's class. */
  classOf(channel: number): number;
  /** What a channel holds at every place, whatever the inputs are; NaN where that is not known. */
  constant(channel: number): number;
  setConstant(channel: number, content: number): void;
  all(): Iterable<Channels>;
  /** How many channels there are. */
  size(): number;
}

/** A table without channels. */
export function channelTable(): ChannelTable {
  const byValue = new Map<Value, Channels>();
  // Networks have some hundred thousand channels: each is a number in two arrays that grow by doubling.
  let parents = new Int32Array(1024);
  let constants = new Float64Array(1024);
  let size = 0;
  const grow = (count: number): void => {
    if (size + count > parents.length) {
      const capacity = Math.max(size + count, 2 * parents.length);
      parents = extended(parents, new Int32Array(capacity));
      constants = extended(constants, new Float64Array(capacity));
    }
    for (const end = size + count; size < end; size++) {
      parents[size] = size;
      constants[size] = Number.NaN;
    }
  };
  const classOf = (channel: number): number => {
    let root = channel;
    for (let up = parents[root] ?? root; up !== root; up = parents[root] ?? root) root = up;
    for (let at = channel; at !== root; ) {
      const up = parents[at] ?? root;
      parents[at] = root;
      at = up;
    }
    return root;
  };
  return {
    of: (value) => (value ? (byValue.get(value) ?? null) : null),
    add: (value, axis, count) => {
      if (byValue.has(value)) throw new InternalError(`the channels of "${value.name}" are known already`);
      const channels = { value, axis, count, first: size };
      grow(count);
      byValue.set(value, channels);
      return channels;
    },
    tie: (a, b) => {
      const p = classOf(a);
      const q = classOf(b);
      // The lower number represents, so that the order of ties does not matter.
      parents[Math.max(p, q)] = Math.min(p, q);
    },
    classOf,
    constant: (channel) => constants[channel] ?? Number.NaN,
    setConstant: (channel, content) => {
      constants[channel] = content;
    },
    all: () => byValue.values(),
    size: () => size,
  };
}
function extended<A extends Int32Array | Float64Array>(from: A, into: A): A {
  into.set(from);
  return into;
}
