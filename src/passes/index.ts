/** Graph -> Graph, and questions about graphs. */
export { activationMemory, type MemoryOptions, type MemoryPeak } from "./activation-memory.ts";
export { bindInputs, freeInitializers, substituteShapes } from "./bind.ts";
export { eliminateCommonSubexpressions } from "./common-subexpression-elimination.ts";
export { type ConstantFoldingOptions, foldConstants } from "./constant-folding.ts";
export { convolutionsToProducts } from "./convolution-to-product.ts";
export { copyGraph, copyInterface, copyNode, copyOutputs, mapped, mappedInputs, type ValueMap } from "./copy-graph.ts";
export { type CostOptions, cost, type GraphCost, type NodeCost } from "./cost.ts";
export { eliminateDeadCode } from "./dead-code-elimination.ts";
export { type DifferentiateOptions, differentiate, zerosLike } from "./differentiate.ts";
export { dropUnusedOutputs } from "./drop-unused-outputs.ts";
export { foldInputNorm } from "./fold-input-norm.ts";
export { fuseBatchNorm } from "./fuse-batch-norm.ts";
export { fuseBias } from "./fuse-bias.ts";
export { fusePad } from "./fuse-pad.ts";
export { appendGradients } from "./gradients.ts";
export { removeIdentities } from "./identity-removal.ts";
export { lower } from "./lower.ts";
export { mergeBranches } from "./merge-branches.ts";
export { mergeMovement } from "./merge-movement.ts";
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
} from "./optimize.ts";
export { type AxisReceptiveField, receptiveField } from "./receptive-field.ts";
export { recognizeOps } from "./recognize-ops.ts";
export { reduceStrength } from "./reduce-strength.ts";
export {
  type Applied,
  contentsOf,
  isOneOf,
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
} from "./rewrite.ts";
export { sinkActivations } from "./sink-activation.ts";
export { type Float16Options, toFloat16 } from "./to-float16.ts";
export { type TrainingGraph, type TrainingModeOptions, toTraining } from "./training-mode.ts";
