/**
 * The memory that onnxruntime's CPU provider takes for the values of an executed graph: its allocation planner and the planner of its memory
 * pattern, followed step by step (`allocation_planner.cc`, `mem_pattern_planner.h`; sequential execution, one stream).
 */
import type { ExecutedGraph, ExecutedNode } from "./executed-graph.ts";
import { type ExecutedType, typeBytes } from "./executed-types.ts";
import { scratchBytes, sharingOf } from "./kernel-buffers.ts";

/** A buffer, and the moments between which it is allocated. */
export interface PlannedBuffer {
  /** The value that it was allocated for. */
  readonly value: string;
  /** All values that lie in it one after the other. */
  readonly values: readonly string[];
  readonly bytes: number;
  /** Places of nodes in the order of execution, both included. */
  readonly from: number;
  readonly to: number;
  /** True for what is handed out: outputs of the graph. */
  readonly isOutput: boolean;
}
/** What a run takes. */
export interface MemoryPlan {
  readonly buffers: readonly PlannedBuffer[];
  /** The most bytes that are allocated at once, with what the kernel of that moment allocates for itself. */
  readonly peakBytes: number;
  /** The place of the node that runs then. */
  readonly peak: number;
  /** The bytes that the kernel at the peak allocates for itself. */
  readonly scratchBytes: number;
  /** The block that is taken as a whole from the second run with the same sizes on, where the memory pattern is on. */
  readonly patternBytes: number;
  /** Values whose sizes are not known, and that count as nothing. */
  readonly unknown: readonly string[];
}
/** How the session runs. */
export interface PlanOptions {
  /** Threads within a kernel: some of them have a buffer for each. */
  readonly threads: number;
}

/** What the allocator rounds sizes up to. */
const alignment = 256;

/** The plan of a graph: inputs and constants are the caller's and count as nothing, and what the bodies of a Loop or an If need is not seen. */
export function planMemory(graph: ExecutedGraph, { threads }: PlanOptions): MemoryPlan {
  const bufferOf = assignBuffers(graph);
  const buffers = lifetimes(graph, bufferOf);
  const perNode = graph.nodes.map((node) => scratchBytes(node, kernelTypes(graph, node), threads));
  const change = new Array<number>(graph.nodes.length + 1).fill(0);
  for (const { from, to, bytes } of buffers) {
    change[from] = (change[from] ?? 0) + bytes;
    change[to + 1] = (change[to + 1] ?? 0) - bytes;
  }
  let [held, peakBytes, peak] = [0, 0, 0];
  for (const t of graph.nodes.keys()) {
    held += change[t] ?? 0;
    const bytes = held + (perNode[t] ?? 0);
    if (bytes > peakBytes) [peakBytes, peak] = [bytes, t];
  }
  return {
    buffers,
    peakBytes,
    peak,
    scratchBytes: perNode[peak] ?? 0,
    patternBytes: patternBytes(graph, buffers),
    unknown: buffers.filter(({ value }) => !graph.types.has(value)).map(({ value }) => value),
  };
}
const kernelTypes = ({ types }: ExecutedGraph, { inputs, outputs }: ExecutedNode) => ({
  inputs: inputs.map((name) => types.get(name)),
  outputs: outputs.map((name) => types.get(name)),
});
const named = (names: readonly string[]): readonly string[] => names.filter((name) => name !== "");

/**
 * The value in whose buffer each value lies. An output of a node takes the buffer of an input where the kernel can, else one that has
 * become free and held a value of the same type, else one of its own. A buffer that waits to be used again is not freed in between.
 */
