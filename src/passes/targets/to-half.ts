/** Converts a graph's arithmetic from float32 to a format of 16 bits, with a list of what stays. */
import { GraphBuilder } from "../../ir/builder.ts";
import { parameterAt } from "../../ir/check-call.ts";
import { InternalError } from "../../ir/diagnostic.ts";
import { dtypes } from "../../ir/dtype.ts";
import type { Graph, Node, Value } from "../../ir/graph.ts";
import type { Target } from "../../ir/op-schema.ts";
import { type SignatureVersion, versionAt } from "../../ir/op-signature.ts";
import { signatures } from "../../ir/op-types.ts";
import { schemaOf } from "../../ir/ops/index.ts";
import { traitsOf } from "../../ir/targets.ts";
import { fromBfloat16, fromFloat16, numbersOf, type TensorData, tensorFrom, toBfloat16, toFloat16 } from "../../ir/tensor-data.ts";
import type { Applied, PassResult, Skipped } from "../rewrite.ts";
import { elementsOf } from "../tensor-elements.ts";
import { hasCpuKernel } from "./bfloat16-kernels.ts";

/** IEEE 754's binary16, or the upper half of binary32. */
export type HalfFormat = "float16" | "bfloat16";
/** What is converted. */
export interface HalfOptions {
  readonly format: HalfFormat;
  /** The opset that the graph is written for, whose ops say what takes the format. */
  readonly opset: number;
  /** Where the graph is to run: "onnxruntime-cuda", or else kernels of onnxruntime's CPU provider are asked for, which for bfloat16 are few. */
  readonly provider?: Target["provider"];
  /** True for the nodes that stay in float32. None when absent. */
  readonly keep?: (node: Node) => boolean;
  /** The type of the graph's inputs and outputs: "float32", with a Cast at each, when absent. */
  readonly io?: "float32" | HalfFormat;
}
type Precision = "float32" | HalfFormat;

interface FormatInfo {
  /** The largest finite number, as a text and no more digits than tell it from its neighbours. */
  readonly largest: string;
  rounded(value: number): number;
  /** Why a node that could be converted by its signature cannot run; null where it can. */
  hindrance(node: Node, target: Target): string | null;
}
const formats: Readonly<Record<HalfFormat, FormatInfo>> = {
  float16: { largest: "65504", rounded: (value) => fromFloat16(toFloat16(value)), hindrance: () => null },
  bfloat16: {
    largest: "3.39e38",
    rounded: (value) => fromBfloat16(toBfloat16(value)),
    hindrance: ({ opType }, { opset, provider }) =>
      traitsOf(provider).device === "gpu" || hasCpuKernel(opType, opset)
        ? null
        : `onnxruntime's CPU provider has no bfloat16 kernel of ${opType}: compile with --target onnxruntime-cuda, and run it there`,
  },
};

/**
 * The graph with float32 tensors in a format of 16 bits wherever an op takes them. A node stays in float32, with its reason in `skipped`,
 * where the options say so, where the op has no such form in the opset or no such kernel, and where one of its constants is too large. An
 * op that only moves elements follows what it moves. Casts stand where the two meet; constants are rounded to the nearest, ties to even.
 */
