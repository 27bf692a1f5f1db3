/** The table of all ops: a record is missing here exactly when tsc says so. */
import type { OpSchema } from "../op-schema.ts";
import type { OpType } from "../op-types.ts";
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
import { fusedActivationOps } from "./fused-activation.ts";
import { fusedConvOps } from "./fused-conv.ts";
import { gatedActivationOps } from "./gated-activation.ts";
import { gatherOps } from "./gather.ts";
import { gatherNdOps } from "./gather-nd.ts";
import { groupNormalizationOps } from "./group-normalization.ts";
import { logicOps } from "./logic.ts";
import { matmulOps } from "./matmul.ts";
import { movementOps } from "./movement.ts";
import { multiHeadAttentionOps } from "./multi-head-attention.ts";
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

/** The families of ops by the kind of work that they do besides multiply-adds. */
const families = {
  /** What convolutions and matrix products add to their products. */
  bias: { ...convOps, ...convGradOps, ...matmulOps, ...einsumOps, ...fusedConvOps },
  pooling: { ...poolOps, ...poolGradOps },
  normalization: { ...batchNormalizationOps, ...normalizationOps, ...groupNormalizationOps, ...rmsNormalizationOps },
  softmax: { ...softmaxOps, ...attentionOps, ...multiHeadAttentionOps },
  activation: { ...activationOps, ...gatedActivationOps, ...fusedActivationOps },
  elementwise: { ...arithmeticOps, ...logicOps, ...constantOps },
  reduction: { ...reduceOps, ...cumulativeOps, ...topKOps },
  resizing: resizeOps,
  random: randomOps,
  movement: { ...movementOps, ...depthSpaceOps, ...gatherOps, ...gatherNdOps, ...padOps, ...shapeOps, ...sliceOps },
};
/** A kind of work besides multiply-adds: the heads under which a count of operations is broken down. */
export type WorkKind = keyof typeof families;

/** The meaning of every op. */
export const ops: { readonly [T in OpType]: OpSchema<T> } = {
  ...families.bias,
  ...families.pooling,
  ...families.normalization,
  ...families.softmax,
  ...families.activation,
  ...families.elementwise,
  ...families.reduction,
  ...families.resizing,
  ...families.random,
  ...families.movement,
};
/** The record of an op, typed for that op alone. */
export const schemaOf = <T extends OpType>(opType: T): OpSchema<T> => ops[opType];

/** All kinds of work, in the order in which they are listed. */
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
  workKinds.flatMap((kind) => Object.keys(families[kind]).map((op) => [op, kind] as const)),
);
/** The kind of an op's work besides multiply-adds. */
export const workKindOf = (opType: OpType): WorkKind => kinds.get(opType) ?? "elementwise";
