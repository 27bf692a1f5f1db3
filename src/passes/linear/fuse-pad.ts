/** Takes zero padding into the convolution or pool behind it. */
import type { Node, Value } from "../../ir/graph.ts";
import type { OpType } from "../../ir/op-types.ts";
import { inputAt, optionalInput } from "../../ir/ops/call-inputs.ts";
import { type KnownPad, knownPads } from "../../ir/ops/pad-rules.ts";
import { isOneOf, type Pass, type RewriteContext, type RewriteOutcome, rewrite, rewriteRule, type Skip, skip } from "../rewrite.ts";

/** The graph with Pad taken into Conv, AveragePool and MaxPool where the padded elements are what those ops pad with themselves. */
export const fusePad: Pass = (graph, control) => rewrite(graph, [rewriteRule("fuse-pad", padded, fuse)], control);

const padded = ["Conv", "AveragePool", "MaxPool"] as const;
type Padded = (typeof padded)[number];

function fuse(node: Node<Padded>, context: RewriteContext): RewriteOutcome {
  const pad = node.inputs[0]?.producer;
  if (!pad || !isOneOf(pad, ["Pad"])) return "keep";
  const pads = spatialPads(pad, context);
  if ("skip" in pads) return pads;
  const { auto_pad, pads: own } = node.attributes;
  if (auto_pad !== "NOTSET" && auto_pad !== "VALID") return skip(`${node.opType} pads by itself as "${auto_pad}"`);
  const before = auto_pad === "VALID" || own === undefined ? pads.map(() => 0) : own;
  const sum = before.map((p, i) => p + (pads[i] ?? 0));
  const refusal = refusalOf(node, pad, before) ?? refusalOfWide(node, sum);
  if (refusal !== null) return skip(refusal);
  return (b) => {
    const inputs = node.inputs.map((v, i) => (i === 0 ? context.value(inputAt(pad, 0)) : v === null ? null : context.value(v)));
    const attributes = {
      ...node.attributes,
      auto_pad: "NOTSET",
      pads: sum,
      ...(node.opType === "AveragePool" ? { count_include_pad: 1 } : {}),
    };
    return [b.add(node.opType, inputs, attributes, { name: node.name })];
  };
}

/** A Pad's padding of the spatial axes, all begins and then all ends, or why it cannot be a window's. */
function spatialPads(pad: Node<"Pad">, context: RewriteContext): readonly number[] | Skip {
  const known = knownPads(pad);
  const fill = optionalInput(pad, 2);
  const filling = fill === null ? 0 : (fill.elements?.[0] ?? context.contents(fill)?.data[0]);
  if (known === null) return skip("the pads are not known");
  if (pad.attributes.mode !== "constant") return skip(`pad mode "${pad.attributes.mode}" is not zero padding`);
  if (filling === undefined) return skip("the padded value is not known");
  if (filling !== 0) return skip(`it pads with ${filling}, not with zeros`);
  const cropped = known.find(({ begin, end }) => begin < 0 || end < 0);
  if (cropped !== undefined) return skip(`axis ${cropped.axis} is cropped, not padded`);
  const other = known.find(({ axis, begin, end }) => axis < 2 && (begin > 0 || end > 0));
  if (other !== undefined) return skip(`axis ${other.axis} is no spatial axis`);
  const of = (axis: number): KnownPad => known.find((p) => p.axis === axis) ?? { axis, begin: 0, end: 0 };
  const axes = inputAt(pad, 0)
    .type.shape.map((_, axis) => axis)
    .slice(2);
  return [...axes.map((axis) => of(axis).begin), ...axes.map((axis) => of(axis).end)];
}

/** Why an op's own padding is something else than zeros that were there before; null where it is the same. */
function refusalOf(node: Node<Padded>, pad: Node<"Pad">, before: readonly number[]): string | null {
  if (isOneOf(node, ["MaxPool"])) {
    const x = inputAt(pad, 0);
    if (node.outputs[1]) return "the positions of its maxima count the padding";
    // Every window that sees an element of x is at least 0, with zeros around it or without.
    return isNeverNegative(x) ? null : `"${x.name}" may be negative, and MaxPool pads with less than any number`;
  }
  if (!isOneOf(node, ["AveragePool"])) return null;
  if (node.attributes.ceil_mode !== 0) return "with ceil_mode, its last windows leave the padding out of their average";
  const own = before.some((p) => p > 0);
  return own && node.attributes.count_include_pad === 0 ? "its own padding is left out of the average, and the one before it is not" : null;
}

/** Pools take no padding as wide as their window, which would then see nothing else; null for all other padding. */
function refusalOfWide(node: Node<Padded>, pads: readonly number[]): string | null {
  if (isOneOf(node, ["Conv"])) return null;
  const { kernel_shape: kernel = [] } = node.attributes;
  const at = pads.findIndex((p, i) => p >= (kernel[i % kernel.length] ?? 1));
  return at < 0 ? null : `${pads[at]} elements of padding are as wide as its window of ${kernel[at % kernel.length]}`;
}

/** Ops that give no negative number. */
const neverNegative: ReadonlySet<OpType> = new Set<OpType>(["Relu", "Sigmoid", "HardSigmoid", "Abs", "Exp", "Sqrt", "Softplus", "Softmax"]);
function isNeverNegative({ producer }: Value): boolean {
  if (producer === null) return false;
  const least = isOneOf(producer, ["Clip"]) ? producer.inputs[1]?.elements?.[0] : undefined;
  return neverNegative.has(producer.opType) || (typeof least === "number" && least >= 0);
}