function assignBuffers(graph: ExecutedGraph): ReadonlyMap<string, string> {
  const uses = useCounts(graph);
  const bufferOf = new Map<string, string>();
  const free: string[] = [];
  const outputs = new Set(graph.outputs);
  const original = (name: string): string => bufferOf.get(name) ?? name;
  const usesOf = (name: string): number => uses.get(name) ?? 0;
  const reuse = (buffer: string, output: string): void => {
    bufferOf.set(output, buffer);
    uses.set(buffer, usesOf(buffer) + usesOf(output));
  };
  const release = (name: string, isRead: boolean): void => {
    const buffer = original(name);
    uses.set(buffer, usesOf(buffer) - 1);
    if (isRead && usesOf(buffer) === 0) free.unshift(buffer);
  };
  const shared = (node: ExecutedNode, output: number): string | null => {
    const { kind, input } = sharingOf(node, output);
    const name = node.inputs[input] ?? "";
    if (kind === "none" || name === "") return null;
    if (kind === "alias") return original(name);
    const fits = usesOf(original(name)) === 1 && isSameType(graph.types.get(name), graph.types.get(node.outputs[output] ?? ""));
    return fits ? original(name) : null;
  };
  for (const node of graph.nodes) {
    for (const [i, output] of node.outputs.entries()) {
      if (output === "" || outputs.has(output)) continue;
      const own = shared(node, i);
      const type = graph.types.get(output);
      const waiting = own !== null || type?.shape.length === 0 ? -1 : free.findIndex((name) => isSameType(graph.types.get(name), type));
      const buffer = own ?? (waiting < 0 ? undefined : free.splice(waiting, 1)[0]);
      if (buffer !== undefined) reuse(buffer, output);
    }
    for (const name of named([...node.inputs, ...node.implicitInputs])) release(name, true);
    // What nobody reads is not used again.
    for (const name of named(node.outputs)) release(name, false);
  }
  return bufferOf;
}
/** Each value is used once by the node that makes it and by each reader; inputs, constants and outputs once more, by the caller. */
function useCounts(graph: ExecutedGraph): Map<string, number> {
  const uses = new Map<string, number>();
  const use = (name: string): void => void uses.set(name, (uses.get(name) ?? 0) + 1);
  for (const name of [...graph.inputs, ...graph.constants.keys(), ...graph.outputs]) use(name);
  for (const node of graph.nodes) for (const name of named([...node.inputs, ...node.implicitInputs, ...node.outputs])) use(name);
  return uses;
}
/** The planner compares sizes of elements and shapes. */
function isSameType(a: ExecutedType | undefined, b: ExecutedType | undefined): boolean {
  if (a === undefined || b === undefined || a.dtype === "string" || b.dtype === "string" || a.shape.length !== b.shape.length) return false;
  return elementBytes(a) === elementBytes(b) && a.shape.every((d, i) => d === b.shape[i]);
}
const elementBytes = ({ dtype }: ExecutedType): number => typeBytes({ dtype, shape: [] });

/** A buffer lives from the node that makes its first value to the last that reads one of them; what nobody reads, to the end of the run. */
function lifetimes(graph: ExecutedGraph, bufferOf: ReadonlyMap<string, string>): readonly PlannedBuffer[] {
  const foreign = new Set([...graph.inputs, ...graph.constants.keys()]);
  const outputs = new Set(graph.outputs);
  const end = graph.nodes.length - 1;
  const made = new Map<string, { readonly from: number; readonly values: string[] }>();
  const lastRead = new Map<string, number>();
  for (const [t, node] of graph.nodes.entries()) {
    for (const name of named(node.outputs)) {
      const buffer = bufferOf.get(name) ?? name;
      const known = made.get(buffer);
      if (known !== undefined) known.values.push(name);
      else if (!foreign.has(buffer)) made.set(buffer, { from: t, values: [name] });
    }
    for (const name of named([...node.inputs, ...node.implicitInputs])) lastRead.set(bufferOf.get(name) ?? name, t);
  }
  return [...made].map(([value, { from, values }]) => {
    const type = graph.types.get(value);
    const isOutput = outputs.has(value);
    return {
      value,
      values,
      bytes: type === undefined ? 0 : typeBytes(type),
      from,
      to: isOutput ? end : (lastRead.get(value) ?? end),
      isOutput,
    };
  });
}

/** The block of the memory pattern: buffers in the order of their allocation, each in the gap that it fills best, else behind the last. */
function patternBytes(graph: ExecutedGraph, buffers: readonly PlannedBuffer[]): number {
  interface Block {
    readonly value: string;
    readonly offset: number;
    readonly size: number;
  }
  const ending = new Map<number, string[]>();
  for (const { value, to } of buffers) ending.set(to, [...(ending.get(to) ?? []), value]);
  const starting = new Map<number, PlannedBuffer[]>();
  for (const buffer of buffers) if (!buffer.isOutput) starting.set(buffer.from, [...(starting.get(buffer.from) ?? []), buffer]);
  let blocks: readonly Block[] = [];
  let size = 0;
  for (const t of graph.nodes.keys()) {
    for (const { value, bytes } of starting.get(t) ?? []) {
      const wanted = Math.ceil(bytes / alignment) * alignment;
      const { offset, place } = bestGap(blocks, wanted);
      blocks = [...blocks.slice(0, place), { value, offset, size: wanted }, ...blocks.slice(place)];
      size = Math.max(size, offset + wanted);
    }
    const gone = new Set(ending.get(t) ?? []);
    if (gone.size > 0) blocks = blocks.filter(({ value }) => !gone.has(value));
  }
  return size;
}
function bestGap(blocks: readonly { readonly offset: number; readonly size: number }[], wanted: number) {
  const last = blocks.at(-1);
  let [place, offset, waste, end] = [blocks.length, last === undefined ? 0 : last.offset + last.size, Number.POSITIVE_INFINITY, 0];
  for (const [i, block] of blocks.entries()) {
    const gap = block.offset - end;
    if (gap >= wanted && gap - wanted < waste) [place, offset, waste] = [i, end, gap - wanted];
    end = block.offset + block.size;
  }
  return { offset, place };
}
