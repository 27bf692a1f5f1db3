/** Folds batch normalisation, and arithmetic with constants, into the convolution or matrix product behind it. */
import type { Node } from "../../ir/graph.ts";
import { numbersOf, type TensorData, tensorFrom } from "../../ir/tensor-data.ts";
import { isOneOf, type Pass, type RewriteContext, type RewriteOutcome, rewrite, rewriteRule, type Skip, skip } from "../rewrite.ts";
import { otherUse, sameType } from "../sole-use.ts";
import type { Affine } from "./batch-norm-affine.ts";
import { channelStepOf, channelSteps } from "./channel-step.ts";
import { type LinearOp, linearOps } from "./fold-affine.ts";

/**
 * The graph with BatchNormalization, or Add, Sub, Mul or Div with a constant per channel, folded into the Conv, ConvTranspose, Gemm or MatMul
 * that reads it: each input channel's weights are scaled, and what its shift adds to every output goes into the bias. A convolution that
 * pads with zeros does not see the shift there, and is refused.
 */
export const foldInputNorm: Pass = (graph, control) => rewrite(graph, [rewriteRule("fold-input-norm", linearOps, fold)], control);

function fold(node: Node<LinearOp>, context: RewriteContext): RewriteOutcome {
  const [x, w, c] = node.inputs;
  const norm = x?.producer;
  if (!x || !w || !norm || !isOneOf(norm, channelSteps)) return "keep";
  const isNorm = isOneOf(norm, ["BatchNormalization"]);
  if (isNorm && norm.attributes.training_mode !== 0) return skip(`BatchNormalization "${norm.name}" is in training mode`);
  const step = channelStepOf(norm, context);
  if (!isNorm && (step === null || !sameType(step.x, x))) return "keep";
  const affine = step?.affine ?? null;
  const [weight, bias] = [context.contents(w), c ? context.contents(c) : null];
  if (affine === null) return skip(`the statistics, scale or bias of "${norm.name}" are not constant`);
  if (weight === null || (c && bias === null)) return skip("its weight or bias is not constant");
  const use = otherUse(context, x, node);
  if (use !== null) return skip(use);
  const layout = layoutOf(node, weight, affine);
  if ("skip" in layout) return layout;
  const data = step?.x;
  return (b) => {
    const { scaled, added } = folded(weight, layout, affine);
    const beta = isOneOf(node, ["Gemm"]) ? node.attributes.beta : 1;
    const alpha = isOneOf(node, ["Gemm"]) ? node.attributes.alpha : 1;
    const before = bias === null ? [] : (numbersOf(bias) ?? []);
    const sum = added.map((v, m) => alpha * v + beta * (before.length === 1 ? (before[0] ?? 0) : (before[m] ?? 0)));
    const inputs = [
      data ? context.value(data) : null,
      b.tensor(`${w.name}.folded`, scaled),
      b.tensor(`${node.name}.bias.folded`, tensorFrom(weight.dtype, [sum.length], sum)),
    ];
    if (isOneOf(node, ["Conv", "ConvTranspose"])) return [b.add(node.opType, inputs, node.attributes, { name: node.name })];
    const attributes = isOneOf(node, ["Gemm"]) ? { ...node.attributes, beta: 1 } : {};
    return [b.add("Gemm", inputs, attributes, { name: node.name })];
  };
}

/** Which output and which input channel each weight belongs to. */
interface Layout {
  readonly outputs: number;
  place(index: number): { readonly output: number; readonly input: number };
}
function layoutOf(node: Node<LinearOp>, weight: TensorData, { shift }: Affine): Layout | Skip {
  const [first = 0, second = 0, ...kernel] = weight.shape;
  const taps = kernel.reduce((n, k) => n * k, 1);
  if (isOneOf(node, ["ConvTranspose"])) {
    const moved = shift.findIndex((s) => s !== 0);
    if (moved >= 0)
      return skip(`its outputs see unlike numbers of inputs, and what is before it shifts channel ${moved} by ${shift[moved]}`);
    const perGroup = first / node.attributes.group;
    return {
      outputs: second * node.attributes.group,
      place: (i) => {
        const input = Math.floor(i / (second * taps));
        return { output: Math.floor(input / perGroup) * second + (Math.floor(i / taps) % second), input };
      },
    };
  }
  if (isOneOf(node, ["Conv"])) {
    const { auto_pad, pads, group } = node.attributes;
    const isPadded = auto_pad.startsWith("SAME") || (auto_pad === "NOTSET" && (pads?.some((p) => p > 0) ?? false));
    const moved = shift.findIndex((s) => s !== 0);
    if (isPadded && moved >= 0)
      return skip(`it pads with zeros, where the normalisation before it shifts channel ${moved} to ${shift[moved]}`);
    const perGroup = first / group;
    return {
      outputs: first,
      place: (i) => {
        const output = Math.floor(i / (second * taps));
        return { output, input: Math.floor(output / perGroup) * second + (Math.floor(i / taps) % second) };
      },
    };
  }
  if (weight.shape.length !== 2 || node.inputs[0]?.type.shape.length !== 2) return skip("its rows are not the normalisation's channels");
  const { transA, transB } = isOneOf(node, ["Gemm"]) ? node.attributes : { transA: 0, transB: 0 };
  if (transA !== 0) return skip("its rows are not the normalisation's channels");
  const [rows, columns] = [first, second];
  const addend = node.inputs[2]?.type.shape ?? [];
  if (addend.length === 2 && addend[0] !== 1) return skip("its addend differs from row to row");
  return {
    outputs: transB === 0 ? columns : rows,
    place: (i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      return transB === 0 ? { output: column, input: row } : { output: row, input: column };
    },
  };
}

function folded(
  weight: TensorData,
  { outputs, place }: Layout,
  { factor, shift }: Affine,
): { readonly scaled: TensorData; readonly added: readonly number[] } {
  const added = new Array<number>(outputs).fill(0);
  const scaled = (numbersOf(weight) ?? []).map((v, i) => {
    const { output, input } = place(i);
    added[output] = (added[output] ?? 0) + v * (shift[input] ?? 0);
    return v * (factor[input] ?? 0);
  });
  return { scaled: tensorFrom(weight.dtype, weight.shape, scaled), added };
}
