/**
 * Graphs as text, for people and for tests; `parseGraph` reads it back exactly.
 *
 *   SimpleCNN(input: float32[N, 3, 32, 32]) -> (logits: float32[N, 10]) {
 *     conv1.bias = float32[2] {0.5, -1}
 *     %conv1 = Conv(input, conv1.weight, conv1.bias) {pads = [1, 1, 1, 1]} : float32[N, 16, 32, 32]  # my-net.ts:8:18
 *   }
 *
 * Values that nodes make begin with "%". A node's own name stands behind its op where it is not that of its first output. Attributes at
 * their defaults are left out, as are trailing inputs; "_" stands for an input or output that is not there.
 */
import { attributesOf, isDefault } from "./attributes.ts";
import type { Dim } from "./dim.ts";
import { dtypes } from "./dtype.ts";
import type { Graph, Node, TensorType, Value } from "./graph.ts";
import { printLocation } from "./location.ts";
import type { AttributeValue } from "./op-signature.ts";
import { signatures } from "./op-types.ts";
import { bytesOf, numbersOf, shortestFloat32, type TensorData, tensorFrom } from "./tensor-data.ts";

/** What is printed. */
export interface PrintOptions {
  /** "all" prints every tensor whole, large ones in base64; "small" prints `{...}` in place of large ones, which cannot be read back. */
  readonly weights?: "all" | "small";
  /** Whether the user's source lines are printed; they are when absent. */
  readonly locations?: boolean;
}

/** Tensors up to this many elements are printed as numbers. */
const inlineElements = 16;

/** The text of a graph. */
export function printGraph(graph: Graph, options: PrintOptions = {}): string {
  return `${graphText(graph, options, "")}\n`;
}

function graphText(graph: Graph, options: PrintOptions, indent: string): string {
  const typed = (value: Value): string => `${printName(value.name)}: ${typeText(value.type)}`;
  const inner = `${indent}  `;
  return [
    `${printName(graph.name)}(${graph.inputs.map(typed).join(", ")}) -> (${graph.outputs.map(typed).join(", ")}) {`,
    ...[...graph.initializers].map(([value, data]) => `${inner}${printName(value.name)} = ${tensorText(data, options)}`),
    ...graph.nodes.map((node) => inner + nodeText(node, options, inner)),
    `${indent}}`,
  ].join("\n");
}

function nodeText(node: Node, options: PrintOptions, indent: string): string {
  const outputs = node.outputs.map(reference);
  const first = node.outputs.find((value) => value !== null);
  const name = node.name === first?.name ? "" : ` ${JSON.stringify(node.name)}`;
  const attributes = attributeTexts(node, options, indent);
  const types = node.outputs.map((value) => (value === null ? "_" : typeText(value.type)));
  const place = options.locations === false ? "" : printLocation(node.location);
  return [
    `${outputs.join(", ")} = ${node.opType}${name}(${node.inputs.map(reference).join(", ")})`,
    ...(attributes.length === 0 ? [] : [`{${attributes.join(", ")}}`]),
    `: ${types.join(", ")}`,
    ...(place === "" ? [] : [` # ${place}`]),
  ].join(" ");
}
const reference = (value: Value | null): string => (value === null ? "_" : `${value.producer === null ? "" : "%"}${printName(value.name)}`);

const attributeTexts = (node: Node, options: PrintOptions, indent: string): readonly string[] =>
  [...printAttributes(node, options, indent)].map(([name, text]) => `${name} = ${text}`);

/** The texts of a node's attributes by name, without those at their defaults. */
export function printAttributes(node: Node, options: PrintOptions = {}, indent = ""): ReadonlyMap<string, string> {
  const schema = signatures[node.opType].versions.at(-1)?.attributes ?? {};
  const stated = Object.entries(attributesOf(node)).filter(([name, value]) => !isDefault(value, schema[name]?.default));
  return new Map(stated.map(([name, value]) => [name, attributeText(value, options, indent)]));
}
function attributeText(value: AttributeValue, options: PrintOptions, indent: string): string {
  if (typeof value === "number") return printNumber(value);
  if (typeof value === "string") return JSON.stringify(value);
  if ("data" in value) return tensorText(value, options);
  if ("nodes" in value) return graphText(value, options, indent);
  return `[${value.map((v) => (typeof v === "number" ? printNumber(v) : JSON.stringify(v))).join(", ")}]`;
}

/** A type with every size as it is, unknown ones under their names. */
const typeText = ({ dtype, shape }: TensorType): string => `${dtype}[${shape.join(", ")}]`;

function tensorText(tensor: TensorData, { weights = "all" }: PrintOptions): string {
  const head = typeText(tensor);
  if (!ArrayBuffer.isView(tensor.data)) return `${head} {${tensor.data.map((text) => JSON.stringify(text)).join(", ")}}`;
  if (tensor.data.length <= inlineElements) {
    const texts = elementTexts(tensor);
    if (texts !== null) return `${head} {${texts.join(", ")}}`;
  }
  if (weights === "small") return `${head} {...}`;
  const bytes = bytesOf(tensor);
  return `${head} "${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")}"`;
}
/** The elements as texts that say them exactly, or null where decimals cannot (a NaN with a payload). */
function elementTexts(tensor: TensorData): readonly string[] | null {
  const { dtype, shape, data } = tensor;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Array.from(data, String);
  const numbers = numbersOf(tensor) ?? [];
  if (dtypes[dtype].kind !== "float") return numbers.map(String);
  // A number may carry a NaN's payload along, which its text does not.
  const short = numbers.map((v) => (Number.isNaN(v) ? Number.NaN : dtype === "float64" ? v : shortestFloat32(v)));
  const exact = Buffer.compare(bytesOf(tensor), bytesOf(tensorFrom(dtype, shape, short))) === 0;
  return exact ? short.map(printNumber) : null;
}

/** A number's text: `inf`, `-inf` and `nan` as Python has them, and -0 with its sign. */
const printNumber = (value: Dim): string =>
  Object.is(value, -0) ? "-0" : value === Infinity ? "inf" : value === -Infinity ? "-inf" : Number.isNaN(value) ? "nan" : String(value);

/** The texts that names have without quotes: no separator within, but a number behind a colon. */
const bareName = /^(?!_$|->$)[^\s"(){}[\],:=%#]+(?::\d+)*$/;
const printName = (name: string): string => (bareName.test(name) ? name : JSON.stringify(name));
