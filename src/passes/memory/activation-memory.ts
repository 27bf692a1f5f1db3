/** How much memory the values of a graph need while it runs. */
import { userError } from "../../ir/diagnostic.ts";
import { isUnknown, substitute, symbolsOf } from "../../ir/dim.ts";
import { dtypes } from "../../ir/dtype.ts";
import { type Graph, type Node, printType, type Value } from "../../ir/graph.ts";
import { nowhere } from "../../ir/location.ts";
import { elementCount } from "../../ir/shape.ts";

/** The moment at which most memory is in use. */
export interface MemoryPeak {
  /** Bytes of all values that are alive. */
  readonly bytes: number;
  /** The node that runs then; null for a graph without nodes. */
  readonly node: Node | null;
  /** The values that are alive, the largest first. */
  readonly alive: readonly AliveValue[];
}
/** A value that takes memory. */
export interface AliveValue {
  readonly value: Value;
  readonly bytes: number;
  /** The last node that reads it; null for one that is alive until the end, as outputs are, or that nothing reads. */
  readonly until: Node | null;
}
/** What is counted, and with which sizes. */
export interface MemoryOptions {
  /** A number for each symbol in the shapes. */
  readonly sizes?: ReadonlyMap<string, number>;
  /** False for inputs that are weights; initializers never count. All inputs count when absent. */
  readonly isActivation?: (input: Value) => boolean;
}

/**
 * The peak of memory for activations when nodes run in the graph's order, each value has a buffer of its own from the node that makes it
 * to the last one that reads it, an output of the graph to the end, and an input from the beginning.
 * Throws a CompileError where a size is neither a number nor given.
 */
export function activationMemory(graph: Graph, { sizes = new Map(), isActivation = () => true }: MemoryOptions = {}): MemoryPeak {
  const spans = lifetimes(graph, isActivation).map((span) => ({ ...span, bytes: valueBytes(span.value, sizes) }));
  // What comes and goes at each moment; moment 0 is before the first node, moment t + 1 is node t.
  const change = new Array<number>(graph.nodes.length + 2).fill(0);
  for (const { from, to, bytes } of spans) {
    change[from] = (change[from] ?? 0) + bytes;
    change[to + 1] = (change[to + 1] ?? 0) - bytes;
  }
  let [bytes, peak, moment] = [0, 0, 0];
  change.forEach((difference, t) => {
    bytes += difference;
    if (bytes > peak) [peak, moment] = [bytes, t];
  });
  const alive = spans.filter(({ from, to }) => from <= moment && moment <= to).sort((a, b) => b.bytes - a.bytes);
  const outputs = new Set(graph.outputs);
  const until = ({ value, to }: Lifetime): Node | null => (outputs.has(value) ? null : (graph.nodes[to - 1] ?? null));
  return {
    bytes: peak,
    node: graph.nodes[moment - 1] ?? null,
    alive: alive.map((span) => ({ value: span.value, bytes: span.bytes, until: until(span) })),
  };
}

/** What a training graph keeps from its forward pass. */
export interface KeptForBackward {
  readonly bytes: number;
  /** The largest first. */
  readonly values: readonly AliveValue[];
}
/**
 * The values that the backward pass reads of the forward pass, which have to be kept between them: outputs of the nodes that the loss
 * depends on, and inputs that are activations, which other nodes read too. Throws as activationMemory does.
 */
export function keptForBackward(
  graph: Graph,
  loss: Value,
  { sizes = new Map(), isActivation = () => true }: MemoryOptions = {},
): KeptForBackward {
  const forward = new Set<Node>();
  const wanted = [loss];
  for (let value = wanted.pop(); value !== undefined; value = wanted.pop()) {
    const { producer } = value;
    if (producer === null || forward.has(producer)) continue;
    forward.add(producer);
    wanted.push(...producer.inputs.filter((v) => v !== null));
  }
  const later = new Map<Value, Node>();
  for (const node of graph.nodes) {
    if (!forward.has(node)) for (const value of node.inputs) if (value !== null) later.set(value, node);
  }
  const isKept = (value: Value): boolean => (value.producer === null ? isActivation(value) : forward.has(value.producer));
  const values = [...later]
    .filter(([value]) => !graph.initializers.has(value) && isKept(value))
    .map(([value, until]) => ({ value, until, bytes: valueBytes(value, sizes) }))
    .sort((a, b) => b.bytes - a.bytes);
  return { bytes: values.reduce((sum, { bytes }) => sum + bytes, 0), values };
}

/** A value and the moments between which it is alive, both included. */
interface Lifetime {
  readonly value: Value;
  readonly from: number;
  readonly to: number;
}
function lifetimes(graph: Graph, isActivation: (input: Value) => boolean): readonly Lifetime[] {
  const last = new Map<Value, number>();
  graph.nodes.forEach((node, t) => {
    for (const value of node.inputs) if (value !== null) last.set(value, t + 1);
  });
  for (const output of graph.outputs) last.set(output, graph.nodes.length);
  const inputs = graph.inputs.filter(isActivation).map((value) => ({ value, from: 0, to: last.get(value) ?? 0 }));
  const made = graph.nodes.flatMap((node, t) =>
    node.outputs.flatMap((value) => (value === null ? [] : [{ value, from: t + 1, to: last.get(value) ?? t + 1 }])),
  );
  return [...inputs, ...made];
}

function valueBytes(value: Value, sizes: ReadonlyMap<string, number>): number {
  const count = substitute(elementCount(value.type.shape), sizes);
  if (typeof count === "number") return count * dtypes[value.type.dtype].size;
  const missing = isUnknown(count) ? "depends on the contents of a tensor" : `needs a size for ${[...symbolsOf(count)].join(", ")}`;
  throw userError(
    "unknown-size",
    `activation memory: the size of "${value.name}", ${printType(value.type)}, ${missing}`,
    value.producer?.location ?? nowhere,
    {
      help: "give every symbol a number, such as N=1",
    },
  );
}
