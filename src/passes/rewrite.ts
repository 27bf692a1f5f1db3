/** The framework of rewrite rules: one forward walk that re-adds each node, or what a rule puts in its place. */
import { GraphBuilder } from "../ir/builder.ts";
import { InternalError } from "../ir/diagnostic.ts";
import { neverEqual } from "../ir/dim.ts";
import { type Graph, type Node, printType, type Value } from "../ir/graph.ts";
import type { SourceLocation } from "../ir/location.ts";
import type { OpType } from "../ir/op-types.ts";
import { staticShape } from "../ir/shape.ts";
import { type TensorData, tensorOfElements } from "../ir/tensor-data.ts";
import { copyInterface, copyNode, copyOutputs, mapped, type ValueMap } from "./copy-graph.ts";

/** A refusal: the rule's subject was there, but something stands in the way. */
export interface Skip {
  readonly skip: string;
}
/** A refusal with its reason, a clause such as "the weight is not constant". */
export const skip = (reason: string): Skip => ({ skip: reason });

/**
 * Builds what takes the place of a node: values of the new graph for its outputs, null for one that nobody reads; "keep" when it turns out
 * that the node can stay.
 */
export type Replacement = (b: GraphBuilder) => readonly (Value | null)[] | "keep";
/** What a rule answers: how to replace the node, a reasoned refusal, or "keep" where it has nothing to say. */
export type RewriteOutcome = Replacement | Skip | "keep";

/** What a rule may ask about the graph that is rewritten. Nodes and values that it looks at are those of the old graph. */
export interface RewriteContext {
  readonly graph: Graph;
  /** The value of the new graph that stands for one of the old; for use in a Replacement. */
  value(old: Value): Value;
  /** The nodes that read a value, one entry per input that does. */
  readers(old: Value): readonly Node[];
  isOutput(old: Value): boolean;
  /** The contents of a value where they are known in full, else null. */
  contents(old: Value): TensorData | null;
  /** True when a node's output may give way to another value without costing a copy to keep a graph output's name. */
  canBecome(output: Value, other: Value): boolean;
}

/** A rule about nodes of some ops. It only looks; what it finds to build is built later, so a graph without subjects is never copied. */
export interface RewriteRule {
  readonly name: string;
  /** The ops that the rule looks at. */
  readonly opTypes: readonly OpType[] | "all";
  match(node: Node, context: RewriteContext): RewriteOutcome;
}
/** A rule whose `match` sees nodes of the given ops only, with their attributes typed. */
export function rewriteRule<T extends OpType>(
  name: string,
  opTypes: readonly T[],
  match: (node: Node<T>, context: RewriteContext) => RewriteOutcome,
): RewriteRule {
  return { name, opTypes, match: (node, context) => (isOneOf(node, opTypes) ? match(node, context) : "keep") };
}
/** True when a node is of one of the ops. */
export const isOneOf = <T extends OpType>(node: Node, opTypes: readonly T[]): node is Node<T> =>
  opTypes.some((opType) => opType === node.opType);

/** A change that was made. */
export interface Applied {
  readonly rule: string;
  /** The name of the node that was the subject. */
  readonly node: string;
  readonly location: SourceLocation;
}
/** A change that was refused. */
export interface Skipped extends Applied {
  readonly reason: string;
}
/** A pass's answer; the graph is the one given when nothing was changed. */
export interface PassResult {
  readonly graph: Graph;
  readonly applied: readonly Applied[];
  readonly skipped: readonly Skipped[];
}
/** What may be asked of a pass. */
export interface PassControl {
  /** False for the changes that are not to be made, for those who look for a fault in a pass. All are when absent. */
  readonly accept?: (change: Applied) => boolean;
  /** For passes that trade work for memory. */
  readonly memory?: MemoryWishes;
}
/** What memory a graph may use while it runs. */
export interface MemoryWishes {
  /** Bytes for all that is alive at a time, inputs and state included; no bound when absent. */
  readonly budget?: number;
  /** True for the scopes, such as "layer1.0", whose values are not kept for the backward pass but computed again. None when absent. */
  readonly recompute?: (scope: string) => boolean;
  /** The number that a symbol in the shapes counts as. */
  readonly sizes?: ReadonlyMap<string, number>;
}
/** A function from graph to graph that tells what it did. */
export type Pass = (graph: Graph, control?: PassControl) => PassResult;
/** The answer of a pass that had nothing to do. */
export const unchanged = (graph: Graph, skipped: readonly Skipped[] = []): PassResult => ({ graph, applied: [], skipped });

/**
 * Rewrites a graph by rules. Each node is offered to the rules in order; the first that replaces it wins, and what it builds takes the
 * names of the outputs it replaces. Names of inputs and outputs, locations and initializers are kept.
 */
