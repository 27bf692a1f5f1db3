/** `striate grad`. */
import type { Command } from "commander";
import { writeModelFile } from "../../codegen/index.ts";
import { sourceOf, withWeights } from "../../compile/index.ts";
import type { TargetName } from "../../ir/targets.ts";
import { bindInputs, differentiate, lower, optimize, substituteShapes } from "../../passes/index.ts";
import { type LoadedModel, loadModel } from "../input/load-model.ts";
import { readWeights } from "../input/read-weights.ts";
import {
  type ModelFlags,
  modelCommand,
  opsetFor,
  opsetHelp,
  opsetOption,
  optimizeOption,
  parseShapes,
  present,
  seedOption,
  targetOption,
  targetText,
} from "../input/shared-options.ts";
import { harmless, outColors, writeJson, writeOut } from "../output/terminal.ts";

interface Flags extends ModelFlags {
  readonly output: string;
  readonly wrt?: readonly string[];
  readonly outputs?: readonly string[];
  readonly opset?: number;
  readonly target?: TargetName;
  readonly weights?: string;
  readonly seed?: number;
  readonly optimize?: "none" | "all";
  readonly externalData?: boolean;
  readonly json?: boolean;
}

const examples = `
The graph that is written has an input NAME.cotangent for each output asked for, and an output NAME.grad for each input or initializer
asked for. Without --wrt and --outputs, those are all that are floating point.

Examples:
  striate grad my-net.onnx -o my-net.grad.onnx
  striate grad my-net.ts -o saliency.onnx --wrt input --outputs logits`;

const names = (text: string): readonly string[] =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");

/** Writes a model with its gradients as further outputs. */
export function gradCommand(): Command {
  return modelCommand("grad")
    .requiredOption("-o, --output <file>", "the .onnx file to write")
    .option("--wrt <names>", "inputs and initializers, separated by commas", names)
    .option("--outputs <names>", "outputs, separated by commas", names)
    .option("--opset <n>", `the ai.onnx opset, ${opsetHelp}`, opsetOption)
    .option("--target <target>", targetText, targetOption)
    .option("--weights <file>", "a .safetensors file with all parameters and buffers by name")
    .option("--seed <n>", "the seed of initial weights (default: 0)", seedOption)
    .option("--optimize <level>", "none or all (default: all)", optimizeOption)
    .option("--external-data", "weights go into a file of their own, OUTPUT.data")
    .option("--json", "describe what was written as JSON")
    .addHelpText("after", examples)
    .action(async (spec: string, flags: Flags) => {
      const loaded = await loadModel(spec, flags.set);
      const opset = flags.opset ?? opsetFor(loaded, flags.target);
      const graph = await gradientGraph(loaded, opset, flags);
      await writeModelFile(flags.output, graph, { opset, ...present({ externalData: flags.externalData }) });
      const ports = (values: typeof graph.inputs) => values.map(({ name, type }) => ({ name, ...type }));
      if (flags.json === true)
        return writeJson({ output: flags.output, nodes: graph.nodes.length, inputs: ports(graph.inputs), outputs: ports(graph.outputs) });
      const gradients = graph.outputs.filter((v) => v.name.endsWith(".grad")).map((v) => v.name);
      writeOut(
        `${outColors().bold(harmless(flags.output))}: ${graph.nodes.length} nodes; ${gradients.length} gradients: ${harmless(gradients.join(", "))}\n`,
      );
    });
}

async function gradientGraph(loaded: LoadedModel, opset: number, flags: Flags) {
  const shapes = parseShapes(flags.shape);
  const weights = flags.weights === undefined ? undefined : await readWeights(flags.weights);
  const graph =
    loaded.kind === "onnx" && weights === undefined
      ? substituteShapes(loaded.model, new Map(Object.entries(shapes)))
      : bound(sourceOf(loaded.model, shapes), present({ weights, seed: flags.seed }));
  const level = flags.optimize ?? "all";
  const target = { opset, provider: flags.target ?? "portable" } as const;
  const gradients = differentiate(graph, present({ wrt: flags.wrt, outputs: flags.outputs }));
  return optimize(lower(optimize(gradients, level).graph, target), level).graph;
}
const bound = (source: ReturnType<typeof sourceOf>, options: Parameters<typeof withWeights>[1]) =>
  bindInputs(source.graph, withWeights(source, options));
