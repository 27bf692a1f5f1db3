/** Rebuilds the graph of an ONNX file through the builder: every node is checked, its form brought up to date and its types inferred. */
import { GraphBuilder } from "../ir/builder.ts";
import { type Graph, printType, type TensorType, type Value } from "../ir/graph.ts";
import { locationAt, nowhere, type SourceLocation } from "../ir/location.ts";
import { microsoftDomain } from "../ir/microsoft-ops.ts";
import { isOpType, signatures } from "../ir/op-types.ts";
import { fault, ModelFault, unsupported } from "./model-fault.ts";
import { addModernNode } from "./modern-node.ts";
import type { GraphProto, NodeProto, TensorProto, ValueInfoProto } from "./proto/onnx.generated.ts";
import { writable } from "./proto/wire.ts";
import { fromAttributeProto } from "./read-attribute.ts";
import { fromTensorProto, type TensorReading } from "./read-tensor.ts";
import { type DimReader, dimReader, fromTypeProto, mergeTypes, printDeclared } from "./read-type.ts";

/** What of a model file bears on its graph. */
export interface GraphReading extends TensorReading {
  readonly opset: number;
  /** Takes what is odd about the file, and no reason to refuse it. */
  warn(message: string): void;
}

/** The state of reading one graph. */
interface Reading extends GraphReading {
  readonly b: GraphBuilder;
  readonly graph: GraphProto;
  readonly readDim: DimReader;
  /** Values by their names in the file. */
  readonly values: Map<string, Value>;
  /** Types that the file tells of values, beside inputs. */
  readonly declared: ReadonlyMap<string, ValueInfoProto>;
}

/** The graph of a file; the file's nodes are let go of on the way. Throws a ModelFault or CompileError on one that is not sound, or that uses what striate does not know. */
export function readGraph(graph: GraphProto, options: GraphReading): Graph {
  refuseUnknownOps(graph);
  checkOrder(graph);
  if (graph.sparseInitializer !== undefined)
    throw unsupported(
      `the graph has ${graph.sparseInitializer.length} sparse initializers, which striate does not take`,
      "make them dense",
    );
  const b = new GraphBuilder(graph.name === undefined || graph.name === "" ? "graph" : graph.name);
  b.reserve(namesIn(graph));
  const declared = new Map([...(graph.valueInfo ?? []), ...(graph.output ?? [])].map((info) => [info.name ?? "", info]));
  const reading: Reading = { ...options, b, graph, readDim: dimReader(), values: new Map(), declared };
  readInputs(reading);
  for (const node of takeNodes(graph)) readNode(reading, node);
  readOutputs(reading);
  return b.build();
}

/** The nodes, each let go of once it is taken: those of the file and those of the graph are not all in memory at once. */
function* takeNodes(graph: GraphProto): Iterable<NodeProto> {
  const rest = [...(graph.node ?? [])].reverse();
  writable(graph).node = undefined;
  for (let node = rest.pop(); node !== undefined; node = rest.pop()) yield node;
}

function* namesIn(graph: GraphProto): Iterable<string> {
  for (const { name } of [...(graph.input ?? []), ...(graph.initializer ?? [])]) if (name !== undefined) yield name;
  for (const node of graph.node ?? []) {
    yield* node.output ?? [];
    if (node.name !== undefined) yield node.name;
  }
}

