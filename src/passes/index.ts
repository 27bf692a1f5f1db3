/** Graph -> Graph, and questions about graphs. */

export {
  type CostOptions,
  cost,
  flopsIn,
  type GraphCost,
  type NodeCost,
  type OtherByKind,
  otherByKind,
  runningStatistics,
  weightBytes,
} from "./answers/cost.ts";
export { type AxisReceptiveField, featureMaps, receptiveField, receptiveFields, spatialAxes } from "./answers/receptive-field.ts";
export { type AxisExtent, type UnitPosition, type UnitView, unitView } from "./answers/unit-view.ts";
export { reduceStrength } from "./arithmetic/reduce-strength.ts";
export { bindInputs, freeInitializers, heldWeightsToInitializers, substituteShapes } from "./bind.ts";
export { eliminateCommonSubexpressions } from "./cleanup/common-subexpression-elimination.ts";
export { type ConstantFoldingOptions, foldConstants } from "./cleanup/constant-folding.ts";
export { eliminateDeadCode } from "./cleanup/dead-code-elimination.ts";
export { dropUnusedInputs } from "./cleanup/drop-unused-inputs.ts";
export { dropUnusedOutputs } from "./cleanup/drop-unused-outputs.ts";
export { removeIdentities } from "./cleanup/identity-removal.ts";
export { type RunGraph, runConstants } from "./cleanup/run-constants.ts";
export {
  areSame,
  type Change,
  type Costs,
  compareGraphs,
  type GraphComparison,
  type NodeChange,
  type OutputField,
  type PortChange,
} from "./compare/compare-graphs.ts";
export { type Difference, differenceOf, type WeightChange } from "./compare/compare-weights.ts";
export { isNumbered, matchNodes, type NodePairs, pairValues } from "./compare/match-nodes.ts";
export { copyGraph, copyInterface, copyNode, copyOutputs, mapped, mappedInputs, type ValueMap } from "./copy-graph.ts";
export { foldInputNorm } from "./linear/fold-input-norm.ts";
export { fuseBatchNorm } from "./linear/fuse-batch-norm.ts";
export { fuseBias } from "./linear/fuse-bias.ts";
export { fusePad } from "./linear/fuse-pad.ts";
export { mergeBranches } from "./linear/merge-branches.ts";
export { mergeLinear } from "./linear/merge-linear.ts";
export {
  type AliveValue,
  activationMemory,
  type KeptForBackward,
  keptForBackward,
  type MemoryOptions,
  type MemoryPeak,
} from "./memory/activation-memory.ts";
export { executionOrder } from "./memory/execution-order.ts";
export { recomputeWithin } from "./memory/recomputation.ts";
export { peakMemory } from "./memory/recompute.ts";
export { scheduleForMemory } from "./memory/schedule-memory.ts";
export { mergeMovement } from "./movement/merge-movement.ts";
export { mergeSizes, shortenSizes } from "./movement/merge-sizes.ts";
export {
  joinReports,
  type OptimizationLevel,
  type OptimizationReport,
  type OptimizeOptions,
  optimize,
  type PassReport,
  type PassRun,
  type Pipeline,
  type Purpose,
  passNames,
  pipelines,
  reportOf,
  type Stage,
} from "./optimize.ts";
export { pruneChannels } from "./prune-channels/prune-channels.ts";
export { recognizeOps, recognizeOpsFor } from "./recognize/recognize-ops.ts";
export {
  type Applied,
  contentsOf,
  isOneOf,
  type MemoryWishes,
  type Pass,
  type PassControl,
  type PassResult,
  type Replacement,
  type RewriteContext,
  type RewriteOutcome,
  type RewriteRule,
  readersOf,
  rewrite,
  rewriteRule,
  type Skip,
  type Skipped,
  skip,
  unchanged,
} from "./rewrite.ts";
export { emulateBfloat16 } from "./targets/emulate-bfloat16.ts";
export { fitWebgpu } from "./targets/fit-webgpu.ts";
export { fuseForTarget } from "./targets/fuse-for-target.ts";
export { lower } from "./targets/lower.ts";
export { type HalfFormat, type HalfOptions, toHalf } from "./targets/to-half.ts";
export { convolutionsToProducts } from "./training/convolution-to-product.ts";
export { type DifferentiateOptions, differentiate, zerosLike } from "./training/differentiate.ts";
export { appendGradients } from "./training/gradients.ts";
export { sinkActivations } from "./training/sink-activation.ts";
export { type TrainingGraph, type TrainingModeOptions, toTraining } from "./training/training-mode.ts";
