/** A linear op followed by a factor and a shift per channel, as one linear op with other weights. */
import type { Node, Value } from "../../ir/graph.ts";
import type { OpAttributes } from "../../ir/op-types.ts";
import { numbersOf, type TensorData, tensorFrom } from "../../ir/tensor-data.ts";
import { type Skip, skip } from "../rewrite.ts";
import type { Affine } from "./batch-norm-affine.ts";

/** The ops whose output channels can be scaled by scaling weights. */
export const linearOps = ["Conv", "ConvTranspose", "Gemm", "MatMul"] as const;
/** One of them. */
export type LinearOp = (typeof linearOps)[number];

/** The op that computes both, on the same first input. */
export interface Folded {
  readonly opType: LinearOp;
  readonly weight: TensorData;
  /** Null where there is no shift to add. */
  readonly bias: TensorData | null;
  readonly attributes: Partial<OpAttributes["Conv"]> | Partial<OpAttributes["ConvTranspose"]> | Partial<OpAttributes["Gemm"]>;
}
/** The axis of a linear op's output, among `rank`, along which its channels lie. */
export const channelAxis = (opType: LinearOp, rank: number): number => (opType === "Conv" || opType === "ConvTranspose" ? 1 : rank - 1);
/** The contents of a value where they are known. */
type Contents = (value: Value) => TensorData | null;
/** How a weight's elements lie: `outer` blocks of `channels` runs of `inner` elements; block o holds channels from `offset(o)` on. */
interface Layout {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
  readonly offset: (o: number) => number;
}
type FoldRule<T extends LinearOp> = (node: Node<T>, affine: Affine, weight: TensorData, bias: readonly number[] | null) => Folded | Skip;

/** The folded form of a node, or why there is none. */
export function foldedForm<T extends LinearOp>(node: Node<T>, affine: Affine, contents: Contents): Folded | Skip {
  const [, w, c] = node.inputs;
  const weight = w ? contents(w) : null;
  if (weight === null) return skip(`the weight of ${node.opType} "${node.name}" is not constant`);
  const bias = c ? contents(c) : null;
  if (c && bias === null) return skip(`the bias of ${node.opType} "${node.name}" is not constant`);
  return foldRules[node.opType](node, affine, weight, bias === null ? null : numbersOf(bias));
}

const foldRules: { readonly [T in LinearOp]: FoldRule<T> } = {
  Conv: (node, affine, weight, bias) => {
    const [channels = 0, ...rest] = weight.shape;
    const layout = { outer: 1, channels, inner: count(rest), offset: () => 0 };
    return { opType: "Conv", attributes: node.attributes, ...folded(affine, weight, layout, bias) };
  },
  ConvTranspose: (node, affine, weight, bias) => {
    const [outer = 0, channels = 0, ...rest] = weight.shape;
    const perGroup = outer / node.attributes.group;
    const layout = { outer, channels, inner: count(rest), offset: (o: number) => Math.floor(o / perGroup) * channels };
    return { opType: "ConvTranspose", attributes: node.attributes, ...folded(affine, weight, layout, bias) };
  },
  Gemm: (node, affine, weight, bias) => {
    const { alpha, beta, transA, transB } = node.attributes;
    const channels = affine.factor.length;
    const added = perChannel(bias, channels);
    if (added === null) return skip(`the addend of Gemm "${node.name}" differs from row to row`);
    // beta goes into the new bias, which has a shift of its own.
    const scaled = added.map((v) => v * beta);
    return { opType: "Gemm", attributes: { alpha, transA, transB }, ...folded(affine, weight, matrixLayout(weight, transB === 1), scaled) };
  },
  MatMul: (node, affine, weight) => {
    const rank = node.outputs[0]?.type.shape.length;
    if (weight.shape.length !== 2) return skip(`the weight of MatMul "${node.name}" is no matrix`);
    const scaledAlone = affine.shift.every((s) => s === 0);
    if (rank !== 2 && !scaledAlone) return skip(`MatMul "${node.name}" is no product of two matrices, which alone takes a bias`);
    const form = folded(affine, weight, matrixLayout(weight, false), null);
    return { opType: scaledAlone ? "MatMul" : "Gemm", attributes: {}, ...form, bias: scaledAlone ? null : form.bias };
  },
};
const count = (sizes: readonly number[]): number => sizes.reduce((product, d) => product * d, 1);
function matrixLayout({ shape: [rows = 0, columns = 0] }: TensorData, transposed: boolean): Layout {
  return transposed
    ? { outer: 1, channels: rows, inner: columns, offset: () => 0 }
    : { outer: rows, channels: columns, inner: 1, offset: () => 0 };
}
/** A Gemm's addend as one number per column, null where it has rows of its own. */
function perChannel(bias: readonly number[] | null, channels: number): readonly number[] | null {
  if (bias === null || bias.length === 1) return Array.from({ length: channels }, () => bias?.[0] ?? 0);
  return bias.length === channels ? bias : null;
}

function folded(
  { factor, shift }: Affine,
  weight: TensorData,
  layout: Layout,
  bias: readonly number[] | null,
): Pick<Folded, "weight"> & { readonly bias: TensorData } {
  const sum = shift.map((s, c) => s + (bias?.[c] ?? 0) * (factor[c] ?? 0));
  // What only adds leaves the weight as it is.
  return {
    weight: factor.every((by) => by === 1) ? weight : scaled(weight, layout, factor),
    bias: tensorFrom(weight.dtype, [sum.length], sum),
  };
}
function scaled(weight: TensorData, { outer, channels, inner, offset }: Layout, factor: readonly number[]): TensorData {
  const { data } = weight;
  const direct = data instanceof Float32Array || data instanceof Float64Array;
  const source = direct ? data : (numbersOf(weight) ?? []);
  const out = data instanceof Float32Array ? new Float32Array(source.length) : new Float64Array(source.length);
  for (let o = 0, at = 0; o < outer; o++) {
    for (let j = 0; j < channels; j++) {
      const by = factor[offset(o) + j] ?? 0;
      for (const end = at + inner; at < end; at++) out[at] = (source[at] ?? 0) * by;
    }
  }
  return direct ? { ...weight, data: out } : tensorFrom(weight.dtype, weight.shape, [...out]);
}
