/** Finds scaled dot-product attention in two products and a softmax. */
import type { GraphBuilder } from "../../ir/builder.ts";
import type { Dim } from "../../ir/dim.ts";
import type { Node, Value } from "../../ir/graph.ts";
import { inputAt } from "../../ir/ops/call-inputs.ts";
import { type Shape, sameShape } from "../../ir/shape.ts";
import { numbersOf, shortestFloat32 } from "../../ir/tensor-data.ts";
import { isClose, numberOf, productOf } from "../arithmetic/match-product.ts";
import { isOneOf, type Replacement, type RewriteContext, type RewriteOutcome, rewriteRule, type Skip, skip } from "../rewrite.ts";
import { hasKernels, madeBy, outcomeOf, type Recognition, under } from "./pattern.ts";

/** softmax(scale q k^T + mask) v, with the scale on the product, on either factor, or its root on both. */
const attention = rewriteRule("recognize-attention", ["MatMul"], (node, context): RewriteOutcome => {
  if (!hasKernels(inputAt(node, 1))) return "keep";
  const softmax = madeBy(unguarded(inputAt(node, 0), context), "Softmax");
  if (softmax === null) return "keep";
  const masked = maskedScores(inputAt(softmax, 0), context);
  const scores = masked === null ? null : scoresOf(masked.scores, context);
  if (masked === null || scores === null) return "keep";
  const [q, v] = [scores.q, inputAt(node, 1)];
  const key = keyOf(scores.keys);
  if ("skip" in key) return key;
  const misfit = misfitOf(softmax, q, key, v, masked.mask, context);
  if (misfit !== null) return skip(misfit);
  const depth = q.type.shape.at(-1) ?? 1;
  const isUsual = typeof depth === "number" && isClose(scores.scale, 1 / Math.sqrt(depth));
  // Of three axes the last one is that of all heads.
  const isSingle = q.type.shape.length === 3;
  const attributes = {
    ...(isSingle ? { q_num_heads: 1, kv_num_heads: 1 } : {}),
    ...(isUsual ? {} : { scale: shortestFloat32(Math.fround(scores.scale)) }),
  };
  const build = (): Replacement => (b) => {
    const k = key.perm === null ? context.value(key.of) : b.add("Transpose", [context.value(key.of)], { perm: key.perm });
    const mask = masked.mask === null ? [] : [maskOf(b, masked.mask, masked.isKept, isSingle, context)];
    return [b.add("Attention", [context.value(q), k, context.value(v), ...mask], attributes, { name: node.name })];
  };
  const leaves = [q, key.of, v, ...(masked.mask === null ? [] : [masked.mask])];
  return outcomeOf(node, { leaves, build }, context);
});

/** A mask as Attention wants it: true where something is seen, with an axis for the heads between those of the batch and the queries. */
function maskOf(b: GraphBuilder, mask: Value, isKept: boolean, isSingle: boolean, context: RewriteContext): Value {
  const kept = isKept ? context.value(mask) : b.add("Not", [context.value(mask)]);
  return isSingle && mask.type.shape.length === 3 && mask.type.shape[0] !== 1 ? b.add("Unsqueeze", [kept, b.constant("int64", [1])]) : kept;
}

/** The weights without the guard of rows that may attend to nothing, where(isNaN(p), 0, p), which Attention has in itself. */
function unguarded(weights: Value, context: RewriteContext): Value {
  const guard = madeBy(weights, "Where");
  if (guard === null || numberOf(inputAt(guard, 1), context) !== 0) return weights;
  const inner = inputAt(guard, 2);
  return under(inputAt(guard, 0), "IsNaN") === inner ? inner : weights;
}

interface Masked {
  readonly scores: Value;
  readonly mask: Value | null;
  /** False for a mask that is true where nothing is seen. */
  readonly isKept: boolean;
}
/** Scores with a mask added, or put at minus infinity by a condition, or as they are. */
function maskedScores(value: Value, context: RewriteContext): Masked | null {
  const sum = madeBy(value, "Add");
  if (sum !== null) {
    const side = [0, 1].find((i) => scoresOf(inputAt(sum, i), context) !== null);
    return side === undefined ? null : { scores: inputAt(sum, side), mask: inputAt(sum, 1 - side), isKept: true };
  }
  const choice = madeBy(value, "Where");
  if (choice === null) return { scores: value, mask: null, isKept: true };
  const side = [1, 2].find((i) => numberOf(inputAt(choice, i), context) === Number.NEGATIVE_INFINITY);
  return side === undefined ? null : { scores: inputAt(choice, 3 - side), mask: inputAt(choice, 0), isKept: side === 2 };
}

