/** Folds batch normalisation, and arithmetic with constants, into the convolution or matrix product behind it. */
import type { Node } from "../../ir/graph.ts";
import { numbersOf, type TensorData, tensorFrom } from "../../ir/tensor-data.ts";
import { isOneOf, type Pass, type RewriteContext, type RewriteOutcome, rewrite, rewriteRule, type Skip, skip } from "../rewrite.ts";
import { otherUse, sameType } from "../sole-use.ts";
import { elementsOf } from "../tensor-elements.ts";
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

/** Which output and which input channel the weights at positions p and q of the first two axes belong to. */
interface Layout {
  readonly outputs: number;
  output(p: number, q: number): number;
  input(p: number, q: number): number;
}
function layoutOf(node: Node<LinearOp>, weight: TensorData, { shift }: Affine): Layout | Skip {
  const [first = 0, second = 0] = weight.shape;
  if (isOneOf(node, ["ConvTranspose"])) {
    const moved = shift.findIndex((s) => s !== 0);
    if (moved >= 0)
      return skip(`its outputs see unlike numbers of inputs, and what is before it shifts channel ${moved} by ${shift[moved]}`);
    const perGroup = first / node.attributes.group;
    return {
      outputs: second * node.attributes.group,
      output: (p, q) => Math.floor(p / perGroup) * second + q,
      input: (p) => p,
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
      output: (p) => p,
      input: (p, q) => Math.floor(p / perGroup) * second + q,
    };
  }
  if (weight.shape.length !== 2 || node.inputs[0]?.type.shape.length !== 2) return skip("its rows are not the normalisation's channels");
  const { transA, transB } = isOneOf(node, ["Gemm"]) ? node.attributes : { transA: 0, transB: 0 };
  if (transA !== 0) return skip("its rows are not the normalisation's channels");
  const addend = node.inputs[2]?.type.shape ?? [];
  if (addend.length === 2 && addend[0] !== 1) return skip("its addend differs from row to row");
  const row = (p: number): number => p;
  const column = (_: number, q: number): number => q;
  return transB === 0 ? { outputs: second, output: column, input: row } : { outputs: first, output: row, input: column };
}

function folded(
  weight: TensorData,
  { outputs, output, input }: Layout,
  affine: Affine,
): { readonly scaled: TensorData; readonly added: Float64Array } {
  const [factor, shift] = [Float64Array.from(affine.factor), Float64Array.from(affine.shift)];
  const [first = 0, second = 0, ...kernel] = weight.shape;
  const taps = kernel.reduce((n, k) => n * k, 1);
  const source = elementsOf(weight);
  const scaled = new Float64Array(source.length);
  const added = new Float64Array(outputs);
  let at = 0;
  for (let p = 0; p < first; p++) {
    for (let q = 0; q < second; q++) {
      const to = output(p, q);
      const from = input(p, q);
      const by = factor[from] ?? 0;
      const shifted = shift[from] ?? 0;
      let sum = added[to] ?? 0;
      for (const end = at + taps; at < end; at++) {
        const v = source[at] ?? 0;
        sum += v * shifted;
        scaled[at] = v * by;
      }
      added[to] = sum;
    }
  }
  return { scaled: tensorFrom(weight.dtype, weight.shape, scaled), added };
}
