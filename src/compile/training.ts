/** The training graph: forward, loss, gradients and the optimizer's update as one ordinary graph. */
import {
  printTrainingManifest,
  type StateRow,
  type TrainingManifest,
  trainingManifestKey,
  trainingScalars,
  writeModel,
} from "../codegen/index.ts";
import { type Loss, type Optimizer, selects, settingsFor } from "../dsl/index.ts";
import { GraphBuilder } from "../ir/builder.ts";
import { InternalError, userError } from "../ir/diagnostic.ts";
import { formulas } from "../ir/formulas.ts";
import { type Graph, printType, type Value } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { staticShape } from "../ir/shape.ts";
import { type TensorData, zeros } from "../ir/tensor-data.ts";
import {
  appendGradients,
  convolutionsToProducts,
  copyGraph,
  joinReports,
  lower,
  mapped,
  type OptimizationReport,
  optimize,
  sinkActivations,
  toTraining,
} from "../passes/index.ts";
import { addLoss } from "./add-loss.ts";
import { clipGradients, type GradientClipping } from "./clip-gradients.ts";
import { type CompileOptions, targetOf } from "./inference.ts";
import { type Compilable, type Source, type SourceParameter, sourceOf } from "./source.ts";
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
  return { bytes, graph, manifest, state: initialState(source, manifest, options), report: joinReports(whole.report, report) };
}

/** The state before the first step: parameters and buffers as given or drawn, all of the optimizer's at zero. */
function initialState(source: Source, manifest: TrainingManifest, options: TrainingOptions): ReadonlyMap<string, TensorData> {
  const weights = withWeights(source, options);
  return new Map(
    manifest.state.map(({ name, role, dtype, shape }) => {
      const given =
        role === "optimizer"
          ? {
              dtype,
              shape,
              data: zeros(
                dtype,
                shape.reduce((a, d) => a * d, 1),
              ),
            }
          : weights.get(name);
      if (given === undefined) throw new InternalError(`state "${name}" has no first value`);
      return [name, given];
    }),
  );
}

/** What is known while the step's graph is put together. */
interface Step {
  readonly b: GraphBuilder;
  readonly options: TrainingOptions;
  /** Scalars that the graph reads, declared when first asked for. */
  readonly scalar: (name: keyof typeof trainingScalars) => Value;
}

function buildStep(source: Source, options: TrainingOptions): { readonly graph: Graph; readonly manifest: TrainingManifest } {
  const training = toTraining(options.optimize === "none" ? source.graph : sinkActivations(source.graph).graph);
  const b = new GraphBuilder(source.graph.name);
  const map = copyGraph(b, training.graph);
  const byName = new Map(training.graph.inputs.map((v) => [v.name, mapped(map, v)]));
  const scalars = new Map<string, Value>(training.usesSeed ? [...byName].filter(([name]) => name === "seed" || name === "step") : []);
  const step: Step = {
    b,
    options,
    scalar: (name) => scalars.get(name) ?? declare(scalars, name, b.input(name, { dtype: trainingScalars[name], shape: [] })),
  };
  const next = new Map([...training.updates].map(([running, value]) => [running.name, mapped(map, value)]));
  const buffers = new Set(next.keys());
  const trained = source.parameters.filter((p) => p.role === "parameter" && !buffers.has(p.name) && !selects(options.freeze ?? [], p.name));
  if (trained.length === 0)
    throw userError("nothing-to-train", "every parameter is frozen", nowhere, { help: 'leave some out of freeze, e.g. with "!fc.*"' });

  const { target, loss, metrics } = addLoss(
    b,
    options.loss,
    training.graph.outputs.map((v) => mapped(map, v)),
  );
  const inGraph = (p: SourceParameter): Value => known(byName, p.name);
  const gradients = gradientsOf(step, loss, trained.map(inGraph));
  const optimizerRows = trained.map((p, i) => update(step, p.name, inGraph(p), gradients[i], next));

  b.output(loss, "loss");
  for (const [name, value] of Object.entries(metrics)) b.output(value, name);
  const rows = [
    ...source.parameters.map((p) => stateRow(p.name, buffers.has(p.name) ? "buffer" : p.role, inGraph(p))),
    ...optimizerRows.flat(),
  ];
  for (const row of rows) b.output(next.get(row.name) ?? known(byName, row.name), row.output);
  if (options.emitGradients === true)
    trained.forEach((p, i) => void (gradients[i] !== undefined && b.output(gradients[i], `${p.name}.grad`)));
  const manifest: TrainingManifest = {
    version: 1,
    batch: source.inputs.map((v) => v.name),
    targets: [target.name],
    scalars: Object.fromEntries([...scalars.keys()].map((name) => [name, trainingScalars[name as keyof typeof trainingScalars]])),
    loss: "loss",
    metrics: Object.fromEntries(Object.keys(metrics).map((name) => [name, name])),
    state: rows,
  };
  return { graph: b.build(), manifest };
}
const declare = (scalars: Map<string, Value>, name: string, value: Value): Value => {
  scalars.set(name, value);
  return value;
};

