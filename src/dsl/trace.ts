/** The graph that the running `forward` is building, and the call of a layer within it. */
import type { GraphBuilder } from "../ir/builder.ts";
import { type Note, userError } from "../ir/diagnostic.ts";
import { type Dim, substitute } from "../ir/dim.ts";
import { type Node, printType, type Value } from "../ir/graph.ts";
import { captureLocation, nowhere, type SourceLocation } from "../ir/location.ts";
import type { OpAttributes, OpType } from "../ir/op-types.ts";
import { printShape, type Shape, sameShape } from "../ir/shape.ts";
import { argumentsFault, moreFault } from "./arguments.ts";
import type { Init } from "./init.ts";
import { inputDTypeFault } from "./shape-rules/dtype.ts";
import { describe, shown } from "./shape-rules/show.ts";
import { isTensor, type Tensor, tensorOf } from "./tensor.ts";

/** A learnt tensor, or a buffer such as a running mean, that a layer declared. */
export interface Parameter {
  readonly name: string;
  readonly value: Value;
  readonly role: "parameter" | "buffer";
  readonly init: Init;
}

/** What is known while `forward` runs. */
export interface Trace {
  readonly builder: GraphBuilder;
  /** The model's inputs. */
  readonly inputs: readonly Value[];
  /** What symbols of the model's declaration stand for, where it is traced with other shapes. */
  readonly sizes: ReadonlyMap<string, Dim>;
  /** By name, in the order of their declaration. */
  readonly parameters: Map<string, Parameter>;
  /** Where each parameter was declared. */
  readonly declared: Map<string, SourceLocation>;
  /** The scoped names of the layers so far. */
  readonly layers: Set<string>;
  /** What made a value, as messages say it. */
  readonly origins: WeakMap<Value, ValueOrigin>;
  /** "layer1.0." inside scope("layer1", ...) and scope("0", ...). */
  scope: string;
  /** What has been declared since the innermost scope that shares its parameters was entered; null outside of such scopes. */
  entered: Set<string> | null;
  /** The calls of the scopes that are open, innermost first. */
  scopes: readonly Note[];
  /** The function that `pipe` is about to call, and its number among them. */
  piped: Piped | null;
  /** Where errors point at while a layer value runs; null when they point at the call. */
  location: SourceLocation | null;
}
/** A function among those of a `pipe`. */
export interface Piped {
  readonly layer: unknown;
  readonly index: number;
}
/** What made a value: a layer's function, and the product behind its last size where there is one. */
export interface ValueOrigin {
  readonly label: string;
  readonly location: SourceLocation;
  /** The product behind a size that joins axes, "32 * 7 * 7 = 1568". */
  readonly sum?: string;
  /** The sizes that its last axis joins, "32 * 7 * 7". */
  readonly joins?: string;
}

// One trace for all copies of this package: the command line may run from one and the user's file import another.
const key = Symbol.for("striate.trace");
const current = (): Trace | null => Reflect.get(globalThis, key) ?? null;

/** Runs a function with `trace` as the current trace. */
export function tracing<R>(trace: Trace, body: () => R): R {
  const outer = current();
  Reflect.set(globalThis, key, trace);
  try {
    return body();
  } finally {
    Reflect.set(globalThis, key, outer);
  }
}
/** The current trace. Throws a CompileError outside of a model's `forward`. */
export function currentTrace(label: string, location: SourceLocation): Trace {
  const trace = current();
  if (trace !== null) return trace;
  throw userError("outside-model", `${label}: no model is being traced`, location, {
    help: "call layers inside the forward function of defineModel({ ... })",
  });
}
/** Runs a function whose layer calls take a place in the source that was noted earlier. */
export function located<R>(location: SourceLocation, body: () => R): R {
  const trace = current();
  if (trace === null || trace.location !== null) return body();
  trace.location = location;
  try {
    return body();
  } finally {
    trace.location = null;
  }
}
/** Runs a function under a longer scope. */
export function scoped<R>(trace: Trace, name: string, location: SourceLocation, body: () => R): R {
  const { scope, scopes } = trace;
  trace.scope = `${scope}${name}.`;
  trace.scopes = [{ message: `in the scope "${name}"`, location }, ...scopes];
  try {
    return body();
  } finally {
    trace.scope = scope;
    trace.scopes = scopes;
  }
}

/** Calls a function of a `pipe`. */
export function piped<R>(trace: Trace, what: Piped, call: () => R): R {
  const outer = trace.piped;
  trace.piped = what;
  try {
    return call();
  } finally {
    trace.piped = outer;
  }
}

