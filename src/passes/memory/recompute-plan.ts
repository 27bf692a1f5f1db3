/**
 * A step whose values may be computed a second time, and what that does to its memory and its work.
 *
 * A value that is recomputed is let go after its last early reader; the first late reader has it computed again from what is there, which
 * may have to be computed again itself, and so on down to the values that are kept. That is checkpointing (Chen et al. 2016, "Training
 * deep nets with sublinear memory cost", arXiv:1604.06174) on any graph: the values that are kept are the checkpoints.
 */
import { type DType, isFloat } from "../../ir/dtype.ts";
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { signatures } from "../../ir/op-types.ts";
import { cost } from "../answers/cost.ts";
import { executionOrder } from "./execution-order.ts";
import { afterTurn, turnOf } from "./step-turn.ts";
import { byteSize, sizeOf } from "./value-sizes.ts";

/** A graph in numbers: nodes by their place in the order of execution, the values that nodes make by a number each. */
export interface Step {
  readonly nodes: readonly Node[];
  readonly values: readonly Value[];
  /** Per value. */
  readonly bytes: readonly number[];
  readonly producer: readonly number[];
  readonly isOutput: readonly boolean[];
  /** The places of the nodes that read it, in order. */
  readonly readers: readonly (readonly number[])[];
  /** Per node: the values of nodes that it reads and makes, its work, and what tying it to a late value costs; null where it cannot be tied. */
  readonly reads: readonly (readonly number[])[];
  readonly makes: readonly (readonly number[])[];
  readonly work: readonly number[];
  readonly ties: readonly (Tie | null)[];
  /** Up to this place is early, after it late. */
  readonly turn: number;
  /** Per node: the newest value before its place that others may be made to wait for, since it cannot be there before the turn; -1 for none. */
  readonly tokens: readonly number[];
  /** Bytes of the inputs, which their owner holds throughout. */
  readonly inputBytes: number;
}
/** The input of a node through which it is made to wait for a late value: the smallest one that has numbers. */
export interface Tie {
  readonly input: number;
  readonly bytes: number;
}

/** What types the runtime subtracts: tying is a subtraction of zero, which keeps every bit. */
export const canBeTied = (dtype: DType): boolean => (isFloat(dtype) && dtype !== "bfloat16") || dtype === "int32" || dtype === "int64";

/** A machine moves one byte in the time of about so many multiply-adds. */
const macsPerByte = 4;

/** The step that a graph makes with given sizes. */
export function stepOf(graph: Graph, sizes: ReadonlyMap<string, number>): Step {
  const nodes = executionOrder(graph);
  const values = nodes.flatMap((node) => node.outputs.filter((v) => v !== null));
  const ids = new Map(values.map((v, id) => [v, id]));
  const idsOf = (list: readonly (Value | null)[]): readonly number[] => [
    ...new Set(list.flatMap((v) => (v === null ? [] : (ids.get(v) ?? [])))),
  ];
  const macs = new Map(cost(graph).nodes.map((c) => [c.node, c.macs]));
  const byteCache = new Map<Value, number>();
  const bytesOf = (value: Value): number => {
    const bytes = byteCache.get(value) ?? byteSize(value, sizes);
    byteCache.set(value, bytes);
    return bytes;
  };
  const reads = nodes.map((node) => idsOf(node.inputs));
  const makes = nodes.map((node) => idsOf(node.outputs));
  const readers = values.map((): number[] => []);
  reads.forEach((list, at) => {
    for (const id of list) readers[id]?.push(at);
  });
  const producer = values.map(() => 0);
  makes.forEach((list, at) => {
    for (const id of list) producer[id] = at;
  });
  const outputs = new Set(graph.outputs);
  const places = { bytes: values.map(bytesOf), producer, isOutput: values.map((v) => outputs.has(v)), readers, makes };
  const turn = turnOf(places);
  const isLate = afterTurn(places, turn);
  return {
    ...places,
    nodes,
    values,
    reads,
    work: nodes.map((node) => {
      const moved = [...node.inputs, ...node.outputs].reduce((sum, v) => sum + (v === null ? 0 : bytesOf(v)), 0);
      return moved + sizeOf(macs.get(node) ?? 0, sizes) / macsPerByte;
    }),
    ties: nodes.map((node) => tieOf(node, bytesOf)),
    turn,
    tokens: tokensOf(makes, (id) => isLate[producer[id] ?? 0] === true && isToken(values[id], outputs)),
    inputBytes: graph.inputs.reduce((sum, v) => sum + bytesOf(v), 0),
  };
}
/** float32, which every runtime compares; an output of the graph stays without readers, since those decide when it is computed. */
const isToken = (value: Value | undefined, outputs: ReadonlySet<Value>): boolean =>
  value !== undefined && value.type.dtype === "float32" && !outputs.has(value) && !value.type.shape.includes(0);
