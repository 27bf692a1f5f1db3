import { writeModel } from "../codegen/index.ts";
import { selects } from "../dsl/index.ts";
import type { Graph } from "../ir/graph.ts";
import type { Target } from "../ir/op-schema.ts";
import {
  bindInputs,
  dropUnusedInputs,
  joinReports,
  lower,
  type OptimizationLevel,
  type OptimizationReport,
  type OptimizeOptions,
  optimize,
  type Pass,
  type PassReport,
  reportOf,
  toFloat16,
} from "../passes/index.ts";
import { type ClassOutput, withClassOutputs } from "./class-output.ts";
import { type ImageInput, withImageInputs } from "./image-input.ts";
import { type Compilable, type InputShapes, sourceOf } from "./source.ts";
import { type WeightOptions, withWeights } from "./weights.ts";

/** Options of every compilation. */
export interface CompileOptions extends WeightOptions {
  /** The ai.onnx opset, 13 to 24; 18 unless given. */
  readonly opset?: number;
  readonly provider?: Target["provider"];
  /** Fixes or frees the dims of inputs; letters are symbols. */
  readonly shapes?: InputShapes;
  readonly optimize?: OptimizationLevel;
  /** Which passes of the level run, and who watches them. */
  readonly passes?: Omit<OptimizeOptions, "purpose">;
  /** Converts the arithmetic to float16: all of it, but the nodes whose name or op one of the patterns in `keep` fits, such as "fc" or "Softmax". */
  readonly float16?: { readonly keep?: readonly string[]; readonly io?: "float32" | "float16" };
  /** Inputs that take uint8[N, H, W, C] images, by name, with the normalisation in the graph. For inference. */
  readonly images?: Readonly<Record<string, ImageInput>>;
  /** Outputs of a number per class, by name, as probabilities or as the most likely classes. For inference. */
  readonly classes?: Readonly<Record<string, ClassOutput>>;
  /** Leaves out inputs that no output depends on. For inference. */
  readonly dropUnusedInputs?: boolean;
  /** Further metadata_props. */
  readonly metadata?: Readonly<Record<string, string>>;
}
/** A compiled inference model. */
export interface Compiled {
  /** The .onnx file. */
  readonly bytes: Uint8Array;
  /** The graph in the file. */
  readonly graph: Graph;
  /** The graph before optimisation, with its weights. */
  readonly source: Graph;
  /** What the passes did, and why they refused. */
  readonly report: OptimizationReport;
}

/** Compiles a model or graph for inference. Throws a CompileError on any fault of the model or the options. */
export function compile(model: Compilable, options: CompileOptions = {}): Compiled {
  const built = buildInference(model, options);
  return { ...built, bytes: writeModel(built.graph, { opset: targetOf(options).opset, metadata: options.metadata ?? {} }) };
}

/** The graph of an inference model, for those who write it to a file themselves. */
export function buildInference(model: Compilable, options: CompileOptions = {}): Omit<Compiled, "bytes"> {
  const source = sourceOf(model, options.shapes);
  const weights = withWeights(source, options);
  const bound = withClassOutputs(withImageInputs(bindInputs(source.graph, weights), options.images ?? {}), options.classes ?? {});
  const level = options.optimize ?? "all";
  const first = optimize(bound, level, { opset: targetOf(options).opset, ...options.passes, beforeLowering: true });
  // What lowering writes out has constants to fold and parts to share of its own.
  const second = optimize(lower(first.graph, targetOf(options)), level, options.passes);
  const inputs = options.dropUnusedInputs === true ? dropUnusedInputs(second.graph) : null;
  const own = inputs === null ? [] : [reportOf("unused-inputs", second.graph, inputs)];
  const graph = inputs?.graph ?? second.graph;
  const report = [...joinReports(first.report, second.report), ...own];
  if (options.float16 === undefined) return { graph, source: bound, report };
  const half = halved(graph, options.float16, options);
  return { graph: half.graph, source: bound, report: [...report, half.report] };
}

/** The graph in float16, and what stayed. */
function halved(
  before: Graph,
  { keep = [], io = "float32" }: NonNullable<CompileOptions["float16"]>,
  options: CompileOptions,
): { readonly graph: Graph; readonly report: PassReport } {
  const { opset } = targetOf(options);
  const pass: Pass = (graph) => toFloat16(graph, { opset, io, keep: ({ name, opType }) => selects(keep, name) || selects(keep, opType) });
  const result = pass(before);
  options.passes?.onPass?.({ name: "to-float16", pass, before, result });
  return { graph: optimize(result.graph, "exact").graph, report: reportOf("to-float16", before, result) };
}

/** The target of options. */
export const targetOf = ({ opset = 18, provider = "portable" }: CompileOptions): Target => ({ opset, provider });
