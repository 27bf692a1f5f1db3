/** Proof that passes keep what a graph computes: onnxruntime runs it before and after each of them, with its own optimisations off. */
import { writeModel } from "../../codegen/index.ts";
import { substitute, symbolsOf } from "../../ir/dim.ts";
import { type DType, dtypes, isFloat } from "../../ir/dtype.ts";
import type { Graph, Value } from "../../ir/graph.ts";
import type { Target } from "../../ir/op-schema.ts";
import { numbersOf, type TensorData, tensorFrom } from "../../ir/tensor-data.ts";
import { type Applied, emulateBfloat16, lower, type PassRun } from "../../passes/index.ts";
import { keyOf } from "../../random/philox.ts";
import { uniformsOf } from "../../random/stream.ts";
import { createSession } from "../../runtime/index.ts";

/** The sizes that a graph's symbols had in a run. */
export type Sizes = ReadonlyMap<string, number>;
/** What the runs before and after one run of a pass tell. */
export interface Verdict {
  readonly pass: string;
  /** How many changes it made. */
  readonly changes: number;
  /** The largest difference of an element, as a part of the largest element of its output; Infinity where types or NaNs differ. */
  readonly error: number;
  /** The largest error that rounding explains. */
  readonly tolerance: number;
  /** The output and the sizes where that is. */
  readonly worst: { readonly output: string; readonly sizes: Sizes } | null;
  /** The change that alone makes the error, where it is too large and one can be found. */
  readonly culprit: Applied | null;
}
/** What verification has to say. */
export interface Verification {
  readonly verdicts: readonly Verdict[];
  /** The sizes of the runs. */
  readonly sizes: readonly Sizes[];
  /** Why the graph could not be run at some sizes. */
  readonly skipped: readonly { readonly sizes: Sizes; readonly reason: string }[];
}

/** Errors above this are none of rounding: parts of the largest element. float16 has eleven bits, bfloat16 eight. */
const tolerances = { float32: 1e-4, float16: 2e-2, bfloat16: 1.5e-1 } as const;
const toleranceOf = ({ before, result }: PassRun): number => {
  const half = (["bfloat16", "float16"] as const).find((dtype) => [before, result.graph].some((graph) => holds(graph, dtype)));
  return tolerances[half ?? "float32"];
};
const holds = ({ inputs, nodes }: Graph, dtype: DType): boolean =>
  [...inputs, ...nodes.flatMap((node) => node.outputs)].some((v) => v?.type.dtype === dtype);

/** Runs the graphs before and after each run of a pass that changed something, on inputs from a seed. */
export async function verifyPasses(runs: readonly PassRun[], target: Target, seed: number): Promise<Verification> {
  const changing = runs.filter(({ before, result }) => result.graph !== before);
  const [first] = changing;
  if (first === undefined) return { verdicts: [], sizes: [], skipped: [] };
  const baseline = await runAll(first.before, sizesFor(first.before), target, seed);
  const sizes = [...baseline.outputs.keys()];
  const verdicts: Verdict[] = [];
  let before = { graph: first.before, outputs: baseline.outputs };
  for (const run of changing) {
    // Between the two rounds of passes stands the lowering, which both sides have been through already.
    if (run.before !== before.graph) before = { graph: run.before, outputs: (await runAll(run.before, sizes, target, seed)).outputs };
    const after = await runAll(run.result.graph, sizes, target, seed);
    const found = compared(before.outputs, after.outputs, after.skipped.length > 0);
    const tolerance = toleranceOf(run);
    const isWrong = found.error > tolerance;
    const culprit = isWrong ? await culpritOf(run, before.outputs, sizes, target, seed) : null;
    verdicts.push({ pass: run.name, changes: run.result.applied.length, ...found, tolerance, culprit });
    before = { graph: run.result.graph, outputs: after.outputs };
  }
  return { verdicts, sizes, skipped: baseline.skipped };
}

/** Batches of 1, 2 and 3, and for other symbols an even and two odd sizes. */
function sizesFor(graph: Graph): readonly Sizes[] {
  const batch = new Set(graph.inputs.flatMap(({ type: { shape } }) => [...symbolsOf(shape[0] ?? 1)]));
  const all = new Set(graph.inputs.flatMap(({ type: { shape } }) => shape.flatMap((d) => [...symbolsOf(d)])));
  if (all.size === 0) return [new Map()];
  const others = [64, 65, 97] as const;
  return others.map((size, i) => new Map([...all].map((symbol) => [symbol, batch.has(symbol) ? i + 1 : size])));
}

