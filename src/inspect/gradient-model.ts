/** The gradient of one unit of a value with respect to an input, as a model for one image. */
import { writeModel } from "../codegen/index.ts";
import type { Source } from "../compile/index.ts";
import { GraphBuilder } from "../ir/builder.ts";
import { userError } from "../ir/diagnostic.ts";
import { type Dim, isUnknown, substitute, symbolsOf } from "../ir/dim.ts";
import { isFloat } from "../ir/dtype.ts";
import { type Graph, printType, type Value } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import { printShape } from "../ir/shape.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { appendGradients, bindInputs, copyGraph, lower, mapped, optimize } from "../passes/index.ts";

const subject = "effective receptive field";

/**
 * The bytes of a model whose only output, `<input>.grad`, is the gradient of the sum of `value`, weighted by its input
 * `<value>.cotangent`. Throws a CompileError where one of the two is no floating point, and where no op with a derivative lead from one to
 * the other.
 */
export function gradientModel(source: Source, tensors: ReadonlyMap<string, TensorData>, value: Value, input: Value): Uint8Array {
  for (const { name, type, producer } of [value, input]) {
    if (!isFloat(type.dtype))
      throw userError(
        "no-gradient",
        `${subject}: "${name}" is ${printType(type)}, and only floating point has a gradient`,
        producer?.location ?? nowhere,
      );
  }
  const graph = bindInputs(source.graph, tensors);
  const b = new GraphBuilder(graph.name);
  const map = copyGraph(b, graph);
  const forward = [...b.nodes];
  const [y, x] = [mapped(map, sameValue(graph, value)), mapped(map, sameValue(graph, input))];
  const cotangent = b.input(`${value.name}.cotangent`, value.type);
  const gradient = appendGradients(b, forward, new Map([[y, cotangent]]), [x]).get(x);
  if (gradient === undefined)
    throw userError("no-path", `${subject}: "${value.name}" does not depend on "${input.name}"`, value.producer?.location ?? nowhere);
  b.output(gradient, `${input.name}.grad`);
  return writeModel(optimize(lower(optimize(b.build(), "all").graph, { opset: 18, provider: "portable" }), "all").graph);
}

/** The value of a copy of a graph: names stay. */
function sameValue(graph: Graph, { name }: Value): Value {
  const values = [...graph.inputs, ...graph.nodes.flatMap((node) => node.outputs)];
  const found = values.find((v) => v?.name === name);
  if (found === undefined || found === null) throw userError("unknown-name", `${subject}: there is no value "${name}"`, nowhere);
  return found;
}

/** A function that puts in 1 for the symbols in which the inputs count images, and for a batch of which nothing is known. */
export function oneImage(inputs: readonly Value[]): (value: Value) => readonly number[] {
  const sizes = new Map<string, Dim>();
  for (const { type } of inputs) for (const symbol of symbolsOf(type.shape[0] ?? 1)) sizes.set(symbol, 1);
  return ({ name, type }) => {
    const shape = type.shape.map((dim, axis) => (axis === 0 && isUnknown(dim) ? 1 : substitute(dim, sizes)));
    const numbers = shape.flatMap((dim) => (typeof dim === "number" ? [dim] : []));
    if (numbers.length === shape.length) return numbers;
    throw userError("unknown-size", `${subject}: "${name}" is ${printType({ dtype: type.dtype, shape })}, which has open sizes`, nowhere, {
      help: `fix the sizes of the inputs with --shape or \`shapes\`: they are ${inputs.map((v) => `${v.name} ${printShape(v.type.shape)}`).join(", ")}`,
    });
  };
}
