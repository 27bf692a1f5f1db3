/** The analysis of a model file: runs it, traces what it exports, and collects what is wrong. */
import { pathToFileURL } from "node:url";
import { type AnyModel, isModel, trace as traceModel } from "../dsl/index.ts";
import { isTensor } from "../dsl/tensor.ts";
import { currentTrace, type Trace } from "../dsl/trace.ts";
import { type Diagnostic, isCompileError } from "../ir/diagnostic.ts";
import type { Graph, Value } from "../ir/graph.ts";
import { type LayerCall, layerCalls } from "./layer-report.ts";
import { lint } from "./lints.ts";
import { seenKey } from "./protocol.ts";

/** The tensors that one marked expression gave. */
export interface SeenValues {
  readonly file: string;
  readonly mark: number;
  readonly values: readonly Value[];
}
/** A model as it was traced; what reports and details are made from. */
export interface TracedExport {
  readonly exportName: string;
  readonly model: AnyModel;
  readonly trace: Trace | null;
  readonly calls: readonly LayerCall[];
  /** Null where the trace ended in a fault. */
  readonly graph: Graph | null;
  readonly seen: readonly SeenValues[];
  readonly diagnostics: readonly Diagnostic[];
}

/** What a run of a file gave. */
export interface FileAnalysis {
  readonly file: string;
  readonly diagnostics: readonly Diagnostic[];
  readonly traced: readonly TracedExport[];
  /** Models that have not been traced yet. */
  readonly rest: readonly FoundModel[];
}
/**
 * Runs a file and traces the models that it exports: all of them, or the first alone. `run` is the number that makes the loader read
 * the user's files anew.
 */
export async function analyze(file: string, run: number, which: "all" | "first"): Promise<FileAnalysis> {
  try {
    const module: unknown = await asUsersFault(file, () => import(`${pathToFileURL(file).href}?striate=${run}`));
    const { found, diagnostics } = await modelsOf(Object.entries(isRecord(module) ? module : {}), file);
    const traced: TracedExport[] = [];
    for (const model of which === "all" ? found : found.slice(0, 1)) traced.push(await traceExport(file, model));
    const all = distinct([...diagnostics, ...traced.flatMap((t) => t.diagnostics)]);
    return { file, diagnostics: all, traced, rest: found.slice(traced.length) };
  } catch (error) {
    return { file, diagnostics: diagnosticsOf(error), traced: [], rest: [] };
  }
}
/** Runs the user's code: what it throws becomes a CompileError that names its line. What makes it one is only loaded when it is needed. */
async function asUsersFault<R>(file: string, body: () => R | Promise<R>): Promise<R> {
  try {
    return await body();
  } catch (error) {
    const { asUsersFault: explained } = await import("../cli/input/load-model.ts");
    return explained(file, () => Promise.reject(error));
  }
}
const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> => typeof x === "object" && x !== null;
function diagnosticsOf(error: unknown): readonly Diagnostic[] {
  if (isCompileError(error)) return error.diagnostics;
  throw error;
}
/** What makes a diagnostic the same as another: a fault in a block that several models share is told once. */
export const diagnosticKey = (d: Diagnostic): string => JSON.stringify([d.code, d.message, d.location.position]);
/** Each diagnostic once. */
export const distinct = (all: readonly Diagnostic[]): readonly Diagnostic[] => [...new Map(all.map((d) => [diagnosticKey(d), d])).values()];

/** A model and the name of its export. */
export interface FoundModel {
  readonly exportName: string;
  readonly model: AnyModel;
}
/** The exported models, and those that exported functions make when they are called without options; the default export first. */
async function modelsOf(entries: readonly (readonly [string, unknown])[], file: string) {
  const found: FoundModel[] = [];
  const diagnostics: Diagnostic[] = [];
  const known = new Set<unknown>();
  for (const [exportName, value] of entries.toSorted(([a], [b]) => Number(b === "default") - Number(a === "default"))) {
    if (known.has(value)) continue;
    known.add(value);
    if (isModel(value)) found.push({ exportName, model: value });
    if (typeof value !== "function" || /^class\b/.test(Function.prototype.toString.call(value))) continue;
    try {
      const made: unknown = await asUsersFault(file, () => Reflect.apply(value, undefined, [{}]));
      if (isModel(made)) found.push({ exportName: exportName === "default" ? value.name || exportName : exportName, model: made });
    } catch (error) {
      // Whether a function that throws would have made a model cannot be told, but for the one that commands use.
      if (exportName === "default") diagnostics.push(...diagnosticsOf(error).filter((d) => d.code !== "outside-model"));
    }
  }
  return { found, diagnostics };
}

/** Traces a model; a fault ends the trace, and what came before it is told all the same. */
export async function traceExport(file: string, { exportName, model }: FoundModel): Promise<TracedExport> {
  const seen: SeenValues[] = [];
  let state: Trace | null = null;
  const observed: AnyModel = {
    ...model,
    forward(inputs: never) {
      state = currentTrace("striate", model.location);
      return model.forward(inputs);
    },
  };
  const noteSeen = (seenIn: string, mark: number, value: unknown): unknown => {
    const values = tensorsIn(value);
    if (values.length > 0) seen.push({ file: seenIn, mark, values });
    return value;
  };
  let graph: Graph | null = null;
  let faults: readonly Diagnostic[] = [];
  try {
    graph = await asUsersFault(file, () => withSeen(noteSeen, () => traceModel(observed).graph));
  } catch (error) {
    faults = diagnosticsOf(error);
  }
  const trace = traceOf(() => state);
  const calls = trace === null ? [] : layerCalls(trace);
  const lints = graph === null || trace === null ? [] : lint({ graph, trace, calls, model });
  return { exportName, model, trace, calls, graph, seen, diagnostics: [...faults, ...lints] };
}
/** The checker does not see that `forward` has been called in between. */
const traceOf = (state: () => Trace | null): Trace | null => state();

type NoteSeen = (file: string, mark: number, value: unknown) => unknown;
function withSeen<R>(note: NoteSeen, body: () => R): R {
  const key = Symbol.for(seenKey);
  Reflect.set(globalThis, key, { note });
  try {
    return body();
  } finally {
    Reflect.deleteProperty(globalThis, key);
  }
}
/** A tensor, or the tensors of an array or a record; values that hold anything else are not shown. */
function tensorsIn(value: unknown): readonly Value[] {
  if (isTensor(value)) return [value.value];
  if (typeof value !== "object" || value === null) return [];
  const parts: readonly unknown[] = Object.values(value);
  return parts.length <= mostParts && parts.every(isTensor) ? parts.flatMap(tensorsIn) : [];
}
const mostParts = 8;
