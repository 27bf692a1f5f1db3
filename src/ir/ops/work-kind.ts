/** What kind of work an op does besides multiply-adds: the heads under which a count of operations is broken down. */
import { activationOps } from "./activation.ts";
import { arithmeticOps } from "./arithmetic.ts";
import { attentionOps } from "./attention.ts";
import { batchNormalizationOps } from "./batch-normalization.ts";
import { constantOps } from "./constant.ts";
import { convOps } from "./conv.ts";
import { convGradOps } from "./conv-grad.ts";
import { cumulativeOps } from "./cumulative.ts";
import { depthSpaceOps } from "./depth-space.ts";
import { einsumOps } from "./einsum.ts";
import { gatedActivationOps } from "./gated-activation.ts";
import { gatherOps } from "./gather.ts";
import { gatherNdOps } from "./gather-nd.ts";
import { groupNormalizationOps } from "./group-normalization.ts";
import { logicOps } from "./logic.ts";
import { matmulOps } from "./matmul.ts";
import { movementOps } from "./movement.ts";
import { normalizationOps } from "./normalization.ts";
import { padOps } from "./pad.ts";
import { poolOps } from "./pool.ts";
import { poolGradOps } from "./pool-grad.ts";
import { randomOps } from "./random.ts";
import { reduceOps } from "./reduce.ts";
import { resizeOps } from "./resize.ts";
import { rmsNormalizationOps } from "./rms-normalization.ts";
import { shapeOps } from "./shape-ops.ts";
import { sliceOps } from "./slice.ts";
import { softmaxOps } from "./softmax.ts";
import { topKOps } from "./top-k.ts";

/** The families of each kind; where an op is in two, the first counts. */
const families = {
  /** What convolutions and matrix products add to their products. */
  bias: { ...convOps, ...convGradOps, ...matmulOps, ...einsumOps },
  pooling: { ...poolOps, ...poolGradOps },
  normalization: { ...batchNormalizationOps, ...normalizationOps, ...groupNormalizationOps, ...rmsNormalizationOps },
  softmax: { ...softmaxOps, ...attentionOps },
  activation: { ...activationOps, ...gatedActivationOps },
  elementwise: { ...arithmeticOps, ...logicOps, ...constantOps },
  reduction: { ...reduceOps, ...cumulativeOps, ...topKOps },
  resizing: resizeOps,
  random: randomOps,
  movement: { ...movementOps, ...depthSpaceOps, ...gatherOps, ...gatherNdOps, ...padOps, ...shapeOps, ...sliceOps },
};

/** A kind of work. */
export type WorkKind = keyof typeof families;
/** Every op of a family: where an op is in none, a call of workKindOf does not compile. */
type Counted = { [K in WorkKind]: keyof (typeof families)[K] }[WorkKind];

/** All kinds, in the order in which they are listed. */
export const workKinds: readonly WorkKind[] = [
  "bias",
  "pooling",
  "normalization",
  "softmax",
  "activation",
  "elementwise",
  "reduction",
  "resizing",
  "random",
  "movement",
];
const kinds: ReadonlyMap<string, WorkKind> = new Map(
  workKinds.toReversed().flatMap((kind) => Object.keys(families[kind]).map((op) => [op, kind] as const)),
);

/** The kind of an op's work besides multiply-adds. */
export const workKindOf = (opType: Counted): WorkKind => kinds.get(opType) ?? "elementwise";
