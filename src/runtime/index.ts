/** Running models: sessions, training, checkpoints, weights. */
export {
  type Checkpoint,
  type Counters,
  checkpointFile,
  type EpochRecord,
  readCheckpoint,
  type Scores,
  writeCheckpoint,
} from "./checkpoint.ts";
export type { CudaReport, Gpu } from "./cuda-report.ts";
export { type BadValue, findBadValues } from "./diagnose.ts";
export { type Attempt, type DoctorOptions, type DoctorReport, type ProviderTrial, runDoctor, type TinyTraining } from "./doctor.ts";
export type { EvaluatedBatch, EvaluateOptions } from "./evaluate.ts";
export type { ExecutedGraph, ExecutedNode } from "./executed-graph.ts";
export type { BatchEvent, FitOptions, FitResult } from "./fit.ts";
export { isReorder, kernelNodes } from "./kernel-nodes.ts";
export { type MachineRoofs, measureRoofs } from "./machine-roofs.ts";
export { type MemoryPlan, type PlannedBuffer, planMemory } from "./memory-plan.ts";
export type { ProbeModel } from "./probe-model.ts";
export { executedGraphOf, type KernelTiming, type ModelProfile, measuredPeak, profileModel } from "./profile-model.ts";
export {
  type CudaProvider,
  type ProviderChoice,
  type ProviderName,
  type ProviderReport,
  printProvider,
  providerHindrance,
} from "./providers.ts";
export { encodeSafetensors, parseSafetensors, readSafetensors, type Safetensors, writeSafetensors } from "./safetensors.ts";
export {
  constant,
  cosine,
  exponential,
  multiStep,
  type OneCycleOptions,
  oneCycle,
  polynomial,
  type Schedule,
  type ScheduleStep,
  type ScheduleUnit,
  stepDecay,
  warmup,
} from "./schedule.ts";
export { type Binding, type BoundRun, createSession, createStepSession, type Session } from "./session.ts";
export type { SessionOptions } from "./session-options.ts";
export type { Locate, ModelSource } from "./source-map.ts";
export type { StepResult } from "./step-runner.ts";
export type { StopSignal } from "./stop-signal.ts";
export type { Feed, Feeds, Port, TensorHandle } from "./tensor-handle.ts";
export { createTrainerFromArtifacts, type Trainer, type TrainerOptions, type TrainingArtifacts } from "./trainer.ts";
export type { HostTensor, HostTensorOf, ModelTypes, TypedHostTensor, TypedModel, TypedSession } from "./typed-session.ts";
export { convertFloat, type ExpectedTensor, type MatchOptions, matchWeights } from "./weights.ts";
