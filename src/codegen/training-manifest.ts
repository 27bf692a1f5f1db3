/** What a training graph's inputs and outputs mean: the JSON under `metadata_props["striate.training"]`, which drives it without striate. */
import { userError } from "../ir/diagnostic.ts";
import { type DType, dtypes, isDType } from "../ir/dtype.ts";
import { nowhere } from "../ir/location.ts";
import { type JsonNode, jsonNode } from "./json-node.ts";

/** The key of the manifest in a model's metadata_props. */
export const trainingManifestKey = "striate.training";

const roles = ["parameter", "buffer", "optimizer"] as const;
/** Why a tensor is carried from step to step: it is trained, it is kept by a layer, or it is the optimizer's. */
export type StateRole = (typeof roles)[number];

/** A tensor that one step hands to the next. */
export interface StateRow {
  /** Its name in checkpoints: for parameters and buffers the state_dict's. */
  readonly name: string;
  readonly role: StateRole;
  /** The parameter that an optimizer's tensor belongs to. */
  readonly of?: string;
  /** The graph input that takes it. */
  readonly input: string;
  /** The graph output that gives its next value. */
  readonly output: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** The scalars that a training graph may read. `step` counts from 1. */
export const trainingScalars = { learning_rate: "float32", step: "int64", seed: "int64" } as const;
/** The name of such a scalar, which is its input's name too. */
export type TrainingScalar = keyof typeof trainingScalars;

/** The meaning of a training graph's inputs and outputs. */
export interface TrainingManifest {
  readonly version: 1;
  /** Inputs that take the batch, in the model's order. */
  readonly batch: readonly string[];
  /** Inputs that take the targets. */
  readonly targets: readonly string[];
  /** The scalars that the graph uses, with their dtypes. */
  readonly scalars: { readonly [K in TrainingScalar]?: (typeof trainingScalars)[K] };
  /** The output that is the loss, a float32 of no axes. */
  readonly loss: string;
  /** Outputs that are summed over batches, by what they are called. */
  readonly metrics: Readonly<Record<string, string>>;
  readonly state: readonly StateRow[];
}

/** The text of a manifest: one line, the same for equal manifests. */
export function printTrainingManifest(manifest: TrainingManifest): string {
  const { version, batch, targets, scalars, loss, metrics, state } = manifest;
  const used = scalarNames.filter((name) => scalars[name] !== undefined);
  return JSON.stringify({
    version,
    batch,
    targets,
    scalars: Object.fromEntries(used.map((name) => [name, trainingScalars[name]])),
    loss,
    metrics,
    state: state.map(({ name, role, of, input, output, dtype, shape }) => ({ name, role, of, input, output, dtype, shape })),
  });
}

/** The manifest that a text says. Throws a CompileError naming the field that is wrong. */
export function parseTrainingManifest(text: string): TrainingManifest {
  const root = jsonNode(parsed(text), "", fail).fields(["version", "batch", "targets", "scalars", "loss", "metrics", "state"]);
  if (root.version.number() !== 1) root.version.fail("is not 1: the graph was written by a later striate");
  const manifest: TrainingManifest = {
    version: 1,
    batch: root.batch.list().map((name) => name.text()),
    targets: root.targets.list().map((name) => name.text()),
    scalars: parseScalars(root.scalars),
    loss: root.loss.text(),
    metrics: Object.fromEntries(root.metrics.entries().map(([name, output]) => [name, output.text()])),
    state: root.state.list().map(parseRow),
  };
  checkNames(manifest);
  return manifest;
}

const scalarNames = ["learning_rate", "step", "seed"] as const;

const fail = (message: string): never => {
  throw userError("training-manifest", `${trainingManifestKey}: ${message.trimStart()}`, nowhere, {
    help: "compile the model again with --mode training",
  });
};
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail(`is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parseScalars(node: JsonNode): TrainingManifest["scalars"] {
  const fields = node.fields([], scalarNames);
  for (const name of scalarNames) fields[name]?.oneOf([trainingScalars[name]]);
  return {
    ...(fields.learning_rate === undefined ? {} : { learning_rate: trainingScalars.learning_rate }),
    ...(fields.step === undefined ? {} : { step: trainingScalars.step }),
    ...(fields.seed === undefined ? {} : { seed: trainingScalars.seed }),
  };
}

function parseRow(node: JsonNode): StateRow {
  const row = node.fields(["name", "role", "input", "output", "dtype", "shape"], ["of"]);
  const role = row.role.oneOf(roles);
  if (row.of !== undefined && role !== "optimizer") row.of.fail(`is there although the role is "${role}"`);
  return {
    name: row.name.text(),
    role,
    ...(row.of === undefined ? {} : { of: row.of.text() }),
    input: row.input.text(),
    output: row.output.text(),
    dtype: parseDType(row.dtype),
    shape: row.shape.list().map((size) => size.count()),
  };
}
function parseDType(node: JsonNode): DType {
  const name = node.text();
  return isDType(name) && name !== "string" ? name : node.fail(`is "${name}", wanted one of ${numeric.join(", ")}`);
}
const numeric = Object.keys(dtypes).filter((name) => name !== "string");

/** Every input and output has one meaning, and an optimizer's tensor belongs to a parameter that is there. */
function checkNames({ batch, targets, scalars, loss, metrics, state }: TrainingManifest): void {
  refuseDuplicates(
    "state name",
    state.map((row) => row.name),
  );
  refuseDuplicates("input", [...batch, ...targets, ...Object.keys(scalars), ...state.map((row) => row.input)]);
  refuseDuplicates("output", [loss, ...Object.values(metrics), ...state.map((row) => row.output)]);
  const parameters = new Set(state.filter((row) => row.role === "parameter").map((row) => row.name));
  for (const { name, of } of state) {
    if (of !== undefined && !parameters.has(of)) fail(`state "${name}" belongs to "${of}", which is no parameter of the graph`);
  }
}
function refuseDuplicates(what: string, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) fail(`the ${what} "${name}" appears twice`);
    seen.add(name);
  }
}
