/** Running a graph under onnxruntime's profiler. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { userError } from "../ir/diagnostic.ts";
import type { Graph } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { type ExecutedGraph, openProbe } from "./executed-graph.ts";
import { type KernelMap, type KernelNodes, kernelNodes } from "./kernel-nodes.ts";
import { inModelsNames, type ProbeModel, writeProbe } from "./probe-model.ts";
import { type KernelEvent, mostProfileBytes, parseProfile, type RunEvents } from "./profile-events.ts";
import type { SessionOptions } from "./session-options.ts";

/** What is run, and how often. */
export interface ProfileOptions {
  /** The opset that the graph has been lowered for. */
  readonly opset: number;
  readonly feeds: Readonly<Record<string, TensorData>>;
  /** The outputs that are handed out; all when absent. The rest is computed too. */
  readonly outputs?: readonly string[];
  /** Runs that count, and runs before them that do not. */
  readonly runs: number;
  readonly warmup: number;
  readonly session?: SessionOptions;
}
/** A kernel with its mean over the runs that count. */
export interface KernelTiming extends KernelNodes {
  readonly microseconds: number;
  /** Its time in each run. */
  readonly times: readonly number[];
  /** Bytes of the values and constants that it reads, and of what it writes. */
  readonly bytes: number;
}
/** Where the time of a run goes; times in microseconds. */
export interface ModelProfile {
  readonly kernels: readonly KernelTiming[];
  readonly folded: KernelMap["folded"];
  /** The mean time of a run as the caller sees it, and that of each run. */
  readonly wall: number;
  readonly runs: readonly number[];
  /** The part of it that onnxruntime spends between the kernels, and the part outside of it: tensors that are checked, copied and wrapped. */
  readonly between: number;
  readonly outside: number;
}

/** Something seen through a probe in a folder of its own, which is removed in the end. */
export async function withProbe<R>(graph: Graph, opset: number, look: (folder: string, probe: ProbeModel) => Promise<R>): Promise<R> {
  const folder = mkdtempSync(join(tmpdir(), "striate-probe-"));
  try {
    const probe = await writeProbe(folder, graph, opset);
    return await inModelsNames(probe, () => look(folder, probe));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
/** The graph that onnxruntime executes for a graph. Throws a CompileError where it does not take it. */
export const executedGraphOf = (
  graph: Graph,
  opset: number,
  session: SessionOptions = {},
): Promise<{ readonly executed: ExecutedGraph; readonly probe: ProbeModel }> =>
  withProbe(graph, opset, async (folder, probe) => {
    const opened = await openProbe(folder, probe, session);
    await opened.session.dispose();
    return { executed: opened.executed, probe };
  });

/** Runs a graph and says where the time goes. Throws a CompileError where onnxruntime does not take the graph or the feeds. */
export async function profileModel(graph: Graph, options: ProfileOptions): Promise<ModelProfile> {
  const { executed, probe, events, walls } = await observedRuns(graph, options);
  const { kernels, folded } = kernelNodes(executed, probe);
  const counted = events.slice(options.warmup);
  const runs = walls.slice(options.warmup);
  const calls = callsByName(counted);
  const timings = kernels.map((kernel) => timing(kernel, calls.get(kernel.kernel.name) ?? [], runs.length));
  const wall = mean(runs);
  const inside = Math.min(wall, mean(counted.map((run) => run.microseconds)));
  const inKernels = timings.reduce((sum, { microseconds }) => sum + microseconds, 0);
  return { kernels: timings, folded, wall, runs, between: Math.max(0, inside - inKernels), outside: wall - inside };
}
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);

/** The calls of each node's kernel, with the run that they belong to. */
type Calls = readonly (KernelEvent & { readonly run: number })[];
function callsByName(runs: readonly RunEvents[]): ReadonlyMap<string, Calls> {
  const found = new Map<string, (KernelEvent & { readonly run: number })[]>();
  for (const [run, { kernels }] of runs.entries()) {
    for (const kernel of kernels) {
      const calls = found.get(kernel.name);
      if (calls === undefined) found.set(kernel.name, [{ ...kernel, run }]);
      else calls.push({ ...kernel, run });
    }
  }
  return found;
}
function timing(kernel: KernelNodes, calls: Calls, runs: number): KernelTiming {
  const times = new Array<number>(runs).fill(0);
  let bytes = 0;
  for (const { run, microseconds, inputBytes, parameterBytes, outputBytes } of calls) {
    times[run] = (times[run] ?? 0) + microseconds;
    bytes += inputBytes + parameterBytes + outputBytes;
  }
  return { ...kernel, microseconds: mean(times), times, bytes: bytes / Math.max(1, runs) };
}

/** The most bytes that a run held at once of what onnxruntime's arena was asked for, by the arena's own count after each kernel. */
export async function measuredPeak(graph: Graph, options: Omit<ProfileOptions, "runs" | "warmup">): Promise<number> {
  // With the memory pattern, a run would take its block as a whole.
  const session = { ...options.session, memoryArena: true, memoryPattern: false };
  const { events } = await observedRuns(graph, { ...options, runs: 1, warmup: 0, session });
  return peakOf(events[0]?.kernels ?? []);
}
function peakOf(kernels: readonly KernelEvent[]): number {
  const [first] = kernels;
  const before = (first?.heldBytes ?? 0) - (first?.heldChange ?? 0);
  return kernels.reduce((most, { heldBytes }) => Math.max(most, (heldBytes ?? 0) - before), 0);
}

interface Observed {
  readonly executed: ExecutedGraph;
  readonly probe: ProbeModel;
  readonly events: readonly RunEvents[];
  /** Microseconds of each run as the caller sees it. */
  readonly walls: readonly number[];
}
function observedRuns(graph: Graph, { opset, feeds, outputs, runs, warmup, session: options = {} }: ProfileOptions): Promise<Observed> {
  return withProbe(graph, opset, async (folder, probe) => {
    const port = (name: string): string => probe.ports.get(name) ?? name;
    const named = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [port(name), tensor]));
    const { session, executed } = await openProbe(folder, probe, { ...options, profilePrefix: join(folder, "profile") });
    const walls: number[] = [];
    try {
      const wanted = (outputs ?? graph.outputs.map(({ name }) => name)).map(port);
      for (let i = 0; i < warmup + runs; i++) {
        const start = performance.now();
        await session.run(named, wanted);
        walls.push((performance.now() - start) * 1000);
      }
    } finally {
      await session.dispose();
    }
    const events = parseProfile(profileIn(folder));
    if (events.length !== walls.length)
      throw userError("profile", `onnxruntime's profile tells of ${events.length} runs, and there were ${walls.length}`, nowhere);
    return { executed, probe, events, walls };
  });
}
/** onnxruntime adds the time to the prefix. */
function profileIn(folder: string): Uint8Array {
  const name = readdirSync(folder).find((file) => /^profile.*\.json$/.test(file));
  if (name === undefined) throw userError("profile", "onnxruntime has written no profile", nowhere);
  const path = join(folder, name);
  const { size } = statSync(path);
  if (size <= mostProfileBytes) return readFileSync(path);
  throw userError("profile", `onnxruntime's profile has ${size} bytes, and at most ${mostProfileBytes} are read`, nowhere, {
    help: "give fewer --runs",
  });
}
