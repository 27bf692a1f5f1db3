/** Converts a graph's arithmetic from float32 to float16, with a list of what stays. */
import { GraphBuilder } from "../ir/builder.ts";
import { parameterAt } from "../ir/check-call.ts";
import { InternalError } from "../ir/diagnostic.ts";
import { dtypes } from "../ir/dtype.ts";
import type { Graph, Node, Value } from "../ir/graph.ts";
import { versionAt } from "../ir/op-signature.ts";
import { signatures } from "../ir/op-types.ts";
import { numbersOf, type TensorData, tensorFrom } from "../ir/tensor-data.ts";
import type { Applied, PassResult, Skipped } from "./rewrite.ts";

/** What is converted. */
export interface Float16Options {
  /** The opset that the graph is written for, whose ops say what takes float16. */
  readonly opset: number;
  /** True for the nodes that stay in float32. None when absent. */
  readonly keep?: (node: Node) => boolean;
  /** The type of the graph's inputs and outputs: "float32", with a Cast at each, when absent. */
  readonly io?: "float32" | "float16";
}
type Precision = "float32" | "float16";
/** The largest number that float16 has. */
const largest = 65504;

/**
 * The graph with float32 tensors in float16 wherever an op takes them. A node stays in float32, with its reason in `skipped`, where the
 * options say so, where the op has no float16 form, and where one of its constants is too large. Casts stand where the two meet.
 */
export function toFloat16(graph: Graph, options: Float16Options): PassResult {
  const { io = "float32" } = options;
  const b = new GraphBuilder(graph.name);
  const versions = versionsIn(b, graph, io);
  const outputs = new Set(graph.outputs);
  const applied: Applied[] = [];
  const skipped: Skipped[] = [];
  for (const node of graph.nodes) {
    const reason = reasonToKeep(node, graph, options);
    const note = { rule: "to-float16", node: node.name, location: node.location };
    if (reason === null) applied.push(note);
    else if (reason !== "no float") skipped.push({ ...note, reason });
    const takes = (i: number): Precision => (reason === null && takesHalf(node, i, options.opset) ? "float16" : "float32");
    const inputs = node.inputs.map((v, i) => (v === null ? null : versions.of(v, takes(i))));
    const castFollows = reason === null && io === "float32";
    const names = node.outputs.map((v) =>
      v === null ? null : castFollows && isSingle(v) && outputs.has(v) ? `${v.name}.float16` : v.name,
    );
    const copy = b.addNode(node.opType, inputs, node.attributes, { name: node.name, location: node.location, outputs: names });
    node.outputs.forEach((old, i) => {
      const made = copy.outputs[i];
      if (old !== null && made) versions.learn(old, made);
    });
  }
  for (const output of graph.outputs) b.output(versions.of(output, io), output.name);
  return { graph: b.build(), applied, skipped };
}
const isSingle = ({ type }: Value): boolean => type.dtype === "float32";

/** Why a node stays in float32; "no float" for one that has nothing to convert; null where it is converted. */
function reasonToKeep(node: Node, graph: Graph, { keep, opset }: Float16Options): string | null {
  const floats = node.inputs.flatMap((v, i) => (v !== null && isSingle(v) ? [i] : []));
  if (floats.length === 0) return "no float";
  if (keep?.(node) === true) return "it is on the list of what stays in float32";
  if (!floats.some((i) => takesHalf(node, i, opset))) return `${node.opType} has no float16 form`;
  for (const i of floats) {
    const value = node.inputs[i];
    const tensor = value ? graph.initializers.get(value) : undefined;
    const wide = tensor === undefined ? undefined : tooLarge(tensor);
    if (value && wide !== undefined && takesHalf(node, i, opset)) return `"${value.name}" holds ${wide}, and float16 ends at ${largest}`;
  }
  return null;
}
function tooLarge(tensor: TensorData): number | undefined {
  const { data } = tensor;
  if (!(data instanceof Float32Array)) return undefined;
  // Rounded to float16, this and what is larger become infinite.
  return data.find((v) => Number.isFinite(v) && Math.abs(v) >= largest + 16);
}
/** True when an op's signature lets an input be float16. */
function takesHalf(node: Node, index: number, opset: number): boolean {
  const version = versionAt(signatures[node.opType], opset);
  const parameter = version === undefined ? undefined : parameterAt(version.inputs, index);
  return parameter !== undefined && (version?.types[parameter.type]?.includes("float16") ?? false);
}

/** The values of the new graph that stand for each of the old one's, in either precision. */
interface Versions {
  /** A value in a precision where it is a float32 in the old graph, and as it is otherwise; a Cast or a converted constant where needed. */
  of(old: Value, precision: Precision): Value;
  learn(old: Value, made: Value): void;
}
function versionsIn(b: GraphBuilder, graph: Graph, io: Precision): Versions {
  const made = new Map<Value, Map<string, Value>>();
  const learn = (old: Value, value: Value): void => {
    const known = made.get(old) ?? new Map<string, Value>();
    made.set(old, known.set(value.type.dtype, value));
  };
  b.reserve(graph.nodes.flatMap((node) => [node.name, ...node.outputs.flatMap((v) => (v === null ? [] : [v.name]))]));
  for (const input of graph.inputs) {
    learn(input, b.input(input.name, isSingle(input) ? { ...input.type, dtype: io } : input.type));
  }
  const of = (old: Value, precision: Precision): Value => {
    const known = made.get(old);
    const exact = known?.get(isSingle(old) ? precision : old.type.dtype);
    if (exact !== undefined) return exact;
    const data = graph.initializers.get(old);
    const value = data === undefined ? castFrom(b, known?.values().next().value, old, precision) : constant(b, old, data, precision);
    learn(old, value);
    return value;
  };
  return { of, learn };
}
function castFrom(b: GraphBuilder, other: Value | undefined, old: Value, precision: Precision): Value {
  if (other === undefined) throw new InternalError(`"${old.name}" is used before it is made`);
  return b.add("Cast", [other], { to: dtypes[precision].onnx }, { name: `${old.name}/to_${precision}` });
}
const constant = (b: GraphBuilder, old: Value, data: TensorData, precision: Precision): Value =>
  b.tensor(old.name, isSingle(old) && precision === "float16" ? tensorFrom("float16", data.shape, numbersOf(data) ?? []) : data);
