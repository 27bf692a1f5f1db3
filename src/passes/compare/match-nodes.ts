/** Which node of one graph is which of another: by name first, then by weights, by neighbours, and by the order of what is left. */
import { createHash } from "node:crypto";
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { printType } from "../../ir/graph.ts";
import { printAttributes } from "../../ir/print.ts";
import { bytesOf } from "../../ir/tensor-data.ts";

/** The nodes of `a` with those of `b` that they are; each stands once at most. */
export type NodePairs = ReadonlyMap<Node, Node>;

/** What is asked of a graph again and again. */
interface Side {
  readonly graph: Graph;
  /** Nodes by name. */
  readonly byName: ReadonlyMap<string, Node>;
  /** The nodes that read a value, with the position where they do. */
  readonly readers: ReadonlyMap<Value, readonly (readonly [node: Node, slot: number])[]>;
  readonly facts: ReadonlyMap<Node, Facts>;
}
interface Facts {
  /** The op with its attributes. */
  readonly call: string;
  /** That, and the types of what it gives and of the weights that it reads. */
  readonly form: string;
  /** That, and the contents of the weights; null for a node without any that tell it from others. */
  readonly contents: string | null;
}

/**
 * Pairs nodes of the same op: those with a name in common that somebody chose (a counter's, such as `relu_2` or `Conv_17`, shifts with
 * every layer that is put in), those with the same weights, those with the same nodes on all ways to and from them, those beside a pair, and then the longest common subsequence of the rest.
 * Nodes of different ops are a pair where they have a chosen name in common, or stand alone between the same nodes.
 */
export function matchNodes(a: Graph, b: Graph): NodePairs {
  const [left, right] = [sideOf(a), sideOf(b)];
  const m = matching(left, right);
  matchNames(m, left, right);
  matchContents(m, left, right);
  matchLineages(m, left, right);
  matchEnds(m, left, right);
  m.spread("name");
  m.spread("form");
  m.spread("op");
  matchInOrder(m, left, right);
  m.spread("op");
  matchPlaces(m, left, right);
  return m.pairs;
}

function sideOf(graph: Graph): Side {
  const readers = new Map<Value, (readonly [Node, number])[]>();
  for (const node of graph.nodes) {
    node.inputs.forEach((value, slot) => {
      if (value === null) return;
      const known = readers.get(value);
      if (known === undefined) readers.set(value, [[node, slot]]);
      else known.push([node, slot]);
    });
  }
  return {
    graph,
    byName: new Map(graph.nodes.map((node) => [node.name, node])),
    readers,
    facts: new Map(graph.nodes.map((node) => [node, factsOf(graph, node)])),
  };
}

/** Weights of fewer elements, such as a scale of ones, are many a node's. */
const fewestTelling = 16;

function factsOf({ initializers }: Graph, node: Node): Facts {
  const weights = node.inputs.flatMap((value) => {
    const data = value === null ? undefined : initializers.get(value);
    return data === undefined ? [] : [data];
  });
  const call = `${node.opType} ${JSON.stringify([...printAttributes(node)])}`;
  const types = [...node.outputs.map((value) => (value === null ? "_" : printType(value.type))), ...weights.map(printType)];
  const form = `${call} ${types.join(" ")}`;
  const telling = weights.filter(({ data }) => ArrayBuffer.isView(data) && data.length >= fewestTelling);
  if (telling.length === 0) return { call, form, contents: null };
  const hash = createHash("sha1");
  for (const tensor of telling) hash.update(bytesOf(tensor));
  return { call, form, contents: `${form} ${hash.digest("hex")}` };
}

/** The pairs as they are found. */
interface Matching {
  readonly pairs: Map<Node, Node>;
  isFree(node: Node): boolean;
  join(a: Node, b: Node): void;
  /** Tries two nodes, and joins them where both are free and they agree. */
  attempt(a: Node | null | undefined, b: Node | null | undefined, by: Agreement): boolean;
  /** Pairs what stands beside pairs, as far as it goes. */
  spread(by: Agreement): void;
  /** Pairs the free readers of two values that stand for each other. */
  pairReaders(a: Value, b: Value, by: Agreement): void;
}
/** The same form and name, the same form, or the same op. */
type Agreement = "name" | "form" | "op";

