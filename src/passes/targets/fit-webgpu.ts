/** Puts ops that run on the GPU in a browser in the place of those that do not. */
import type { GraphBuilder } from "../../ir/builder.ts";
import { exactDiv } from "../../ir/dim.ts";
import { isFloat } from "../../ir/dtype.ts";
import { formulas } from "../../ir/formulas.ts";
import type { Node, Value } from "../../ir/graph.ts";
import type { Target } from "../../ir/op-schema.ts";
import type { OpType } from "../../ir/op-types.ts";
import { inputAt } from "../../ir/ops/call-inputs.ts";
import { schemaOf } from "../../ir/ops/index.ts";
import { mappedInputs } from "../copy-graph.ts";
import { askRecord } from "../node-fault.ts";
import { isOneOf, type Pass, type Replacement, type RewriteContext, type RewriteOutcome, rewrite, skip } from "../rewrite.ts";
import { hasWebgpuKernel } from "./webgpu-kernels.ts";

/**
 * A pass over a graph that is lowered for the browser, whose result is too: a node that onnxruntime-web's webgpu provider has no kernel of
 * becomes ops that it has, where there are any. The others are refused with the reason: they run in wasm, and their tensors are copied.
 */
export const fitWebgpu =
  (target: Target): Pass =>
  (graph, control) =>
    rewrite(graph, [{ name: "fit-webgpu", opTypes: "all", match: (node, context) => fitted(node, context, target) }], control);

function fitted<T extends OpType>(node: Node<T>, context: RewriteContext, { opset }: Target): RewriteOutcome {
  // What is computed of whole numbers alone is mostly sizes, which belong on the CPU.
  if (![...node.inputs, ...node.outputs].some((v) => v !== null && isFloat(v.type.dtype))) return "keep";
  if (hasWebgpuKernel(node.opType, opset)) return isVolume(node) ? skip(`${handedBack} ${node.opType} of three spatial axes`) : "keep";
  const build = parts[node.opType]?.(node) ?? null;
  if (build === null) return skip(`${handedBack} ${node.opType}`);
  return (b) => build(b, { ...node, inputs: mappedInputs({ get: context.value }, node) });
}
const handedBack = "it runs in wasm, since the webgpu provider has no kernel of";
const isVolume = (node: Node): boolean => isOneOf(node, ["Conv", "ConvTranspose"]) && inputAt(node, 0).type.shape.length > 4;

/** Builds the outputs of a node by other ops. */
type Build<T extends OpType> = (b: GraphBuilder, node: Node<T>) => ReturnType<Replacement>;
/** How nodes of an op are built by others; null for one that cannot be. */
type PartsOf<T extends OpType> = (node: Node<T>) => Build<T> | null;
/** The parts that an op has in the oldest opset. */
const ofOld =
  <T extends OpType>(): PartsOf<T> =>
  ({ opType }) => {
    const { lower } = schemaOf(opType);
    return lower === "onnx" ? null : (b, node) => askRecord(node, "lowering", () => lower(b, node, { opset: 13, provider: "browser" }));
  };

const parts: { readonly [T in OpType]?: PartsOf<T> } = {
  Attention: ofOld(),
  GroupNormalization: ofOld(),
  Mish: ofOld(),
  RMSNormalization: ofOld(),
  Swish: ofOld(),
  PRelu: () => (b, node) => {
    const [f, x, slope] = [formulas(b), inputAt(node, 0), inputAt(node, 1)];
    return [f.where(f.greater(x, 0), x, f.mul(x, slope))];
  },
  // max(x, 0) + ln(1 + e^-|x|), whose exponential does not overflow.
  Softplus: () => (b, node) => {
    const [f, x] = [formulas(b), inputAt(node, 0)];
    return [f.add(b.add("Relu", [x]), f.log(f.add(f.exp(f.neg(f.abs(x))), 1)))];
  },
  LogSoftmax: () => (b, node) => {
    const [f, x, axis] = [formulas(b), inputAt(node, 0), node.attributes.axis];
    const shifted = f.sub(x, b.add("ReduceMax", [x, b.constant("int64", [axis])], { keepdims: 1 }));
    return [f.sub(shifted, f.log(f.reduceSum(f.exp(shifted), [axis], true)))];
  },
  Sum: () => (b, node) => [sumOf(b, node)],
  Mean: () => (b, node) => [formulas(b).mul(sumOf(b, node), 1 / node.inputs.length)],
  // What is no number wins, as it does in Max and Min.
  Max: () => (b, node) => [present(node).reduce((x, y) => chosen(b, x, y, formulas(b).less(y, x)))],
  Min: () => (b, node) => [present(node).reduce((x, y) => chosen(b, x, y, formulas(b).less(x, y)))],
  Sign: () => (b, node) => {
    const [f, x] = [formulas(b), inputAt(node, 0)];
    const ones = f.where(f.less(x, 0), -1, x);
    return [f.where(f.greater(x, 0), 1, ones)];
  },
  IsNaN: () => (b, node) => {
    const f = formulas(b);
    return [f.not(f.equal(inputAt(node, 0), inputAt(node, 0)))];
  },
  SpaceToDepth: (node) => {
    const size = node.attributes.blocksize;
    const [, c, h, w] = inputAt(node, 0).type.shape;
    const [rows, columns] = [exactDiv(h ?? 1, size), exactDiv(w ?? 1, size)];
    if (typeof c !== "number" || typeof rows !== "number" || typeof columns !== "number") return null;
    return (b, { inputs: [x = null] }) => {
      const f = formulas(b);
      if (x === null) return [];
      const blocks = f.reshape(x, [0, c, rows, size, columns, size]);
      return [f.reshape(f.transpose(blocks, [0, 3, 5, 1, 2, 4]), [0, c * size * size, rows, columns])];
    };
  },
};
const present = (node: Node): readonly Value[] => node.inputs.filter((v) => v !== null);
const sumOf = (b: GraphBuilder, node: Node): Value => present(node).reduce((x, y) => formulas(b).add(x, y));
/** x where a condition holds or x is no number, else y. */
function chosen(b: GraphBuilder, x: Value, y: Value, isFirst: Value): Value {
  const f = formulas(b);
  return f.where(isFirst, x, f.where(f.equal(x, x), y, x));
}
