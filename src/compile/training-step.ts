/** One training step as a graph: forward, loss, gradients and the optimizer's update, and the manifest of what its inputs and outputs mean. */
import { type StateRow, type TrainingManifest, type TrainingScalar, trainingScalars } from "../codegen/index.ts";
import { type LabelRange, type Optimizer, selects, settingsFor } from "../dsl/index.ts";
import { GraphBuilder } from "../ir/builder.ts";
import { InternalError, userError } from "../ir/diagnostic.ts";
import { formulas } from "../ir/formulas.ts";
import { type Graph, printType, type Value } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { staticShape } from "../ir/shape.ts";
import { appendGradients, copyGraph, mapped, toTraining } from "../passes/index.ts";
import { addLoss } from "./add-loss.ts";
import { clipGradients } from "./clip-gradients.ts";
import type { Source } from "./source.ts";
import type { TrainingOptions } from "./training.ts";

/** A training step that is not lowered yet. */
export interface TrainingStep {
  readonly graph: Graph;
  readonly manifest: TrainingManifest;
  /** Which class numbers the targets may hold; null where they are none. */
  readonly labels: LabelRange | null;
}

/** The step of a source. Throws a CompileError when nothing is left to train, and when the loss does not fit or has no gradient. */
export function buildStep(source: Source, options: TrainingOptions): TrainingStep {
  const draft = openDraft(source);
  const { b } = draft;
  const { target, loss, metrics } = addLoss(b, options.loss, draft.outputs);
  const trained = withGradients(draft, loss, trainable(source, draft, options), options);
  const state = [
    ...source.parameters.map(({ name, role }) => stateRow(name, draft.buffers.has(name) ? "buffer" : role, inputOf(draft, name))),
    ...trained.flatMap((parameter) => update(draft, options.optimizer, parameter)),
  ];
  b.output(loss, "loss");
  for (const [name, value] of Object.entries(metrics)) b.output(value, name);
  for (const row of state) b.output(draft.next.get(row.name) ?? inputOf(draft, row.name), row.output);
  if (options.emitGradients === true) for (const { name, gradient } of trained) b.output(gradient, `${name}.grad`);
  const manifest: TrainingManifest = {
    version: 1,
    batch: source.inputs.map((v) => v.name),
    targets: [target.name],
    scalars: Object.fromEntries([...draft.scalars.keys()].map((name) => [name, trainingScalars[name]])),
    loss: "loss",
    metrics: Object.fromEntries(Object.keys(metrics).map((name) => [name, name])),
    state,
  };
  const [prediction] = draft.outputs;
  const labels = options.loss.labels === "none" || prediction === undefined ? null : options.loss.labels(prediction.type);
  return { graph: b.build(), manifest, labels };
}

/** The step while it is put together. */
interface Draft {
  readonly b: GraphBuilder;
  /** The graph's inputs by name, parameters included. */
  readonly inputs: ReadonlyMap<string, Value>;
  /** The model's outputs in training mode. */
  readonly outputs: readonly Value[];
  /** The names of running statistics. */
  readonly buffers: ReadonlySet<string>;
  /** The next value of each piece of state that changes, by name. */
  readonly next: Map<string, Value>;
  /** The scalars that are read so far. */
  readonly scalars: Map<TrainingScalar, Value>;
}
function openDraft(source: Source): Draft {
  const training = toTraining(source.graph);
  const b = new GraphBuilder(source.graph.name);
  const map = copyGraph(b, training.graph);
  const inputs = new Map(training.graph.inputs.map((v) => [v.name, mapped(map, v)]));
  const next = new Map([...training.updates].map(([running, value]) => [running.name, mapped(map, value)]));
  const draft = {
    b,
    inputs,
    outputs: training.graph.outputs.map((v) => mapped(map, v)),
    buffers: new Set(next.keys()),
    next,
    scalars: new Map(),
  };
  if (training.usesSeed) for (const name of ["seed", "step"] as const) draft.scalars.set(name, inputOf(draft, name));
  return draft;
}
function inputOf({ inputs }: Pick<Draft, "inputs">, name: string): Value {
  const found = inputs.get(name);
  if (found === undefined) throw new InternalError(`there is no input "${name}"`);
  return found;
}
/** A scalar input, declared when it is first asked for. */
function scalar({ b, scalars }: Draft, name: TrainingScalar): Value {
  const value = scalars.get(name) ?? b.input(name, { dtype: trainingScalars[name], shape: [] });
  scalars.set(name, value);
  return value;
}

