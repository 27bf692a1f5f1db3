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
import { topKOps } from "./top-k.ts";

/** The meaning of every op. */
export const ops: { readonly [T in OpType]: OpSchema<T> } = {
  ...activationOps,
  ...arithmeticOps,
  ...attentionOps,
  ...batchNormalizationOps,
  ...constantOps,
  ...convGradOps,
  ...convOps,
  ...cumulativeOps,
  ...depthSpaceOps,
  ...einsumOps,
  ...fusedActivationOps,
  ...fusedConvOps,
  ...gatedActivationOps,
  ...gatherOps,
  ...gatherNdOps,
  ...groupNormalizationOps,
  ...logicOps,
  ...matmulOps,
  ...movementOps,
  ...multiHeadAttentionOps,
  ...normalizationOps,
  ...padOps,
  ...poolGradOps,
  ...poolOps,
  ...randomOps,
  ...reduceOps,
  ...resizeOps,
  ...rmsNormalizationOps,
  ...shapeOps,
  ...sliceOps,
  ...topKOps,
};
/** The record of an op, typed for that op alone. */
export const schemaOf = <T extends OpType>(opType: T): OpSchema<T> => ops[opType];
