/** The gradient of a whole graph, as a graph: cotangents of outputs in, gradients of inputs and initializers out. */
import { GraphBuilder } from "../../ir/builder.ts";
import { userError } from "../../ir/diagnostic.ts";
import { isFloat } from "../../ir/dtype.ts";
import { shapeValue } from "../../ir/formulas.ts";
import { type Graph, printType, type Value } from "../../ir/graph.ts";
import { nowhere } from "../../ir/location.ts";
import { tensorFrom } from "../../ir/tensor-data.ts";
import { copyGraph, mapped } from "../copy-graph.ts";
import { appendGradients } from "./gradients.ts";

/** What to differentiate, and with respect to what; all that is floating point when absent. */
export interface DifferentiateOptions {
  /** Names of inputs and initializers. */
  readonly wrt?: Iterable<string>;
  /** Names of outputs. */
  readonly outputs?: Iterable<string>;
}

/**
 * The same graph with an input `<output>.cotangent` for each output asked for, and an output `<input>.grad` for each input or
 * initializer asked for, behind the outputs that it had. What has no influence has a gradient of zeros.
 * Throws a CompileError on names that the graph does not have, on those that are not floating point, and on ops without a derivative.
 */
export function differentiate(graph: Graph, { wrt, outputs }: DifferentiateOptions = {}): Graph {
  const leaves = [...graph.inputs, ...graph.initializers.keys()];
  const chosenInputs = chosen("an input or initializer", leaves, wrt);
  const chosenOutputs = chosen("an output", graph.outputs, outputs);
  const b = new GraphBuilder(graph.name);
  const map = copyGraph(b, graph);
  const forward = b.nodes.length;
  const cotangents = new Map<Value, Value>();
  for (const y of chosenOutputs) cotangents.set(mapped(map, y), b.input(`${y.name}.cotangent`, y.type));
  const gradients = appendGradients(
    b,
    b.nodes.slice(0, forward),
    cotangents,
    chosenInputs.map((v) => mapped(map, v)),
  );
  for (const y of graph.outputs) b.output(mapped(map, y), y.name);
  for (const x of chosenInputs) b.output(gradients.get(mapped(map, x)) ?? zerosLike(b, mapped(map, x)), `${x.name}.grad`);
  return b.build();
}

function chosen(kind: string, among: readonly Value[], names: Iterable<string> | undefined): readonly Value[] {
  if (names === undefined) return among.filter((v) => isFloat(v.type.dtype));
  const byName = new Map(among.map((v) => [v.name, v]));
  return [...names].map((name) => {
    const value = byName.get(name);
    const have = among.filter((v) => isFloat(v.type.dtype)).map((v) => v.name);
    const help = `floating point are ${have.slice(0, 12).join(", ")}${have.length > 12 ? ` and ${have.length - 12} more` : ""}`;
    if (value === undefined) throw userError("unknown-name", `gradient: "${name}" is not ${kind} of the graph`, nowhere, { help });
    if (isFloat(value.type.dtype)) return value;
    throw userError("no-gradient", `gradient: "${name}" is ${printType(value.type)}, and only floating point has a gradient`, nowhere, {
      help,
    });
  });
}

/** Zeros of a value's type and shape. */
export function zerosLike(b: GraphBuilder, x: Value): Value {
  return b.from({ name: `${x.name}/zeros`, location: x.producer?.location ?? nowhere }, () =>
    b.add("ConstantOfShape", [shapeValue(b, x)], { value: tensorFrom(x.type.dtype, [1], [0]) }),
  );
}
