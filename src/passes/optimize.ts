/** The pipelines of optimising passes. */
import { addDims, type Dim } from "../ir/dim.ts";
import type { Graph } from "../ir/graph.ts";
import type { Target } from "../ir/op-schema.ts";
import type { TargetName } from "../ir/targets.ts";
import { macDelta, weightBytes } from "./answers/cost.ts";
import { reduceStrength } from "./arithmetic/reduce-strength.ts";
import { eliminateCommonSubexpressions } from "./cleanup/common-subexpression-elimination.ts";
import { foldConstants } from "./cleanup/constant-folding.ts";
import { eliminateDeadCode } from "./cleanup/dead-code-elimination.ts";
import { dropUnusedOutputs } from "./cleanup/drop-unused-outputs.ts";
import { removeIdentities } from "./cleanup/identity-removal.ts";
import { foldInputNorm } from "./linear/fold-input-norm.ts";
import { fuseBatchNorm } from "./linear/fuse-batch-norm.ts";
import { fuseBias } from "./linear/fuse-bias.ts";
import { fusePad } from "./linear/fuse-pad.ts";
import { mergeBranches } from "./linear/merge-branches.ts";
import { mergeLinear } from "./linear/merge-linear.ts";
import { recomputeWithin } from "./memory/recomputation.ts";
import { scheduleForMemory } from "./memory/schedule-memory.ts";
import { mergeMovement } from "./movement/merge-movement.ts";
import { mergeSizes, shortenSizes } from "./movement/merge-sizes.ts";
import { pruneChannels } from "./prune-channels/prune-channels.ts";
import { recognizeOps, recognizeOpsFor } from "./recognize/recognize-ops.ts";
import type { Applied, MemoryWishes, Pass, PassResult, Skipped } from "./rewrite.ts";
import { fitWebgpu } from "./targets/fit-webgpu.ts";
import { fuseForTarget } from "./targets/fuse-for-target.ts";
import { splitFused } from "./targets/split-fused.ts";
import { convolutionsToProducts } from "./training/convolution-to-product.ts";
import { sinkActivations } from "./training/sink-activation.ts";

/** How much is done: nothing, what keeps every bit of every output, or every pass. */
export type OptimizationLevel = "none" | "exact" | "all";
/** What a graph is for. */
export type Purpose = "inference" | "training";
/** Passes by name, in the order in which they run. */
export type Pipeline = readonly (readonly [name: string, pass: Pass])[];

const exact: Pipeline = [
  ["dead-code-elimination", eliminateDeadCode],
  ["unused-outputs", dropUnusedOutputs],
  ["constant-folding", foldConstants],
  ["identity-removal", removeIdentities],
  ["merge-movement", mergeMovement],
  ["merge-sizes", mergeSizes],
  ["common-subexpression-elimination", eliminateCommonSubexpressions],
];
const inference: Pipeline = [
  ["dead-code-elimination", eliminateDeadCode],
  ["unused-outputs", dropUnusedOutputs],
  ["constant-folding", foldConstants],
  ["identity-removal", removeIdentities],
  ["merge-movement", mergeMovement],
  ["merge-sizes", mergeSizes],
  ["reduce-strength", reduceStrength],
  ["fuse-pad", fusePad],
  ["fuse-batch-norm", fuseBatchNorm],
  ["fuse-bias", fuseBias],
  ["fold-input-norm", foldInputNorm],
  ["merge-branches", mergeBranches],
  ["merge-linear", mergeLinear],
  ["prune-channels", pruneChannels],
  ["common-subexpression-elimination", eliminateCommonSubexpressions],
];
/** The arithmetic stays as it is written: a step is compared with other frameworks'. */
const sinking: Pipeline = [["sink-activation", sinkActivations]];
const unrolling: Pipeline = [["convolution-to-product", convolutionsToProducts]];
const memory: Pipeline = [
  // Once more behind the recomputation, which has nodes of its own to order.
  ["schedule", scheduleForMemory],
  ["recompute", recomputeWithin],
  ["schedule", scheduleForMemory],
];
/** Where a training graph is on its way: the model before it is differentiated, the step before it is lowered, after that, and at its end. */
export type Stage = "model" | "step" | "lowered" | "end";
/** The stage of the passes that have one of their own; the others run on the step, before and after it is lowered. */
const stageOf = new Map<string, Stage>([
  ...sinking.map(([name]) => [name, "model"] as const),
  ...unrolling.map(([name]) => [name, "step"] as const),
  ...memory.map(([name]) => [name, "end"] as const),
]);

