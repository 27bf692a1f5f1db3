/** Takes an addition into the linear op before it, as its bias. */
import type { GraphBuilder } from "../../ir/builder.ts";
import { isFloat } from "../../ir/dtype.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { optionalInput } from "../../ir/ops/call-inputs.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import { isOneOf, type Pass, type RewriteContext, type RewriteOutcome, rewrite, rewriteRule, type Skip, skip } from "../rewrite.ts";
import { otherUse, sameType } from "../sole-use.ts";
import { linearOps } from "./fold-affine.ts";

/** The graph with `Conv + Add`, `ConvTranspose + Add`, `Gemm + Add` and `MatMul + Add` as one op each; weight and addend may be inputs. */
export const fuseBias: Pass = (graph, control) => rewrite(graph, [rewriteRule("fuse-bias", ["Add"], fuse)], control);

type Linear = (typeof linearOps)[number];

function fuse(node: Node<"Add">, context: RewriteContext): RewriteOutcome {
  const side =
    [0, 1].find((i) => isLinear(node.inputs[i] ?? null) && !isLinear(node.inputs[1 - i] ?? null)) ??
    [0, 1].find((i) => isLinear(node.inputs[i] ?? null));
  if (side === undefined) return "keep";
  const [product, addend] = [node.inputs[side], node.inputs[1 - side]];
  const linear = product?.producer;
  if (!product || !addend || !linear || !isOneOf(linear, linearOps)) return "keep";
  if (addend === product) return "keep";
  if (!sameType(product, outputAt(node.outputs, 0)))
    return skip(`"${addend.name}" broadcasts the output of ${linear.opType} "${linear.name}"`);
  const form = isOneOf(linear, ["Conv", "ConvTranspose"])
    ? convForm(linear, addend, node.name, context)
    : productForm(linear, addend, node.name, context);
  if (form === null || "skip" in form) return form ?? "keep";
  const use = otherUse(context, product, node);
  return use === null ? (b) => [form.build(b)] : skip(use);
}
const isLinear = (v: Value | null): boolean => v?.producer != null && isOneOf(v.producer, linearOps);

/** How the op with the addition in it is made. */
interface Form {
  build(b: GraphBuilder): Value;
}

/** Gemm(A, B, C) for matrices: C broadcasts to the product as the addend does. */
function productForm(node: Node<Linear>, addend: Value, name: string, context: RewriteContext): Form | Skip | null {
  const [a, w, c] = node.inputs;
  if (!a || !w || !isFloat(a.type.dtype)) return null;
  const isMatrix = a.type.shape.length === 2 && w.type.shape.length === 2;
  // Where both are constant, the pass that folds constants into linear ops has said so already.
  if (!isMatrix && context.contents(w) !== null && context.contents(addend) !== null) return null;
  if (!isMatrix) return skip(`MatMul "${node.name}" is no product of two matrices`);
  if (addend.type.shape.length > 2) return skip(`"${addend.name}" has more axes than a matrix`);
  const gemm = (third: (b: GraphBuilder) => Value, attributes: Node<"Gemm">["attributes"]): Form => ({
    build: (b) => b.add("Gemm", [context.value(a), context.value(w), third(b)], attributes, { name }),
  });
  const attributes = isOneOf(node, ["Gemm"]) ? node.attributes : { alpha: 1, beta: 1, transA: 0, transB: 0 };
  if (!c) return gemm(() => context.value(addend), { ...attributes, beta: 1 });
  if (context.contents(c) === null || context.contents(addend) === null)
    return skip(`Gemm "${node.name}" has an addend already, and one of the two is not constant`);
  if (attributes.beta !== 1) return skip(`Gemm "${node.name}" scales its addend by ${attributes.beta}`);
  return gemm((b) => b.add("Add", [c, addend].map(context.value)), attributes);
}

/** Conv(X, W, B) with B of one number per channel. */
function convForm(node: Node<"Conv" | "ConvTranspose">, addend: Value, name: string, context: RewriteContext): Form | Skip | null {
  const [x, w] = node.inputs;
  const [, channels, ...spatial] = outputAt(node.outputs, 0).type.shape;
  const bias = optionalInput(node, 2);
  if (!x || !w || typeof channels !== "number") return skip(`the number of channels of ${node.opType} "${node.name}" is not known`);
  const { shape } = addend.type;
  const own = shape.at(-1 - spatial.length) ?? 1;
  const perChannel = shape.every((d, i) => d === 1 || i === shape.length - 1 - spatial.length) && (own === channels || own === 1);
  const isConstant = context.contents(addend) !== null;
  if (!perChannel) return isConstant ? skip(`"${addend.name}" is not one number per channel`) : null;
  // The rank has to come down to 1, by a node that takes the Add's place, and for one number by another that repeats it.
  if (own === 1 && channels !== 1 && !isConstant) return skip(`"${addend.name}" is one number that is not constant`);
  if (bias !== null && (!isConstant || context.contents(bias) === null))
    return skip(`${node.opType} "${node.name}" has a bias already, and one of the two is not constant`);
  return {
    build: (b) => {
      const flat = b.add("Reshape", [context.value(addend), b.constant("int64", [own])]);
      const all = own === channels ? flat : b.add("Expand", [flat, b.constant("int64", [channels])]);
      const sum = bias === null ? all : b.add("Add", [context.value(bias), all]);
      return b.add(node.opType, [context.value(x), context.value(w), sum], node.attributes, { name });
    },
  };
}
