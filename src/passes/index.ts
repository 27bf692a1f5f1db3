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
export { fuseBatchNorm } from "./fuse-batch-norm.ts";
export { appendGradients } from "./gradients.ts";
export { removeIdentities } from "./identity-removal.ts";
export { lower } from "./lower.ts";
export { type OptimizationLevel, type OptimizationReport, optimize, type PassReport } from "./optimize.ts";
export { type AxisReceptiveField, receptiveField } from "./receptive-field.ts";
export {
  type Applied,
  contentsOf,
  isOneOf,
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
export { type TrainingGraph, type TrainingModeOptions, toTraining } from "./training-mode.ts";
