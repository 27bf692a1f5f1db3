/** Holds three answers against each other for calls of layers: the shape in the type, the shape the graph infers, and the shape onnxruntime returns. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import * as dsl from "../../src/dsl/index.ts";
import { isCompileError } from "../../src/ir/diagnostic.ts";
import { type Dim, substitute } from "../../src/ir/dim.ts";
import { zeros } from "../../src/ir/tensor-data.ts";
import { type InputDim, type RandomCall, randomCall, symbolSizes } from "./random-calls.ts";
import { runGraph } from "./run-graph.ts";

const root = resolve(import.meta.dirname, "../..");
const letters = ["a", "b", "c"] as const;
const names = Object.keys(dsl).join(", ");

/** The graph of a call, or null when its operands do not fit: those calls are for other tests. */
function traced({ inputs, text }: RandomCall): dsl.TracedModel | null {
  const call = new Function("dsl", ...letters, `const { ${names} } = dsl; return ${text};`);
  const shapes = Object.fromEntries(inputs.map((dims, i) => [letters[i] ?? "", dims.map(({ dim }) => dim)]));
  const model = dsl.defineModel({
    name: "call",
    inputs: shapes,
    forward: (tensors) => ({ y: call(dsl, ...Object.values(tensors)) }),
  });
  try {
    return dsl.trace(model);
  } catch (error) {
    if (isCompileError(error)) return null;
    throw error;
  }
}
/** The shape of a call's result. */
export const shapeOf = (model: dsl.TracedModel): readonly Dim[] => model.outputs[0]?.value.type.shape ?? [];

/** A call that fits, and its graph. */
export interface TracedCall {
  readonly call: RandomCall;
  readonly model: dsl.TracedModel;
}
/** Random calls, those left out whose operands do not fit. */
export const randomCalls = (numRuns: number, seed: number): readonly TracedCall[] =>
  fc.sample(randomCall, { numRuns, seed }).flatMap((call) => {
    const model = traced(call);
    return model === null ? [] : [{ call, model }];
  });

/** What onnxruntime returns for a call, beside what the graph says, with the symbols at their sizes. */
export async function executed({
  model,
}: TracedCall): Promise<{ readonly actual: readonly number[] | undefined; readonly wanted: readonly number[] }> {
  const concrete = (dims: readonly Dim[]): readonly number[] => dims.map((d) => Number(substitute(d, symbolSizes)));
  const feeds = model.graph.inputs.map(({ name, type }) => {
    const shape = concrete(type.shape);
    const data = zeros(
      type.dtype,
      shape.reduce((n, d) => n * d, 1),
    );
    return [name, { dtype: type.dtype, shape, data }] as const;
  });
  const { y } = await runGraph(model.graph, Object.fromEntries(feeds));
  return { actual: y?.shape, wanted: concrete(shapeOf(model)) };
}

const dimType = ({ dim, typed }: InputDim): string =>
  !typed ? (typeof dim === "number" ? "number" : "Dim") : typeof dim === "string" ? `"${dim}"` : `${dim}`;
const literal = (dim: Dim): string => (typeof dim === "number" ? `${dim}` : dim.includes("?") ? "number" : `"${dim}"`);

const source = "../../../src/dsl/index.ts";
/** Every call twice in a module: each dim of the result's type is the graph's or open (f), and is the graph's (e). */
function moduleText(calls: readonly TracedCall[]): string {
  const cases = calls.flatMap(({ call, model }, i) => {
    const parameters = call.inputs.map((dims, k) => `${letters[k]}: Tensor<[${dims.map(dimType).join(", ")}]>`).join(", ");
    const shape = `[${shapeOf(model).map(literal).join(", ")}]`;
    return [
      `export const f${i} = (${parameters}) => agrees<${shape}>()(${call.text}, true);`,
      `export const e${i} = (${parameters}) => equals<${shape}>()(${call.text}, true);`,
    ];
  });
  return [
    `import { ${names} } from "${source}";`,
    `import type { Dim, Tensor } from "${source}";`,
    "type Agrees<T, R> = number extends T['length' & keyof T] ? true : T extends readonly [infer t, ...infer T1]",
    "  ? R extends readonly [infer r, ...infer R1] ? (Open<t> extends true ? Agrees<T1, R1> : [t, r] extends [r, t] ? Agrees<T1, R1> : [t, r]) : 'rank'",
    "  : R extends readonly [] ? true : 'rank';",
    "type Open<T> = number extends T ? true : string extends T ? true : false;",
    "export const agrees = <R>() => <T>(_x: Tensor<T>, _agrees: Agrees<T, R>): void => {};",
    "export const equals = <R>() => <T>(_x: Tensor<T>, _equal: [T, R] extends [R, T] ? true : 'open'): void => {};",
    ...cases,
  ].join("\n");
}
/** The calls whose types a compiler finds to be wrong ("f") or open ("e"), as the lines of the generated module. */
export async function compiledCalls(compiler: string, calls: readonly TracedCall[]): Promise<readonly string[]> {
  mkdirSync(join(root, "node_modules/.cache"), { recursive: true });
  const folder = mkdtempSync(join(root, "node_modules/.cache/striate-shapes-"));
  const text = moduleText(calls);
  try {
    writeFileSync(join(folder, "calls.ts"), text);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: join(root, "tsconfig.json"), include: [], files: ["calls.ts"] }),
    );
    const tsc = spawn(process.execPath, [join(root, `node_modules/${compiler}/bin/tsc`), "-p", folder, "--pretty", "false"], { cwd: root });
    let output = "";
    for await (const chunk of tsc.stdout) output += String(chunk);
    const lines = text.split("\n");
    const errors = output.split("\n").flatMap((line) => /calls\.ts\((\d+),\d+\): (.*)/.exec(line) ?? []);
    return errors.flatMap((_, i) => (i % 3 === 0 ? [`${lines[Number(errors[i + 1]) - 1]} // ${errors[i + 2]}`] : []));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
