/** Checks every invariant of a graph: what a pass, an importer or a caller could get wrong. */
import { attributesOf } from "./attributes.ts";
import { maxKnownElements } from "./builder.ts";
import { checkCall } from "./check-call.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { type Dim, isUnknown } from "./dim.ts";
import { type Graph, type Node, printType, type TensorType, type Value } from "./graph.ts";
import { nowhere, type SourceLocation } from "./location.ts";
import { type Call, RuleFault } from "./op-schema.ts";
import type { OpAttributes, OpType } from "./op-types.ts";
import { schemaOf } from "./ops/index.ts";
import { elementCount } from "./shape.ts";
import { numbersOf, type TensorData } from "./tensor-data.ts";

type Report = (message: string, location?: SourceLocation) => void;

/** What is wrong with a graph: nothing when it is sound. */
export function verify(graph: Graph): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  const report: Report = (message, location = nowhere) => {
    found.push({ severity: "error", code: "invalid-graph", message, location, notes: [], help: undefined });
  };
  const known = new Set<Value>([...graph.inputs, ...graph.initializers.keys()]);
  if (known.size !== graph.inputs.length + graph.initializers.size) report("a value is twice among the inputs and initializers");
  for (const value of known) if (value.producer !== null) report(`"${value.name}" is an input or initializer, and has a producer`);
  for (const value of graph.inputs) if (value.elements !== null) report(`the input "${value.name}" has known contents`);
  for (const [value, data] of graph.initializers) verifyInitializer(value, data, report);
  for (const node of graph.nodes) verifyNode(node, known, report);
  for (const value of graph.outputs) if (!known.has(value)) report(`the output "${value.name}" is no value of the graph`);
  verifyNames(
    "value",
    [...known].map((value) => value.name),
    report,
  );
  verifyNames(
    "node",
    graph.nodes.map((node) => node.name),
    report,
  );
  verifyNames(
    "output",
    graph.outputs.map((value) => value.name),
    report,
  );
  return found;
}

function verifyNames(what: string, names: readonly string[], report: Report): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (name === "") report(`a ${what} has no name`);
    if (seen.has(name)) report(`two ${what}s have the name "${name}"`);
    seen.add(name);
  }
}

function verifyInitializer(value: Value, data: TensorData, report: Report): void {
  if (printType(value.type) !== printType(data))
    report(`the initializer "${value.name}" is ${printType(value.type)}, and its contents are ${printType(data)}`);
  const count = data.shape.reduce((product, d) => product * d, 1);
  if (data.data.length !== count)
    report(`the initializer "${value.name}" holds ${data.data.length} elements, and its shape asks for ${count}`);
  const elements = count <= maxKnownElements ? numbersOf(data) : null;
  if (!sameElements(value.elements, elements)) report(`the known contents of the initializer "${value.name}" are not its data`);
}

/** Checks a node and makes its outputs known. */
function verifyNode(node: Node, known: Set<Value>, report: Report): void {
  const what = `${node.opType} "${node.name}"`;
  const complain: Report = (message) => report(`${what} ${message}`, node.location);
  for (const value of node.inputs) {
    if (value !== null && !known.has(value)) complain(`reads "${value.name}", which nothing before it makes`);
  }
  for (const value of node.outputs) {
    if (value === null) continue;
    if (value.producer !== node) complain(`makes "${value.name}", whose producer is another node`);
    if (known.has(value)) complain(`makes "${value.name}", which is there already`);
    known.add(value);
  }
  try {
    verifyCall(node, complain);
  } catch (error) {
    if (!(error instanceof RuleFault)) throw error;
    complain(`breaks the rules of its op: ${error.message}`);
  }
}
function verifyCall<T extends OpType>(node: Node<T>, complain: Report): void {
  const { opType, inputs, attributes, outputs } = node;
  const checked = checkCall(opType, inputs, partial(attributes), outputs.length);
  if (checked.inputs.length !== inputs.length) complain("has inputs at its end that are not there");
  const given = attributesOf(node);
  const missing = Object.keys(checked.attributes).find((name) => given[name] === undefined);
  if (missing !== undefined) complain(`lacks the default of its attribute "${missing}"`);
  let unknowns = 0;
  const call: Call<T> = { opType, inputs, attributes, outputCount: outputs.length, unknown: () => `?verify${unknowns++}` };
  const schema = schemaOf(opType);
  const types = schema.infer(call);
  outputs.forEach((value, i) => {
    if (value !== null && !sameType(value.type, types[i]))
      complain(
        `makes "${value.name}", which is ${printType(value.type)}, and inference says ${types[i] === undefined ? "nothing" : printType(types[i])}`,
      );
  });
  const few = types.every(({ shape }) => withinKnown(elementCount(shape)));
  const contents = schema.evaluate === "none" || !few ? [] : schema.evaluate(call);
  outputs.forEach((value, i) => {
    if (value !== null && !sameElements(value.elements, contents[i] ?? null))
      complain(`makes "${value.name}", whose known contents are not what the op computes`);
  });
}
const withinKnown = (count: Dim): boolean => typeof count === "number" && count <= maxKnownElements;
/** Attributes that are complete are a partial set, too. */
const partial = <T extends OpType>(attributes: OpAttributes[T]): Partial<OpAttributes[T]> => attributes;

/** True when a type is the inferred one; sizes that inference cannot know may be known from elsewhere. */
const sameType = (type: TensorType, inferred: TensorType | undefined): boolean =>
  inferred !== undefined &&
  type.dtype === inferred.dtype &&
  type.shape.length === inferred.shape.length &&
  type.shape.every((d, i) => d === inferred.shape[i] || isUnknown(inferred.shape[i] ?? 0));

function sameElements(actual: readonly Dim[] | null, wanted: readonly Dim[] | null): boolean {
  if (actual === null || wanted === null) return actual === wanted;
  return actual.length === wanted.length && actual.every((e, i) => Object.is(e, wanted[i]) || isUnknown(wanted[i] ?? 0));
}
