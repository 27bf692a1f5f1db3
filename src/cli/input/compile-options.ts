/** What commands that compile a model take: for whom, with which weights, and how far it is optimised. */
import type { Command } from "commander";
import type { CompileOptions } from "../../compile/index.ts";
import { type TargetName, targetNames, traitsOf } from "../../ir/index.ts";
import type { OptimizationLevel } from "../../passes/index.ts";
import type { LoadedModel } from "./load-model.ts";
import { readWeights } from "./read-weights.ts";
import { type ModelFlags, opsetFor, opsetHelp, opsetOption, parseShapes, present, seedOption } from "./shared-options.ts";
import { oneOf } from "./usage.ts";

/** What such a command has been given. */
export interface CompileFlags extends ModelFlags {
  readonly opset?: number;
  readonly target?: TargetName;
  readonly weights?: string;
  readonly seed?: number;
  readonly optimize?: OptimizationLevel;
}
const levels = ["none", "exact", "all"] as const satisfies readonly OptimizationLevel[];
const targets = targetNames.map((name) => `${name} (${traitsOf(name).summary})`).join("; ");

/** The command with these options. */
export const addCompileOptions = (command: Command): Command =>
  command
    .option("--opset <n>", `the ai.onnx opset, ${opsetHelp}`, opsetOption)
    .option("--target <target>", `what the graph is written for: ${targets}`, (text) => oneOf("--target", text, targetNames))
    .option("--weights <file>", "a .safetensors file with all parameters and buffers by name")
    .option("--seed <n>", "the seed of initial weights (default: 0)", seedOption)
    .option("--optimize <level>", "none, exact (every bit stays) or all (default: all)", (text) => oneOf("--optimize", text, levels));

/** The options that the flags say, for a model. Throws a CompileError on weights that cannot be read. */
export async function readCompileOptions(flags: CompileFlags, loaded: LoadedModel): Promise<CompileOptions & { readonly opset: number }> {
  const { target: provider, seed, optimize } = flags;
  const weights = flags.weights === undefined ? undefined : await readWeights(flags.weights);
  const opset = flags.opset ?? opsetFor(loaded, provider);
  return { shapes: parseShapes(flags.shape), opset, ...present({ provider, seed, optimize, weights }) };
}
