/** Recomputation: lets go of values that a step would keep for long, and computes them again where they are wanted. */
import { GraphBuilder } from "../../ir/builder.ts";
import { formulas } from "../../ir/formulas.ts";
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { eliminateDeadCode } from "../cleanup/dead-code-elimination.ts";
import { copyInterface, copyNode, copyOutputs, mapped, type ValueMap } from "../copy-graph.ts";
import { topologicalOrder } from "../topological-order.ts";
import { chooseRecomputation, type Wanted } from "./choose-recomputation.ts";
import { type PlannedRun, type Simulation, type Splits, type Step, simulate, stepOf } from "./recompute-plan.ts";

/** A graph with recomputation. */
export interface Recomputed {
  readonly graph: Graph;
  /** The nodes that run a second time. */
  readonly again: readonly Node[];
  /** The most bytes in use at a time, inputs included. */
  readonly peak: number;
}

/** The most bytes in use at a time when onnxruntime runs a graph: its inputs, which the caller holds, and every value from its node to its last reader. */
export function peakMemory(graph: Graph, sizes: ReadonlyMap<string, number>): number {
  const step = stepOf(graph, sizes);
  return simulate(step, new Int32Array(step.values.length).fill(-1))?.peak ?? 0;
}

/** So many times a choice that needs more than it should have, because the runtime orders its nodes otherwise, is made anew with less. */
const tries = 4;

/**
 * The graph with the least recomputation that fits the budget, and where none fits the one with the least memory. What it computes is
 * equal bit by bit: the same ops run on the same contents. A second run is made to wait for a value of its time: a subtraction of zero,
 * made from that value, stands on its smallest input. It also keeps any runtime from sharing the first run's result.
 */
export function recompute(graph: Graph, sizes: ReadonlyMap<string, number>, wanted: Wanted): Recomputed | null {
  const step = stepOf(graph, sizes);
  let best: Recomputed | null = null;
  let budget = wanted.budget;
  for (let i = 0; i < tries; i++) {
    const choice = chooseRecomputation(step, { ...wanted, budget });
    if (choice === null) break;
    const made = rebuilt(graph, step, choice.splits, choice.simulation);
    const peak = peakMemory(made.graph, sizes);
    if (best === null || peak < best.peak) best = { ...made, peak };
    if (peak <= wanted.budget) return { ...made, peak };
    // Nothing less was found on paper either.
    if (choice.simulation.peak > budget) break;
    budget -= Math.max(peak - wanted.budget, 1);
  }
  return best;
}

/** A node of the new graph: one of the old, or its second run. */
interface Entry extends PlannedRun {
  /** The place of the second run, in this list, that makes each late value it reads. */
  readonly lateInputs: ReadonlyMap<Value, number>;
  /** The value that a second run is made to wait for; null where it reads one that waits. */
  readonly token: Value | null;
}

function rebuilt(graph: Graph, step: Step, splits: Splits, { runs }: Simulation): Pick<Recomputed, "graph" | "again"> {
  const entries = entriesOf(step, splits, runs);
  const order = topologicalOrder(...dependenciesOf(graph, step, entries));
  const b = new GraphBuilder(graph.name);
  const map = copyInterface(b, graph);
  const late = new Map<Value, Value>();
  const zeros = new Map<string, Value>();
  for (const at of order) {
    const entry = entries[at];
    const node = step.nodes[entry?.node ?? -1];
    if (entry === undefined || node === undefined) continue;
    const read = (v: Value): Value => (entry.lateInputs.has(v) ? mapped(late, v) : mapped(map, v));
    if (entry.late) addAgain(b, node, entry, { step, read, late, zeros });
    else copyWith(b, node, read, map);
  }
  copyOutputs(b, graph, map);
  // A node whose every reader waits for its second run has no need of the first.
  const { graph: live } = eliminateDeadCode(b.build());
  return { graph: live, again: entries.flatMap(({ late: isLate, node }) => (isLate ? (step.nodes[node] ?? []) : [])) };
}

/** Copies a node with other inputs; `map` learns its outputs. */
function copyWith(b: GraphBuilder, node: Node, read: (v: Value) => Value, map: ValueMap): void {
  const own: ValueMap = new Map(node.inputs.flatMap((v) => (v === null ? [] : [[v, read(v)] as const])));
  copyNode(b, node, own);
  for (const v of node.outputs) if (v !== null) map.set(v, mapped(own, v));
}

