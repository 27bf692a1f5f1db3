/** Removes nodes that give back what they are given. */
import type { Graph, Node, Value } from "../../ir/graph.ts";
import type { OpType } from "../../ir/op-types.ts";
import { type TensorData, tensorFrom } from "../../ir/tensor-data.ts";
import {
  type PassControl,
  type PassResult,
  type RewriteContext,
  type RewriteOutcome,
  type RewriteRule,
  rewrite,
  rewriteRule,
  type Skip,
  skip,
} from "../rewrite.ts";
import { sameType } from "../sole-use.ts";

/** The graph without nodes whose first output equals one of their inputs for every input, shape included. */
export function removeIdentities(graph: Graph, control?: PassControl): PassResult {
  return rewrite(graph, identityRules, control);
}

/** Which input a node gives back, provided that its type is the output's; a reasoned refusal; or null where it computes something. */
type IdentityTest<T extends OpType> = (node: Node<T>, context: RewriteContext) => number | Skip | null;

function identity<T extends OpType>(opTypes: readonly T[], test: IdentityTest<T>): RewriteRule {
  return rewriteRule("identity", opTypes, (node, context): RewriteOutcome => {
    const found = test(node, context);
    if (found === null) return "keep";
    if (typeof found !== "number") return found;
    const [output, ...others] = node.outputs;
    const input = node.inputs[found];
    if (input === null || input === undefined || output === null || output === undefined || !sameType(input, output)) return "keep";
    if (others.some((v) => v !== null && (context.readers(v).length > 0 || context.isOutput(v))))
      return skip("another of its outputs is used");
    if (!context.canBecome(output, input))
      return skip(`"${output.name}" is an output of the graph and "${input.name}" has a name of its own to keep`);
    return () => [context.value(input)];
  });
}

/** Ops that only arrange elements in order: the same shape means the same tensor. */
const always: IdentityTest<OpType> = () => 0;
const ofOneInput: IdentityTest<OpType> = (node) => (node.inputs.length === 1 ? 0 : null);

/** Ops that a neutral element on one side, or on either, turns into identities. */
const neutral =
  (value: number, sides: readonly (0 | 1)[]): IdentityTest<OpType> =>
  (node, context) => {
    const side = sides.find((i) => isFilledWith(context, node.inputs[i], value));
    if (side === undefined) return null;
    const [kept, output] = [node.inputs[1 - side], node.outputs[0]];
    if (kept && output && !sameType(kept, output)) return skip(`the constant broadcasts "${kept.name}" to the shape of "${output.name}"`);
    return 1 - side;
  };
function isFilledWith(context: RewriteContext, value: Value | null | undefined, element: number): boolean {
  const tensor = value === null || value === undefined ? null : context.contents(value);
  return tensor !== null && holdsOnly(tensor, element);
}
function holdsOnly({ dtype, data }: TensorData, element: number): boolean {
  if (!ArrayBuffer.isView(data)) return false;
  const wanted = tensorFrom(dtype, [1], [element]).data[0];
  for (const e of data) if (e !== wanted) return false;
  return true;
}
const isAll = (list: readonly number[] | undefined, value: number): boolean => list?.every((e) => e === value) ?? true;

const identityRules: readonly RewriteRule[] = [
  identity(["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Cast", "GlobalAveragePool", "GlobalMaxPool"], always),
  identity(["Sum", "Mean", "Max", "Min", "Concat", "Clip"], ofOneInput),
  identity(["Mul"], neutral(1, [1, 0])),
  identity(["Div", "Pow"], neutral(1, [1])),
  identity(["Add"], neutral(0, [1, 0])),
  identity(["Sub"], neutral(0, [1])),
  identity(["And"], neutral(1, [1, 0])),
  identity(["Or", "Xor"], neutral(0, [1, 0])),
  identity(["Where"], (node, context) =>
    isFilledWith(context, node.inputs[0], 1) ? 1 : isFilledWith(context, node.inputs[0], 0) ? 2 : null,
  ),
  // Twice is once.
  identity(["Relu", "Abs", "Sign", "Floor", "Ceil", "Round"], (node) => (node.inputs[0]?.producer?.opType === node.opType ? 0 : null)),
  identity(["Dropout"], (node, context) => {
    const mode = node.inputs[2];
    return !mode || isFilledWith(context, mode, 0) ? 0 : skip("it is in training mode");
  }),
  identity(["Transpose"], (node) => {
    const { perm } = node.attributes;
    const rank = node.inputs[0]?.type.shape.length ?? 0;
    return (perm === undefined ? rank < 2 : perm.every((axis, i) => axis === i)) ? 0 : null;
  }),
  // The whole axis in the order it has: only a negative step could have the same length.
  identity(["Slice"], ({ inputs: [, , , , steps] }) =>
    !steps || (steps.elements?.every((s) => typeof s === "number" && s > 0) ?? false) ? 0 : null,
  ),
  // A pad of 1 and -1 keeps the length but shifts.
  identity(["Pad"], (node, context) => (isFilledWith(context, node.inputs[1], 0) ? 0 : null)),
  identity(["Split"], (node) => (node.outputs.length === 1 ? 0 : null)),
  identity(["MaxPool", "AveragePool"], ({ attributes }) => (isAll(attributes.kernel_shape, 1) && isAll(attributes.strides, 1) ? 0 : null)),
  identity(["Resize"], (node, context) => {
    if (node.attributes.coordinate_transformation_mode === "tf_crop_and_resize") return null;
    return !node.inputs[2] || isFilledWith(context, node.inputs[2], 1) ? 0 : null;
  }),
  // Over axes of size 1, or none.
  identity(["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd"], always),
];
