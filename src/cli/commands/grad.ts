/** `striate grad`. */
import type { Command } from "commander";
import { writeModelFile } from "../../codegen/index.ts";
import { type CompileOptions, sourceOf, targetOf, withWeights } from "../../compile/index.ts";
import { bindInputs, differentiate, lower, optimize, substituteShapes } from "../../passes/index.ts";
import { addCompileOptions, type CompileFlags, readCompileOptions } from "../input/compile-options.ts";
import { type LoadedModel, loadModel } from "../input/load-model.ts";
import { modelCommand, present } from "../input/shared-options.ts";
import { harmless, outColors, writeJson, writeOut } from "../output/terminal.ts";

interface Flags extends CompileFlags {
  readonly output: string;
  readonly wrt?: readonly string[];
  readonly outputs?: readonly string[];
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
  const command = addCompileOptions(modelCommand("grad").requiredOption("-o, --output <file>", "the .onnx file to write"));
  return command
    .option("--wrt <names>", "inputs and initializers, separated by commas", names)
    .option("--outputs <names>", "outputs, separated by commas", names)
    .option("--external-data", "weights go into a file of their own, OUTPUT.data")
    .option("--json", "describe what was written as JSON")
    .addHelpText("after", examples)
    .action(async (spec: string, flags: Flags) => {
      const loaded = await loadModel(spec, flags.set);
      const options = await readCompileOptions(flags, loaded);
      const { opset } = options;
      const graph = gradientGraph(loaded, options, flags);
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

function gradientGraph({ kind, model }: LoadedModel, options: CompileOptions, { wrt, outputs }: Flags) {
  const { shapes = {}, weights, seed, optimize: level = "all" } = options;
  const graph =
    kind === "onnx" && weights === undefined
      ? substituteShapes(model, new Map(Object.entries(shapes)))
      : bound(sourceOf(model, shapes), present({ weights, seed }));
  const gradients = differentiate(graph, present({ wrt, outputs }));
  return optimize(lower(optimize(gradients, level).graph, targetOf(options)), level).graph;
}
const bound = (source: ReturnType<typeof sourceOf>, options: Parameters<typeof withWeights>[1]) =>
  bindInputs(source.graph, withWeights(source, options));
