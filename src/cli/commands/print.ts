/** `striate print`. */
import type { Command } from "commander";
import { sourceOf } from "../../compile/index.ts";
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { printGraph } from "../../ir/print.ts";
import type { TensorData } from "../../ir/tensor-data.ts";
import { loadModel } from "../input/load-model.ts";
import { type ModelFlags, modelCommand, parseShapes } from "../input/shared-options.ts";
import { harmless, writeJson, writeOut } from "../output/terminal.ts";

interface Flags extends ModelFlags {
  readonly json?: boolean;
  readonly weights?: boolean;
}

const examples = `
A model of TypeScript is printed as it is traced: its parameters are inputs behind its own. An ONNX file is printed with every op in its
newest form.

Examples:
  striate print my-net.ts
  striate print my-net.onnx --json | jq '.nodes[].opType'`;

/** Prints a model's graph. */
export function printCommand(): Command {
  return modelCommand("print")
    .option("--json", "every node, and every value with its dtype and shape, as JSON")
    .option("--weights", "the contents of large tensors too")
    .addHelpText("after", examples)
    .action(async (spec: string, flags: Flags) => {
      const { model, kind } = await loadModel(spec, flags.set);
      const shapes = parseShapes(flags.shape);
      // A file's own initializers are shown as such, unless other shapes make a new graph of it.
      const graph = kind === "onnx" && flags.shape.length === 0 ? model : sourceOf(model, shapes).graph;
      if (flags.json === true) writeJson(json(graph, flags.weights === true));
      else writeOut(harmless(printGraph(graph, { weights: flags.weights === true ? "all" : "small" })));
    });
}

function json(graph: Graph, weights: boolean) {
  const values = [...graph.inputs, ...graph.initializers.keys(), ...graph.nodes.flatMap((node) => node.outputs.filter((v) => v !== null))];
  return {
    name: graph.name,
    inputs: graph.inputs.map((v) => v.name),
    outputs: graph.outputs.map((v) => v.name),
    initializers: [...graph.initializers].map(([v, data]) => ({ name: v.name, ...(weights ? { data: contents(data) } : {}) })),
    nodes: graph.nodes.map(nodeJson),
    values: values.map(valueJson),
  };
}
const valueJson = ({ name, type, elements }: Value) => ({
  name,
  dtype: type.dtype,
  shape: type.shape,
  ...(elements === null ? {} : { elements }),
});
const nodeJson = ({ opType, name, inputs, outputs, attributes, location }: Node) => ({
  opType,
  name,
  inputs: inputs.map((v) => v?.name ?? null),
  outputs: outputs.map((v) => v?.name ?? null),
  attributes: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, attributeJson(value)])),
  location: location.position,
});
/** A tensor's elements as a list; a graph as its own JSON. */
function attributeJson(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isTensor(value)) return { dtype: value.dtype, shape: value.shape, data: contents(value) };
  return isGraph(value) ? json(value, true) : value;
}
const isTensor = (value: object): value is TensorData => "dtype" in value && "data" in value && "shape" in value;
const isGraph = (value: object): value is Graph => "nodes" in value && "initializers" in value;
const contents = ({ data }: TensorData): readonly unknown[] => Array.from<unknown>(data);