function matching(left: Side, right: Side): Matching {
  const pairs = new Map<Node, Node>();
  const taken = new Set<Node>();
  const isFree = (node: Node): boolean => !pairs.has(node) && !taken.has(node);
  const agree = (a: Node, b: Node, by: Agreement): boolean =>
    by === "op" ? a.opType === b.opType : left.facts.get(a)?.form === right.facts.get(b)?.form && (by === "form" || a.name === b.name);
  const join = (a: Node, b: Node): void => {
    pairs.set(a, b);
    taken.add(b);
  };
  const attempt: Matching["attempt"] = (a, b, by) => {
    if (a === null || a === undefined || b === null || b === undefined || !isFree(a) || !isFree(b) || !agree(a, b, by)) return false;
    join(a, b);
    return true;
  };
  const pairReaders: Matching["pairReaders"] = (a, b, by) => {
    const candidates = right.readers.get(b) ?? [];
    for (const [reader, slot] of left.readers.get(a) ?? []) {
      if (!isFree(reader)) continue;
      const fitting = candidates.filter(([other, at]) => at === slot && isFree(other) && agree(reader, other, by));
      const [found] = fitting.find(([other]) => other.name === reader.name) ?? fitting[0] ?? [];
      attempt(reader, found, by);
    }
  };
  const beside = (a: Node, b: Node, by: Agreement): void => {
    const made = (node: Node): readonly (Node | null)[] => node.inputs.map((value) => value?.producer ?? null);
    const [before, after] = [made(a), made(b)];
    // First slot by slot, then crosswise: the operands of a sum may have changed places.
    before.forEach((x, slot) => void attempt(x, after[slot], by));
    for (const x of before) after.some((y) => attempt(x, y, by));
    a.outputs.forEach((value, i) => {
      const other = b.outputs[i];
      if (value !== null && other !== null && other !== undefined) pairReaders(value, other, by);
    });
  };
  // A map goes on over what is added while it is walked.
  const spread = (by: Agreement): void => pairs.forEach((b, a) => void beside(a, b, by));
  return { pairs, isFree, join, attempt, spread, pairReaders };
}

const numbered = /(?:^|[_:])\d+$/;
/** The names that somebody chose: they end in no counter, and are not those with which a counter begins. */
const isChosen = (name: string, ...sides: readonly Side[]): boolean =>
  name !== "" && !numbered.test(name) && sides.every(({ byName }) => !byName.has(`${name}_1`) && !byName.has(`${name}_2`));
/** True for a name that a counter made. */
export const isNumbered = (name: string): boolean => numbered.test(name);

function matchNames(m: Matching, left: Side, right: Side): void {
  for (const node of left.graph.nodes) if (isChosen(node.name, left, right)) m.attempt(node, right.byName.get(node.name), "op");
}

/** Pairs what alone has a key on either side. */
function matchUnique(m: Matching, left: Side, right: Side, keyOf: (node: Node, side: Side) => string | null): void {
  const index = (side: Side): ReadonlyMap<string, Node | null> => {
    const found = new Map<string, Node | null>();
    for (const node of side.graph.nodes) {
      const key = m.isFree(node) ? keyOf(node, side) : null;
      if (key !== null) found.set(key, found.has(key) ? null : node);
    }
    return found;
  };
  const [before, after] = [index(left), index(right)];
  for (const [key, node] of before) m.attempt(node, after.get(key), "form");
}
const matchContents = (m: Matching, left: Side, right: Side): void =>
  matchUnique(m, left, right, (node, side) => side.facts.get(node)?.contents ?? null);

/** Pairs nodes that everything before and everything behind is the same for, as where all names changed; several such in their order. */
function matchLineages(m: Matching, left: Side, right: Side): void {
  const index = (side: Side): ReadonlyMap<string, readonly Node[]> => {
    const found = new Map<string, Node[]>();
    for (const [node, lineage] of lineages(side)) {
      const known = found.get(lineage);
      if (known === undefined) found.set(lineage, [node]);
      else known.push(node);
    }
    return found;
  };
  const [before, after] = [index(left), index(right)];
  for (const [lineage, nodes] of before) {
    const others = after.get(lineage) ?? [];
    if (others.length === nodes.length) nodes.forEach((node, i) => void m.attempt(node, others[i], "form"));
  }
}
/** A hash of each node with all that it depends on, and all that depends on it. */
function lineages({ graph, readers, facts }: Side): ReadonlyMap<Node, string> {
  const hash = (parts: readonly string[]): string => createHash("sha1").update(JSON.stringify(parts)).digest("base64");
  const form = (node: Node): string => facts.get(node)?.form ?? "";
  const [up, down] = [new Map<Node, string>(), new Map<Node, string>()];
  const behind = (value: Value | null): string =>
    value === null
      ? "_"
      : value.producer === null
        ? `input ${graph.inputs.indexOf(value)}`
        : `${value.producer.outputs.indexOf(value)} ${up.get(value.producer)}`;
  for (const node of graph.nodes) up.set(node, hash([form(node), ...node.inputs.map(behind)]));
  for (const node of graph.nodes.toReversed()) {
    const read = node.outputs.map((value) => {
      const uses = value === null ? [] : (readers.get(value) ?? []).map(([reader, slot]) => `${slot} ${down.get(reader)}`);
      return [...uses.toSorted(), ...(value !== null && graph.outputs.includes(value) ? ["output"] : [])].join();
    });
    down.set(node, hash([form(node), ...read]));
  }
  return new Map(graph.nodes.map((node) => [node, `${up.get(node)} ${down.get(node)}`]));
}