function known(values: ReadonlyMap<string, Value>, name: string): Value {
  const found = values.get(name);
  if (found === undefined) throw new InternalError(`there is no input "${name}"`);
  return found;
}

/** The gradients of the loss, held in bounds. A parameter without influence on the loss is an error: it could not be trained. */
function gradientsOf({ b, options }: Step, loss: Value, parameters: readonly Value[]): readonly Value[] {
  const found = appendGradients(b, b.nodes, new Map([[loss, b.constant(loss.type.dtype, 1)]]), parameters);
  const idle = parameters.filter((p) => !found.has(p));
  if (idle.length > 0) {
    throw userError("unused-parameter", `the loss does not depend on ${idle.map((p) => `"${p.name}"`).join(", ")}`, nowhere, {
      help: "freeze it, or return what it computes first",
    });
  }
  const raw = parameters.flatMap((p) => found.get(p) ?? []);
  return b.from({ name: "clip_gradients", location: nowhere }, () => clipGradients(b, raw, options.clipGradients ?? {}));
}

/** Adds one parameter's update; gives the rows of the optimizer's state. */
function update(step: Step, name: string, parameter: Value, gradient: Value | undefined, next: Map<string, Value>): readonly StateRow[] {
  const {
    b,
    options: { optimizer },
  } = step;
  if (gradient === undefined) throw new InternalError(`"${name}" has no gradient`);
  const { lr, weightDecay } = settingsFor(optimizer, name);
  const { dtype } = parameter.type;
  const stateName = (slot: string): string => `${optimizer.name}.${slot}.${name}`;
  const slots = Object.fromEntries(optimizer.slots.map((slot) => [slot, b.input(stateName(slot), { dtype, shape: parameter.type.shape })]));
  const after = b.from({ name: `${optimizer.name}/${name}`, location: nowhere }, () => {
    const rate = step.scalar("learning_rate");
    // Groups keep their share of the learning rate when a schedule changes it.
    const learningRate = lr === optimizer.defaults.lr ? rate : formulas(b).mul(rate, lr / optimizer.defaults.lr);
    return optimizer.update(b, { parameter, gradient, slots, learningRate, step: () => step.scalar("step"), weightDecay });
  });
  next.set(name, after.parameter);
  for (const [slot, value] of Object.entries(after.slots)) next.set(stateName(slot), value);
  return optimizer.slots.map((slot) => ({ ...stateRow(stateName(slot), "optimizer", parameter), of: name }));
}

function stateRow(name: string, role: StateRow["role"], { type }: Value): StateRow {
  const shape = staticShape(type.shape);
  if (shape === null)
    throw userError("symbolic-parameter", `"${name}" is ${printType(type)}, but the shape of a parameter has to be numbers`, nowhere, {
      help: "fix the input's sizes with --shape",
    });
  return { name, role, input: name, output: `${name}.next`, dtype: type.dtype, shape };
}
