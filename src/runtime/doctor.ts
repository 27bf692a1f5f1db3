/** What works on this machine: found out by trying. */
import { writeModel } from "../codegen/write-model.ts";
import type { Batch } from "../data/batch-loader.ts";
import { GraphBuilder } from "../ir/builder.ts";
import { isCompileError } from "../ir/diagnostic.ts";
import { tensorFrom } from "../ir/tensor-data.ts";
import { type CudaReport, cudaReport } from "./cuda-report.ts";
import { availableBackends, libraryFolder, onnxruntimeVersion } from "./onnxruntime-package.ts";
import type { ProviderName } from "./providers.ts";
import { createSession } from "./session.ts";
import { createTrainerFromArtifacts, type TrainingArtifacts } from "./trainer.ts";

/** Something that was tried. */
export interface Attempt {
  readonly works: boolean;
  /** What it gave, or why it failed: one line. */
  readonly detail: string;
  /** How long it took, the session's start included. */
  readonly milliseconds: number;
}
/** What a provider can do here. */
export interface ProviderTrial {
  readonly name: ProviderName;
  readonly inference: Attempt;
  /** Null when no training step was given to try. */
  readonly training: Attempt | null;
}
/** Everything that `striate doctor` tells. */
export interface DoctorReport {
  readonly node: { readonly version: string; readonly platform: string; readonly supported: boolean; readonly wanted: string };
  readonly onnxruntime: { readonly version: string; readonly folder: string; readonly providers: readonly string[] };
  readonly providers: readonly ProviderTrial[];
  readonly cuda: CudaReport;
  /** Whether models run at all: on the CPU, with a Node that is supported. */
  readonly works: boolean;
}
/** A training step to try. */
export interface TinyTraining {
  readonly artifacts: TrainingArtifacts;
  readonly batch: Batch;
}
/** What the doctor is given. */
export interface DoctorOptions {
  /** Compiles a small model for training. */
  readonly training?: () => TinyTraining | Promise<TinyTraining>;
}

/** package.json's `engines`. */
const oldestNode = [20, 12] as const;
const tried: readonly ProviderName[] = ["cpu", "cuda"];

/** Looks at everything and tries a small inference and training step on each provider. Never throws: what fails is in the report. */
export async function runDoctor(options: DoctorOptions = {}): Promise<DoctorReport> {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const supported = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  const providers: ProviderTrial[] = [];
  for (const name of tried) {
    const inference = await attempt(() => tryInference(name));
    const { training } = options;
    providers.push({ name, inference, training: training === undefined ? null : await attempt(() => tryTraining(name, training)) });
  }
  return {
    node: {
      version: process.version,
      platform: `${process.platform}/${process.arch}`,
      supported,
      wanted: `${oldestNode.join(".")} or later`,
    },
    onnxruntime: { version: onnxruntimeVersion(), folder: libraryFolder(), providers: availableBackends() },
    providers,
    cuda: cudaReport(),
    works: supported && providers.some(({ name, inference, training }) => name === "cpu" && inference.works && training?.works !== false),
  };
}

async function attempt(work: () => Promise<string>): Promise<Attempt> {
  const start = performance.now();
  const done = (works: boolean, detail: string): Attempt => ({ works, detail, milliseconds: Math.round(performance.now() - start) });
  try {
    return done(true, await work());
  } catch (error) {
    return done(false, reason(error));
  }
}
/** The message alone; of a list of providers that all failed, why the one tried did. */
function reason(error: unknown): string {
  const [first] = isCompileError(error) ? error.diagnostics : [];
  const text = first?.code === "provider" ? (first.notes[0]?.message ?? first.message) : first?.message;
  return (text ?? (error instanceof Error ? error.message : String(error))).split("\n")[0] ?? "";
}

/** relu(x w) of numbers whose product is plain. */
async function tryInference(name: ProviderName): Promise<string> {
  const b = new GraphBuilder("doctor");
  const x = b.input("x", { dtype: "float32", shape: ["N", 2] });
  b.output(b.add("Relu", [b.add("MatMul", [x, b.initializer("w", tensorFrom("float32", [2, 3], [1, 2, 3, 4, 5, -6]))])]));
  const session = await createSession(writeModel(b.build()), { providers: [name] });
  try {
    const [y] = Object.values(await session.run({ x: tensorFrom("float32", [1, 2], [1, 10]) }));
    const got = String(y?.data);
    if (got !== "41,52,0") throw new Error(`relu(x w) is [${got}], not [41,52,0]`);
    return `runs on ${session.provider.place}`;
  } finally {
    await session.dispose();
  }
}

async function tryTraining(name: ProviderName, training: () => TinyTraining | Promise<TinyTraining>): Promise<string> {
  const { artifacts, batch } = await training();
  const trainer = await createTrainerFromArtifacts(artifacts, { providers: [name] });
  try {
    const losses: number[] = [];
    for (let i = 0; i < 3; i++) losses.push((await trainer.trainStep(batch)).loss);
    const [first = Number.NaN, , last = Number.NaN] = losses;
    if (!(last < first)) throw new Error(`the loss does not fall: ${losses.join(", ")}`);
    return `the loss falls from ${first.toPrecision(4)} to ${last.toPrecision(4)} in two steps`;
  } finally {
    await trainer.dispose();
  }
}
