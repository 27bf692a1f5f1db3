/** Builds a graph node by node; every node is checked and its types inferred as it is added. */

import { checkCall } from "./check-call.ts";
import { InternalError, userError } from "./diagnostic.ts";
import { type Dim, isUnknown } from "./dim.ts";
import type { DType } from "./dtype.ts";
import { type Graph, type Node, printType, type TensorType, type Value } from "./graph.ts";
import { nowhere, type SourceLocation } from "./location.ts";
import { type Call, RuleFault } from "./op-schema.ts";
import type { OpAttributes, OpType } from "./op-types.ts";
import { schemaOf } from "./ops/index.ts";
import { type Shape, sameShape, staticShape } from "./shape.ts";
import { numbersOf, type TensorData, tensorFrom } from "./tensor-data.ts";

/** Contents are known up to this many elements. */
export const maxKnownElements = 1024;

/** How a node is added. */
export interface NodeOptions {
  /** The node's name; made from the origin's and the op's when absent. */
  readonly name?: string;
  /** How many outputs, or the name of each, null for one that is not asked for. One when absent. */
  readonly outputs?: number | readonly (string | null)[];
  readonly location?: SourceLocation;
  /** What messages call the op: the DSL's name for it. The op's own when absent. */
  readonly label?: string;
}
/** On whose behalf nodes are added: their names begin with its name, and errors point at its line. */
export interface Origin {
  readonly name: string;
  readonly location: SourceLocation;
}

