/** A model: named inputs, and a function from tensors to tensors. `trace` runs it once and keeps the graph. */
import { GraphBuilder } from "../ir/builder.ts";
import { userError } from "../ir/diagnostic.ts";
import { type Dim, exactDiv, substitute } from "../ir/dim.ts";
import { type DType, isDType } from "../ir/dtype.ts";
import type { Graph, Value } from "../ir/graph.ts";
import { captureLocation, type SourceLocation } from "../ir/location.ts";
import type { Shape } from "../ir/shape.ts";
import type { Loss } from "./loss/loss.ts";
import { type Checked, isTensor, type Tensor, type TensorOf, tensorOf } from "./tensor.ts";
import { type Parameter, type Trace, tracing } from "./trace.ts";

export type { Parameter } from "./trace.ts";

/** An input: its shape, and its element type where that is not float32. A dim is a number, a name such as "N", or a multiple such as "16*H". */
export type InputSpec = readonly Dim[] | { readonly shape: readonly Dim[]; readonly dtype?: DType };
/** Inputs by name. */
export type InputSpecs = Readonly<Record<string, InputSpec>>;

type Mutable<S> = { -readonly [K in keyof S]: S[K] };
/** The tensor that an input's declaration stands for. */
export type InputTensor<I> = I extends { readonly shape: infer S; readonly dtype: infer D extends DType }
  ? TensorOf<Mutable<S>, D>
  : I extends { readonly shape: infer S }
    ? Tensor<Mutable<S>>
    : Tensor<Mutable<I>>;
/** The tensors that `forward` gets. */
export type InputTensors<I> = { readonly [K in keyof I]: InputTensor<I[K]> };

/** What can be traced: any model, its types forgotten. */
export interface AnyModel {
  readonly kind: "striate.model";
  readonly name: string;
  readonly inputs: InputSpecs;
  /** Where `defineModel` was called. */
  readonly location: SourceLocation;
  /** The height and width, in pixels, of what a position of the last map should see at least; checked by the editor and `striate check`. */
  readonly objectSize?: number;
  /** What the first output is trained with: the editor and `striate check` warn where an activation before it does not fit. */
  readonly loss?: Loss;
  forward(inputs: never): unknown;
}
/** A model whose inputs and outputs are known to the type checker. */
export interface Model<I, O> extends AnyModel {
  readonly inputs: I & InputSpecs;
  forward(inputs: InputTensors<I>): O;
}
/** True, or a message: of a block that failed and whose result is an output, or that what forward returns is no tensor. */
type OutputFault<O> = unknown extends O
  ? true
  : O extends { readonly shape: infer S }
    ? S extends string
      ? S
      : true
    : O extends object
      ? O extends (...args: never) => unknown
        ? Returned<"function">
        : O extends PromiseLike<unknown>
          ? "model: forward is asynchronous, but must return tensors at once"
          : O extends readonly unknown[]
            ? true
            : NamedFault<O>
      : Returned<KindOf<O>>;
type Returned<Kind extends string> = `model: forward returns ${Kind}, but must return a tensor`;
/** OutputFault of tensors by name. An output that there is not always may be undefined. */
type NamedFault<O> = {
  [K in keyof O]: Exclude<O[K], undefined> extends infer T
    ? [T] extends [never]
      ? never
      : T extends { readonly shape: infer S }
        ? S extends string
          ? S
          : never
        : unknown extends T
          ? never
          : `model: the output "${K & string}" is not a tensor`
    : never;
}[keyof O] extends infer F
  ? [F] extends [never]
    ? true
    : string extends F
      ? true
      : F
  : never;
/** What `typeof` says of a value that is no object. */
type KindOf<O> = O extends number
  ? "number"
  : O extends string
    ? "string"
    : O extends boolean
      ? "boolean"
      : O extends null
        ? "null"
        : O extends bigint
          ? "bigint"
          : "undefined";
/** What `defineModel` takes. */
interface Definition<I, O> {
  readonly name: string;
  readonly inputs: I;
  readonly objectSize?: number;
  readonly loss?: Loss;
  forward(inputs: InputTensors<I>): Checked<O, OutputFault<O>>;
}
/**
 * A definition, or where forward returns nothing one without forward, so that the error stands at its name and says why: of a function in
 * braces the checker would print the whole type. The second pair is what it is in `Checked`; a tensor that there is not always may be one.
 */
