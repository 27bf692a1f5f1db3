/** A session's options in striate's words, and as onnxruntime-node takes them; what it would ignore is refused. */
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";
import type { ProviderChoice } from "./providers.ts";
import type { Locate } from "./source-map.ts";

/** How a session is made. */
export interface SessionOptions {
  /** Providers in order of preference; the CPU alone when absent. */
  readonly providers?: readonly ProviderChoice[];
  /** How far onnxruntime rewrites the graph; "all" when absent. */
  readonly graphOptimization?: "none" | "basic" | "extended" | "layout" | "all";
  /** Threads within an op; onnxruntime's choice, the physical cores, when absent. */
  readonly intraOpThreads?: number;
  /** Threads over branches of the graph, for `execution: "parallel"`. */
  readonly interOpThreads?: number;
  /** "sequential" when absent. */
  readonly execution?: "sequential" | "parallel";
  /** Keeps freed memory for the next run; true when absent. */
  readonly memoryArena?: boolean;
  /** Plans one block for all tensors of a run whose sizes repeat; true when absent. */
  readonly memoryPattern?: boolean;
  /**
   * For how many microseconds a thread waits actively for the next op before it sleeps, 0 to 1,000,000; 50 when absent. onnxruntime's own
   * default, some milliseconds, is no faster on an idle machine and half as fast on a busy one.
   */
  readonly spinning?: number;
  /** Takes numbers below 1.2e-38 as zero, on onnxruntime's threads and on this one; false when absent. */
  readonly denormalsAreZero?: boolean;
  /** The least severe message that onnxruntime writes to the terminal; "fatal" when absent, as errors are thrown. */
  readonly logSeverity?: "verbose" | "info" | "warning" | "error" | "fatal";
  /** Writes the graph as onnxruntime has rewritten it. */
  readonly optimizedModelPath?: string;
  /** Writes a profile to a file of this prefix, finished when the session is disposed. */
  readonly profilePrefix?: string;
  /** Weights that a model given as bytes keeps in other files, by the name of the file. */
  readonly externalData?: ReadonlyMap<string, Uint8Array>;
  /** Further entries of onnxruntime's session configuration. */
  readonly config?: Readonly<Record<string, string>>;
  /** Finds the user's line for a node that onnxruntime names; read from the model when absent. */
  readonly locate?: Locate;
}

/** What onnxruntime-node is given besides the providers. */
export interface NativeOptions {
  readonly graphOptimizationLevel: "disabled" | "basic" | "extended" | "layout" | "all";
  readonly executionMode: "sequential" | "parallel";
  readonly enableCpuMemArena: boolean;
  readonly enableMemPattern: boolean;
  readonly logSeverityLevel: 0 | 1 | 2 | 3 | 4;
  readonly intraOpNumThreads?: number;
  readonly interOpNumThreads?: number;
  readonly optimizedModelFilePath?: string;
  readonly enableProfiling?: boolean;
  readonly profileFilePrefix?: string;
  readonly externalData?: readonly { readonly path: string; readonly data: Uint8Array }[];
  readonly extra: Readonly<Record<string, string>>;
}

/** The options in onnxruntime-node's words. Throws a CompileError on one that nobody knows or that would have no effect. */
export function nativeOptions(options: SessionOptions): NativeOptions {
  refuseUnknown(options);
  refuseConfig(options.config ?? {});
  const {
    intraOpThreads,
    interOpThreads,
    execution = "sequential",
    graphOptimization = "all",
    optimizedModelPath,
    profilePrefix,
    externalData,
  } = options;
  if (interOpThreads !== undefined && execution !== "parallel") refuse(`"interOpThreads" has an effect with execution: "parallel" only`);
  return {
    graphOptimizationLevel: chosen("graphOptimization", levels, graphOptimization),
    executionMode: execution,
    enableCpuMemArena: options.memoryArena ?? true,
    enableMemPattern: options.memoryPattern ?? true,
    logSeverityLevel: chosen("logSeverity", severities, options.logSeverity ?? "fatal"),
    ...(intraOpThreads === undefined ? {} : { intraOpNumThreads: threads("intraOpThreads", intraOpThreads) }),
    ...(interOpThreads === undefined ? {} : { interOpNumThreads: threads("interOpThreads", interOpThreads) }),
    ...(optimizedModelPath === undefined ? {} : { optimizedModelFilePath: optimizedModelPath }),
    ...(profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: profilePrefix }),
    ...(externalData === undefined ? {} : { externalData: [...externalData].map(([path, data]) => ({ path, data })) }),
    extra: {
      ...spinConfig(options.spinning ?? 50),
      "session.set_denormal_as_zero": options.denormalsAreZero === true ? "1" : "0",
      ...options.config,
    },
  };
}

/** The options for a further session of the same run: without the files that the first one writes. */
export function withoutFiles(options: SessionOptions): SessionOptions {
  const { optimizedModelPath: _model, profilePrefix: _profile, ...rest } = options;
  return rest;
}

