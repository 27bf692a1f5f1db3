/** Compares a graph's gradient with central differences, both computed by onnxruntime. */
import * as ort from "onnxruntime-node";
import { expect } from "vitest";
import { writeModel } from "../../src/codegen/index.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Dim } from "../../src/ir/dim.ts";
import { type DType, isFloat } from "../../src/ir/dtype.ts";
import type { Graph, Value } from "../../src/ir/graph.ts";
import { numbersOf, type TensorData, tensorFrom } from "../../src/ir/tensor-data.ts";
import { lower } from "../../src/passes/targets/lower.ts";
import { differentiate } from "../../src/passes/training/differentiate.ts";
import { fromOrt, toOrt } from "../../src/runtime/ort-tensor.ts";
import { runGraph } from "./run-graph.ts";

/** Tensors by name. */
export type Tensors = Readonly<Record<string, TensorData>>;

/** An input: its contents, and its shape as the graph declares it, that of the contents when absent. */
export interface GradientInput {
  readonly data: TensorData;
  readonly shape?: readonly Dim[];
}
/** What to check. */
export interface GradientCheck {
  readonly inputs: readonly GradientInput[];
  readonly build: (b: GraphBuilder, inputs: readonly Value[]) => Value;
  /** Half the distance between the two points of a difference. */
  readonly step: number;
  /** The largest error allowed, as a part of the largest gradient or 1. */
  readonly tolerance: number;
  readonly opset?: number;
}

/** Random numbers from a seed, in [low, high) (mulberry32). */
export function randomNumbers(seed: number, count: number, low = -2, high = 2): readonly number[] {
  let state = seed >>> 0;
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return low + (((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * (high - low);
  });
}
/** A tensor of random numbers. */
export const randomTensor = (seed: number, dtype: DType, shape: readonly number[], low?: number, high?: number): TensorData =>
  tensorFrom(
    dtype,
    shape,
    randomNumbers(
      seed,
      shape.reduce((n, d) => n * d, 1),
      low,
      high,
    ),
  );

const numbers = (tensor: TensorData | undefined): readonly number[] => (tensor === undefined ? [] : (numbersOf(tensor) ?? []));

/** The gradients by each input of y contracted with a cotangent, as the graph of `differentiate` computes them. */
export async function gradientsOf(
  { inputs, build, opset }: Pick<GradientCheck, "inputs" | "build" | "opset">,
  cotangent: TensorData,
): Promise<Tensors> {
  const { graph, feeds } = graphOf(inputs, build);
  const backward = differentiate(graph);
  return runGraph(backward, { ...feeds, [`${graph.outputs[0]?.name}.cotangent`]: cotangent }, opset);
}

function graphOf(inputs: readonly GradientInput[], build: GradientCheck["build"]) {
  const b = new GraphBuilder("checked");
  const values = inputs.map(({ data, shape }, i) => b.input(`x${i}`, { dtype: data.dtype, shape: shape ?? data.shape }));
  b.output(build(b, values), "y");
  return { graph: b.build(), feeds: Object.fromEntries(inputs.map(({ data }, i) => [`x${i}`, data])) };
}

/** Checks the gradient by every floating input. */
export async function expectGradient(check: GradientCheck): Promise<void> {
  const { inputs, build, step, tolerance, opset } = check;
  const { graph, feeds } = graphOf(inputs, build);
  const forward = await runner(graph, opset ?? 18);
  const y = (await forward.run(feeds))["y"];
  if (y === undefined) throw new Error("the graph has no output");
  const weights = randomNumbers(7, numbers(y).length, -1, 1);
  const contracted = async (changed: Tensors): Promise<number> =>
    numbers((await forward.run(changed))["y"]).reduce((sum, v, i) => sum + v * (weights[i] ?? 0), 0);
  const analytic = await gradientsOf(check, tensorFrom(y.dtype, y.shape, weights));
  for (const [name, data] of Object.entries(feeds)) {
    if (!isFloat(data.dtype)) continue;
    const gradient = numbers(analytic[`${name}.grad`]);
    const values = numbers(data);
    expect(analytic[`${name}.grad`]?.shape).toEqual(data.shape);
    for (const i of values.keys()) {
      const moved = (by: number): Tensors => ({
        ...feeds,
        [name]: tensorFrom(
          data.dtype,
          data.shape,
          values.map((v, k) => (k === i ? v + by : v)),
        ),
      });
      const expected = ((await contracted(moved(step))) - (await contracted(moved(-step)))) / (2 * step);
      const error = Math.abs((gradient[i] ?? Number.NaN) - expected) / Math.max(1, Math.abs(expected));
      expect(error, `d/d${name}[${i}]: got ${gradient[i]}, differences say ${expected}`).toBeLessThan(tolerance);
    }
  }
  await forward.release();
}

/** The graph as a function, made once: differences call it many times. */
async function runner(
  graph: Graph,
  opset: number,
): Promise<{ readonly run: (feeds: Tensors) => Promise<Tensors>; readonly release: () => Promise<void> }> {
  const bytes = writeModel(lower(graph, { opset, provider: "portable" }), { opset });
  const session = await ort.InferenceSession.create(bytes, {
    graphOptimizationLevel: "disabled",
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const run = async (feeds: Tensors): Promise<Tensors> => {
    const results = await session.run(Object.fromEntries(Object.entries(feeds).map(([name, data]) => [name, toOrt(data)])));
    return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)]));
  };
  return { run, release: () => session.release() };
}
