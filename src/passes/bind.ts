/** Moves tensors between a graph's inputs and its initializers, and changes the shapes of inputs. */
import { GraphBuilder } from "../ir/builder.ts";
import { userError } from "../ir/diagnostic.ts";
import { type Dim, isUnknown, neverEqual, substitute } from "../ir/dim.ts";
import { isFloat } from "../ir/dtype.ts";
import { type Graph, type Node, printType, type TensorType, type Value } from "../ir/graph.ts";
import { nowhere } from "../ir/location.ts";
import type { AttributeValue } from "../ir/op-signature.ts";
import { printShape, type Shape } from "../ir/shape.ts";
import type { TensorData } from "../ir/tensor-data.ts";
import { copyGraph, copyOutputs, type ValueMap } from "./copy-graph.ts";

/** The same nodes over other inputs: `declare` says which value each input and initializer becomes. */
function redeclared(graph: Graph, declare: (b: GraphBuilder, map: ValueMap) => void): Graph {
  const b = new GraphBuilder(graph.name);
  const replace: ValueMap = new Map();
  declare(b, replace);
  copyOutputs(b, graph, copyGraph(b, graph, { replace }));
  return b.build();
}

/** The graph with contents for some of its inputs, which become initializers. Throws a CompileError on a name, dtype or shape that does not fit. */
export function bindInputs(graph: Graph, data: ReadonlyMap<string, TensorData>): Graph {
  if (data.size === 0) return graph;
  const byName = new Map(graph.inputs.map((v) => [v.name, v]));
  const bound = [...data].map(([name, tensor]) => {
    const input = byName.get(name);
    if (input === undefined) throw unknownInput(graph, `contents for "${name}"`, name);
    checkBinding(input, tensor);
    return [input, tensor] as const;
  });
  return redeclared(graph, (b, map) => {
    for (const [input, tensor] of bound) map.set(input, b.initializer(input.name, tensor));
  });
}
function checkBinding(input: Value, { dtype, shape }: TensorData): void {
  const { type } = input;
  const fits = type.dtype === dtype && type.shape.length === shape.length && type.shape.every((d, i) => !neverEqual(d, shape[i] ?? d));
  if (!fits)
    throw userError(
      "tensor-mismatch",
      `"${input.name}" is ${printType(type)}, but its contents are ${printType({ dtype, shape })}`,
      nowhere,
    );
}

/**
 * The graph with initializers in place of nodes that hold a floating tensor with an axis: where weights stand in the files of exporters that
 * write each as a Constant.
 */
export function heldWeightsToInitializers(graph: Graph): Graph {
  const held = graph.nodes.flatMap((node) => {
    const [tensor, value] = [heldTensor(node), node.outputs[0]];
    return tensor === null || value === null || value === undefined ? [] : [[value, tensor] as const];
  });
  if (held.length === 0) return graph;
  return redeclared(graph, (b, map) => {
    for (const input of graph.inputs) map.set(input, b.input(input.name, input.type));
    for (const [value, data] of [...graph.initializers, ...held]) map.set(value, b.initializer(value.name, data));
  });
}
function heldTensor({ inputs, attributes }: Node): TensorData | null {
  if (inputs.length > 0) return null;
  const tensor = Object.values<AttributeValue | undefined>({ ...attributes }).find((v) => typeof v === "object" && "dtype" in v);
  const isTensor = typeof tensor === "object" && "dtype" in tensor;
  return isTensor && isFloat(tensor.dtype) && tensor.shape.length > 0 ? tensor : null;
}

/** The graph with initializers made inputs, behind those it has: the ones named, or all. Names of nothing are not an error. */
export function freeInitializers(graph: Graph, names?: ReadonlySet<string>): Graph {
  const freed = [...graph.initializers.keys()].filter((v) => names?.has(v.name) ?? true);
  if (freed.length === 0) return graph;
  return redeclared(graph, (b, map) => {
    for (const value of [...graph.inputs, ...freed]) map.set(value, b.input(value.name, value.type));
  });
}

/**
 * The graph with other shapes for some of its inputs, by name. Where a symbol becomes something else, it does so in all inputs.
 * Throws a CompileError on an unknown input, another number of axes, a symbol that is given two sizes, or a shape that the graph cannot take.
 */
export function substituteShapes(graph: Graph, shapes: ReadonlyMap<string, Shape>): Graph {
  if (shapes.size === 0) return graph;
  const byName = new Map(graph.inputs.map((v) => [v.name, v]));
  const sizes = new Map<string, Dim>();
  for (const [name, shape] of shapes) {
    const input = byName.get(name);
    if (input === undefined) throw unknownInput(graph, "input shapes", name);
    if (input.type.shape.length !== shape.length) {
      throw userError(
        "input-shape",
        `input shapes: "${name}" is ${printType(input.type)}, which has ${input.type.shape.length} axes; got ${printShape(shape)}`,
        nowhere,
      );
    }
    input.type.shape.forEach((dim, axis) => {
      noteSize(sizes, name, dim, shape[axis] ?? dim);
    });
  }
  return redeclared(graph, (b, map) => {
    for (const input of graph.inputs) map.set(input, b.input(input.name, reshaped(input, shapes.get(input.name), sizes)));
  });
}
/** Notes what a plain symbol becomes. */
function noteSize(sizes: Map<string, Dim>, input: string, from: Dim, to: Dim): void {
  if (typeof from === "number" || isUnknown(from) || !/^[A-Za-z_]\w*$/.test(from)) return;
  const known = sizes.get(from);
  if (known !== undefined && known !== to) {
    throw userError("input-shape", `input shapes: ${from} is ${known} and ${to} at once (input "${input}")`, nowhere, {
      help: `give ${from} one size wherever it stands`,
    });
  }
  sizes.set(from, to);
}
const reshaped = ({ type }: Value, shape: Shape | undefined, sizes: ReadonlyMap<string, Dim>): TensorType => ({
  dtype: type.dtype,
  shape: shape ?? type.shape.map((dim) => substitute(dim, sizes)),
});
const unknownInput = (graph: Graph, subject: string, name: string): Error =>
  userError("unknown-name", `${subject}: the graph has no input "${name}"`, nowhere, {
    help: `its inputs are ${graph.inputs.map((v) => v.name).join(", ")}`,
  });