const levels = { none: "disabled", basic: "basic", extended: "extended", layout: "layout", all: "all" } as const;
const severities = { verbose: 0, info: 1, warning: 2, error: 3, fatal: 4 } as const;
function chosen<K extends string, V>(option: string, table: { readonly [_ in K]: V }, key: K): V {
  if (!Object.hasOwn(table, key)) return refuse(`"${option}" is ${JSON.stringify(key)}, wanted ${Object.keys(table).join(", ")}`);
  return table[key];
}
function spinConfig(microseconds: number): Readonly<Record<string, string>> {
  if (!Number.isInteger(microseconds) || microseconds < 0 || microseconds > 1_000_000)
    return refuse(`"spinning" is ${microseconds}, wanted 0 to 1000000`);
  if (microseconds === 0) return { "session.intra_op.allow_spinning": "0" };
  return { "session.intra_op.allow_spinning": "1", "session.intra_op.spin_duration_us": String(microseconds) };
}
function threads(option: string, count: number): number {
  return Number.isInteger(count) && count >= 1 && count <= 1024 ? count : refuse(`"${option}" is ${count}, wanted 1 to 1024`);
}
function refuse(problem: string, help?: string): never {
  throw userError("session-option", `session: ${problem}`, nowhere, help === undefined ? {} : { help });
}

const known: { readonly [K in keyof Required<SessionOptions>]: true } = {
  providers: true,
  graphOptimization: true,
  intraOpThreads: true,
  interOpThreads: true,
  execution: true,
  memoryArena: true,
  memoryPattern: true,
  spinning: true,
  denormalsAreZero: true,
  logSeverity: true,
  optimizedModelPath: true,
  profilePrefix: true,
  externalData: true,
  config: true,
  locate: true,
};
/** What callers who know onnxruntime-web's or onnxruntime-node's own options may write, and what to write instead. */
const elsewhere: Readonly<Record<string, string>> = {
  executionProviders: "it is called providers",
  graphOptimizationLevel: "it is called graphOptimization",
  intraOpNumThreads: "it is called intraOpThreads",
  interOpNumThreads: "it is called interOpThreads",
  executionMode: "it is called execution",
  enableCpuMemArena: "it is called memoryArena",
  enableMemPattern: "it is called memoryPattern",
  logSeverityLevel: "it is called logSeverity",
  enableProfiling: "give a profilePrefix",
  freeDimensionOverrides: "onnxruntime-node ignores it: fix the sizes when the model is compiled",
  preferredOutputLocation: "onnxruntime-node keeps outputs on a device for WebGPU only",
  enableGraphCapture: "onnxruntime-node ignores it",
};
function refuseUnknown(options: SessionOptions): void {
  for (const key of Object.keys(options)) if (!Object.hasOwn(known, key)) refuse(`there is no option "${key}"`, elsewhere[key]);
}

/** The configuration keys of onnxruntime 1.30 that have an effect through onnxruntime-node. It ignores all others in silence. */
const configKeys: ReadonlySet<string> = new Set([
  "memory.enable_memory_arena_shrinkage",
  "mlas.use_lut_gemm",
  "mlas.disable_kleidiai",
  "optimization.disable_specified_optimizers",
  "optimization.enable_cast_chain_elimination",
  "optimization.enable_gelu_approximation",
  "optimization.minimal_build_optimizations",
  "session.allow_released_opsets_only",
  "session.collect_node_memory_stats_to_file",
  "session.debug_layout_transformation",
  "session.disable_aot_function_inlining",
  "session.disable_cpu_ep_fallback",
  "session.disable_double_qdq_remover",
  "session.disable_prepacking",
  "session.disable_qdq_constant_folding",
  "session.disable_quant_qdq",
  "session.dynamic_block_base",
  "session.enable_dq_matmulnbits_fusion",
  "session.enable_quant_qdq_cleanup",
  "session.force_spinning_stop",
  "session.graph_optimizations_loop_level",
  "session.inter_op.allow_spinning",
  "session.intra_op.allow_spinning",
  "session.inter_op.spin_duration_us",
  "session.intra_op.spin_duration_us",
  "session.inter_op.spin_backoff_max",
  "session.intra_op.spin_backoff_max",
  "session.intra_op_thread_affinities",
  "session.load_model_format",
  "session.model_external_initializers_file_folder_path",
  "session.optimized_model_external_initializers_file_name",
  "session.optimized_model_external_initializers_min_size_in_bytes",
  "session.qdq_matmulnbits_accuracy_level",
  "session.qdq_matmulnbits_block_size",
  "session.qdqisint8allowed",
  "session.save_model_format",
  "session.set_denormal_as_zero",
  "session.strict_shape_type_inference",
  "session.use_deterministic_compute",
  "session.use_device_allocator_for_initializers",
  "session.use_env_allocators",
  "session.x64quantprecision",
]);
function refuseConfig(config: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(config)) {
    if (!configKeys.has(key)) refuse(`onnxruntime would ignore the configuration entry "${key}"`);
    if (typeof value !== "string") refuse(`the configuration entry "${key}" must be a text`);
  }
}