export function toHalf(graph: Graph, options: HalfOptions): PassResult {
  const { io = "float32", format } = options;
  const b = new GraphBuilder(graph.name);
  const versions = versionsIn(b, graph, io);
  const outputs = new Set(graph.outputs);
  const applied: Applied[] = [];
  const skipped: Skipped[] = [];
  for (const node of graph.nodes) {
    const reason = reasonToKeep(node, graph, options, versions);
    const note = { rule: `to-${format}`, node: node.name, location: node.location };
    if (reason === null) applied.push(note);
    else if (reason !== "no float") skipped.push({ ...note, reason });
    const takes = (i: number): Precision => (reason === null && takesHalf(node, i, options) ? format : "float32");
    const inputs = node.inputs.map((v, i) => (v === null ? null : versions.of(v, takes(i))));
    // The name of an output of the graph is left to the value, or the Cast of it, that comes to be the output.
    const names = node.outputs.map((v) =>
      v !== null && isSingle(v) && outputs.has(v) ? `${v.name}.${reason === null ? format : "float32"}` : (v?.name ?? null),
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
function reasonToKeep(node: Node, graph: Graph, options: HalfOptions, versions: Versions): string | null {
  const { format, keep, opset, provider = "portable" } = options;
  const floats = node.inputs.flatMap((v, i) => (v !== null && isSingle(v) ? [i] : []));
  if (floats.length === 0) return "no float";
  if (keep?.(node) === true) return "it is on the list of what stays in float32";
  if (schemaOf(node.opType).flops === "zero" && !node.inputs.some((v) => v !== null && isSingle(v) && versions.isHalf(v)))
    return "no float";
  if (!floats.some((i) => takesHalf(node, i, options))) return formReason(node, floats, options);
  const hindrance = formats[format].hindrance(node, { opset, provider });
  if (hindrance !== null) return hindrance;
  for (const i of floats) {
    const value = node.inputs[i];
    const tensor = value ? graph.initializers.get(value) : undefined;
    const wide = tensor === undefined ? undefined : tooLarge(tensor, format);
    if (value && wide !== undefined && takesHalf(node, i, options))
      return `"${value.name}" holds ${wide}, and ${format} ends at ${formats[format].largest}`;
  }
  return null;
}
/** Why an op takes no such numbers, and from which opset on it does. */
function formReason({ opType }: Node, floats: readonly number[], { format, opset }: HalfOptions): string {
  const later = signatures[opType].versions.find((version) => version.since > opset && floats.some((i) => allows(version, i, format)));
  return later === undefined
    ? `${opType} has no ${format} form`
    : `${opType} takes ${format} from opset ${later.since} on: compile with --opset ${later.since}`;
}
/** A finite number that the format rounds to infinity. */
function tooLarge(tensor: TensorData, format: HalfFormat): number | undefined {
  const elements = elementsOf(tensor);
  for (let i = 0; i < elements.length; i++) {
    const v = elements[i] ?? 0;
    // Most are small, and need no rounding to tell.
    if (Math.abs(v) > 65000 && Number.isFinite(v) && !Number.isFinite(formats[format].rounded(v))) return v;
  }
  return undefined;
}
/** True when an op's signature lets an input be of the format. */
function takesHalf(node: Node, index: number, { opset, format }: HalfOptions): boolean {
  const version = versionAt(signatures[node.opType], opset);
  return version !== undefined && allows(version, index, format);
}
function allows(version: SignatureVersion, index: number, format: HalfFormat): boolean {
  const parameter = parameterAt(version.inputs, index);
  return parameter !== undefined && (version.types[parameter.type]?.includes(format) ?? false);
}

/** The values of the new graph that stand for each of the old one's, in either precision. */
interface Versions {
  /** A value in a precision where it is a float32 in the old graph, and as it is otherwise; a Cast or a converted constant where needed. */
  of(old: Value, precision: Precision): Value;
  learn(old: Value, made: Value): void;
  /** True for what is there in 16 bits without a Cast of it: an input, what a node made, and any constant. */
  isHalf(old: Value): boolean;
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
  const isHalf = (old: Value): boolean =>
    graph.initializers.has(old) ||
    [...(made.get(old)?.values() ?? [])].some(({ type, producer }) => type.dtype !== "float32" && producer?.opType !== "Cast");
  return { of, learn, isHalf };
}
function castFrom(b: GraphBuilder, other: Value | undefined, old: Value, precision: Precision): Value {
  if (other === undefined) throw new InternalError(`"${old.name}" is used before it is made`);
  return b.add("Cast", [other], { to: dtypes[precision].onnx }, { name: `${old.name}/to_${precision}` });
}
const constant = (b: GraphBuilder, old: Value, data: TensorData, precision: Precision): Value =>
  b.tensor(old.name, isSingle(old) && precision !== "float32" ? tensorFrom(precision, data.shape, numbersOf(data) ?? []) : data);
