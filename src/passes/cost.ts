/** What a graph costs: parameters, multiply-adds, and all other arithmetic, symbolic in the sizes that are. */
import { parameterAt } from "../ir/check-call.ts";
import { addDims, type Dim } from "../ir/dim.ts";
import { isFloat } from "../ir/dtype.ts";
import type { Graph, Node, Value } from "../ir/graph.ts";
import type { Flops } from "../ir/op-schema.ts";
import { type OpType, signatures } from "../ir/op-types.ts";
import { schemaOf } from "../ir/ops/index.ts";
import { elementCount } from "../ir/shape.ts";
import { askRecord } from "./node-fault.ts";

/** The cost of one node. */
export interface NodeCost extends Flops {
  readonly node: Node;
  /** Elements of the parameters that this node is the first to read. */
  readonly parameters: Dim;
}
/** The cost of a graph. */
export interface GraphCost extends Flops {
  readonly nodes: readonly NodeCost[];
  /** Elements of all parameters. */
  readonly parameters: Dim;
}
/** What counts as a parameter. */
export interface CostOptions {
  /** When absent: floating initializers with an axis, but not the running statistics of normalisations, as in PyTorch's counts. */
  readonly isParameter?: (value: Value) => boolean;
}

/** The cost of each node and of all. MACs are those of convolutions and matrix products; `other` counts every other operation as one. */
export function cost(graph: Graph, { isParameter = learntInitializers(graph) }: CostOptions = {}): GraphCost {
  const counted = new Set<Value>();
  const nodes = graph.nodes.map((node): NodeCost => {
    const fresh = new Set(node.inputs.filter((v) => v !== null && isParameter(v) && !counted.has(v)));
    for (const value of fresh) if (value !== null) counted.add(value);
    return { node, parameters: totalElements([...fresh]), ...flopsOf(node) };
  });
  const all = [...graph.inputs, ...graph.initializers.keys()].filter(isParameter);
  const total = (pick: (cost: NodeCost) => Dim): Dim => nodes.reduce<Dim>((sum, c) => addDims(sum, pick(c)), 0);
  return { nodes, parameters: totalElements(all), macs: total((c) => c.macs), other: total((c) => c.other) };
}
const totalElements = (values: readonly (Value | null)[]): Dim =>
  values.reduce<Dim>((sum, v) => (v === null ? sum : addDims(sum, elementCount(v.type.shape))), 0);

function flopsOf<T extends OpType>(node: Node<T>): Flops {
  const { flops } = schemaOf(node.opType);
  return flops === "zero" ? { macs: 0, other: 0 } : askRecord(node, "cost", () => flops(node));
}

/** ONNX's names for the inputs of an op that hold running statistics. */
const statistics: ReadonlySet<string> = new Set(["input_mean", "input_var"]);
function learntInitializers(graph: Graph): (value: Value) => boolean {
  const buffers = new Set<Value>();
  for (const node of graph.nodes) {
    const parameters = signatures[node.opType].versions.at(-1)?.inputs ?? [];
    node.inputs.forEach((v, i) => {
      if (v !== null && statistics.has(parameterAt(parameters, i)?.name ?? "")) buffers.add(v);
    });
  }
  return (value) => graph.initializers.has(value) && isFloat(value.type.dtype) && value.type.shape.length > 0 && !buffers.has(value);
}
