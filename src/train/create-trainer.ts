/** Training a model: compiles what a trainer runs, and runs it. */
import { writeModelFile } from "../codegen/index.ts";
import {
  buildInference,
  type Compilable,
  type CompiledTraining,
  type CompileOptions,
  compileEvaluation,
  compileTraining,
  type TrainingOptions,
  targetOf,
} from "../compile/index.ts";
import type { Target } from "../ir/op-schema.ts";
import { createTrainerFromArtifacts, providerHindrance, type SessionOptions, type Trainer } from "../runtime/index.ts";

/** Options of `createTrainer`: what is compiled, and where it runs. */
export interface CreateTrainerOptions extends TrainingOptions, Pick<SessionOptions, "providers" | "intraOpThreads"> {}

/** A trainer that knows the model it trains. */
export interface ModelTrainer extends Trainer {
  /** The training graph that runs. */
  readonly compiled: CompiledTraining;
  /** Writes the model with its present weights as an inference graph. */
  export(path: string, options?: Pick<CompileOptions, "opset" | "shapes" | "optimize" | "metadata">): Promise<void>;
}

/** Compiles a model for training and evaluation, and opens it where it can run. Throws a CompileError on any fault of the model or the options. */
export async function createTrainer(model: Compilable, options: CreateTrainerOptions): Promise<ModelTrainer> {
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
/** CUDA's forms where the first choice is a CUDA that works here; they run on a CPU too, only slower. */
function loweringFor(providers: CreateTrainerOptions["providers"]): Target["provider"] {
  const [first] = providers ?? [];
  const name = typeof first === "string" ? first : first?.name;
  return name === "cuda" && providerHindrance(name) === null ? "cuda" : "portable";
}
const entry = <K, V>(key: K, value: V | undefined): readonly (readonly [K, V])[] => (value === undefined ? [] : [[key, value]]);
