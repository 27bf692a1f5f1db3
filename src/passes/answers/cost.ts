/** What a graph costs: parameters, multiply-adds, and all other arithmetic, symbolic in the sizes that are. */
import { knowsTheSame } from "../../ir/builder.ts";
import { parameterAt } from "../../ir/check-call.ts";
import { addDims, type Dim, mulDims, subDims, totalOf } from "../../ir/dim.ts";
import { dtypes, isFloat } from "../../ir/dtype.ts";
import type { Graph, Node, Value } from "../../ir/graph.ts";
import type { Flops } from "../../ir/op-schema.ts";
import { type OpType, signatures } from "../../ir/op-types.ts";
import { schemaOf, type WorkKind, workKindOf, workKinds } from "../../ir/ops/index.ts";
import { elementCount } from "../../ir/shape.ts";
import { askRecord } from "../node-fault.ts";

/** The cost of one node. */
export interface NodeCost extends Flops {
  readonly node: Node;
  /** What kind of work `other` is. */
  readonly kind: WorkKind;
  /** Elements of the parameters that this node is the first to read. */
  readonly parameters: Dim;
}
/** The cost of a graph. */
export interface GraphCost extends Flops {
  readonly nodes: readonly NodeCost[];
  /** Elements of all parameters. */
  readonly parameters: Dim;
  /** `other` by the kind of work; kinds without any are absent. */
  readonly otherByKind: OtherByKind;
}
/** Operations that are no multiply-adds, by their kind. */
export type OtherByKind = ReadonlyMap<WorkKind, Dim>;
/** What counts as a parameter. */
export interface CostOptions {
  /** When absent: floating initializers with an axis, but not the running statistics of normalisations, as in PyTorch's counts. */
  readonly isParameter?: (value: Value) => boolean;
}

/**
 * The cost of each node and of all. MACs are those of convolutions and matrix products, attention's two included; `other` counts every
 * other operation as one: the additions of biases, and the work of pools, norms, activations and so on.
 */
export function cost(graph: Graph, { isParameter = learntInitializers(graph) }: CostOptions = {}): GraphCost {
  const counted = new Set<Value>();
  const nodes = graph.nodes.map((node): NodeCost => {
    const fresh = new Set(node.inputs.filter((v) => v !== null && isParameter(v) && !counted.has(v)));
    for (const value of fresh) if (value !== null) counted.add(value);
    return { node, kind: workKindOf(node.opType), parameters: totalElements([...fresh]), ...flopsOf(node) };
  });
  const all = [...graph.inputs, ...graph.initializers.keys()].filter(isParameter);
  return {
    nodes,
    parameters: totalElements(all),
    macs: totalOf(nodes.map((c) => c.macs)),
    other: totalOf(nodes.map((c) => c.other)),
    otherByKind: otherByKind(nodes),
  };
}

/** The bytes of all initializers of a graph. */
export function weightBytes({ initializers }: Graph): number {
  let bytes = 0;
  for (const { dtype, data } of initializers.values()) bytes += data.length * dtypes[dtype].size;
  return bytes;
}

/** How many multiply-adds one graph takes more than another. Nodes that both have are not counted: most, where a pass lies between them. */
export function macDelta(before: Graph, after: Graph): Dim {
  const gone = new Map(before.nodes.map((node) => [node.name, node]));
  let delta: Dim = 0;
  for (const node of after.nodes) {
    const old = gone.get(node.name);
    if (old !== undefined && isCopy(node, old)) gone.delete(node.name);
    else delta = addDims(delta, flopsOf(node).macs);
  }
  for (const node of gone.values()) delta = subDims(delta, flopsOf(node).macs);
  return delta;
}
/** True where a node certainly is a copy of another. */
const isCopy = (node: Node, old: Node): boolean =>
  node === old || (node.opType === old.opType && node.attributes === old.attributes && knowsTheSame(node, old.inputs));

/** The operations of some nodes that are no multiply-adds, by kind. */
export function otherByKind(nodes: readonly NodeCost[]): OtherByKind {
  const sums = workKinds.map((kind) => [kind, totalOf(nodes.filter((c) => c.kind === kind).map((c) => c.other))] as const);
  return new Map(sums.filter(([, sum]) => sum !== 0));
}
/** All arithmetic, a multiply-add counted as two operations. */
export const flopsIn = ({ macs, other }: Flops): Dim => addDims(mulDims(2, macs), other);

const totalElements = (values: readonly (Value | null)[]): Dim =>
  values.reduce<Dim>((sum, v) => (v === null ? sum : addDims(sum, elementCount(v.type.shape))), 0);

function flopsOf<T extends OpType>(node: Node<T>): Flops {
  const { flops } = schemaOf(node.opType);
  return flops === "zero" ? { macs: 0, other: 0 } : askRecord(node, "cost", () => flops(node));
}

/** ONNX's names for the inputs of an op that hold running statistics. */
const statistics: ReadonlySet<string> = new Set(["input_mean", "input_var"]);
/** The values that normalisations read as running statistics: state that is not learnt by descent. */
export function runningStatistics(graph: Graph): ReadonlySet<Value> {
  const buffers = new Set<Value>();
  for (const node of graph.nodes) {
    const parameters = signatures[node.opType].versions.at(-1)?.inputs ?? [];
    node.inputs.forEach((v, i) => {
      if (v !== null && statistics.has(parameterAt(parameters, i)?.name ?? "")) buffers.add(v);
    });
  }
  return buffers;
}
function learntInitializers(graph: Graph): (value: Value) => boolean {
  const buffers = runningStatistics(graph);
  return (value) => graph.initializers.has(value) && isFloat(value.type.dtype) && value.type.shape.length > 0 && !buffers.has(value);
}