type DefinitionOf<I, O> = [undefined, 1] extends [O, [O] extends [symbol] ? 0 : unknown extends O ? 0 : Tensorless<O>]
  ? Mistake<Returned<"undefined">>
  : Definition<I, O>;
type Tensorless<O> = [Extract<O, object>] extends [never] ? 1 : 0;
interface Mistake<M> extends Omit<Definition<unknown, never>, "forward"> {
  readonly message?: M;
}
/** Defines a model. `forward` returns one tensor, which is called "output" in the graph, or tensors by name. */
export function defineModel<const I extends InputSpecs, O>(definition: DefinitionOf<I, O>): Model<I, O> {
  return { ...forwardOf<I, O>(definition), kind: "striate.model", location: captureLocation(defineModel) };
}
/** Sound because a `Checked` result is the result or an error that never runs. */
const forwardOf = <I, O>(definition: object): Pick<Model<I, O>, "name" | "inputs" | "forward"> => definition as Model<I, O>;
/** True for a model, also one that another copy of this package made. */
export const isModel = (x: unknown): x is AnyModel =>
  typeof x === "object" && x !== null && "kind" in x && x.kind === "striate.model" && "forward" in x && typeof x.forward === "function";

/** A model as a graph. The parameters are graph inputs, behind the model's own. */
export interface TracedModel {
  readonly name: string;
  readonly graph: Graph;
  readonly inputs: readonly Value[];
  readonly outputs: readonly { readonly name: string; readonly value: Value }[];
  readonly parameters: readonly Parameter[];
}
/** How a model is traced. */
export interface TraceOptions {
  /** Shapes in place of those that the model declares, by input: to fix a size, or to free it. */
  readonly shapes?: Readonly<Record<string, readonly Dim[]>>;
}

/** Runs `forward` and gives its graph. Throws a CompileError on a mistake in the model. */
export function trace(model: AnyModel, options: TraceOptions = {}): TracedModel {
  const { specs, sizes } = inputTypes(model, options.shapes ?? {});
  const builder = new GraphBuilder(model.name);
  const inputs = specs.map(({ name, dtype, shape }) => builder.input(name, { dtype, shape }));
  const state: Trace = {
    builder,
    inputs,
    sizes,
    parameters: new Map(),
    declared: new Map(),
    layers: new Set(),
    origins: new WeakMap(),
    scope: "",
    scopes: [],
    entered: null,
    piped: null,
    location: null,
  };
  for (const value of inputs) state.origins.set(value, { label: `the model's input "${value.name}"`, location: model.location });
  const returned = tracing(state, () => callForward(model, Object.fromEntries(inputs.map((value) => [value.name, tensorOf(value)]))));
  const outputs = namedOutputs(model, state, returned);
  const named = outputs.map(({ name, value }) => ({ name, value: nameOutput(builder, name, value) }));
  return { name: model.name, graph: builder.build(), inputs, outputs: named, parameters: [...state.parameters.values()] };
}
/** Sound because the tensors have just been made from the model's own declarations, or from shapes that its user asked for. */
const callForward = (model: AnyModel, inputs: Readonly<Record<string, unknown>>): unknown => model.forward(inputs as never);

