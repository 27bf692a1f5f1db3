/** What can be compiled, in one form: a graph whose parameters are graph inputs, and what they start as. */
import { type AnyModel, initialize, isModel, type TracedModel, trace } from "../dsl/index.ts";
import type { Dim } from "../ir/dim.ts";
import { dtypes } from "../ir/dtype.ts";
import type { Graph, Value } from "../ir/graph.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { freeInitializers, heldWeightsToInitializers, substituteShapes } from "../passes/index.ts";

/** A model written in TypeScript, or any graph. */
export type Compilable = AnyModel | Graph;

/** A learnt tensor or a buffer, as a graph input. */
export interface SourceParameter {
  readonly name: string;
  readonly value: Value;
  readonly role: "parameter" | "buffer";
}
/** A graph with its parameters freed. */
export interface Source {
  readonly graph: Graph;
  /** The inputs that are not parameters. */
  readonly inputs: readonly Value[];
  readonly parameters: readonly SourceParameter[];
  /** The parameters' first values: drawn from a seed, or those of the file. */
  initial(seed: number): ReadonlyMap<string, TensorData>;
}

/** Input shapes by input name; symbols stay symbols. */
export type InputShapes = Readonly<Record<string, readonly Dim[]>>;

/** The common form of a model or graph. Throws a CompileError when the model's own code finds a fault. */
export function sourceOf(model: Compilable, shapes: InputShapes = {}): Source {
  return isModel(model)
    ? fromTrace(trace(model, { shapes }))
    : fromGraph(heldWeightsToInitializers(substituteShapes(model, new Map(Object.entries(shapes)))));
}

function fromTrace(traced: TracedModel): Source {
  const { graph, inputs, parameters } = traced;
  return { graph, inputs, parameters, initial: (seed) => initialize(parameters, seed) };
}

/** A graph from a file: its floating initializers with an axis are parameters; training finds out which of them are buffers. */
function fromGraph(graph: Graph): Source {
  const learnt = [...graph.initializers].filter(([, data]) => dtypes[data.dtype].kind === "float" && data.shape.length > 0);
  const initial = new Map(learnt.map(([value, data]) => [value.name, data]));
  const names = new Set(initial.keys());
  const freed = freeInitializers(graph, names);
  const parameters = freed.inputs
    .filter((v) => names.has(v.name))
    .map((value) => ({ name: value.name, value, role: "parameter" }) as const);
  return { graph: freed, inputs: freed.inputs.filter((v) => !names.has(v.name)), parameters, initial: () => initial };
}
