/** Runs one layer on onnxruntime and compares what it gives. */
import { defineModel, initialize, type Tensor, trace } from "striate";
import { expect } from "vitest";
import type { TensorData } from "../../src/ir/tensor-data.ts";
import { runGraph } from "./run-graph.ts";

/** A float32 tensor. */
export const tensor = (shape: readonly number[], data: readonly number[]): TensorData => ({
  dtype: "float32",
  shape,
  data: Float32Array.from(data),
});
/** 0 to n - 1. */
export const count = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);

/** What a layer gives. */
export interface Result {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}
/** What a function of one tensor gives, its parameters as `state` says or else initialised from seed 1. */
export async function run<R = [number, number, number, number]>(
  x: TensorData,
  body: (x: Tensor<R>) => Tensor<unknown>,
  state: Readonly<Record<string, TensorData>> = {},
): Promise<Result> {
  const model = trace(
    defineModel({
      name: "m",
      inputs: { x: x.shape },
      forward: ({ x: input }) => ({ y: body(input as unknown as Tensor<R>) }),
    }),
  );
  const { y } = await runGraph(model.graph, { ...Object.fromEntries(initialize(model.parameters, 1)), ...state, x });
  return { shape: y?.shape ?? [], values: Array.from((y?.data ?? []) as Float32Array) };
}
/** Float32 rounding of values about 1 to 10. */
export function expectClose(result: Result, shape: readonly number[], values: readonly number[], tolerance = 2e-6): void {
  expect(result.shape).toEqual(shape);
  values.forEach((wanted, i) => {
    expect(Math.abs((result.values[i] ?? Number.NaN) - wanted), `element ${i} of ${result.values.join(", ")}`).toBeLessThan(tolerance);
  });
  expect(result.values.length).toBe(values.length);
}
