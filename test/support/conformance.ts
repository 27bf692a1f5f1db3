/**
 * The conformance harness: what one case of each pack has to show. It knows no op; a case is covered when the op table has all its ops.
 * Each check gives null, or what is wrong in one line. CASES=text runs only cases whose name or ops contain the text.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeModel, encodeModel, parseModel, writeModel } from "../../src/codegen/index.ts";
import { isCompileError } from "../../src/ir/diagnostic.ts";
import { type Dim, substitute } from "../../src/ir/dim.ts";
import { type DType, dtypeFromOnnx, dtypes, isDType } from "../../src/ir/dtype.ts";
import { type Graph, printType, type Value } from "../../src/ir/graph.ts";
import { isOpType, signatures } from "../../src/ir/op-types.ts";
import { numbersOf, type TensorData } from "../../src/ir/tensor-data.ts";
import { lower } from "../../src/passes/targets/lower.ts";
import { differentiate } from "../../src/passes/training/differentiate.ts";
import { widened } from "./bfloat16-edges.ts";
import { difference, type Tolerance } from "./compare.ts";
import { type ExpectedDim, type ExpectedType, readTensor, readTypes } from "./onnx-data.ts";
import { runModel } from "./onnxruntime.ts";
import { type BackendRow, type GradientRow, packFolder, type ShapeRow, type TensorRow } from "./packs.ts";

/** The opset that models are emitted in unless they need a newer one; OPSET=n tries another. */
const defaultTarget = Number(process.env["OPSET"] ?? 18);
/** The newest opset that striate reads and onnxruntime 1.30 runs. The packs hold newer stamps on ops that have not changed since. */
const newestOpset = 26;

const wantedCases = process.env["CASES"]?.toLowerCase();
/** True for the cases that CASES asks for; for all when it is absent. */
export const isWanted = (row: { readonly case: string; readonly ops: readonly string[] | Readonly<Record<string, number>> }): boolean =>
  wantedCases === undefined || [row.case, ...opsOf(row)].some((text) => text.toLowerCase().includes(wantedCases));

/** What keeps a case from being covered: ops that the table lacks, and element types that striate does not have. */
export function missingParts(row: {
  readonly ops: readonly string[] | Readonly<Record<string, number>>;
  readonly inputs?: readonly TensorRow[];
  readonly outputs?: readonly { readonly name: string; readonly dtype?: string }[];
}): readonly string[] {
  const ops = opsOf(row).filter((op) => !isOpType(op) || signatures[op].domain !== "");
  const types = [...(row.inputs ?? []), ...(row.outputs ?? [])].flatMap(({ dtype }) =>
    dtype === undefined || isKnownType(dtype) ? [] : [dtype],
  );
  return [...new Set([...ops.map((op) => `op ${op}`), ...types.map((type) => `element type ${type}`)])];
}
const isKnownType = (dtype: string): boolean =>
  isDType(dtype) || Object.values(dtypes).some(({ schemaName }) => schemaName === `tensor(${dtype.toLowerCase()})`);
/** The ops of a case. */
export const opsOf = ({ ops }: { readonly ops: readonly string[] | Readonly<Record<string, number>> }): readonly string[] =>
  isList(ops) ? ops : Object.keys(ops);
const isList = (ops: readonly string[] | Readonly<Record<string, number>>): ops is readonly string[] => Array.isArray(ops);

const oneLine = (error: unknown): string =>
  String(error instanceof Error ? error.message : error)
    .split("\n")
    .slice(0, 2)
    .join(" | ")
    .slice(0, 400);

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
    opsetImport: imports.map((entry) =>
      standard(entry.domain) ? { ...entry, version: Math.min(entry.version ?? 1, newestOpset) } : entry,
    ),
  });
}

const asItIs = (model: Uint8Array): Uint8Array => model;

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
  // What comes out of onnxruntime as float32 may be bfloat16 inside.
  const sameType = dtype === tensor.dtype || (dtype === "bfloat16" && tensor.dtype === "float32");
  const fits = sameType && shape.length === tensor.shape.length && shape.every((d, i) => sizeFits(substitute(d, sizes), tensor.shape[i]));
  return fits ? null : `"${value.name}" is inferred as ${printType(value.type)} and turns out ${printType(tensor)}`;
}
const sizeFits = (d: Dim, size: number | undefined): boolean => typeof d !== "number" || d === size;
/** The sizes that a graph's symbols have for its feeds. */
function boundSizes(graph: Graph, feeds: ReadonlyMap<string, TensorData>): ReadonlyMap<string, Dim> {
  return new Map(
    graph.inputs.flatMap((v) =>
      v.type.shape.flatMap((d, i) => (typeof d === "string" ? [[d, feeds.get(v.name)?.shape[i] ?? d] as const] : [])),
    ),
  );
}