/** A parameter that is trained. */
interface Trained {
  readonly name: string;
  readonly value: Value;
  readonly gradient: Value;
}
/** The parameters that are neither buffers nor frozen. */
function trainable(source: Source, draft: Draft, { freeze = [] }: TrainingOptions): readonly Value[] {
  const chosen = source.parameters.filter(({ name, role }) => role === "parameter" && !draft.buffers.has(name) && !selects(freeze, name));
  if (chosen.length > 0) return chosen.map(({ name }) => inputOf(draft, name));
  if (source.parameters.length === 0) throw userError("nothing-to-train", "the model has no parameters", nowhere);
  throw userError("nothing-to-train", "every parameter is frozen", nowhere, { help: 'leave some out of freeze, e.g. with "!fc.*"' });
}
/** The gradients of the loss, held in bounds. A parameter without influence on the loss is an error: it could not be trained. */
function withGradients({ b }: Draft, loss: Value, parameters: readonly Value[], options: TrainingOptions): readonly Trained[] {
  const found = appendGradients(b, b.nodes, new Map([[loss, b.constant(loss.type.dtype, 1)]]), parameters);
  const idle = parameters.filter((p) => !found.has(p));
  if (idle.length > 0) {
    throw userError("unused-parameter", `the loss does not depend on ${idle.map((p) => `"${p.name}"`).join(", ")}`, nowhere, {
      help: "freeze it, or return what it computes first",
    });
  }
  const raw = parameters.flatMap((p) => found.get(p) ?? []);
  const held = b.from({ name: "clip_gradients", location: nowhere }, () => clipGradients(b, raw, options.clipGradients ?? {}));
  return parameters.flatMap((value, i) => (held[i] === undefined ? [] : [{ name: value.name, value, gradient: held[i] }]));
}

/** Adds one parameter's update; gives the rows of the optimizer's state. */
function update(draft: Draft, optimizer: Optimizer, { name, value: parameter, gradient }: Trained): readonly StateRow[] {
  const { b, next } = draft;
  const { lr, weightDecay } = settingsFor(optimizer, name);
  const stateName = (slot: string): string => `${optimizer.name}.${slot}.${name}`;
  const slots = Object.fromEntries(optimizer.slots.map((slot) => [slot, b.input(stateName(slot), parameter.type)]));
  const after = b.from({ name: `${optimizer.name}/${name}`, location: nowhere }, () => {
    const rate = scalar(draft, "learning_rate");
    // Groups keep their share of the learning rate when a schedule changes it.
    const learningRate = lr === optimizer.defaults.lr ? rate : formulas(b).mul(rate, shareOf(lr, optimizer));
    return optimizer.update(b, { parameter, gradient, slots, learningRate, step: () => scalar(draft, "step"), weightDecay });
  });
  next.set(name, after.parameter);
  for (const [slot, value] of Object.entries(after.slots)) next.set(stateName(slot), value);
  return optimizer.slots.map((slot) => ({ ...stateRow(stateName(slot), "optimizer", parameter), of: name }));
}
function shareOf(lr: number, { name, defaults }: Optimizer): number {
  if (defaults.lr !== 0) return lr / defaults.lr;
  throw userError("optimizer-option", `${name}: a group has lr ${lr}, but the optimizer's own lr is 0`, nowhere, {
    help: "give the optimizer an lr above 0; groups follow it when a schedule changes it",
  });
}

function stateRow(name: string, role: StateRow["role"], { type }: Value): StateRow {
  const shape = staticShape(type.shape);
  if (shape !== null) return { name, role, input: name, output: `${name}.next`, dtype: type.dtype, shape };
  throw userError("symbolic-parameter", `"${name}" is ${printType(type)}, but the shape of a parameter has to be numbers`, nowhere, {
    help: "fix the input's sizes with --shape",
  });
}