function tokensOf(makes: readonly (readonly number[])[], fits: (id: number) => boolean): readonly number[] {
  let newest = -1;
  return makes.map((made) => {
    const before = newest;
    newest = made.find(fits) ?? newest;
    return before;
  });
}
function tieOf(node: Node, bytesOf: (value: Value) => number): Tie | null {
  // What draws at random draws something else the second time.
  if (Object.hasOwn(signatures[node.opType].versions.at(-1)?.attributes ?? {}, "seed")) return null;
  let best: Tie | null = null;
  node.inputs.forEach((v, input) => {
    if (v === null || !canBeTied(v.type.dtype)) return;
    const bytes = bytesOf(v);
    if (best === null || bytes < best.bytes) best = { input, bytes };
  });
  return best;
}

/** For each value the place after which its readers get it computed anew; -1 for one that is kept. */
export type Splits = Int32Array;

/** One run of a node within a plan: the second one where it is `late`, on behalf of the node at `before`. */
export interface PlannedRun {
  readonly node: number;
  readonly late: boolean;
  /** The node of the original order whose turn it is. */
  readonly before: number;
}
/** What a step with recomputation comes to. */
export interface Simulation {
  /** The most bytes at a time, the inputs included. */
  readonly peak: number;
  /** The place, in the original order, of the node whose turn it is then. */
  readonly peakAt: number;
  /** The work of all second runs, in bytes moved. */
  readonly extraWork: number;
  readonly runs: readonly PlannedRun[];
}

/** Runs a step with recomputation on paper. Null where a value cannot be computed anew because nothing ties it to a late moment. */
export function simulate(step: Step, splits: Splits): Simulation | null {
  const count = step.values.length;
  // Early values have their own numbers, late ones those from `count` on.
  const born = new Int32Array(2 * count).fill(-1);
  const last = new Int32Array(2 * count);
  const runs: PlannedRun[] = [];
  const transient: number[] = [];
  let extraWork = 0;
  const isLate = (value: number, at: number): boolean => (splits[value] ?? -1) >= 0 && at > (splits[value] ?? -1);
  const run = (node: number, late: boolean, at: number): boolean => {
    const now = runs.length;
    let tied = false;
    for (const value of step.reads[node] ?? []) {
      const fromLate = isLate(value, at);
      tied ||= fromLate;
      last[fromLate ? count + value : value] = now;
    }
    transient[now] = 0;
    if (late) {
      const tie = step.ties[node];
      if (!tied && (tie === null || tie === undefined || step.tokens[at] === -1)) return false;
      if (!tied) transient[now] = tie?.bytes ?? 0;
      extraWork += (step.work[node] ?? 0) + 2 * (transient[now] ?? 0);
    }
    for (const value of step.makes[node] ?? []) {
      const id = late ? count + value : value;
      if (born[id] !== -1) continue;
      born[id] = now;
      last[id] = now;
    }
    runs.push({ node, late, before: at });
    return true;
  };
  /** Computes a late value, and before it what it needs; children are visited before their parent's second visit. */
  const ensure = (value: number, at: number): boolean => {
    const stack = [value];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const needed = born[count + top] === -1 ? (step.reads[step.producer[top] ?? 0] ?? []) : [];
      const missing = needed.filter((u) => isLate(u, at) && born[count + u] === -1);
      if (missing.length > 0) stack.push(...missing);
      else {
        stack.pop();
        if (born[count + top] === -1 && !run(step.producer[top] ?? 0, true, at)) return false;
      }
    }
    return true;
  };
  for (let at = 0; at < step.nodes.length; at++) {
    for (const value of step.reads[at] ?? []) if (isLate(value, at) && !ensure(value, at)) return null;
    run(at, false, at);
  }
  const { peak, moment } = peakOf(step, born, last, runs.length, transient);
  return { peak: peak + step.inputBytes, peakAt: runs[moment]?.before ?? 0, extraWork, runs };
}

/** The largest sum of what is alive, and when. */
function peakOf(
  { bytes, isOutput }: Step,
  born: Int32Array,
  last: Int32Array,
  length: number,
  transient: readonly number[],
): { readonly peak: number; readonly moment: number } {
  const change = new Float64Array(length + 1);
  for (let id = 0; id < born.length; id++) {
    const [from = -1, value] = [born[id], id % bytes.length];
    if (from < 0) continue;
    const size = bytes[value] ?? 0;
    change[from] = (change[from] ?? 0) + size;
    const end = isOutput[value] === true && id < bytes.length ? length : (last[id] ?? 0) + 1;
    change[end] = (change[end] ?? 0) - size;
  }
  let [alive, peak, moment] = [0, 0, 0];
  for (let t = 0; t < length; t++) {
    alive += change[t] ?? 0;
    if (alive + (transient[t] ?? 0) > peak) [peak, moment] = [alive + (transient[t] ?? 0), t];
  }
  return { peak, moment };
}