/** The passes of each level. */
export const pipelines: Readonly<Record<Purpose, Readonly<Record<OptimizationLevel, Pipeline>>>> = {
  inference: { none: [], exact, all: inference },
  training: { none: [], exact: [...sinking, ...exact, ...memory], all: [...sinking, ...exact, ...unrolling, ...memory] },
};

/** Passes that may make ops which the target lacks: they stand before the others of level "all" in a graph that is yet to be lowered. */
const recognition = (recognize: Pass): Pipeline => [
  ["split-fused", splitFused],
  ["recognize-ops", recognize],
  ["shorten-sizes", shortenSizes],
];
/** What comes last for inference, on the lowered graph, and lowers what it makes itself. */
const lastSteps: Readonly<Record<TargetName, readonly (readonly [name: string, pass: (target: Target) => Pass])[]>> = {
  portable: [],
  "onnxruntime-cpu": [["fuse-for-target", fuseForTarget]],
  "onnxruntime-cuda": [["fuse-for-target", fuseForTarget]],
  browser: [["fit-webgpu", fitWebgpu]],
};
/** The names of all passes. */
export const passNames: readonly string[] = [
  ...new Set(
    [...recognition(recognizeOps), ...inference, ...pipelines.training.all, ...Object.values(lastSteps).flat()].map(([name]) => name),
  ),
];

/** What one pass did, over all the times it ran. */
export interface PassReport {
  readonly pass: string;
  readonly applied: readonly Applied[];
  /** How many nodes the graph has more; negative for fewer. */
  readonly nodeDelta: number;
  /** How many multiply-adds it has more. */
  readonly macDelta: Dim;
  /** How many bytes of weights and constants it has more. */
  readonly byteDelta: number;
  /** What it refused when it last ran. */
  readonly skipped: readonly Skipped[];
}
/** What all passes did, in their order. */
export type OptimizationReport = readonly PassReport[];

/** One run of one pass. */
export interface PassRun {
  readonly name: string;
  readonly pass: Pass;
  readonly before: Graph;
  readonly result: PassResult;
}
/** Which passes run, and who watches. */
export interface OptimizeOptions {
  readonly purpose?: Purpose;
  /** True for a graph that will be lowered afterwards, in which whole ops may take the place of their parts. */
  readonly beforeLowering?: boolean;
  /** The opset of that target, 18 when absent: some ops pay only where it has them. */
  readonly opset?: number;
  /** The target of a graph that is lowered, of which the last steps alone run. */
  readonly last?: Target;
  /** For a training graph: where it is on its way; "step" when absent. */
  readonly stage?: Stage;
  /** For a training graph at its end: what memory it may use. */
  readonly memory?: MemoryWishes;
  /** The last pass of the pipeline that runs; all do where it has none of that name. */
  readonly until?: string;
  /** Passes that do not run. */
  readonly without?: readonly string[];
  /** Called after each run of a pass. */
  readonly onPass?: (run: PassRun) => void;
}

/** Passes that undo each other would go on for ever; those here have always come to rest in a few rounds. */
const maxRounds = 12;

/**
 * The graph after the passes of a level, each in the order of its pipeline and all of them again until nothing changes, and what each of
 * them did. The graph is the one given when nothing was changed.
 */
