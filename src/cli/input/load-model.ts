/** MODEL: a file of TypeScript that exports a model, or an ONNX file. */
import { existsSync, statSync } from "node:fs";
import { extname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type ParsedModel, readModelFile } from "../../codegen/index.ts";
import { type AnyModel, isModel, trace } from "../../dsl/index.ts";
import { isCompileError, userError } from "../../ir/diagnostic.ts";
import type { Graph } from "../../ir/graph.ts";
import { firstUserFrame, locationAt, nowhere, type SourcePosition } from "../../ir/location.ts";
import { callFactory, type Factory, parseSet } from "./model-options.ts";
import { registerModuleHooks } from "./module-hooks.ts";

/** A model as the command line names it. */
export type LoadedModel =
  | { readonly kind: "source"; readonly name: string; readonly model: AnyModel; readonly file: string }
  | { readonly kind: "onnx"; readonly name: string; readonly model: Graph; readonly file: string; readonly parsed: ParsedModel };

const sourceExtensions: ReadonlySet<string> = new Set([".ts", ".mts", ".tsx", ".js", ".mjs"]);

/**
 * The model that MODEL names: `net.ts`, `net.ts#exportName` or `net.onnx`, with `KEY=VALUE` options for a function that makes one.
 * Throws a CompileError on anything that is no such thing; the model file's own errors come with the line that threw them.
 */
export async function loadModel(spec: string, set: readonly string[] = []): Promise<LoadedModel> {
  const { file, exportName } = splitSpec(spec);
  checkFile(file, spec);
  const options = parseSet(set);
  if (extname(file).toLowerCase() === ".onnx") {
    if (exportName !== null) throw userError("model-spec", `${spec}: an ONNX file has no exports`, nowhere, { help: `write ${file}` });
    if (options.size > 0) throw userError("model-option", `${file}: an ONNX file takes no --set options`, nowhere);
    const parsed = await readModelFile(file);
    return { kind: "onnx", name: parsed.graph.name, model: parsed.graph, file, parsed };
  }
  if (!sourceExtensions.has(extname(file))) {
    throw userError("model-spec", `${file}: a model is a .ts or .onnx file, not "${extname(file)}"`, nowhere);
  }
  const found = exported(await importUserModule(file), exportName, file);
  const model = await madeModel(found, options, exportName === null ? file : `${file}#${exportName}`);
  return { kind: "source", name: model.name, model, file };
}

/** The file and the export, at the last "#"; a file whose own name has a "#" wins. */
function splitSpec(spec: string): { readonly file: string; readonly exportName: string | null } {
  const at = spec.lastIndexOf("#");
  if (at < 0 || existsSync(spec)) return { file: spec, exportName: null };
  return { file: spec.slice(0, at), exportName: spec.slice(at + 1) };
}
function checkFile(file: string, spec: string): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined)
    throw userError(
      "model-file",
      `${file}: there is no such file`,
      nowhere,
      spec === file ? {} : { help: `MODEL is FILE or FILE#EXPORT; got ${spec}` },
    );
  if (!stat.isFile()) throw userError("model-file", `${file}: is a folder, not a file`, nowhere);
}

type Exports = Readonly<Record<string, unknown>>;

/** Imports a file of the user's. Throws a CompileError with the user's line when it cannot be read, or throws. */
async function importUserModule(file: string): Promise<Exports> {
  await registerModuleHooks();
  return asUsersFault(file, () => import(pathToFileURL(resolve(file)).href));
}

/** Runs the user's code: what it throws becomes a CompileError that names its line, without our stack. */
export async function asUsersFault<R>(file: string, body: () => R | Promise<R>): Promise<R> {
  try {
    return await body();
  } catch (error) {
    throw isCompileError(error) ? error : fromUsersCode(error, file);
  }
}

function fromUsersCode(error: unknown, file: string): Error {
  const message = error instanceof Error ? error.message : String(error);
  const syntax = /^(.+?):(\d+):(\d+): ERROR: (.+)$/m.exec(message);
  const [, path, line, column, text] = syntax ?? [];
  if (path !== undefined && text !== undefined) {
    // esbuild counts columns from 0.
    return userError("syntax", text, locationAt(resolve(path), Number(line), Number(column) + 1));
  }
  const position = error instanceof Error ? userPosition(error.stack ?? "") : null;
  const name = error instanceof Error && error.name !== "Error" ? `${error.name}: ` : "";
  const location = position === null ? nowhere : { position };
  const first = message.split("\n")[0] ?? "";
  return userError("model-code", `${position === null ? `${file}: ` : ""}${name}${first}`, location);
}

/** This package's own starter, which is on every stack. */
const starter = fileURLToPath(new URL("../../../bin/", import.meta.url));
const distStarter = fileURLToPath(new URL("../../../../bin/", import.meta.url));

/** The user's place in a stack: what Node shows above it for an import that fails, or the first frame of the user's. */
function userPosition(stack: string): SourcePosition | null {
  const [, path, line, marker] = /^(.+):(\d+)\n.*\n( *)\^+\n/.exec(stack) ?? [];
  if (path !== undefined && marker !== undefined) {
    return { file: path.startsWith("file:") ? fileURLToPath(path) : path, line: Number(line), column: marker.length + 1 };
  }
  const found = firstUserFrame(stack);
  return found === null || found.file.startsWith(starter) || found.file.startsWith(distStarter) ? null : found;
}

function exported(module: Exports, name: string | null, file: string): unknown {
  const key = name ?? ("default" in module ? "default" : onlyModel(module));
  if (key !== null && key in module) return module[key];
  const usable = Object.keys(module).filter((k) => isModel(module[k]) || typeof module[k] === "function");
  const help = usable.length === 0 ? "export default defineModel({ ... })" : `it exports ${usable.map((k) => `${file}#${k}`).join(", ")}`;
  const message = name === null ? "it has no default export" : `it has no export "${name}"`;
  throw userError("model-export", `${file}: ${message}`, nowhere, { help });
}
/** The name of the only export that is a model, or null. */
function onlyModel(module: Exports): string | null {
  const [first, second] = Object.keys(module).filter((key) => isModel(module[key]));
  return first !== undefined && second === undefined ? first : null;
}

async function madeModel(found: unknown, options: ReturnType<typeof parseSet>, source: string): Promise<AnyModel> {
  if (isModel(found)) {
    const [first] = options.keys();
    if (first === undefined) return found;
    throw userError("unknown-option", `${source}: there is no option "${first}"`, nowhere, {
      help: "it exports a model; export a function from options to a model to take options",
    });
  }
  if (!isFactory(found)) throw notAModel(source, found);
  const made = await asUsersFault(source, () => callFactory(found, options, source));
  const model = await asUsersFault(source, () => made.model);
  if (!isModel(model)) throw notAModel(source, model, "the function that it exports returns");
  checkOptions(made.checkAllRead, model);
  return model;
}
const isFactory = (x: unknown): x is Factory => typeof x === "function";

/** Options may be read as late as in `forward`: the model is traced before one is called unknown. */
function checkOptions(checkAllRead: () => void, model: AnyModel): void {
  try {
    checkAllRead();
  } catch {
    try {
      trace(model);
    } catch {
      // What is wrong with the model is said when it is compiled.
    }
    checkAllRead();
  }
}

function notAModel(source: string, found: unknown, what = "it exports"): Error {
  const kind = found === null ? "null" : Array.isArray(found) ? "an array" : typeof found === "object" ? "an object" : `a ${typeof found}`;
  return userError("model-export", `${source}: ${what} ${kind}, which is no model`, nowhere, {
    help: "export what defineModel returns, or a function from options to it",
  });
}
