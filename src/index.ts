/** striate: models in TypeScript, checked while you type, compiled to ONNX graphs for inference and for training. */

// Writing models.
export * from "./dsl/index.ts";
// Compiling and training them.
export * from "./compile/index.ts";
export { type CreateTrainerOptions, createTrainer, type ModelTrainer } from "./train.ts";
export { type TrainingProgress, trainingProgress } from "./train/progress.ts";
export { type ClassifierScores, type Misclassified, scoreClassifier, type ScoreOptions } from "./train/score-classifier.ts";
export { accuracyOf } from "./train/scores.ts";
export { type RunToReport, writeTrainingReport } from "./train/write-report.ts";
// Feeding and running them.
export * from "./data/index.ts";
export {
  type BatchEvent, type Binding, type BoundRun, type Checkpoint, constant, cosine, createSession, createTrainerFromArtifacts, type EpochRecord,
  exponential, type Feed, type Feeds, type FitOptions, type FitResult, matchWeights, multiStep, oneCycle, type OneCycleOptions, polynomial, type Port,
  type ProviderChoice, type ProviderReport, readCheckpoint, readSafetensors, type Schedule, type Scores, type Session, type SessionOptions, stepDecay,
  type TensorHandle, type Trainer, type TrainerOptions, type TrainingArtifacts, warmup, writeSafetensors,
} from "./runtime/index.ts";
// The graph itself, for those who build on it.
export {
  CompileError, type Diagnostic, type DType, type Graph, GraphBuilder, isCompileError, type Node, parse, print, printDiagnostic, type Shape,
  type SourceLocation, type Target, type TensorData, type TensorType, type Value, verify,
} from "./ir/index.ts";
export {
  activationMemory, appendGradients, bindInputs, cost, type DifferentiateOptions, differentiate, eliminateCommonSubexpressions, eliminateDeadCode,
  foldConstants, freeInitializers, fuseBatchNorm, type GraphCost, lower, type OptimizationLevel, type OptimizationReport, optimize, receptiveField,
  removeIdentities, type RewriteRule, rewrite, rewriteRule, skip, substituteShapes, toTraining,
} from "./passes/index.ts";
export {
  type ParsedModel, parseModel, parseTrainingManifest, printTrainingManifest, readModelFile, type StateRow, type TrainingManifest, writeModel, writeModelFile,
} from "./codegen/index.ts";
export { version } from "./version.ts";