export function optimize(
  graph: Graph,
  level: OptimizationLevel = "all",
  options: OptimizeOptions = {},
): { readonly graph: Graph; readonly report: OptimizationReport } {
  const pipeline = runnable(pipelineOf(level, options), options);
  // What computes again and what orders comes last, once.
  const rounds = options.stage === "end" ? 1 : maxRounds;
  const report = new Map<string, PassReport>();
  let current = graph;
  let isClean = false;
  for (let round = 0; round < rounds; round++) {
    const before = current;
    for (const [name, pass] of pipeline) {
      isClean ||= pass === eliminateDeadCode;
      const result = swept(current, runOnce(pass, current), isClean);
      options.onPass?.({ name, pass, before: current, result });
      const known = report.get(name);
      report.set(name, known === undefined ? reportOf(name, current, result) : joined(known, reportOf(name, current, result)));
      current = result.graph;
    }
    if (current === before) break;
  }
  return { graph: current, report: [...report.values()] };
}
/** What passes said of graphs in which they found nothing to do: they would say it again. */
const idle = new WeakMap<Graph, Map<Pass, PassResult>>();
function runOnce(pass: Pass, graph: Graph): PassResult {
  const known = idle.get(graph);
  const result = known?.get(pass) ?? pass(graph);
  if (result.graph === graph) idle.set(graph, (known ?? new Map<Pass, PassResult>()).set(pass, result));
  return result;
}
function pipelineOf(level: OptimizationLevel, options: OptimizeOptions): Pipeline {
  const { purpose = "inference", beforeLowering = false, opset = 18, last, until } = options;
  if (last !== undefined) {
    const steps = lastSteps[last.provider].map(([name, pass]) => [name, pass(last)] as const);
    return level === "all" && (until === undefined || steps.some(([name]) => name === until)) ? steps : [];
  }
  const passes = pipelines[purpose][level];
  return beforeLowering && purpose === "inference" && level === "all" ? [...recognition(recognizeOpsFor({ opset })), ...passes] : passes;
}
/** A result without what has become dead by it, so that what a fusion saves is told of the fusion; where nothing was dead before. */
function swept(before: Graph, result: PassResult, wasClean: boolean): PassResult {
  return wasClean && result.graph !== before ? { ...result, graph: eliminateDeadCode(result.graph).graph } : result;
}
/** The selected passes of the stage. */
function runnable(pipeline: Pipeline, options: OptimizeOptions): Pipeline {
  const { purpose = "inference", stage = "step", memory: wishes } = options;
  const chosen = selected(pipeline, options);
  if (purpose === "inference") return chosen;
  const isDue = (name: string): boolean => {
    const own = stageOf.get(name);
    return own === undefined ? stage === "step" || stage === "lowered" : own === stage;
  };
  return chosen.flatMap(([name, pass]) =>
    isDue(name) ? [[name, wishes === undefined ? pass : (graph, control) => pass(graph, { ...control, memory: wishes })] as const] : [],
  );
}
function selected(pipeline: Pipeline, { until, without = [] }: OptimizeOptions): Pipeline {
  const last = pipeline.findIndex(([name]) => name === until);
  return (last < 0 ? pipeline : pipeline.slice(0, last + 1)).filter(([name]) => !without.includes(name));
}

/** What one run of a pass did. */
export function reportOf(pass: string, before: Graph, { graph, applied, skipped }: PassResult): PassReport {
  const changed = graph !== before;
  return {
    pass,
    applied,
    skipped,
    nodeDelta: graph.nodes.length - before.nodes.length,
    macDelta: changed ? macDelta(before, graph) : 0,
    byteDelta: changed ? weightBytes(graph) - weightBytes(before) : 0,
  };
}
const joined = (known: PassReport, { applied, skipped, ...now }: PassReport): PassReport => ({
  pass: known.pass,
  applied: [...known.applied, ...applied],
  nodeDelta: known.nodeDelta + now.nodeDelta,
  macDelta: addDims(known.macDelta, now.macDelta),
  byteDelta: known.byteDelta + now.byteDelta,
  skipped,
});
/** The reports of two runs in a row, pass by pass. */
export function joinReports(first: OptimizationReport, second: OptimizationReport): OptimizationReport {
  const later = new Map(second.map((report) => [report.pass, report]));
  const earlier = new Set(first.map(({ pass }) => pass));
  const both = first.map((report) => {
    const next = later.get(report.pass);
    if (next === undefined) return report;
    const known = new Set(report.skipped.map(refusalKey));
    return { ...joined(report, next), skipped: [...report.skipped, ...next.skipped.filter((s) => !known.has(refusalKey(s)))] };
  });
  return [...both, ...second.filter(({ pass }) => !earlier.has(pass))];
}
const refusalKey = ({ node, reason }: Skipped): string => JSON.stringify([node, reason]);
