/** Graph -> Graph, and questions about graphs. */

export { bindInputs, freeInitializers, heldWeightsToInitializers, substituteShapes } from "./bind.ts";
export { eliminateCommonSubexpressions } from "./common-subexpression-elimination.ts";
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
export { type ConstantFoldingOptions, foldConstants } from "./constant-folding.ts";
export { convolutionsToProducts } from "./convolution-to-product.ts";
export { copyGraph, copyInterface, copyNode, copyOutputs, mapped, mappedInputs, type ValueMap } from "./copy-graph.ts";
export {
  type CostOptions,
  cost,
  flopsIn,
  type GraphCost,
  type NodeCost,
  type OtherByKind,
  otherByKind,
  runningStatistics,
} from "./cost.ts";
export { eliminateDeadCode } from "./dead-code-elimination.ts";
export { type DifferentiateOptions, differentiate, zerosLike } from "./differentiate.ts";
export { dropUnusedInputs } from "./drop-unused-inputs.ts";
export { dropUnusedOutputs } from "./drop-unused-outputs.ts";
export { emulateBfloat16 } from "./emulate-bfloat16.ts";
export { fitWebgpu } from "./fit-webgpu.ts";
export { foldInputNorm } from "./fold-input-norm.ts";
export { fuseBatchNorm } from "./fuse-batch-norm.ts";
export { fuseBias } from "./fuse-bias.ts";
export { fuseForTarget } from "./fuse-for-target.ts";
export { fusePad } from "./fuse-pad.ts";
export { appendGradients } from "./gradients.ts";
export { removeIdentities } from "./identity-removal.ts";
export { lower } from "./lower.ts";
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
export { mergeBranches } from "./merge-branches.ts";
export { mergeLinear } from "./merge-linear.ts";
export { mergeMovement } from "./merge-movement.ts";
export { mergeSizes, shortenSizes } from "./merge-sizes.ts";
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
export { type AxisReceptiveField, featureMaps, receptiveField, receptiveFields, spatialAxes } from "./receptive-field.ts";
export { recognizeOps, recognizeOpsFor } from "./recognize-ops.ts";
export { reduceStrength } from "./reduce-strength.ts";
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
export { type RunGraph, runConstants } from "./run-constants.ts";
export { sinkActivations } from "./sink-activation.ts";
export { type HalfFormat, type HalfOptions, toHalf } from "./to-half.ts";
export { type TrainingGraph, type TrainingModeOptions, toTraining } from "./training-mode.ts";
export { type AxisExtent, type UnitPosition, type UnitView, unitView } from "./unit-view.ts";