/** Inputs and initializers. Before version 4 of the format every initializer was an input too; it is a constant all the same. */
function readInputs(reading: Reading): void {
  const { b, graph, values } = reading;
  const initializers = new Map<string, TensorProto>();
  for (const tensor of graph.initializer ?? []) {
    const { name = "" } = tensor;
    if (initializers.has(name)) throw fault(`two initializers have the name "${name}"`);
    initializers.set(name, tensor);
  }
  for (const info of graph.input ?? []) {
    const { name = "" } = info;
    if (values.has(name)) throw fault(`two inputs have the name "${name}"`);
    const value = initializers.has(name) ? null : b.input(name, inputType(info, reading));
    if (value !== null) bind(reading, name, value);
  }
  const inputs = new Map((graph.input ?? []).map((info) => [info.name ?? "", info]));
  for (const [name, tensor] of initializers) {
    if (name === "") throw fault("an initializer has no name");
    const value = b.initializer(name, fromTensorProto(tensor, reading));
    const info = inputs.get(name);
    if (info !== undefined) merged(reading, value.type, info, `initializer "${name}"`);
    values.set(name, value);
  }
}
function inputType(info: ValueInfoProto, { readDim }: Reading): TensorType {
  const { name = "" } = info;
  if (name === "") throw fault("an input has no name");
  const { dtype, shape } = fromTypeProto(info.type, `input "${name}"`, readDim);
  if (shape === null) throw unsupported(`input "${name}" has no shape`, "give it one; sizes that vary get a name");
  // A size that the file does not tell is the same at every place of one run: a symbol.
  if (dtype === null) throw fault(`input "${name}" has no element type`);
  return { dtype, shape: shape.map((dim, axis) => dim ?? readDim(`${name}_${axis}`) ?? `${axis}`) };
}
/**
 * The type of a value, with the file's sizes where inference cannot know them. Exporters get the shapes of outputs wrong, and runtimes
 * only warn of that, as is done here; any other contradiction is an error.
 */
function merged({ readDim, warn, graph }: Reading, type: TensorType, info: ValueInfoProto, what: string): TensorType {
  const declared = fromTypeProto(info.type, what, readDim);
  const merge = mergeTypes(type, declared);
  if (merge.clash !== "none") {
    const message = `${what} is ${printType(type)}, but the file declares it as ${printDeclared(declared)}`;
    if (merge.clash === "dtype" || graph.output?.includes(info) !== true) throw fault(message);
    warn(message);
  }
  return merge.type;
}

function readNode(reading: Reading, proto: NodeProto): void {
  const { b, values, opset } = reading;
  const opType = proto.opType ?? "";
  const what = titleOf(proto);
  if (!isOpType(opType)) throw fault(`${what} is of no op`);
  const inputs = (proto.input ?? []).map((name) => values.get(name) ?? null);
  const outputs = proto.output ?? [];
  const attributes = attributesFrom(reading, proto, what);
  const results = addModernNode(
    b,
    {
      opType,
      opset,
      inputs,
      attributes,
      name: proto.name ?? "",
      location: locationOf(proto),
      outputCount: outputs.length,
    },
    outputs.map((name) => (name === "" ? null : name)),
  );
  outputs.forEach((name, i) => {
    if (name !== "") bind(reading, name, results[i] ?? noOutput(what, i, name));
  });
}
function noOutput(what: string, i: number, name: string): never {
  throw unsupported(`${what} has no output ${i} ("${name}") in today's form of the op`);
}
/** Lets a name of the file mean a value. The value takes the name, unless it has one of the file's already or is no node's. */
function bind(reading: Reading, name: string, value: Value): void {
  const { b, values, declared } = reading;
  const free = values.get(value.name) !== value;
  values.set(name, value);
  if (free && value.producer !== null) b.rename(value, name);
  const info = declared.get(name);
  if (info?.type === undefined) return;
  const { shape } = merged(reading, value.type, info, `"${name}"`);
  if (free && value.producer !== null && shape.some((d, i) => d !== value.type.shape[i])) b.refine(value, shape);
}

function attributesFrom(reading: Reading, proto: NodeProto, what: string): Readonly<Record<string, ReturnType<typeof fromAttributeProto>>> {
  const out = new Map<string, ReturnType<typeof fromAttributeProto>>();
  for (const attribute of proto.attribute ?? []) {
    const { name = "" } = attribute;
    if (out.has(name)) throw fault(`${what} has two attributes "${name}"`);
    out.set(name, fromAttributeProto(attribute, reading, what));
  }
  return Object.fromEntries(out);
}