interface Scores {
  readonly q: Value;
  readonly keys: Value;
  readonly scale: number;
}
/** scale q keys, wherever numbers stand. */
function scoresOf(value: Value, context: RewriteContext): Scores | null {
  const scaled = scaledOf(value, context);
  const product = madeBy(scaled.of, "MatMul");
  if (product === null) return null;
  const [q, keys] = [scaledOf(inputAt(product, 0), context), scaledOf(inputAt(product, 1), context)];
  return { q: q.of, keys: keys.of, scale: scaled.scale * q.scale * keys.scale };
}
/** A value without the number that it is multiplied with; several readers of a scaled value are looked at later. */
function scaledOf(value: Value, context: RewriteContext): { readonly of: Value; readonly scale: number } {
  const product = value.producer !== null && isOneOf(value.producer, ["Mul", "Div"]) ? productOf(value.producer, context) : null;
  const [of, more] = product?.factors ?? [];
  return product === null || of === undefined || more !== undefined ? { of: value, scale: 1 } : { of, scale: product.scale };
}

interface Key {
  readonly of: Value;
  /** How it is transposed to [batch, heads, length, depth] or [batch, length, depth]; null for not at all. */
  readonly perm: readonly number[] | null;
}
/** The keys before their last two axes were swapped. */
function keyOf(keys: Value): Key | Skip {
  const transpose = madeBy(keys, "Transpose");
  const perm = transpose?.attributes.perm;
  if (transpose !== null && (perm?.length === 4 || perm?.length === 3)) {
    const straight = [...perm.slice(0, -2), ...perm.slice(-2).reverse()];
    return { of: inputAt(transpose, 0), perm: straight.every((axis, i) => axis === i) ? null : straight };
  }
  // Through a stack of matrices: [B, H, S, D] -> [B H, S, D] -> [B H, D, S] -> [B, H, D, S].
  const stacked = madeBy(under(keys, "Reshape"), "Transpose");
  const of = stacked !== null && stacked.attributes.perm?.join() === "0,2,1" ? under(inputAt(stacked, 0), "Reshape") : null;
  const [b, h, d, s] = keys.type.shape;
  if (of !== null && b !== undefined && h !== undefined && d !== undefined && s !== undefined && sameShape(of.type.shape, [b, h, s, d]))
    return { of, perm: null };
  return skip(isOfHeads(keys.type.shape) ? "its keys are not transposed" : notOfHeads);
}

const isOfHeads = ({ length }: Shape): boolean => length === 4 || length === 3;
const notOfHeads = "its products are not of [batch, heads, length, depth] or [batch, length, depth]";

/** Why Attention does not compute the same; null where it does. */
function misfitOf(softmax: Node<"Softmax">, q: Value, key: Key, v: Value, mask: Value | null, context: RewriteContext): string | null {
  const scores = inputAt(softmax, 0).type.shape;
  const { axis } = softmax.attributes;
  if (axis !== -1 && axis !== scores.length - 1) return `its softmax is along axis ${axis}, not along the keys`;
  const shapes = [q.type.shape, permuted(key.of.type.shape, key.perm), v.type.shape];
  const [first = [], ...others] = shapes;
  if (!isOfHeads(first) || !others.every((shape) => shape.length === first.length)) return notOfHeads;
  if (!others.every((shape) => sameShape(shape.slice(0, -2), first.slice(0, -2)))) return "its products broadcast batches or heads";
  if (mask === null) return null;
  const own = mask.type.shape;
  if (own.length < 2 || own.length > scores.length || own.at(-1) !== scores.at(-1) || own.at(-2) !== scores.at(-2))
    return `"${mask.name}" is not one number for each query and key`;
  const lead = scores.length - own.length;
  if (!own.every((d, i) => i >= own.length - 2 || d === 1 || d === scores[i + lead])) return `"${mask.name}" broadcasts the scores`;
  if (mask.type.dtype !== "bool" && mask.type.dtype !== q.type.dtype)
    return `"${mask.name}" is ${mask.type.dtype}, and "${q.name}" ${q.type.dtype}`;
  return hidesRow(mask, context) ? `"${mask.name}" hides all keys of a query, whose weights are then not numbers` : null;
}
const permuted = (shape: readonly Dim[], perm: readonly number[] | null): readonly Dim[] =>
  perm === null ? shape : perm.map((axis) => shape[axis] ?? 1);
/** True for a constant mask with a row of minus infinities: Attention gives zeros for it. */
function hidesRow(mask: Value, context: RewriteContext): boolean {
  const tensor = context.contents(mask);
  const numbers = tensor === null || mask.type.dtype === "bool" ? null : numbersOf(tensor);
  const width = Number(mask.type.shape.at(-1));
  if (numbers === null || !(width > 0)) return false;
  for (let at = 0; at < numbers.length; at += width)
    if (numbers.slice(at, at + width).every((v) => v === Number.NEGATIVE_INFINITY)) return true;
  return false;
}

/** Attention in parts. */
export const attentions: readonly Recognition[] = [{ rule: attention, since: 23 }];