function entriesOf(step: Step, splits: Splits, runs: readonly PlannedRun[]): readonly Entry[] {
  const madeLate = new Map<number, number>();
  return runs.map((run, i): Entry => {
    const lateReads = (step.reads[run.node] ?? []).filter((u) => (splits[u] ?? -1) >= 0 && run.before > (splits[u] ?? -1));
    const lateInputs = new Map(
      lateReads.flatMap((u) => {
        const [value, at] = [step.values[u], madeLate.get(u)];
        return value === undefined || at === undefined ? [] : [[value, at] as const];
      }),
    );
    if (run.late) for (const made of step.makes[run.node] ?? []) if (!madeLate.has(made)) madeLate.set(made, i);
    return { ...run, lateInputs, token: run.late && lateInputs.size === 0 ? (step.values[step.tokens[run.before] ?? -1] ?? null) : null };
  });
}

/** What each entry has to come after, and the place it would take in the file if nothing stood against it. */
function dependenciesOf(
  graph: Graph,
  step: Step,
  entries: readonly Entry[],
): [dependencies: readonly (readonly number[])[], ranks: readonly number[]] {
  const inFile = new Map(graph.nodes.map((node, i) => [node, i]));
  const places = step.nodes.map((node) => inFile.get(node) ?? 0);
  const early = new Map(entries.flatMap(({ late, node }, i) => (late ? [] : [[step.nodes[node], i] as const])));
  const ranks: number[] = [];
  const dependencies = entries.map(({ late, node, lateInputs, token }, i) => {
    const read = [...(step.nodes[node]?.inputs ?? []), token];
    const before = read.flatMap((v) =>
      v === null ? [] : (lateInputs.get(v) ?? (v.producer === null ? [] : (early.get(v.producer) ?? []))),
    );
    // As early as what it waits for: of two inputs onnxruntime computes the one that stands later first.
    ranks[i] = late ? Math.max(...before.map((at) => ranks[at] ?? 0)) : (places[node] ?? 0);
    return [...new Set(before)];
  });
  return [dependencies, ranks];
}
/** Where second runs are added. */
interface Again {
  readonly step: Step;
  readonly read: (v: Value) => Value;
  /** What the late values have become. */
  readonly late: Map<Value, Value>;
  /** The zeros made so far, by what they wait for and their type. */
  readonly zeros: Map<string, Value>;
}
/** Adds the second run of a node. */
function addAgain(b: GraphBuilder, node: Node, { token, node: at }: Entry, { step, read, late, zeros }: Again): void {
  const name = `${node.name}/again`;
  b.from({ name, location: node.location }, () => {
    const tied = token === null ? -1 : (step.ties[at]?.input ?? -1);
    const inputs = node.inputs.map((v, i) => {
      if (v === null || i !== tied || token === null) return v === null ? null : read(v);
      const x = read(v);
      const key = `${x.type.dtype} ${token.name}`;
      const zero = zeros.get(key) ?? zeroAfter(b, read(token), x);
      zeros.set(key, zero);
      return b.add("Sub", [x, zero]);
    });
    const outputs = node.outputs.map((v) => (v === null ? null : `${v.name}/again`));
    const made = b.addNode(node.opType, inputs, node.attributes, { name, outputs });
    node.outputs.forEach((old, i) => {
      const value = made.outputs[i];
      if (old !== null && value !== null && value !== undefined && !late.has(old)) late.set(old, value);
    });
  });
}
/** The scalar t > t, which is 0 for NaN too, where t is one element of a value: it is not there before that value is. */
function zeroAfter(b: GraphBuilder, value: Value, like: Value): Value {
  const f = formulas(b);
  const { shape } = value.type;
  const ints = (of: (axis: number) => number): Value =>
    b.constant(
      "int64",
      shape.map((_, axis) => of(axis)),
    );
  const first =
    shape.length === 0
      ? value
      : f.reshape(b.add("Slice", [value, ints(() => 0), ints(() => 1), ints((axis) => axis)]), b.constant("int64", [], [0]));
  return f.cast(f.greater(first, first), like.type.dtype);
}
