/** Finds ops that exporters write out in parts, one file a family in `recognize/`. */
import type { Target } from "../ir/op-schema.ts";
import { activations } from "./recognize/activations.ts";
import { attentions } from "./recognize/attention.ts";
import { attentionHeads } from "./recognize/attention-heads.ts";
import { channelAffines } from "./recognize/channel-affine.ts";
import { einsums } from "./recognize/einsum.ts";
import { moments } from "./recognize/moments.ts";
import { normalizations } from "./recognize/normalizations.ts";
import type { Recognition } from "./recognize/pattern.ts";
import { pixelShuffles } from "./recognize/pixel-shuffle.ts";
import { softmaxes } from "./recognize/softmax.ts";
import { stridedSlices } from "./recognize/strided-slices.ts";
import { type Pass, rewrite } from "./rewrite.ts";

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
