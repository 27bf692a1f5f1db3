/** From a model or graph to ONNX files: the only folder that knows the DSL, the passes and the code generator together. */
export type { ClassOutput } from "./class-output.ts";
export type { GradientClipping } from "./clip-gradients.ts";
export { compileEvaluation } from "./evaluation.ts";
export type { ImageInput } from "./image-input.ts";
export { buildInference, type Compiled, type CompileOptions, compile, targetOf } from "./inference.ts";
export { type Compilable, type InputShapes, type Source, type SourceParameter, sourceOf } from "./source.ts";
export { type CompiledTraining, compileTraining, type TrainingMemory, type TrainingOptions } from "./training.ts";
export { withWeights } from "./weights.ts";
