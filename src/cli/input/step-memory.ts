/** `--memory-budget`, `--recompute` and `--assume` of `striate compile --mode training`. */
import type { Command } from "commander";
import type { TrainingOptions } from "../../compile/index.ts";
import type { Graph } from "../../ir/graph.ts";
import { peakMemory } from "../../passes/index.ts";
import { byteCount } from "../output/terminal.ts";
import { byteSizeOption, parseSizes, present } from "./shared-options.ts";
import { repeatable, UsageError } from "./usage.ts";

/** What the command line says about memory. */
export interface MemoryFlags {
  readonly memoryBudget?: number;
  readonly recompute: readonly string[];
  readonly assume: readonly string[];
}

/** The command with the options. */
export function addMemoryOptions(command: Command): Command {
  return command
    .option("--memory-budget <size>", "recompute activations to stay within this, as in 2GiB; state included", byteSizeOption)
    .addOption(repeatable("--recompute <pattern>", "scopes whose activations are recomputed, as in layer1.*"))
    .addOption(repeatable("--assume <symbol=size>", "what a size that stays open counts as for --memory-budget, as in N=32"));
}

/** What memory a step may use; nothing where the command line says nothing. Throws a UsageError on sizes without a budget. */
export function memoryOf({ memoryBudget: budget, recompute, assume }: MemoryFlags): Pick<TrainingOptions, "memory"> {
  if (budget === undefined && assume.length > 0)
    throw new UsageError("--assume gives sizes for --memory-budget", "add --memory-budget SIZE");
  if (budget === undefined && recompute.length === 0) return {};
  return { memory: { recompute, sizes: parseSizes("--assume", assume), ...present({ budget }) } };
}
/** What a step needs, as a line, where there is a budget. */
export function memoryText(flags: MemoryFlags, graph: Graph): string {
  const { memory } = memoryOf(flags);
  if (memory?.budget === undefined) return "";
  const bytes = peakMemory(graph, new Map(Object.entries(memory.sizes ?? {})));
  return `  needs ${byteCount(bytes)} at a time, batch and state included; the budget is ${byteCount(memory.budget)}\n`;
}
