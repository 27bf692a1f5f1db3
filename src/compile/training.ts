/** Compiling for training: the step's graph, lowered and written with its manifest, and the state before the first step. */
import { printTrainingManifest, type TrainingManifest, trainingManifestKey, writeModel } from "../codegen/index.ts";
import type { LabelRange, Loss, Optimizer } from "../dsl/index.ts";
import { InternalError } from "../ir/diagnostic.ts";
import type { Graph } from "../ir/graph.ts";
import { type TensorData, zeros } from "../ir/tensor-data.ts";
import { convolutionsToProducts, joinReports, lower, type OptimizationReport, optimize } from "../passes/index.ts";
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
  const built = buildStep(source, options);
  const target = targetOf(options);
  const level = options.optimize ?? "all";
  const improve = (step: Graph) => optimize(step, level, { ...options.passes, purpose: "training" });
  const whole = improve(built.graph);
  const unrolls = level === "all" && target.provider === "portable";
  const lowered = lower(unrolls ? convolutionsToProducts(whole.graph).graph : whole.graph, target);
  const { graph, report } = improve(lowered);
  const metadata = { ...options.metadata, [trainingManifestKey]: printTrainingManifest(built.manifest) };
  const bytes = writeModel(graph, { opset: target.opset, metadata });
  const manifest = built.manifest;
  return {
    bytes,
    graph,
    manifest,
    labels: built.labels,
    state: initialState(source, manifest, options),
    report: joinReports(whole.report, report),
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
