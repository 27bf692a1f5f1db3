/** Outputs of a number per class, turned into probabilities and the most likely classes inside the graph. */
import { GraphBuilder } from "../ir/builder.ts";
import { userError } from "../ir/diagnostic.ts";
import { isFloat } from "../ir/dtype.ts";
import { type Graph, printType, type Value } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { copyGraph, mapped } from "../passes/index.ts";

/** What becomes of an output of a number per class along axis 1, float[N, classes, ...]. */
export interface ClassOutput {
  /** Probabilities in place of logits: the output's name becomes NAME.probabilities. */
  readonly softmax?: boolean;
  /** The most likely classes alone, the likeliest first: NAME.scores, float[N, topK, ...], and NAME.classes, int64[N, topK, ...]. */
  readonly topK?: number;
}

/**
 * The graph with some of its outputs, by name, as probabilities or as their largest. Throws a CompileError on an output that is not there,
 * has no classes, or fewer of them than are asked for.
 */
export function withClassOutputs(graph: Graph, classes: Readonly<Record<string, ClassOutput>>): Graph {
  if (Object.keys(classes).length === 0) return graph;
  for (const name of Object.keys(classes)) {
    if (graph.outputs.some((v) => v.name === name)) continue;
    throw userError("unknown-name", `class output: the graph has no output "${name}"`, nowhere, {
      help: `its outputs are ${graph.outputs.map((v) => v.name).join(", ")}`,
    });
  }
  const b = new GraphBuilder(graph.name);
  const map = copyGraph(b, graph);
  for (const output of graph.outputs) {
    const value = mapped(map, output);
    const wanted = classes[output.name];
    if (wanted === undefined) b.output(value, output.name);
    else addClassOutputs(b, value, output.name, wanted);
  }
  return b.build();
}

function addClassOutputs(b: GraphBuilder, value: Value, name: string, { softmax = false, topK }: ClassOutput): void {
  const count = value.type.shape[1];
  if (!isFloat(value.type.dtype) || count === undefined)
    throw userError("class-output", `class output: "${name}" is ${printType(value.type)}, wanted float32[N, classes]`, nowhere);
  if (topK !== undefined && (!Number.isInteger(topK) || topK < 1 || (typeof count === "number" && topK > count)))
    throw userError("class-output", `class output: the ${topK} likeliest of the ${count} classes of "${name}" are asked for`, nowhere);
  const scores = softmax ? b.add("Softmax", [value], { axis: 1 }, { name: `${name}.softmax` }) : value;
  if (topK === undefined) {
    b.output(scores, softmax ? `${name}.probabilities` : name);
    return;
  }
  const names = [`${name}.scores`, `${name}.classes`];
  const best = b.addNode("TopK", [scores, b.constant("int64", [topK])], { axis: 1 }, { name: `${name}.topK`, outputs: names });
  for (const output of best.outputs) if (output !== null) b.output(output);
}
