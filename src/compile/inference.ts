import { writeModel } from "../codegen/index.ts";
import { selects } from "../dsl/index.ts";
import { userError } from "../ir/diagnostic.ts";
import type { Graph } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import type { Target } from "../ir/op-schema.ts";
import { traitsOf } from "../ir/targets.ts";
import {
  bindInputs,
  dropUnusedInputs,
  type HalfFormat,
  type HalfOptions,
  joinReports,
  lower,
  type OptimizationLevel,
  type OptimizationReport,
  type OptimizeOptions,
  optimize,
  type Pass,
  type PassReport,
  reportOf,
  toHalf,
} from "../passes/index.ts";
import { type ClassOutput, withClassOutputs } from "./class-output.ts";
import { type ImageInput, withImageInputs } from "./image-input.ts";
import { type Compilable, type InputShapes, sourceOf } from "./source.ts";
import { type WeightOptions, withWeights } from "./weights.ts";

/** Options of every compilation. */
export interface CompileOptions extends WeightOptions {
  /** The ai.onnx opset, 13 to 24; 18 unless given. */
  readonly opset?: number;
  /** What the graph is written for; "portable" when absent. */
  readonly provider?: Target["provider"];
  /** Fixes or frees the dims of inputs; letters are symbols. */
  readonly shapes?: InputShapes;
  readonly optimize?: OptimizationLevel;
  /** Which passes of the level run, and who watches them. */
  readonly passes?: Omit<OptimizeOptions, "purpose">;
  /** Converts the arithmetic to float16: all of it, but the nodes whose name or op one of the patterns in `keep` fits, such as "fc" or "Softmax". */
  readonly float16?: { readonly keep?: readonly string[]; readonly io?: "float32" | "float16" };
  /**
   * The same for bfloat16: where the op takes it in the opset (arithmetic from 13 on, convolutions and pools from 22 on) and, for the provider
   * "portable", where onnxruntime's CPU provider has the kernel, which for arithmetic it has not.
   */
  readonly bfloat16?: { readonly keep?: readonly string[]; readonly io?: "float32" | "bfloat16" };
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
  const { float16, bfloat16 } = options;
  if (float16 !== undefined && bfloat16 !== undefined)
    throw userError("half-formats", "the options ask for float16 and for bfloat16", nowhere, { help: "leave one of them out" });
  const half =
    float16 === undefined
      ? bfloat16 === undefined
        ? null
        : halved(graph, "bfloat16", bfloat16, options)
      : halved(graph, "float16", float16, options);
  const last = optimize(half?.graph ?? graph, level, { ...options.passes, last: targetOf(options) });
  return { graph: last.graph, source: bound, report: [...report, ...(half === null ? [] : [half.report]), ...last.report] };
}

/** The graph in 16 bits, and what stayed. */
function halved(
  before: Graph,
  format: HalfFormat,
  { keep = [], io = "float32" }: { readonly keep?: readonly string[]; readonly io?: "float32" | HalfFormat },
  options: CompileOptions,
): { readonly graph: Graph; readonly report: PassReport } {
  const keeps: NonNullable<HalfOptions["keep"]> = ({ name, opType }) => selects(keep, name) || selects(keep, opType);
  const pass: Pass = (graph) => toHalf(graph, { ...targetOf(options), format, io, keep: keeps });
  const result = pass(before);
  const name = `to-${format}`;
  options.passes?.onPass?.({ name, pass, before, result });
  return { graph: optimize(result.graph, "exact").graph, report: reportOf(name, before, result) };
}

/** The target of options. Throws a CompileError when it does not take the opset. */
export function targetOf({ opset = 18, provider = "portable" }: CompileOptions): Target {
  const { newestOpset } = traitsOf(provider);
  if (newestOpset !== "any" && opset > newestOpset)
    throw userError("target-opset", `the target ${provider} takes opset ${newestOpset} at most, not ${opset}`, nowhere, {
      help: `leave the opset out, or write ${newestOpset} or less`,
    });
  return { opset, provider };
}
