/** Computes at compile time what depends on constants alone. */
import { InternalError } from "../../ir/diagnostic.ts";
import type { Dim } from "../../ir/dim.ts";
import { dtypes } from "../../ir/dtype.ts";
import type { Graph, Node, Value } from "../../ir/graph.ts";
import type { OpType } from "../../ir/op-types.ts";
import { constantTensor } from "../../ir/ops/constant.ts";
import { schemaOf } from "../../ir/ops/index.ts";
import { elementCount, staticShape } from "../../ir/shape.ts";
import { numbersOf, type TensorData, tensorOfElements } from "../../ir/tensor-data.ts";
import { movedTensor } from "../movement/move-elements.ts";
import { isOneOf, type PassControl, type PassResult, type Replacement, type RewriteRule, rewrite, type Skip, skip } from "../rewrite.ts";

/** Bounds of constant folding. */
export interface ConstantFoldingOptions {
  /** No tensor with more elements is computed or read: 4 Mi when absent. */
  readonly maxElements?: number;
  /** How many bytes a result may have beyond those that it is computed from: 1 MiB when absent. */
  readonly maxGrowth?: number;
}

/**
 * The graph with nodes whose results are known replaced by initializers: shape computations where the sizes are numbers, and whatever
 * the ops' own `evaluate` rules compute from initializers. Symbolic sizes stay computations.
 */
export function foldConstants(graph: Graph, options: ConstantFoldingOptions & PassControl = {}): PassResult {
  return rewrite(graph, [foldingRule(options)], options);
}

/** The contents of a value where they are known. */
type Contents = (value: Value) => TensorData | null;

function foldingRule({ maxElements = 2 ** 22, maxGrowth = 2 ** 20 }: ConstantFoldingOptions): RewriteRule {
  // What has been folded already in this walk, so that a chain needs one walk only.
  const folded = new Map<Value, TensorData>();
  return {
    name: "fold-constants",
    opTypes: "all",
    match: (node, context) => {
      const contents: Contents = (value) => folded.get(value) ?? context.contents(value);
      const result = fold(node, contents, maxElements, maxGrowth);
      if (result === null || "skip" in result) return result ?? "keep";
      node.outputs.forEach((old, i) => {
        const data = result[i];
        if (old !== null && data !== null && data !== undefined) folded.set(old, data);
      });
      return replaced(node, result);
    },
  };
}

/** The contents of all outputs, a reasoned refusal, or null where the inputs are not known. */
function fold(node: Node, contents: Contents, maxElements: number, maxGrowth: number): Results | Skip | null {
  // As it is: a number past 2^53 is known to inference as infinite.
  if (isOneOf(node, ["Constant"])) return [constantTensor({ ...node.attributes })];
  const known = node.outputs.map((v) => (v === null ? null : contents(v)));
  if (node.outputs.every((v, i) => v === null || known[i] !== null)) return known;
  const inputs = node.inputs.filter((v) => v !== null);
  if (!inputs.every((v) => contents(v) !== null)) return null;
  const moved = movedOutputs(node, contents, maxGrowth);
  if (moved !== null) return moved;
  if (schemaOf(node.opType).evaluate === "none") return skip(`${node.opType} is not computed at compile time`);
  const sizes = [...inputs, ...node.outputs.filter((v) => v !== null)].map((v) => elementCount(v.type.shape));
  if (sizes.some((n) => typeof n !== "number")) return null;
  if (sizes.some((n) => Number(n) > maxElements)) return skip(`it has tensors of more than ${maxElements} elements`);
  const growth = totalBytes(node.outputs.filter((v) => v !== null)) - totalBytes(inputs);
  if (growth > maxGrowth) return skip(`its result is ${growth} bytes larger than what it is computed from`);
  return evaluated(node, contents) ?? skip("its result is not known in full");
}
type Results = readonly (TensorData | null)[];

/** The results of a node that only moves elements, however many: that costs little more than reading them. */
function movedOutputs(node: Node, contents: Contents, maxGrowth: number): Results | null {
  const [x] = node.inputs;
  const source = x ? contents(x) : null;
  const outputs = node.outputs.filter((v) => v !== null);
  if (source === null || !x || !(totalBytes(outputs) - totalBytes([x]) <= maxGrowth)) return null;
  const results = node.outputs.map((v, o) => (v === null ? null : movedTensor(node, o, source)));
  return node.outputs.every((v, o) => v === null || results[o] !== null) ? results : null;
}

const totalBytes = (values: readonly Value[]): number =>
  values.reduce((sum, { type }) => sum + Number(elementCount(type.shape)) * dtypes[type.dtype].size, 0);

/** The results as initializers that have the names of the node's outputs. */
function replaced(node: Node, contents: Results): Replacement {
  return (b) =>
    node.outputs.map((old, i) => {
      const data = contents[i];
      return old === null || data === null || data === undefined ? null : b.initializer(old.name, data);
    });
}

/** What the op's record computes from inputs whose contents are written out in full, however many; null where it does not know. */
function evaluated<T extends OpType>(node: Node<T>, contents: Contents): Results | null {
  const { evaluate } = schemaOf(node.opType);
  if (evaluate === "none") return null;
  const inputs = node.inputs.map((v) => (v === null ? null : withElements(v, contents(v))));
  const results = evaluate({
    opType: node.opType,
    inputs,
    attributes: node.attributes,
    outputCount: node.outputs.length,
    unknown: () => {
      throw new InternalError(`evaluating ${node.opType} asks for an unknown size`);
    },
  });
  const tensors = node.outputs.map((v, i) => (v === null ? null : tensorOf(v, results[i] ?? null)));
  return node.outputs.every((v, i) => v === null || tensors[i] !== null) ? tensors : null;
}
const withElements = (value: Value, data: TensorData | null): Value => ({
  ...value,
  elements: value.elements ?? (data === null ? null : numbersOf(data)),
});
function tensorOf({ type }: Value, elements: readonly Dim[] | null): TensorData | null {
  const shape = staticShape(type.shape);
  return shape === null || elements === null ? null : tensorOfElements(type.dtype, shape, elements);
}