const locationText = /^(?:striate\.location )?(.+):(\d+):(\d+)$/;
/** The line of the user's source that striate wrote into the node. */
function locationOf(proto: NodeProto): SourceLocation {
  const written = proto.metadataProps?.find(({ key }) => key === "striate.location")?.value;
  const text = written ?? (proto.docString?.startsWith("striate.location ") ? proto.docString : "");
  const [, file, line, column] = locationText.exec(text) ?? [];
  return file === undefined ? nowhere : locationAt(file, Number(line), Number(column));
}

const titleOf = ({ opType = "", name, output }: NodeProto): string => `${opType} "${name ?? output?.[0] ?? ""}"`;

/** Refuses nodes that read what is not made before them, or make what is: before the first node is built, since a graph takes more room than its file. */
function checkOrder(graph: GraphProto): void {
  const made = new Set([...(graph.input ?? []), ...(graph.initializer ?? [])].map(({ name = "" }) => name));
  made.add("");
  for (const node of graph.node ?? []) {
    for (const name of node.input ?? []) if (!made.has(name)) throw missing(graph, node, name);
    for (const name of node.output ?? []) {
      if (name !== "" && made.has(name)) throw fault(`${titleOf(node)} makes "${name}", a name that is taken already`);
      made.add(name);
    }
  }
}
/** Why a name means nothing yet: nothing makes it, or a node further down does. */
function missing({ node: nodes = [] }: GraphProto, reader: NodeProto, name: string): Error {
  const makers = new Map(nodes.flatMap((node) => (node.output ?? []).map((output) => [output, node] as const)));
  const what = titleOf(reader);
  const maker = makers.get(name);
  if (maker === undefined) return fault(`${what} reads "${name}", which no input, initializer or node makes`);
  const later = `${maker.opType ?? ""} "${maker.name ?? ""}"`;
  return dependsOn(maker, reader, makers)
    ? fault(`${what} reads "${name}", which is made from its own output: the graph has a cycle`)
    : fault(`${what} reads "${name}", which ${later} makes further down: the nodes are not in topological order`, "sort the nodes");
}
/** True when what a node computes depends on what another one does. */
function dependsOn(node: NodeProto, other: NodeProto, makers: ReadonlyMap<string, NodeProto>): boolean {
  const seen = new Set<NodeProto>([node]);
  // A set gives what is added while it is walked.
  for (const { input = [] } of seen) {
    for (const name of input) {
      const maker = name === "" ? undefined : makers.get(name);
      if (maker !== undefined) seen.add(maker);
    }
  }
  return seen.has(other);
}

function readOutputs({ b, graph, values }: Reading): void {
  const seen = new Set<string>();
  for (const { name = "" } of graph.output ?? []) {
    const value = values.get(name);
    if (value === undefined) throw fault(`the output "${name}" is made by nothing`);
    if (seen.has(name)) throw fault(`two outputs have the name "${name}"`);
    seen.add(name);
    if (value.name === name) b.output(value);
    else b.output(b.add("Identity", [value], {}, { outputs: [name] }));
  }
}

/** The domains whose ops files may use; the compiler's own ops never leave it. */
const written: ReadonlySet<string> = new Set(["", microsoftDomain]);
function refuseUnknownOps(graph: GraphProto): void {
  const counts = new Map<string, number>();
  for (const { opType = "", domain = "" } of graph.node ?? []) {
    const own = domain === "ai.onnx" ? "" : domain;
    if (isOpType(opType) && signatures[opType].domain === own && written.has(own)) continue;
    const name = own === "" ? opType : `${own}::${opType}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  if (counts.size === 0) return;
  const list = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([name, n]) => `${name} (${n})`);
  const shown = list.length > 20 ? [...list.slice(0, 20), `${list.length - 20} more`] : list;
  throw new ModelFault("unknown-op", `the graph uses ops that striate does not know: ${shown.join(", ")}`);
}