export function rewrite(graph: Graph, rules: readonly RewriteRule[], { accept = () => true }: PassControl = {}): PassResult {
  const byOp = rulesByOp(rules);
  const copy = lazyCopy(graph);
  const context = contextOf(graph, copy.map);
  const applied: Applied[] = [];
  const skipped: Skipped[] = [];
  graph.nodes.forEach((node, at) => {
    const rule = byOp(node.opType).find((candidate) => {
      const outcome = candidate.match(node, context);
      if (typeof outcome === "function" && !accept(entry(candidate, node))) return false;
      if (typeof outcome === "function") return build(copy.builderBefore(at), node, candidate, outcome, context, copy.map);
      if (outcome !== "keep") skipped.push({ ...entry(candidate, node), reason: outcome.skip });
      return false;
    });
    if (rule === undefined) copy.keep(at);
    else applied.push(entry(rule, node));
  });
  return applied.length === 0 ? unchanged(graph, skipped) : { graph: copy.finish(), applied, skipped };
}
const entry = (rule: RewriteRule, node: Node): Applied => ({ rule: rule.name, node: node.name, location: node.location });

function rulesByOp(rules: readonly RewriteRule[]): (opType: OpType) => readonly RewriteRule[] {
  const table = new Map<OpType, readonly RewriteRule[]>();
  return (opType) => {
    const known = table.get(opType) ?? rules.filter((rule) => rule.opTypes === "all" || rule.opTypes.includes(opType));
    table.set(opType, known);
    return known;
  };
}

/** A copy of a graph that begins when the first node is replaced. */
interface LazyCopy {
  readonly map: ValueMap;
  /** The builder, with all kept nodes before one in it. */
  builderBefore(at: number): GraphBuilder;
  /** Copies a node, where copying has begun. */
  keep(at: number): void;
  finish(): Graph;
}
function lazyCopy(graph: Graph): LazyCopy {
  const map: ValueMap = new Map();
  let b: GraphBuilder | null = null;
  const begin = (at: number): GraphBuilder => {
    const builder = new GraphBuilder(graph.name);
    for (const [old, made] of copyInterface(builder, graph)) map.set(old, made);
    for (const node of graph.nodes.slice(0, at)) copyNode(builder, node, map);
    return builder;
  };
  const builderBefore = (at: number): GraphBuilder => {
    b ??= begin(at);
    return b;
  };
  return {
    map,
    builderBefore,
    keep: (at) => {
      const node = graph.nodes[at];
      if (b !== null && node !== undefined) copyNode(b, node, map);
    },
    finish: () => {
      const builder = builderBefore(graph.nodes.length);
      copyOutputs(builder, graph, map);
      return builder.build();
    },
  };
}

/** Builds a replacement; false when it turns out to keep the node. */
function build(b: GraphBuilder, node: Node, rule: RewriteRule, replacement: Replacement, context: RewriteContext, map: ValueMap): boolean {
  const before = b.nodes.length;
  const outcome = b.from(node, () => replacement(b));
  if (outcome === "keep") return false;
  const made = new Set(b.nodes.slice(before).flatMap((n) => n.outputs));
  node.outputs.forEach((old, i) => {
    if (old === null) return;
    const value = outcome[i];
    if (value === null || value === undefined) {
      if (context.readers(old).length === 0 && !context.isOutput(old)) return;
      throw new InternalError(`rule ${rule.name} gives nothing in place of "${old.name}"`);
    }
    if (!couldEqual(old, value)) {
      throw new InternalError(`rule ${rule.name} puts ${printType(value.type)} in place of "${old.name}", ${printType(old.type)}`);
    }
    // What is new takes the old name, so that a value is found under the name that the user knows.
    if (made.delete(value)) b.rename(value, old.name);
    map.set(old, value);
  });
  return true;
}
/** False where two values have types that no sizes make equal. */
function couldEqual(a: Value, b: Value): boolean {
  const [from, to] = [a.type.shape, b.type.shape];
  return a.type.dtype === b.type.dtype && from.length === to.length && from.every((d, i) => !neverEqual(d, to[i] ?? d));
}

/** What rules may ask about a graph, and which values of the new graph stand for its own. */
export function contextOf(graph: Graph, map: ValueMap = new Map()): RewriteContext {
  const outputs = new Set(graph.outputs);
  let readers: ReadonlyMap<Value, readonly Node[]> | null = null;
  return {
    graph,
    value: (old) => mapped(map, old),
    readers: (old) => {
      readers ??= readersOf(graph);
      return readers.get(old) ?? [];
    },
    isOutput: (old) => outputs.has(old),
    contents: (old) => contentsOf(graph, old),
    canBecome: (output, other) => !outputs.has(output) || (other.producer !== null && !outputs.has(other)),
  };
}

/** The nodes that read each value, one entry per input that does. */
export function readersOf(graph: Graph): ReadonlyMap<Value, readonly Node[]> {
  const readers = new Map<Value, Node[]>();
  for (const node of graph.nodes) {
    for (const value of node.inputs) {
      if (value === null) continue;
      const list = readers.get(value);
      if (list === undefined) readers.set(value, [node]);
      else list.push(node);
    }
  }
  return readers;
}

/** The contents of an initializer, or of a value whose elements are all known numbers; else null. */
export function contentsOf(graph: Graph, value: Value): TensorData | null {
  const data = graph.initializers.get(value);
  if (data !== undefined) return data;
  const shape = staticShape(value.type.shape);
  return value.elements === null || shape === null ? null : tensorOfElements(value.type.dtype, shape, value.elements);
}