interface InputType {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}
/** The inputs' types, and what the symbols of their declarations stand for where shapes are asked for. */
function inputTypes(
  model: AnyModel,
  shapes: Readonly<Record<string, readonly Dim[]>>,
): { readonly specs: readonly InputType[]; readonly sizes: ReadonlyMap<string, Dim> } {
  const names = Object.keys(model.inputs);
  const wrong = Object.keys(shapes).find((name) => !names.includes(name));
  if (wrong !== undefined) {
    throw userError("unknown-input", `model "${model.name}" has no input "${wrong}"`, model.location, {
      help: `its inputs are ${names.join(", ")}`,
    });
  }
  const types = Object.entries(model.inputs).map(([name, spec]) => {
    const { shape, dtype = "float32" } = isShape(spec) ? { shape: spec } : spec;
    const wanted = shapes[name] ?? shape;
    if (wanted.length !== shape.length) {
      throw userError(
        "input-rank",
        `input "${name}" of model "${model.name}" has ${shape.length} axes, but the shape asked for has ${wanted.length}`,
        model.location,
      );
    }
    const fault = wanted.map(dimFault).find((f) => f !== null);
    if (fault !== undefined && fault !== null) throw userError("input-dim", `input "${name}": ${fault}`, model.location);
    if (!isDType(dtype)) throw userError("input-dtype", `input "${name}": "${String(dtype)}" is not an element type`, model.location);
    return { name, dtype, shape: wanted, declared: shape };
  });
  const sizes = sizesAsked(types.flatMap(({ name, shape, declared }) => (shapes[name] === undefined ? [] : [[declared, shape] as const])));
  // A symbol means one size in all inputs.
  const specs = types.map(({ name, dtype, shape }) => ({
    name,
    dtype,
    shape: shapes[name] === undefined ? shape.map((d) => substitute(d, sizes)) : shape,
  }));
  return { specs, sizes };
}
/** The sizes that the symbols of declared shapes, "N" or "16*H", have in the shapes asked for; without those that would be two at once. */
function sizesAsked(pairs: readonly (readonly [declared: Shape, wanted: Shape])[]): ReadonlyMap<string, Dim> {
  const sizes = new Map<string, Set<Dim>>();
  for (const [declared, wanted] of pairs) {
    for (const [axis, dim] of declared.entries()) {
      const [, factor = "1", symbol] = /^(?:(\d+)\*)?([A-Za-z_]\w*)$/.exec(String(dim)) ?? [];
      const size = factor === "1" ? wanted[axis] : exactDiv(wanted[axis] ?? 0, Number(factor));
      if (symbol !== undefined && size !== null && size !== undefined) sizes.set(symbol, (sizes.get(symbol) ?? new Set()).add(size));
    }
  }
  return new Map(
    [...sizes].flatMap(([symbol, [size, more]]) => (size === undefined || more !== undefined ? [] : [[symbol, size] as const])),
  );
}
const isShape = (spec: InputSpec): spec is readonly Dim[] => Array.isArray(spec);

/** What is wrong with a dim of an input, or null. */
export function dimFault(dim: Dim): string | null {
  if (typeof dim === "number") return Number.isSafeInteger(dim) && dim >= 0 ? null : `a dim is ${dim}, but must be a natural number`;
  const reserved = /^(?:floor|min|max)$/.test(dim);
  return /^(?:[1-9]\d*\*)?[A-Za-z_]\w*$/.test(dim) && !reserved ? null : `"${dim}" is not a dim: write a name or a multiple such as "16*H"`;
}

function namedOutputs(model: AnyModel, state: Trace, returned: unknown): TracedModel["outputs"] {
  const fail = (message: string): never => {
    throw userError("model-output", `model "${model.name}": ${message}`, model.location, {
      help: "return a tensor, or tensors by name: { logits }",
    });
  };
  if (typeof returned !== "object" || returned === null)
    return fail(`forward returns ${returned === null ? "null" : typeof returned}, but must return a tensor`);
  if (returned instanceof Promise) return fail("forward is asynchronous, but must return tensors at once");
  const entries = isTensor(returned) ? [["output", returned] as const] : Object.entries(returned);
  if (entries.length === 0) return fail("forward returns no tensor");
  return entries.map(([name, x]: readonly [string, unknown]) => {
    if (!isTensor(x)) return fail(`the output "${name}" is not a tensor`);
    if (!state.origins.has(x.value)) return fail(`the output "${name}" belongs to another model or an earlier run of forward`);
    if (name in model.inputs || state.parameters.has(name)) return fail(`the output "${name}" has the name of an input or a parameter`);
    return { name, value: x.value };
  });
}
/** Makes a value an output under exactly this name; another value that has the name already gets a number behind it. */
function nameOutput(builder: GraphBuilder, name: string, value: Value): Value {
  const values = builder.nodes.flatMap((node) => node.outputs).filter((v) => v !== null);
  const holder = values.find((v) => v.name === name && v !== value);
  if (holder !== undefined) {
    const taken = new Set(values.map((v) => v.name));
    let i = 1;
    while (taken.has(`${name}_${i}`)) i++;
    builder.rename(holder, `${name}_${i}`);
  }
  return builder.output(value, name);
}