type Outputs = ReadonlyMap<string, TensorData>;
interface Runs {
  readonly outputs: ReadonlyMap<Sizes, Outputs>;
  readonly skipped: Verification["skipped"];
}
async function runAll(computed: Graph, sizes: readonly Sizes[], target: Target, seed: number): Promise<Runs> {
  // What the CPU has no kernel of is rounded as a device would.
  const graph = emulateBfloat16(lower(computed, target), target.opset);
  const bytes = writeModel(graph, { opset: target.opset });
  const session = await createSession(bytes, { providers: ["cpu"], graphOptimization: "none" });
  const outputs = new Map<Sizes, Outputs>();
  const skipped: { sizes: Sizes; reason: string }[] = [];
  try {
    for (const size of sizes) {
      try {
        const feeds = Object.fromEntries(graph.inputs.map((input) => [input.name, inputFor(input, size, seed)]));
        outputs.set(size, new Map(Object.entries(await session.run(feeds))));
      } catch (error) {
        skipped.push({ sizes: size, reason: error instanceof Error ? error.message : String(error) });
      }
    }
  } finally {
    await session.dispose();
  }
  return { outputs, skipped };
}

/** Seeded contents: floats in [-1, 1), bytes of any value, other integers and bools 0 or 1, which are valid indices nearly anywhere. */
export function inputFor({ name, type: { dtype, shape } }: Value, sizes: Sizes, seed: number): TensorData {
  const dims = shape.map((d) => Number(substitute(d, sizes)));
  const most = dtypes[dtype].size === 1 && dtype === "uint8" ? 256 : 2;
  const uniforms = uniformsOf(keyOf(seed, name))(new Float64Array(dims.reduce((n, d) => n * d, 1)));
  return tensorFrom(
    dtype,
    dims,
    Array.from(uniforms, (u) => (isFloat(dtype) ? 2 * u - 1 : Math.floor(u * most))),
  );
}

/** The largest error between two sets of runs; `failed` when some of the later ones did not end. */
function compared(before: Runs["outputs"], after: Runs["outputs"], failed: boolean): Pick<Verdict, "error" | "worst"> {
  let found: Pick<Verdict, "error" | "worst"> = { error: failed ? Number.POSITIVE_INFINITY : 0, worst: null };
  for (const [sizes, outputs] of before) {
    for (const [output, expected] of outputs) {
      const error = relativeError(after.get(sizes)?.get(output), expected);
      if (error > found.error) found = { error, worst: { output, sizes } };
    }
  }
  return found;
}
/** max |actual - expected| / max |expected|, over the finite elements; Infinity where type, shape, or what is not finite differs. */
export function relativeError(actual: TensorData | undefined, expected: TensorData): number {
  if (actual === undefined || dtypes[actual.dtype].kind !== dtypes[expected.dtype].kind || actual.shape.join() !== expected.shape.join())
    return Number.POSITIVE_INFINITY;
  const [a, e] = [numbersOf(actual) ?? [], numbersOf(expected) ?? []];
  let [difference, largest] = [0, 0];
  for (const [i, wanted] of e.entries()) {
    const got = a[i] ?? Number.NaN;
    if (Object.is(got, wanted)) continue;
    if (!Number.isFinite(got) || !Number.isFinite(wanted)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Math.abs(got - wanted));
  }
  if (difference === 0) return 0;
  for (const wanted of e) if (Number.isFinite(wanted)) largest = Math.max(largest, Math.abs(wanted));
  return difference / largest;
}

/** The first of a pass's changes with which the outputs become wrong: found by halving, each time with the changes up to one made. */
async function culpritOf(
  run: PassRun,
  expected: Runs["outputs"],
  sizes: readonly Sizes[],
  target: Target,
  seed: number,
): Promise<Applied | null> {
  const changes = run.result.applied;
  const key = ({ rule, node }: Applied): string => `${rule} ${node}`;
  const isWrongWith = async (count: number): Promise<boolean> => {
    const refused = new Set(changes.slice(count).map(key));
    const { graph } = run.pass(run.before, { accept: (change) => !refused.has(key(change)) });
    const { outputs, skipped } = await runAll(graph, sizes, target, seed);
    return compared(expected, outputs, skipped.length > 0).error > toleranceOf(run);
  };
  // A pass that cannot make a part of its changes has no change to blame.
  if (await isWrongWith(0)) return null;
  let [right, wrong] = [0, changes.length];
  while (wrong - right > 1) {
    const middle = Math.floor((right + wrong) / 2);
    if (await isWrongWith(middle)) wrong = middle;
    else right = middle;
  }
  return changes[wrong - 1] ?? null;
}
