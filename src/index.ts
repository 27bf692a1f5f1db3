/** striate: models in TypeScript, checked while you type, compiled to ONNX graphs for inference and for training. */

export {
  type ParsedModel,
  parseModel,
  parseTrainingManifest,
  printModelTypes,
  printTrainingManifest,
  readModelFile,
  type StateRow,
  type TrainingManifest,
  writeModel,
  writeModelFile,
} from "./codegen/index.ts";
// Compiling and training them.
export * from "./compile/index.ts";
// Feeding and running them.
export * from "./data/index.ts";
// Writing models.
export * from "./dsl/index.ts";
// What units of them see.
export {
  drawEffectiveField,
  type EffectiveField,
  type EffectiveFieldOptions,
  effectiveField,
  type FieldSizes,
  findValue,
  type GradientMap,
  type GradientMeasure,
  lastFeatureMap,
  type PixelBox,
  type RowsColumns,
} from "./inspect/index.ts";
// The graph itself, for those who build on it.
export {
  CompileError,
  type Diagnostic,
  type DType,
  type Graph,
  GraphBuilder,
  isCompileError,
  type Node,
  parse,
  print,
  printDiagnostic,
  type Shape,
  type SourceLocation,
  type Target,
  type TensorData,
  type TensorType,
  type Value,
  verify,
} from "./ir/index.ts";
export {
  type AxisExtent,
  type AxisReceptiveField,
  activationMemory,
  appendGradients,
  bindInputs,
  compareGraphs,
  cost,
  type DifferentiateOptions,
  differentiate,
  eliminateCommonSubexpressions,
  eliminateDeadCode,
  featureMaps,
  foldConstants,
  freeInitializers,
  fuseBatchNorm,
  type GraphComparison,
  type GraphCost,
  keptForBackward,
  lower,
  type OptimizationLevel,
  type OptimizationReport,
  type OtherByKind,
  optimize,
  type RewriteRule,
  receptiveField,
  receptiveFields,
  removeIdentities,
  rewrite,
  rewriteRule,
  skip,
  substituteShapes,
  toTraining,
  type UnitPosition,
  type UnitView,
  unitView,
} from "./passes/index.ts";
export {
  type BatchEvent,
  type Binding,
  type BoundRun,
  type Checkpoint,
  constant,
  cosine,
  createSession,
  createTrainerFromArtifacts,
  type EpochRecord,
  exponential,
  type Feed,
  type Feeds,
  type FitOptions,
  type FitResult,
  type HostTensor,
  type ModelTypes,
  matchWeights,
  multiStep,
  type OneCycleOptions,
  oneCycle,
  type Port,
  type ProviderChoice,
  type ProviderReport,
  polynomial,
  readCheckpoint,
  readSafetensors,
  type Schedule,
  type Scores,
  type Session,
  type SessionOptions,
  type StopSignal,
  stepDecay,
  type TensorHandle,
  type Trainer,
  type TrainerOptions,
  type TrainingArtifacts,
  type TypedHostTensor,
  type TypedModel,
  type TypedSession,
  warmup,
  writeSafetensors,
} from "./runtime/index.ts";
export { type CreateTrainerOptions, createTrainer, type ModelTrainer } from "./train/create-trainer.ts";
export { type TrainingProgress, trainingProgress } from "./train/progress.ts";
export { type ClassifierScores, type Misclassified, type ScoreOptions, scoreClassifier } from "./train/score-classifier.ts";
export { accuracyOf } from "./train/scores.ts";
export { type ModelSummary, type SummaryCost, type SummaryRow, summarize } from "./train/summarize.ts";
export { type SummaryPart, type SummaryScope, scopesOf } from "./train/summary-scopes.ts";
export { type ModelToReport, writeModelReport } from "./train/write-model-report.ts";
export { type RunToReport, writeTrainingReport } from "./train/write-report.ts";
export { version } from "./version.ts";
