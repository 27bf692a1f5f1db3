/** Finds ops that exporters write out in parts, one file a family in `recognize/`. */
import type { Target } from "../../ir/op-schema.ts";
import { type Pass, rewrite } from "../rewrite.ts";
import { activations } from "./activations.ts";
import { attentions } from "./attention.ts";
import { attentionHeads } from "./attention-heads.ts";
import { channelAffines } from "./channel-affine.ts";
import { einsums } from "./einsum.ts";
import { moments } from "./moments.ts";
import { normalizations } from "./normalizations.ts";
import type { Recognition } from "./pattern.ts";
import { pixelShuffles } from "./pixel-shuffle.ts";
import { softmaxes } from "./softmax.ts";
import { stridedSlices } from "./strided-slices.ts";

const recognitions: readonly Recognition[] = [
  ...einsums,
  ...activations,
  ...normalizations,
  ...moments,
  ...softmaxes,
  ...attentions,
  ...attentionHeads,
  ...pixelShuffles,
  ...stridedSlices,
  ...channelAffines,
];

/** The pass that writes decomposed ops as one op each, for graphs that are lowered for a target afterwards: of ops that pay only whole, those it has. */
export const recognizeOpsFor = ({ opset }: Pick<Target, "opset">): Pass => {
  const rules = recognitions.flatMap(({ rule, since }) => (since <= opset ? [rule] : []));
  return (graph, control) => rewrite(graph, rules, control);
};
/** The same for the default opset. */
export const recognizeOps: Pass = recognizeOpsFor({ opset: 18 });