/** Runs a function under a longer scope, where parameters that an earlier run declared are taken again. */
export function sharing<R>(trace: Trace, name: string, location: SourceLocation, body: () => R): R {
  const { entered } = trace;
  const prefix = `${trace.scope}${name}.`;
  // Layers without a name are counted anew, so that they get the names that they had.
  for (const layer of trace.layers) if (layer.startsWith(prefix)) trace.layers.delete(layer);
  trace.entered = new Set();
  try {
    return scoped(trace, name, location, body);
  } finally {
    trace.entered = entered;
  }
}

type PublicFunction = (...args: never) => unknown;

/** One call of a layer. */
export interface Call {
  readonly trace: Trace;
  readonly builder: GraphBuilder;
  /** The layer's function, "conv2d". */
  readonly label: string;
  /** The scoped name, "layer1.0.conv1". */
  readonly name: string;
  /** `conv2d "layer1.0.conv1"`, or `relu in "layer1.0"`, as messages begin. */
  readonly shown: string;
  readonly location: SourceLocation;
}
/** Begins the call of a function without parameters. Throws a CompileError where more arguments are given than it takes. */
export function enter(label: string, publicFunction: PublicFunction, given: ArrayLike<unknown>, name?: string): Call {
  const location = current()?.location ?? captureLocation(publicFunction);
  const trace = currentTrace(label, location);
  // Where types were cast away, a name may be anything: the call's check of its options says so.
  const isNamed = typeof name === "string";
  const full = `${trace.scope}${isNamed ? name : label}`;
  const place = trace.scope === "" ? "" : ` in "${trace.scope.slice(0, -1)}"`;
  const shown = !isNamed ? `${label}${place}` : `${label} "${full}"`;
  const call = { trace, builder: trace.builder, label, name: full, shown, location };
  if (trace.piped?.layer === publicFunction)
    check({ ...call, shown: "pipe" }, [], moreFault(label, publicFunction.length, trace.piped.index));
  check(call, [], argumentsFault(label, publicFunction.length, given));
  return call;
}
/** Begins the call of a layer with parameters: without a name it is called like its function, with a number from the second on. */
export function enterLayer(label: string, publicFunction: PublicFunction, given: ArrayLike<unknown>, name?: string): Call {
  const call = enter(label, publicFunction, given, name);
  const { layers, scope } = call.trace;
  let full = call.name;
  for (let i = 1; name === undefined && layers.has(full); i++) full = `${scope}${label}_${i}`;
  layers.add(full);
  return { ...call, name: full, shown: `${label} "${full}"` };
}

/** What is wrong with a call: the text behind the colon, which the type-level rule says too. */
export interface Fault {
  readonly code: string;
  readonly text: string;
  readonly help?: string;
}
/** A list among a call's arguments. Throws a CompileError on anything else; sound because its caller looks at the elements. */
export function listOf<T>(call: Call, what: string, list: unknown): readonly T[] {
  if (Array.isArray(list)) return list as readonly T[];
  throw userError("not-a-list", `${call.shown}: ${what} ${describe(list)}, but must be an array`, call.location);
}
/** The sizes that the user's code names, in the terms of this trace. */
export function writtenShape(call: Call, shape: unknown): Shape {
  const list = listOf<Dim>(call, "the shape is", shape);
  const isDim = (dim: unknown): boolean => typeof dim === "number" || (typeof dim === "string" && /[A-Za-z_]/.test(dim));
  const bad = list.findIndex((dim) => !isDim(dim));
  check(call, [], bad < 0 ? null : { code: "option-kind", text: `a size is ${shown(list[bad])}, but must be a number or a name` });
  return list.map((dim) => substitute(dim, call.trace.sizes));
}

/** Throws the first fault as a CompileError that names the layer, the line, and where the inputs come from. */
export function check(call: Call, inputs: readonly Value[], ...faults: readonly (Fault | null)[]): void {
  const fault = faults.find((f) => f !== null);
  if (fault === undefined || fault === null) return;
  const notes = inputs.map((x, i) => provenance(call.trace, x, inputs.length === 1 ? "the input" : `input ${i + 1}`));
  throw userError(fault.code, `${call.shown}: ${fault.text}`, call.location, {
    notes: [...notes, ...call.trace.scopes],
    ...(fault.help === undefined ? {} : { help: fault.help }),
  });
}
/** "the input comes from maxPool2d, float32[N, 32, 8, 8]". */
function provenance(trace: Trace, value: Value, subject: string): Note {
  const origin = trace.origins.get(value);
  const type = printType(value.type);
  if (origin === undefined) return { message: `${subject} is "${value.name}", ${type}`, location: nowhere };
  const sum = origin.sum === undefined ? "" : `, which joins ${origin.sum}`;
  return { message: `${subject} comes from ${origin.label}, ${type}${sum}`, location: origin.location };
}

