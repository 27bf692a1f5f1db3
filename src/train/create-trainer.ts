/** Training a model: compiles what a trainer runs, and runs it. */
import { writeModelFile } from "../codegen/index.ts";
import {
  buildInference,
  type Compilable,
  type CompiledTraining,
  type CompileOptions,
  compileEvaluation,
  compileTraining,
  sourceOf,
  type TrainingOptions,
  targetOf,
} from "../compile/index.ts";
import type { Batch } from "../data/index.ts";
import { type TargetDType, type TargetShape, type TargetSpec, targetFault } from "../dsl/expect-target.ts";
import type { Loss, Targets } from "../dsl/index.ts";
import { activationFault } from "../dsl/loss/activation-fault.ts";
import { userError } from "../ir/diagnostic.ts";
import type { Dim } from "../ir/dim.ts";
import type { DType } from "../ir/dtype.ts";
import { captureLocation, type SourceLocation } from "../ir/location.ts";
import type { Target } from "../ir/op-schema.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { createTrainerFromArtifacts, providerHindrance, type SessionOptions, type Trainer } from "../runtime/index.ts";
import type { CheckedFeed } from "../runtime/typed-session.ts";

/** Options of `createTrainer`: what is compiled, and where it runs. */
export interface CreateTrainerOptions extends TrainingOptions, Pick<SessionOptions, "providers" | "intraOpThreads"> {}

/** The shape of what a loss is put on, the model's first output; unknown where several could be it. */
type PredictionShape<M> = M extends { forward(inputs: never): infer O }
  ? O extends { readonly shape: infer S }
    ? S
    : OnlyKey<keyof O> extends infer K extends keyof O
      ? O[K] extends { readonly shape: infer S }
        ? S
        : unknown
      : unknown
  : unknown;
type OnlyKey<K> = [K] extends [infer A] ? (K extends unknown ? ([A] extends [K] ? K : never) : never) : never;
/** What the loss compares with a prediction of shape S. */
interface TargetPort<S, T> {
  readonly dtype: TargetDType<T>;
  readonly shape: TargetShape<S, T>;
}

/** A trainer that knows the model it trains, and what its loss compares with. */
export interface ModelTrainer<S = unknown, T extends Targets = Targets> extends Trainer {
  /** The training graph that runs. */
  readonly compiled: CompiledTraining;
  /** One step on one batch, at the optimizer's learning rate or another. */
  trainStep<const G extends TensorData = TensorData>(
    batch: Omit<Batch, "targets"> & {
      readonly targets: { readonly target?: [Targets] extends [T] ? G : CheckedFeed<TargetPort<S, T>, G> };
    },
    learningRate?: number,
  ): ReturnType<Trainer["trainStep"]>;
  /** Writes the model with its present weights as an inference graph. */
  export(path: string, options?: Pick<CompileOptions, "opset" | "shapes" | "optimize" | "metadata">): Promise<void>;
}

/**
 * Compiles a model for training and evaluation, and opens it where it can run. Throws a CompileError on any fault of the model or the
 * options. `target` says what the data has: a type error, and a CompileError, where it is not what the loss takes or where the model's
 * head has another number of classes.
 */
export async function createTrainer<
  M extends Compilable,
  T extends Targets = Targets,
  const E extends Dim[] = Dim[],
  D extends DType = DType,
  K extends number = number,
>(
  model: M,
  options: CreateTrainerOptions & {
    readonly loss: Loss<T>;
    readonly target?: TargetSpec<"createTrainer", PredictionShape<M>, T, E, D, K>;
  },
): Promise<ModelTrainer<PredictionShape<M>, T>> {
  checkPrediction(model, options, captureLocation(createTrainer));
  const { providers, intraOpThreads, seed = 0 } = options;
  const here = { ...options, provider: options.provider ?? loweringFor(providers) };
  const compiled = compileTraining(model, here);
  const rows = compiled.manifest.state.filter((row) => row.role !== "optimizer");
  const trainer = await createTrainerFromArtifacts(
    {
      model: compiled.bytes,
      manifest: compiled.manifest,
      state: compiled.state,
      learningRate: options.optimizer.defaults.lr,
      labels: compiled.labels,
      // Weights are constants in the evaluation graph: batch norms fold and the fast convolution kernels apply.
      evaluation: (state) =>
        compileEvaluation(model, options.loss, new Map(rows.flatMap(({ name }) => entry(name, state.get(name)))), here),
    },
    { seed, ...(providers === undefined ? {} : { providers }), ...(intraOpThreads === undefined ? {} : { intraOpThreads }) },
  );
  return Object.assign(trainer, {
    compiled,
    async export(path: string, exportOptions: Pick<CompileOptions, "opset" | "shapes" | "optimize" | "metadata"> = {}): Promise<void> {
      const settings = { ...options, ...exportOptions };
      const { graph } = buildInference(model, { ...settings, weights: await trainer.weights() });
      await writeModelFile(path, graph, { opset: targetOf(settings).opset, metadata: settings.metadata ?? {} });
    },
  });
}
/** Targets that the loss does not take are an error; an activation that the loss applies itself trains all the same, only worse: a warning. */
function checkPrediction(
  model: Compilable,
  { loss, shapes, target }: CreateTrainerOptions & { readonly target?: object },
  location: SourceLocation,
): void {
  const [prediction] = sourceOf(model, shapes).graph.outputs;
  if (prediction === undefined) return;
  const fault = target === undefined ? null : targetFault(loss, prediction.type, target);
  if (fault !== null)
    throw userError(fault.code, `createTrainer: ${fault.text}`, location, fault.help === undefined ? {} : { help: fault.help });
  const odd = activationFault(prediction, loss);
  if (odd !== null) process.emitWarning(`${odd.text}: ${odd.help ?? ""}`, { type: "StriateWarning", code: odd.code });
}
/** CUDA's forms where the first choice is a CUDA that works here; they run on a CPU too, only slower. */
function loweringFor(providers: CreateTrainerOptions["providers"]): Target["provider"] {
  const [first] = providers ?? [];
  const name = typeof first === "string" ? first : first?.name;
  return name === "cuda" && providerHindrance(name) === null ? "onnxruntime-cuda" : "portable";
}
const entry = <K, V>(key: K, value: V | undefined): readonly (readonly [K, V])[] => (value === undefined ? [] : [[key, value]]);
