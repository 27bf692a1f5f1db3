/**
 * The conformance harness: what one case of each pack has to show. It knows no op; a case is covered when the op table has all its ops.
 * Each check gives null, or what is wrong in one line. CASES=text runs only cases whose name or ops contain the text.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeModel, encodeModel, parseModel, writeModel } from "../../src/codegen/index.ts";
import { isCompileError } from "../../src/ir/diagnostic.ts";
import { type Dim, substitute } from "../../src/ir/dim.ts";
import { dtypeFromOnnx } from "../../src/ir/dtype.ts";
import { type Graph, printType, type Value } from "../../src/ir/graph.ts";
import { isOpType, signatures } from "../../src/ir/op-types.ts";
import { numbersOf, type TensorData } from "../../src/ir/tensor-data.ts";
import { differentiate } from "../../src/passes/differentiate.ts";
import { lower } from "../../src/passes/lower.ts";
import { difference, type Tolerance } from "./compare.ts";
import { type ExpectedDim, type ExpectedType, readTensor, readTypes } from "./onnx-data.ts";
import { runModel } from "./onnxruntime.ts";
import { type BackendRow, type GradientRow, packFolder, type ShapeRow } from "./packs.ts";

/** The opset that models are emitted in unless they need a newer one; OPSET=n tries another. */
const defaultTarget = Number(process.env["OPSET"] ?? 18);
/** The newest opset that striate reads and onnxruntime 1.30 runs. The packs hold newer stamps on ops that have not changed since. */
const newestOpset = 26;

const wantedCases = process.env["CASES"]?.toLowerCase();
/** True for the cases that CASES asks for; for all when it is absent. */
export const isWanted = (row: { readonly case: string }, ops: readonly string[]): boolean =>
  wantedCases === undefined || [row.case, ...ops].some((text) => text.toLowerCase().includes(wantedCases));

/** The ops of a case that the table lacks. */
export const missingOps = (ops: readonly string[]): readonly string[] => ops.filter((op) => !isOpType(op) || signatures[op].domain !== "");

const oneLine = (error: unknown): string => String(error instanceof Error ? error.message : error).split("\n").slice(0, 2).join(" | ").slice(0, 400);

/** A model's bytes, stamped with the newest known opset where it is stamped with a newer one. */
function readModel(path: string): Uint8Array {
  const bytes = readFileSync(path);
  const model = decodeModel(bytes);
  const imports = model.opsetImport ?? [];
  const standard = (domain = ""): boolean => domain === "" || domain === "ai.onnx";
  if (!imports.some(({ domain, version = 1 }) => standard(domain) && version > newestOpset)) return bytes;
  return encodeModel({
    ...model,
    irVersion: Math.min(model.irVersion ?? 0, 13),
    opsetImport: imports.map((entry) => (standard(entry.domain) ? { ...entry, version: Math.min(entry.version ?? 1, newestOpset) } : entry)),
  });
}

/** The graph as a model in the default opset, or in the case's own where that cannot say it. */
function emit(graph: Graph, caseOpset: number): Uint8Array {
  const at = (opset: number): Uint8Array => writeModel(lower(graph, { opset, provider: "portable" }), { opset });
  try {
    return at(defaultTarget);
  } catch (error) {
    if (!isCompileError(error) || caseOpset <= defaultTarget) throw error;
    return at(Math.min(caseOpset, newestOpset));
  }
}

/** How the inferred type of an output contradicts a tensor, or null. */
function contradiction(value: Value, tensor: TensorData | undefined, sizes: ReadonlyMap<string, Dim>): string | null {
  if (tensor === undefined) return `output "${value.name}" is missing`;
  const { dtype, shape } = value.type;
  const fits = dtype === tensor.dtype && shape.length === tensor.shape.length && shape.every((d, i) => sizeFits(substitute(d, sizes), tensor.shape[i]));
  return fits ? null : `"${value.name}" is inferred as ${printType(value.type)} and turns out ${printType(tensor)}`;
}
const sizeFits = (d: Dim, size: number | undefined): boolean => typeof d !== "number" || d === size;
/** The sizes that a graph's symbols have for its feeds. */
function boundSizes(graph: Graph, feeds: ReadonlyMap<string, TensorData>): ReadonlyMap<string, Dim> {
  return new Map(graph.inputs.flatMap((v) => v.type.shape.flatMap((d, i) => (typeof d === "string" ? [[d, feeds.get(v.name)?.shape[i] ?? d] as const] : []))));
}

const dataSet = (folder: string, kind: string): readonly TensorData[] => {
  const files = readdirSync(folder).filter((name) => name.startsWith(`${kind}_`));
  return files.map((_, i) => readTensor(join(folder, `${kind}_${i}.pb`)));
};
const feedsOf = (graph: Graph, rows: readonly { readonly name: string }[], tensors: readonly TensorData[]): ReadonlyMap<string, TensorData> => {
  const named = new Map(rows.map(({ name }, i) => [name, tensors[i]]));
  return new Map(graph.inputs.flatMap(({ name }) => (named.get(name) === undefined ? [] : [[name, named.get(name)] as const])).filter((pair): pair is [string, TensorData] => pair[1] !== undefined));
};
const firstOf = (problems: readonly (string | null)[]): string | null => problems.find((p) => p !== null) ?? null;