/** The graphs' own inputs and outputs: by name, else by position. */
function matchEnds(m: Matching, left: Side, right: Side): void {
  for (const [x, y] of pairValues(left.graph.inputs, right.graph.inputs)) m.pairReaders(x, y, "form");
  for (const [x, y] of pairValues(left.graph.outputs, right.graph.outputs)) m.attempt(x.producer, y.producer, "form");
}

/** Values by name, and those left over by position. */
export function pairValues(a: readonly Value[], b: readonly Value[]): ReadonlyMap<Value, Value> {
  const byName = new Map(b.map((value) => [value.name, value]));
  const pairs = new Map(
    a.flatMap((value) => [byName.get(value.name)].flatMap((other) => (other === undefined ? [] : [[value, other] as const]))),
  );
  const taken = new Set(pairs.values());
  const rest = b.filter((value) => !taken.has(value));
  a.filter((value) => !pairs.has(value)).forEach((value, i) => {
    const other = rest[i];
    if (other !== undefined) pairs.set(value, other);
  });
  return pairs;
}

/** A table of more cells than this is not made: what is left of graphs so large is paired by neighbours alone. */
const mostCells = 2 ** 24;

/** The longest common subsequence of what is free, by form and then by op and attributes. */
function matchInOrder(m: Matching, left: Side, right: Side): void {
  for (const by of ["form", "call"] as const) {
    const keys = (side: Side) => side.graph.nodes.filter(m.isFree).map((node) => ({ node, key: side.facts.get(node)?.[by] ?? "" }));
    const [before, after] = [keys(left), keys(right)];
    if (before.length * after.length > mostCells) return;
    for (const [i, j] of commonSubsequence(
      before.map(({ key }) => key),
      after.map(({ key }) => key),
    ))
      m.attempt(before[i]?.node, after[j]?.node, "op");
  }
}

/** The positions of a longest common subsequence of two lists. */
export function commonSubsequence(a: readonly string[], b: readonly string[]): readonly (readonly [number, number])[] {
  const width = b.length + 1;
  // length[i, j]: how much the lists from i and from j on have in common.
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const at = i * width + j;
      lengths[at] = a[i] === b[j] ? (lengths[at + width + 1] ?? 0) + 1 : Math.max(lengths[at + width] ?? 0, lengths[at + 1] ?? 0);
    }
  }
  const found: (readonly [number, number])[] = [];
  for (let [i, j] = [0, 0]; i < a.length && j < b.length; ) {
    const at = i * width + j;
    if (a[i] === b[j]) found.push([i++, j++]);
    else if ((lengths[at + width] ?? 0) >= (lengths[at + 1] ?? 0)) i++;
    else j++;
  }
  return found;
}

/** Pairs nodes of different ops: the same chosen name, or the only free nodes between the same two. */
function matchPlaces(m: Matching, left: Side, right: Side): void {
  for (const node of left.graph.nodes) {
    const other = right.byName.get(node.name);
    if (other !== undefined && m.isFree(node) && m.isFree(other) && isChosen(node.name, left, right)) m.join(node, other);
  }
  const inputs = pairValues(left.graph.inputs, right.graph.inputs);
  const stands = (value: Value, other: Value): boolean =>
    value.producer === null || other.producer === null
      ? inputs.get(value) === other
      : m.pairs.get(value.producer) === other.producer && value.producer.outputs.indexOf(value) === other.producer.outputs.indexOf(other);
  for (const node of left.graph.nodes) {
    const x = m.isFree(node) ? dataInput(left, node) : null;
    if (x === null) continue;
    const free = right.graph.nodes.filter((other) => m.isFree(other) && [dataInput(right, other)].some((y) => y !== null && stands(x, y)));
    const [other, more] = free;
    const rivals = (left.readers.get(x) ?? []).filter(([reader]) => reader !== node && m.isFree(reader));
    if (other !== undefined && more === undefined && rivals.length === 0 && haveReaderInCommon(m, left, right, node, other))
      m.join(node, other);
  }
}
const dataInput = ({ graph }: Side, node: Node): Value | null =>
  node.inputs.find((value) => value !== null && !graph.initializers.has(value)) ?? null;
function haveReaderInCommon(m: Matching, left: Side, right: Side, a: Node, b: Node): boolean {
  const [x, y] = [a.outputs[0], b.outputs[0]];
  if (x === null || x === undefined || y === null || y === undefined) return false;
  const others = new Set((right.readers.get(y) ?? []).map(([reader]) => reader));
  const areOutputs = left.graph.outputs.includes(x) && right.graph.outputs.includes(y);
  return areOutputs || (left.readers.get(x) ?? []).some(([reader]) => [m.pairs.get(reader)].some((r) => r !== undefined && others.has(r)));
}
