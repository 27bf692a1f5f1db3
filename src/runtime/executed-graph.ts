/** The graph that onnxruntime executes: what its own rewriting has made of a model, in the order of execution. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type AttributeProto,
  decodeModelProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "../codegen/proto/onnx.generated.ts";
import { startDecoding } from "../codegen/proto/wire.ts";
import { userError } from "../ir/diagnostic.ts";
import { dtypeFromOnnx } from "../ir/dtype.ts";
import { nowhere } from "../ir/location.ts";
import { arrayOf } from "../ir/tensor-data.ts";
import { type ExecutedType, inferredType } from "./executed-types.ts";
import { namedIn, type ProbeModel } from "./probe-model.ts";
import { createSession, type Session } from "./session.ts";
import type { SessionOptions } from "./session-options.ts";

/** A call of a kernel. */
export interface ExecutedNode {
  readonly name: string;
  readonly opType: string;
  /** "" for ai.onnx; onnxruntime's own ops are in `com.microsoft` and `com.microsoft.nchwc`. */
  readonly domain: string;
  /** Names of values; the empty text where an optional one is left out. */
  readonly inputs: readonly string[];
  /** What graphs in the node's attributes read of this one. */
  readonly implicitInputs: readonly string[];
  readonly outputs: readonly string[];
  /** Attributes that are whole numbers. */
  readonly ints: ReadonlyMap<string, readonly number[]>;
}
/** An executed graph. */
export interface ExecutedGraph {
  readonly nodes: readonly ExecutedNode[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Initializers with their types. */
  readonly constants: ReadonlyMap<string, ExecutedType>;
  /** What is known of the type of each value. */
  readonly types: ReadonlyMap<string, ExecutedType>;
}

/**
 * Opens a probe in a session that writes down what it makes of it, in the probe's folder. Throws a CompileError when onnxruntime does not
 * take the model.
 */
export async function openProbe(
  folder: string,
  probe: ProbeModel,
  options: SessionOptions = {},
): Promise<{ readonly session: Session; readonly executed: ExecutedGraph }> {
  const path = join(folder, "executed.onnx");
  const session = await createSession(probe.path, {
    ...options,
    optimizedModelPath: path,
    config: {
      ...options.config,
      "session.optimized_model_external_initializers_file_name": "executed.data",
      "session.optimized_model_external_initializers_min_size_in_bytes": "1024",
    },
    locate: (name) => probe.node(namedIn(name).node)?.location ?? null,
  });
  try {
    const { graph } = decodeModelProto(startDecoding(readFileSync(path)));
    if (graph === undefined) throw new RangeError("it has no graph");
    return { session, executed: executedGraph(graph, probe) };
  } catch (error) {
    await session.dispose();
    throw userError("profile", `what onnxruntime wrote of its graph cannot be read: ${String(error)}`, nowhere);
  }
}

function executedGraph(graph: GraphProto, probe: ProbeModel): ExecutedGraph {
  const constants = new Map((graph.initializer ?? []).flatMap((tensor) => entry(tensor.name, tensorType(tensor))));
  const contents = new Map((graph.initializer ?? []).flatMap((tensor) => entry(tensor.name, smallInts(tensor))));
  const declared = [...(graph.input ?? []), ...(graph.output ?? []), ...(graph.valueInfo ?? [])];
  const types = new Map<string, ExecutedType>([...constants, ...declared.flatMap((info) => entry(info.name, declaredType(info)))]);
  const nodes = (graph.node ?? []).map(executedNode);
  for (const node of nodes) {
    for (const [i, output] of node.outputs.entries()) {
      if (output === "" || types.has(output)) continue;
      const type = ownType(probe, output) ?? inferredType(node, i, { types, contents, original: originalType(probe, node, i) });
      if (type !== null) types.set(output, type);
    }
  }
  return {
    nodes,
    inputs: (graph.input ?? []).map(({ name = "" }) => name).filter((name) => !constants.has(name)),
    outputs: (graph.output ?? []).map(({ name = "" }) => name),
    constants,
    types,
  };
}
const entry = <V>(name: string | undefined, value: V | null): readonly (readonly [string, V])[] =>
  name === undefined || value === null ? [] : [[name, value]];

/** The type of a value that the probe has too. */
const ownType = (probe: ProbeModel, name: string): ExecutedType | null => staticType(probe.value(name)?.type);
/** The type of the value of the probe that a kernel's name tells of: the layout has changed, and maybe the number of channels. */
function originalType(probe: ProbeModel, { name }: ExecutedNode, output: number): ExecutedType | null {
  const named = namedIn(name);
  return ownType(probe, named.value) ?? staticType(probe.node(named.node)?.outputs[output]?.type);
}
function staticType(type: { readonly dtype: ExecutedType["dtype"]; readonly shape: readonly unknown[] } | undefined): ExecutedType | null {
  if (type === undefined) return null;
  const shape = type.shape.filter((d) => typeof d === "number");
  return shape.length === type.shape.length ? { dtype: type.dtype, shape } : null;
}

function tensorType({ dataType = 0, dims = [] }: TensorProto): ExecutedType | null {
  const dtype = dtypeFromOnnx(dataType);
  return dtype === undefined ? null : { dtype, shape: dims };
}
function declaredType({ type }: ValueInfoProto): ExecutedType | null {
  const tensor = type?.tensorType;
  const dtype = dtypeFromOnnx(tensor?.elemType ?? 0);
  const dims = tensor?.shape?.dim ?? [];
  const shape = dims.flatMap(({ dimValue }) => (dimValue === undefined ? [] : [dimValue]));
  return dtype === undefined || tensor?.shape === undefined || shape.length < dims.length ? null : { dtype, shape };
}
/** The contents of a vector of int64: the shapes that Reshape reads. */
function smallInts({ dataType, rawData, dims = [] }: TensorProto): readonly number[] | null {
  if (dtypeFromOnnx(dataType ?? 0) !== "int64" || rawData === undefined || dims.length !== 1 || rawData.length > 512) return null;
  return Array.from(arrayOf("int64", rawData.slice()), Number);
}

function executedNode({ name = "", opType = "", domain = "", input = [], output = [], attribute = [] }: NodeProto): ExecutedNode {
  return {
    name,
    opType,
    domain: domain === "ai.onnx" ? "" : domain,
    inputs: input,
    implicitInputs: attribute.flatMap(({ g }) => (g === undefined ? [] : readFromOutside(g))),
    outputs: output,
    ints: new Map(attribute.flatMap((a) => entry(a.name, intsOf(a)))),
  };
}
function intsOf({ type, i, ints }: AttributeProto): readonly number[] | null {
  if (ints !== undefined && ints.length > 0) return ints;
  return type === intAttribute ? [i ?? 0] : null;
}
/** ONNX's number for an attribute of one whole number. */
const intAttribute = 2;

function readFromOutside(graph: GraphProto): readonly string[] {
  const own = new Set([
    ...(graph.input ?? []).map(({ name = "" }) => name),
    ...(graph.initializer ?? []).map(({ name = "" }) => name),
    ...(graph.node ?? []).flatMap(({ output = [] }) => output),
  ]);
  const read = (graph.node ?? []).flatMap(({ input = [], attribute = [] }) => [
    ...input,
    ...attribute.flatMap(({ g }) => (g === undefined ? [] : readFromOutside(g))),
  ]);
  const results = (graph.output ?? []).map(({ name = "" }) => name);
  return [...new Set([...read, ...results])].filter((name) => name !== "" && !own.has(name));
}