/** A case of the backend pack: types agree with what comes out, and the model that striate writes gives the expected outputs. */
export async function checkBackend(row: BackendRow): Promise<string | null> {
  const folder = join(packFolder("backend"), row.case);
  try {
    const bytes = readModel(join(folder, "model.onnx"));
    const { graph } = parseModel(bytes);
    const inputs = dataSet(join(folder, "test_data_set_0"), "input");
    const outputs = dataSet(join(folder, "test_data_set_0"), "output");
    const feeds = feedsOf(graph, row.inputs, inputs);
    const actual = await runModel(emit(graph, row.opset), feeds);
    const expected = row.verified ? new Map(row.outputs.map(({ name }, i) => [name, outputs[i]])) : await runModel(bytes, feeds);
    const sizes = boundSizes(graph, feeds);
    return firstOf([
      ...graph.outputs.map((value) => contradiction(value, actual.get(value.name), sizes)),
      ...[...expected].map(([name, tensor]) => (tensor === undefined ? null : difference(`output "${name}"`, actual.get(name), tensor, row))),
    ]);
  } catch (error) {
    return oneLine(error);
  }
}

/** float32 against float64: 1e-3 of the element, and 1e-5 of the largest one, since sums of large terms round by that. */
function gradientTolerance(expected: TensorData): Tolerance {
  const largest = (numbersOf(expected) ?? []).reduce((max, v) => (Number.isFinite(v) ? Math.max(max, Math.abs(v)) : max), 1);
  return { rtol: 1e-3, atol: 1e-5 * largest };
}

/** A case of the gradients pack: the gradient graph gives the vector-Jacobian product that PyTorch computed. */
export async function checkGradient(row: GradientRow): Promise<string | null> {
  const folder = join(packFolder("gradients"), row.case);
  try {
    const { graph } = parseModel(readModel(join(folder, "model.onnx")));
    const data = join(folder, "test_data_set_0");
    const cotangents = dataSet(data, "cotangent");
    const wanted = row.inputs.filter((input) => input.grad && input.in_graph);
    const outputs = row.outputs.slice(0, cotangents.length).map(({ name }) => name);
    const gradients = differentiate(graph, { wrt: wanted.map(({ name }) => name), outputs });
    const feeds = feedsOf(graph, row.inputs, dataSet(data, "input"));
    const all = new Map([...feeds, ...outputs.flatMap((name, i) => (cotangents[i] === undefined ? [] : [[`${name}.cotangent`, cotangents[i]] as const]))]);
    const actual = await runModel(emit(gradients, row.opset), all);
    return firstOf(
      row.inputs.flatMap((input, i) => {
        if (!wanted.includes(input)) return [];
        const expected = asFloat32(readTensor(join(data, `grad_${i}.pb`)));
        return [difference(`gradient of "${input.name}"`, actual.get(`${input.name}.grad`), expected, gradientTolerance(expected))];
      }),
    );
  } catch (error) {
    return oneLine(error);
  }
}
const asFloat32 = (tensor: TensorData): TensorData => ({ ...tensor, dtype: "float32", data: Float32Array.from(numbersOf(tensor) ?? []) });

/**
 * ONNX's tests give a value a type by declaring it, and make the value from a SEED and a shape fed in. Types of inputs say the same:
 * here such values become inputs.
 */
function withoutSeeds(bytes: Uint8Array): Uint8Array {
  const model = decodeModel(bytes);
  const { graph = {} } = model;
  const isSeed = (name = ""): boolean => /^(SEED|UNKNOWN_SHAPE)_/.test(name);
  const seeded = new Set((graph.node ?? []).flatMap((node) => (node.input?.some(isSeed) === true ? (node.output ?? []) : [])));
  const types = (graph.valueInfo ?? []).filter(({ name = "" }) => seeded.has(name));
  return encodeModel({
    ...model,
    graph: {
      ...graph,
      input: [...(graph.input ?? []).filter(({ name }) => !isSeed(name)), ...types],
      node: (graph.node ?? []).filter((node) => node.input?.some(isSeed) !== true),
    },
  });
}

/** A case of the shape-inference pack: the expected types come out, or the model is refused. */
export function checkShapes(row: ShapeRow): string | null {
  const path = join(packFolder("shape-inference"), row.suite, row.case);
  try {
    const { graph } = parseModel(withoutSeeds(readModel(`${path}.onnx`)));
    if (row.expected === undefined) return "the model should be refused";
    const values = new Map([...graph.inputs, ...graph.nodes.flatMap((node) => node.outputs)].flatMap((v) => (v === null ? [] : [[v.name, v] as const])));
    return firstOf(readTypes(`${path}.expected.pb`).map((expected) => typeProblem(values.get(expected.name), expected)));
  } catch (error) {
    if (!isCompileError(error)) return oneLine(error);
    return row.expected === undefined ? null : oneLine(error);
  }
}
function typeProblem(value: Value | undefined, expected: ExpectedType): string | null {
  const text = `${dtypeFromOnnx(expected.elementType ?? 0)}[${expected.shape?.map((d) => d ?? "?").join(", ") ?? "..."}]`;
  if (value === undefined) return `"${expected.name}" is missing, expected ${text}`;
  const { dtype, shape } = value.type;
  const sameType = expected.elementType === null || dtype === dtypeFromOnnx(expected.elementType);
  const fits = expected.shape === null || (expected.shape.length === shape.length && expected.shape.every((d, i) => dimFits(shape[i], d)));
  return sameType && fits ? null : `"${expected.name}" is ${printType(value.type)}, expected ${text}`;
}
/** We may know more than ONNX, never less or otherwise. Names that ONNX made up for sizes it does not know say nothing. */
function dimFits(actual: Dim | undefined, expected: ExpectedDim): boolean {
  if (expected === null || actual === expected) return true;
  return typeof expected === "string" && (typeof actual === "number" || expected.startsWith("unk__"));
}