/** A graph in the making. */
export class GraphBuilder {
  readonly #nodes: Node[] = [];
  readonly #inputs: Value[] = [];
  readonly #outputs = new Set<Value>();
  readonly #initializers = new Map<Value, TensorData>();
  readonly #constants = new Map<string, Value>();
  /** What each name is taken for: sums of `takenBy`. One table, since graphs have many names. */
  readonly #names = new Map<string, number>();
  readonly #counters = new Map<string, number>();
  readonly #name: string;
  #origin: Origin = { name: "", location: nowhere };
  #unknowns = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Declares a graph input. */
  input(name: string, type: TensorType): Value {
    const value: Value = { name: this.#claim(name), type, producer: null, elements: null };
    for (const dim of type.shape) this.#passUnknown(dim);
    this.#inputs.push(value);
    return value;
  }
  /** Adds a tensor with its contents. */
  initializer(name: string, data: TensorData): Value {
    return this.#tensor(this.#claim(name), data);
  }
  /** Adds a tensor of another graph, under its name: what is known of it there is known here. */
  initializerLike({ name, type, elements }: Value, data: TensorData): Value {
    return this.#held({ name: this.#claim(name), type, elements }, data);
  }
  /** Adds a tensor that the compiler makes: its name gets a number behind it where it is taken. */
  tensor(name: string, data: TensorData): Value {
    return this.#tensor(this.#unique(name, takenBy.value, takenBy.value + takenBy.later), data);
  }
  /** A constant of numbers; equal constants are one value. Rank 0 unless a shape is given. */
  constant(dtype: DType, values: number | readonly number[], shape?: readonly number[]): Value {
    const list = typeof values === "number" ? [values] : values;
    const dims = shape ?? (typeof values === "number" ? [] : [list.length]);
    const key = `${dtype}[${dims.join()}]=${list.map((v) => (Object.is(v, -0) ? "-0" : v)).join()}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const value = this.tensor(list.length === 1 ? `const_${list[0]}` : "const", tensorFrom(dtype, dims, list));
    this.#constants.set(key, value);
    return value;
  }
  /** Makes a value an output of the graph, under its own name or another: it is renamed where it can be, else copied. */
  output(value: Value, name: string = value.name): Value {
    const renamed = name === value.name && !this.#outputs.has(value) ? value : this.#named(value, name);
    this.#outputs.add(renamed);
    return renamed;
  }
  /** Gives the output of a node another name. Throws a CompileError when it is taken. */
  rename(value: Value, name: string): void {
    if (value.name === name) return;
    this.#names.set(value.name, (this.#names.get(value.name) ?? 0) & ~takenBy.value);
    Object.assign(value, { name: this.#claim(name) });
  }
  /** Gives a value sizes that are known from elsewhere; before anything has read it. */
  refine(value: Value, shape: Shape): void {
    for (const dim of shape) this.#passUnknown(dim);
    Object.assign(value, { type: { dtype: value.type.dtype, shape } });
  }
  /** Keeps names for values and nodes that are added later under exactly these names: no name that is made up takes them. */
  reserve(names: Iterable<string>): void {
    for (const name of names) this.#take(name, takenBy.later);
  }
  /** The nodes added so far. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** Adds a node. Throws a CompileError when its inputs do not fit. */
  addNode<T extends OpType>(
    opType: T,
    inputs: readonly (Value | null)[],
    attributes: Partial<OpAttributes[T]> = {},
    options: NodeOptions = {},
  ): Node<T> {
    const location = options.location ?? this.#origin.location;
    const name = options.name === undefined ? this.#madeUpName(opType) : this.#unique(options.name, takenBy.node);
    const wanted = options.outputs ?? 1;
    const outputNames = typeof wanted === "number" ? Array.from({ length: wanted }, (_, i) => (i === 0 ? name : `${name}:${i}`)) : wanted;
    try {
      const checked = checkCall(opType, inputs, attributes, outputNames.length);
      const call: Call<T> = { opType, ...checked, outputCount: outputNames.length, unknown: () => `?${this.#unknowns++}` };
      const types = schemaOf(opType).infer(call);
      const contents = this.#contents(call, types);
      const node: Node<T> = { opType, name, inputs: checked.inputs, attributes: checked.attributes, location, outputs: [] };
      const outputs = outputNames.map((outputName, i) => this.#produced(node, outputName, types[i], contents[i] ?? null));
      const finished: Node<T> = Object.assign(node, { outputs });
      this.#nodes.push(finished);
      return finished;
    } catch (error) {
      throw this.#explained(error, options.label ?? opType, options.name ?? this.#origin.name, inputs, location);
    }
  }
  /**
   * Adds a node like one of another graph, under the same names, with other inputs. What a node makes follows from its attributes and from
   * what is known of its inputs: where that is the same, so is what is known of its outputs. Throws a CompileError when the inputs do not fit.
   */
  addLike<T extends OpType>(node: Node<T>, inputs: readonly (Value | null)[]): Node<T> {
    const { opType, attributes, location } = node;
    if (!knowsTheSame(node, inputs))
      return this.addNode(opType, inputs, attributes, { name: node.name, outputs: node.outputs.map((v) => v?.name ?? null), location });
    const copy: Node<T> = { opType, name: this.#unique(node.name, takenBy.node), inputs, attributes, location, outputs: [] };
    const outputs = node.outputs.map((v) => (v === null ? null : { ...v, name: this.#unique(v.name, takenBy.value), producer: copy }));
    const finished: Node<T> = Object.assign(copy, { outputs });
    this.#nodes.push(finished);
    return finished;
  }
  /** Adds a node and gives its first output. */
  add<T extends OpType>(opType: T, inputs: readonly (Value | null)[], attributes?: Partial<OpAttributes[T]>, options?: NodeOptions): Value {
    const [first] = this.addNode(opType, inputs, attributes, options).outputs;
    if (first === null || first === undefined) throw new InternalError(`${opType} was added without its first output`);
    return first;
  }
  /** Adds a node and gives its first n outputs. */
  addMany<T extends OpType>(
    opType: T,
    inputs: readonly (Value | null)[],
    attributes: Partial<OpAttributes[T]>,
    n: number,
  ): readonly Value[] {
    return this.addNode(opType, inputs, attributes, { outputs: n }).outputs.filter((v) => v !== null);
  }

  /** Runs a function whose nodes are added on behalf of an origin. */
  from<R>(origin: Origin, body: () => R): R {
    const outer = this.#origin;
    this.#origin = { name: origin.name, location: origin.location };
    try {
      return body();
    } finally {
      this.#origin = outer;
    }
  }

  /** The finished graph. */
  build(): Graph {
    return {
      name: this.#name,
      inputs: [...this.#inputs],
      outputs: [...this.#outputs],
      nodes: [...this.#nodes],
      initializers: new Map(this.#initializers),
    };
  }

  #tensor(name: string, data: TensorData): Value {
    const { dtype, shape } = data;
    return this.#held({ name, type: { dtype, shape }, elements: data.data.length <= maxKnownElements ? numbersOf(data) : null }, data);
  }
  #held(known: Pick<Value, "name" | "type" | "elements">, data: TensorData): Value {
    const value: Value = { ...known, producer: null };
    this.#initializers.set(value, data);
    return value;
  }
  /** The value under another name: itself where it is a node's and no output yet, else a copy. */
  #named(value: Value, name: string): Value {
    if (value.producer === null || this.#outputs.has(value)) return this.add("Identity", [value], {}, { outputs: [name] });
    this.rename(value, name);
    return value;
  }
  #madeUpName(opType: OpType): string {
    const stem = this.#origin.name === "" ? opType : `${this.#origin.name}/${opType}`;
    return this.#unique(stem, takenBy.node, takenBy.node + takenBy.later);
  }
  /** Sizes that are unknown already must differ from those still to come. */
  #passUnknown(dim: Dim): void {
    if (typeof dim !== "string") return;
    for (const [, n] of dim.matchAll(/\?(\d+)/g)) this.#unknowns = Math.max(this.#unknowns, Number(n) + 1);
  }

  #contents<T extends OpType>(call: Call<T>, types: readonly TensorType[]): readonly (readonly Dim[] | null)[] {
    const { evaluate } = schemaOf(call.opType);
    return evaluate === "none" || !types.every(hasFewElements) ? [] : evaluate(call);
  }
  #produced(producer: Node, name: string | null, type: TensorType | undefined, elements: readonly Dim[] | null): Value | null {
    if (name === null) return null;
    if (type === undefined) throw new InternalError(`${producer.opType} infers no type for an output that is asked for`);
    const size = type.shape.find((d) => typeof d === "number" && !(Number.isSafeInteger(d) && d >= 0));
    if (size !== undefined) throw new RuleFault("impossible-size", `the output would be ${printType(type)}, with an axis of size ${size}`);
    // Most ops keep the type of what they read, and then the object too.
    const same = producer.inputs.find(
      (input) => input !== null && input.type.dtype === type.dtype && sameShape(input.type.shape, type.shape),
    );
    return { name: this.#unique(name, takenBy.value), type: same?.type ?? type, producer, elements };
  }
  #explained(error: unknown, label: string, name: string, inputs: readonly (Value | null)[], location: SourceLocation): unknown {
    if (!(error instanceof RuleFault)) return error;
    const where = name === "" ? label : `${label} "${name}"`;
    const notes = inputs.flatMap((v) =>
      v === null ? [] : [{ message: `input "${v.name}" is ${printType(v.type)}`, location: v.producer?.location ?? nowhere }],
    );
    return userError(error.code, `${where}: ${error.message}`, location, {
      notes,
      ...(error.help === undefined ? {} : { help: error.help }),
    });
  }
  /** A name that is the caller's to choose. Throws a CompileError when it is taken. */
  #claim(name: string): string {
    if (this.#isTaken(name, takenBy.value))
      throw userError("duplicate-name", `the graph has two values named "${name}"`, this.#origin.location, {
        help: "give one of them another name",
      });
    this.#take(name, takenBy.value);
    return name;
  }
  /** The name, or with a number behind it where it is taken for one of what is to be avoided. */
  #unique(name: string, kind: number, avoided: number = kind): string {
    let unique = name;
    for (let i = this.#counters.get(name) ?? 1; this.#isTaken(unique, avoided); i++) {
      unique = `${name}_${i}`;
      this.#counters.set(name, i + 1);
    }
    this.#take(unique, kind);
    return unique;
  }
  #isTaken(name: string, kinds: number): boolean {
    return ((this.#names.get(name) ?? 0) & kinds) !== 0;
  }
  #take(name: string, kind: number): void {
    this.#names.set(name, (this.#names.get(name) ?? 0) | kind);
  }
}

/** True for a tensor whose elements may be known; one of no elements has none of them for whatever the other sizes are. */
function hasFewElements({ shape }: TensorType): boolean {
  const sizes = staticShape(shape);
  return sizes === null ? shape.includes(0) : sizes.reduce((n, d) => n * d, 1) <= maxKnownElements;
}
/**
 * True when what is known of a node's outputs would be known too if it had these inputs. Where a size is unknown it would not: each
 * graph numbers those that it has.
 */
export const knowsTheSame = ({ inputs, outputs }: Node, others: readonly (Value | null)[]): boolean =>
  inputs.length === others.length && inputs.every((v, i) => isAlike(v, others[i] ?? null)) && !outputs.some(hasUnknown);
function isAlike(a: Value | null, b: Value | null): boolean {
  if (a === null || b === null || a === b) return a === b;
  const isOneType = a.type === b.type || (a.type.dtype === b.type.dtype && sameShape(a.type.shape, b.type.shape));
  return isOneType && (a.elements === b.elements || (a.elements !== null && b.elements !== null && sameElements(a.elements, b.elements)));
}
const sameElements = (a: readonly Dim[], b: readonly Dim[]): boolean => a.length === b.length && a.every((e, i) => Object.is(e, b[i]));
const hasUnknown = (value: Value | null): boolean =>
  value !== null && (value.type.shape.some(isUnknown) || (value.elements?.some(isUnknown) ?? false));

/** What has a name: a value, a node, or what will be added later. */
const takenBy = { value: 1, node: 2, later: 4 } as const;
