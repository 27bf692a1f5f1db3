/** Compiling for training: the step's graph, lowered and written with its manifest, and the state before the first step. */
import { printTrainingManifest, type TrainingManifest, trainingManifestKey, writeModel } from "../codegen/index.ts";
import { type LabelRange, type Loss, type Optimizer, selects } from "../dsl/index.ts";
import { InternalError, userError } from "../ir/diagnostic.ts";
import type { Graph } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { traitsOf } from "../ir/targets.ts";
import { type TensorData, zeros } from "../ir/tensor-data.ts";
import { joinReports, lower, type MemoryWishes, type OptimizationReport, optimize, type Stage } from "../passes/index.ts";
import type { GradientClipping } from "./clip-gradients.ts";
import { type CompileOptions, targetOf } from "./inference.ts";
import { type Compilable, type Source, sourceOf } from "./source.ts";
import { buildStep } from "./training-step.ts";
import { withWeights } from "./weights.ts";

/** Options of a training compilation. */
export interface TrainingOptions extends CompileOptions {
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  /** Patterns of parameter names that stay as they are, such as "*" and "!fc.*". */
  readonly freeze?: readonly string[];
  readonly clipGradients?: GradientClipping;
  /** Adds an output `<name>.grad` for each parameter that is trained. */
  readonly emitGradients?: boolean;
  readonly memory?: TrainingMemory;
}
/** What memory a step may use. */
export interface TrainingMemory {
  /**
   * Bytes for all that is alive at a time, the batch and the state included: activations are computed again where that keeps the step
   * within it, which leaves every bit as it is.
   */
  readonly budget?: number;
  /** Patterns of scopes, such as "layer1.*", whose activations are not kept for the backward pass but computed again, whatever the budget. */
  readonly recompute?: readonly string[];
  /** The number that a symbol in the shapes counts as when the budget is judged, such as N: 32. */
  readonly sizes?: Readonly<Record<string, number>>;
}
/** A compiled training model. */
export interface CompiledTraining {
  readonly bytes: Uint8Array;
  readonly graph: Graph;
  readonly manifest: TrainingManifest;
  /** Which class numbers the targets may hold; null where they are none. */
  readonly labels: LabelRange | null;
  /** The state before the first step, by name. */
  readonly state: ReadonlyMap<string, TensorData>;
  /** What the passes did, and why they refused. */
  readonly report: OptimizationReport;
}

/** Compiles a model or graph for training. Throws a CompileError on any fault of the model or the options. */
export function compileTraining(model: Compilable, options: TrainingOptions): CompiledTraining {
  const source = sourceOf(model, options.shapes);
  const target = targetOf(options);
  const level = options.optimize ?? "all";
  // Measured on the CPU: other targets have kernels for convolutions with few positions.
  const without = [...(options.passes?.without ?? []), ...(traitsOf(target.provider).device === "cpu" ? [] : ["convolution-to-product"])];
  const improve = (graph: Graph, stage: Stage) =>
    optimize(graph, level, { ...options.passes, purpose: "training", stage, without, memory: wishesOf(options) });
  const forward = improve(source.graph, "model");
  const built = buildStep({ ...source, graph: forward.graph }, options);
  const step = improve(built.graph, "step");
  const lowered = improve(lower(step.graph, target), "lowered");
  const { graph, report } = improve(lowered.graph, "end");
  const metadata = { ...options.metadata, [trainingManifestKey]: printTrainingManifest(built.manifest) };
  const bytes = writeModel(graph, { opset: target.opset, metadata });
  const manifest = built.manifest;
  return {
    bytes,
    graph,
    manifest,
    labels: built.labels,
    state: initialState(source, manifest, options),
    report: [step.report, lowered.report, report].reduce(joinReports, forward.report),
  };
}

function wishesOf({ memory = {}, optimize: level }: TrainingOptions): MemoryWishes {
  const { budget, recompute = [], sizes = {} } = memory;
  if (level === "none" && (budget !== undefined || recompute.length > 0)) {
    throw userError("memory-budget", "memory: recomputation is an optimisation, and the level is none", nowhere, {
      help: 'optimise at the level "exact", which keeps every bit',
    });
  }
  if (budget !== undefined && !(budget > 0))
    throw userError("memory-budget", `memory: the budget is ${budget}, wanted bytes above 0`, nowhere);
  return {
    sizes: new Map(Object.entries(sizes)),
    ...(budget === undefined ? {} : { budget }),
    ...(recompute.length === 0 ? {} : { recompute: (scope) => selects(recompute, scope) }),
  };
}

/** The state before the first step: parameters and buffers as given or drawn, all of the optimizer's at zero. */
function initialState(source: Source, manifest: TrainingManifest, options: TrainingOptions): ReadonlyMap<string, TensorData> {
  const weights = withWeights(source, options);
  return new Map(
    manifest.state.map(({ name, role, dtype, shape }) => {
      const size = shape.reduce((a, d) => a * d, 1);
      const given = role === "optimizer" ? { dtype, shape, data: zeros(dtype, size) } : weights.get(name);
      if (given === undefined) throw new InternalError(`state "${name}" has no first value`);
      return [name, given];
    }),
  );
}