/** The value of an argument. Throws a CompileError on what is no tensor of this model. */
export function operand(call: Call, x: unknown, what = "the input"): Value {
  if (!isTensor(x)) {
    const help = typeof x === "function" ? { help: "a layer value is a function of a tensor: call it first" } : {};
    throw userError("not-a-tensor", `${call.shown}: ${what} is ${describe(x)}, but must be a tensor`, call.location, help);
  }
  if (!call.trace.origins.has(x.value)) {
    throw userError("foreign-tensor", `${call.shown}: ${what} belongs to another model or an earlier run of forward`, call.location, {
      help: "use tensors only inside the forward function that made them",
    });
  }
  return x.value;
}
/** The value of a layer's float32 argument. Throws a CompileError on what is no tensor of this model, or of another element type. */
export function floatOperand(call: Call, x: unknown, what?: string): Value {
  const value = operand(call, x, what);
  check(call, [value], inputDTypeFault(value.type.dtype));
  return value;
}

/** The sizes of an argument's axes. */
export const shapeOf = (call: Call, x: unknown): Shape => operand(call, x).type.shape;

/** Adds the node that carries the call's name and gives its first output. */
export function add<T extends OpType>(
  call: Call,
  opType: T,
  inputs: readonly (Value | null)[],
  attributes: Partial<OpAttributes[T]> = {},
): Value {
  return call.builder.add(opType, inputs, attributes, { name: call.name, label: call.label, location: call.location });
}
/** Adds a node with several outputs under the call's name. */
export function addSeveral<T extends OpType>(
  call: Call,
  opType: T,
  inputs: readonly (Value | null)[],
  attributes: Partial<OpAttributes[T]>,
  outputs: number,
): Node<T> {
  return call.builder.addNode(opType, inputs, attributes, { name: call.name, label: call.label, location: call.location, outputs });
}
/** Runs a body whose nodes are named after the call: for layers of many nodes. */
export const within = <R>(call: Call, body: () => R): R => call.builder.from({ name: call.name, location: call.location }, body);
/** A value as the call's result; `why` explains a size in messages. Sound when S is the type-level twin of the op's inference. */
export function result<S>(call: Call, value: Value, why: Pick<ValueOrigin, "sum" | "joins"> = {}): Tensor<S> {
  // A layer that changes nothing gives back its input, whose origin stays.
  if (!call.trace.origins.has(value)) {
    call.trace.origins.set(value, { label: call.label, location: call.location, ...why });
  }
  return tensorOf<S>(value);
}

/** Declares a learnt tensor or a buffer of a layer. Throws a CompileError on a name that is taken and on sizes that are no numbers. */
export function declare(call: Call, suffix: string, shape: Shape, init: Init, role: Parameter["role"] = "parameter"): Value {
  const { trace } = call;
  const name = suffix === "" ? call.name : `${call.name}.${suffix}`;
  const symbolic = shape.find((d) => typeof d !== "number");
  if (symbolic !== undefined) {
    const size = String(symbolic).includes("?") ? "not known" : `"${symbolic}"`;
    throw userError("symbolic-parameter", `${call.shown}: a size of ${name} is ${size}, but must be a number`, call.location, {
      help: "only the batch and the image's height and width can be symbols, not channels or features",
    });
  }
  const known = trace.parameters.get(name);
  const again = known !== undefined && trace.entered?.has(name) === false;
  trace.entered?.add(name);
  if (again && known.role === role && sameShape(known.value.type.shape, shape)) return known.value;
  const first = trace.declared.get(name);
  if (first !== undefined && again) {
    const [before, now] = [known.value.type.shape, shape].map(printShape);
    throw userError("shared-parameter", `${call.shown}: ${name} is ${now}, but the shared parameter is ${before}`, call.location, {
      notes: [{ message: "it was declared here", location: first }],
      help: "a shared scope has to do the same each time, on inputs of the same channels or features",
    });
  }
  if (first !== undefined) {
    throw userError("duplicate-parameter", `${call.shown}: the model has a parameter "${name}" already`, call.location, {
      notes: [{ message: "it was declared here", location: first }],
      help: "give one of the layers another name, or put each into a scope of its own; sharedScope uses the same weights again",
    });
  }
  const value = trace.builder.from({ name: call.name, location: call.location }, () =>
    trace.builder.input(name, { dtype: "float32", shape }),
  );
  trace.declared.set(name, call.location);
  trace.parameters.set(name, { name, value, role, init });
  trace.origins.set(value, { label: `the parameter "${name}"`, location: call.location });
  return value;
}