const dataSet = (folder: string, kind: string): readonly TensorData[] => {
  const files = readdirSync(folder).filter((name) => name.startsWith(`${kind}_`));
  return files.map((_, i) => readTensor(join(folder, `${kind}_${i}.pb`)));
};
/** The tensors of a case by name, for the values of a graph that have these names. */
function named(
  values: readonly Value[],
  rows: readonly { readonly name: string }[],
  tensors: readonly TensorData[],
): ReadonlyMap<string, TensorData> {
  const byName = new Map(rows.map(({ name }, i) => [name, tensors[i]]));
  return new Map(
    values.flatMap(({ name, type }) => {
      const tensor = byName.get(name);
      return tensor === undefined ? [] : [[name, asDeclared(tensor, type.dtype)] as const];
    }),
  );
}
/** The older cases write the bits of bfloat16 as uint16. */
const asDeclared = (tensor: TensorData, dtype: DType): TensorData =>
  dtype === "bfloat16" && tensor.dtype === "uint16" ? { ...tensor, dtype } : tensor;
const firstOf = (problems: readonly (string | null)[]): string | null => problems.find((p) => p !== null) ?? null;

/** A case of the backend pack: types agree with what comes out, and the model that striate writes gives the expected outputs. */
export async function checkBackend(row: BackendRow, change: (model: Uint8Array) => Uint8Array = asItIs): Promise<string | null> {
  const folder = join(packFolder("backend"), row.case);
  try {
    const bytes = readModel(join(folder, "model.onnx"));
    const { graph } = parseModel(change(bytes));
    const inputs = dataSet(join(folder, "test_data_set_0"), "input");
    const outputs = dataSet(join(folder, "test_data_set_0"), "output");
    const feeds = named(graph.inputs, row.inputs, inputs);
    const given = named(graph.outputs, row.outputs, outputs);
    const emitted = emit(graph, row.opset);
    const expected = row.verified ? given : await ownAnswer(bytes, feeds, given);
    const actual = await runModel(emitted, feeds);
    const sizes = boundSizes(graph, feeds);
    return firstOf([
      ...graph.outputs.map((value) => contradiction(value, actual.get(value.name), sizes)),
      ...[...expected].map(([name, tensor]) => difference(`output "${name}"`, actual.get(name), widened(tensor), row)),
    ]);
  } catch (error) {
    return oneLine(error);
  }
}

/** What onnxruntime makes of a model whose expected outputs it does not reproduce; those outputs where it cannot run the model at all. */
async function ownAnswer(
  model: Uint8Array,
  feeds: ReadonlyMap<string, TensorData>,
  given: ReadonlyMap<string, TensorData>,
): Promise<ReadonlyMap<string, TensorData>> {
  try {
    return await runModel(model, feeds);
  } catch {
    return given;
  }
}

/** float32 against float64: 1e-3 of the element, and 1e-5 of the largest one, since sums of large terms round by that. */
function gradientTolerance(expected: TensorData): Tolerance {
  const largest = (numbersOf(expected) ?? []).reduce((max, v) => (Number.isFinite(v) ? Math.max(max, Math.abs(v)) : max), 1);
  return { rtol: 1e-3, atol: 1e-5 * largest };
}

/** A case of the gradients pack: the gradient graph gives the vector-Jacobian product that PyTorch computed. */
export async function checkGradient(row: GradientRow, change: (model: Uint8Array) => Uint8Array = asItIs): Promise<string | null> {
  const folder = join(packFolder("gradients"), row.case);
  try {
    const { graph } = parseModel(change(readModel(join(folder, "model.onnx"))));
    const data = join(folder, "test_data_set_0");
    const cotangents = dataSet(data, "cotangent");
    const wanted = row.inputs.filter((input) => input.grad && input.in_graph);
    const outputs = row.outputs.slice(0, cotangents.length).map(({ name }) => name);
    const gradients = differentiate(graph, { wrt: wanted.map(({ name }) => name), outputs });
    const feeds = named(graph.inputs, row.inputs, dataSet(data, "input"));
    const all = new Map([
      ...feeds,
      ...outputs.flatMap((name, i) => (cotangents[i] === undefined ? [] : [[`${name}.cotangent`, cotangents[i]] as const])),
    ]);
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

/** What keeps a shape-inference case from being covered: besides its ops, values of unknown rank, which striate's tensors do not have. */
export function missingShapeParts(row: ShapeRow): readonly string[] {
  const path = join(packFolder("shape-inference"), row.suite, row.case);
  const parts = missingParts(row);
  if (parts.length > 0) return parts;
  const { graph = {} } = decodeModel(withoutSeeds(readModel(`${path}.onnx`)));
  const open = (graph.input ?? []).some(({ type }) => type?.tensorType !== undefined && type.tensorType.shape === undefined);
  const unknown =
    row.expected !== undefined && readTypes(`${path}.expected.pb`).some(({ shape, elementType }) => elementType !== null && shape === null);
  return open || unknown ? ["a value of unknown rank"] : [];
}

/** A case of the shape-inference pack: the expected types come out, or the model is refused. */
export function checkShapes(row: ShapeRow): string | null {
  const path = join(packFolder("shape-inference"), row.suite, row.case);
  try {
    const { graph } = parseModel(withoutSeeds(readModel(`${path}.onnx`)));
    if (row.expected === undefined) return "the model should be refused";
    const values = new Map(
      [...graph.inputs, ...graph.nodes.flatMap((node) => node.outputs)].flatMap((v) => (v === null ? [] : [[v.name, v] as const])),
    );
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
