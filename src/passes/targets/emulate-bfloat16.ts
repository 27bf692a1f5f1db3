/** Computes in float32 what a CPU has no bfloat16 kernel of. */
import { GraphBuilder } from "../../ir/builder.ts";
import { dtypes } from "../../ir/dtype.ts";
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { copyInterface, mapped, mappedInputs, type ValueMap } from "../copy-graph.ts";
import { hasCpuKernel } from "./bfloat16-kernels.ts";

/**
 * The graph with every op on bfloat16 that onnxruntime's CPU provider lacks in an opset between Casts: computed in float32, and each result rounded to
 * bfloat16, which is what a kernel does that accumulates in float32. Inputs and outputs of bfloat16 become float32, rounded inside: no
 * JavaScript tensor holds the former. The graph itself where there is no bfloat16 in it.
 */
export function emulateBfloat16(graph: Graph, opset: number): Graph {
  const values = [...graph.inputs, ...graph.initializers.keys(), ...graph.nodes.flatMap((node) => node.outputs)];
  if (!values.some(isShort)) return graph;
  const b = new GraphBuilder(graph.name);
  b.reserve(values.flatMap((v) => (v === null ? [] : [v.name])));
  const edges = new Map(
    graph.inputs.map((input) => [input, b.input(input.name, isShort(input) ? { ...input.type, dtype: "float32" } : input.type)] as const),
  );
  const map: ValueMap = copyInterface(
    b,
    graph,
    new Map([...edges].map(([old, edge]) => [old, isShort(old) ? cast(b, edge, "bfloat16") : edge])),
  );
  const outputs = new Set(graph.outputs);
  for (const node of graph.nodes) copyEmulated(b, node, map, outputs, opset);
  for (const output of graph.outputs) {
    const value = edges.get(output) ?? mapped(map, output);
    b.output(isShort(value) ? cast(b, value, "float32") : value, output.name);
  }
  return b.build();
}
const isShort = (value: Value | null): boolean => value?.type.dtype === "bfloat16";
const cast = (b: GraphBuilder, value: Value, to: "float32" | "bfloat16"): Value => b.add("Cast", [value], { to: dtypes[to].onnx });

/** Adds a node like another one; the names of outputs of the graph are left to what becomes of them in float32. */
function copyEmulated(b: GraphBuilder, node: Node, map: ValueMap, outputs: ReadonlySet<Value>, opset: number): void {
  const isWidened = !hasCpuKernel(node.opType, opset) && [...node.inputs, ...node.outputs].some(isShort);
  const inputs = mappedInputs(map, node).map((v) => (isWidened && v !== null && isShort(v) ? cast(b, v, "float32") : v));
  const names = node.outputs.map((v) => (v === null ? null : isWidened || (isShort(v) && outputs.has(v)) ? `${v.name}.emulated` : v.name));
  const made = b.addNode(node.opType, inputs, node.attributes, { name: node.name, outputs: names, location: node.location }).outputs;
  node.outputs.forEach((old, i) => {
    const value = made[i];
    if (old !== null && value) map.set(old, isShort(old) && !isShort(value) ? cast(b, value, "bfloat16") : value);
  });
}
