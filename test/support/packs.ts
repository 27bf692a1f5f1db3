/** The conformance packs in ../shared/conformance: cases that nobody here wrote. See its README. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { extract } from "tar";

const root = resolve(import.meta.dirname, "../..");
const shared = resolve(root, "../shared/conformance");
/** Why the tests of the packs cannot run here, or null. Under CI absence is a failure, not a reason. */
export const packsMissing: string | null = existsSync(shared) || process.env["CI"] !== undefined ? null : `${shared} is absent`;

/** The packs by name. */
export type PackName = "backend" | "gradients" | "shape-inference" | "version-converter" | "optimizer";

/**
 * The folder with a pack's files, unpacked once per archive and kept. Workers that start together may each unpack it: every one does so
 * in a folder of its own, and the first to finish gives it its name.
 */
export function packFolder(pack: PackName): string {
  const archive = join(shared, `${pack}.tar.gz`);
  const { size, mtimeMs } = statSync(archive);
  const cache = join(root, "node_modules/.cache/conformance");
  const final = join(cache, `${pack}-${size}-${Math.round(mtimeMs)}`);
  if (!existsSync(final)) {
    mkdirSync(cache, { recursive: true });
    const own = mkdtempSync(join(cache, "unpacking-"));
    extract({ file: archive, cwd: own, sync: true });
    moveInto(own, final);
  }
  return join(final, pack);
}
function moveInto(own: string, final: string): void {
  try {
    renameSync(own, final);
  } catch (error) {
    // Another worker was faster: its folder has the same files.
    if (!existsSync(final)) throw error;
    rmSync(own, { recursive: true });
  }
}

/** A tensor of a case, as its manifest tells. */
export interface TensorRow {
  readonly name: string;
  /** The backend pack writes ONNX's names, "FLOAT"; the gradients pack NumPy's, "float32". */
  readonly dtype: string;
  readonly shape: readonly number[];
}
/** A case of the backend pack. */
export interface BackendRow {
  readonly case: string;
  readonly ops: Readonly<Record<string, number>>;
  readonly opset: number;
  readonly inputs: readonly TensorRow[];
  readonly outputs: readonly TensorRow[];
  readonly rtol: number;
  readonly atol: number;
  /** Whether onnxruntime reproduces the expected outputs. */
  readonly verified: boolean;
}
/** A case of the gradients pack. */
export interface GradientRow {
  readonly case: string;
  readonly ops: readonly string[];
  readonly opset: number;
  /** `grad`: there is a gradient to compare with; `in_graph`: the model has the input at all. */
  readonly inputs: readonly (TensorRow & { readonly grad: boolean; readonly in_graph: boolean })[];
  readonly outputs: readonly { readonly name: string }[];
  /** Whether finite differences confirm the gradient. */
  readonly fd: "ok" | "differs";
}
/** A case of the shape-inference pack. */
export interface ShapeRow {
  readonly suite: string;
  readonly case: string;
  readonly opset: Readonly<Record<string, number>>;
  readonly ops: readonly string[];
  /** The names of the values whose types are expected; absent where the model must be refused. */
  readonly expected?: readonly string[];
}

const manifest = (pack: PackName): unknown => JSON.parse(readFileSync(join(shared, `${pack}.manifest.json`), "utf8"));
/** The rows of the backend pack. The shape of the manifests is their README's to keep, here and below. */
export const backendRows = (): readonly BackendRow[] =>
  packsMissing === null ? (manifest("backend") as { readonly cases: readonly BackendRow[] }).cases : [];
/** The rows of the gradients pack. */
export const gradientRows = (): readonly GradientRow[] => (packsMissing === null ? (manifest("gradients") as readonly GradientRow[]) : []);
/** The rows of the shape-inference pack. */
export const shapeRows = (): readonly ShapeRow[] => (packsMissing === null ? (manifest("shape-inference") as readonly ShapeRow[]) : []);

/** A case of the optimizer pack. */
export interface OptimizerRow {
  readonly case: string;
  readonly ops: readonly string[];
  /** onnxoptimizer's passes that the case is meant for. */
  readonly passes: readonly string[];
  /** What its test asserts of the result, by the expression that it asserts about. */
  readonly expect?: Readonly<Record<string, number | string>>;
}
/** The rows of the optimizer pack. */
export const optimizerRows = (): readonly OptimizerRow[] =>
  packsMissing === null ? (manifest("optimizer") as readonly OptimizerRow[]) : [];
