/** Two graphs as functions, compared by onnxruntime with its own graph optimisations off. */
import { expect } from "vitest";
import { writeModel } from "../../src/codegen/index.ts";
import { substitute } from "../../src/ir/dim.ts";
import { isFloat } from "../../src/ir/dtype.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { type TensorData, tensorFrom } from "../../src/ir/tensor-data.ts";
import { verify } from "../../src/ir/verify.ts";
import { lower } from "../../src/passes/index.ts";
import { difference, type Tolerance } from "../support/compare.ts";
import { runModel } from "../support/onnxruntime.ts";

/** Numbers in [-1, 1) from a seed: a linear congruential generator, Numerical Recipes' constants. */
export function numbersFrom(seed: number, count: number): readonly number[] {
  let state = seed >>> 0;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32) * 2 - 1;
  });
}

/** A tensor for each input: floats in [-1, 1), integers 0; symbols are given as sizes. */
export function feedsFor(graph: Graph, sizes: Readonly<Record<string, number>> = {}, seed = 1): ReadonlyMap<string, TensorData> {
  const given = new Map(Object.entries(sizes));
  return new Map(
    graph.inputs.map(({ name, type: { dtype, shape } }, i) => {
      const dims = shape.map((d) => Number(substitute(d, given)));
      const count = dims.reduce((a, d) => a * d, 1);
      return [name, tensorFrom(dtype, dims, isFloat(dtype) ? numbersFrom(seed + i, count) : Array.from({ length: count }, () => 0))];
    }),
  );
}

/** All outputs of a graph, which is checked and lowered to an opset first. */
export function run(graph: Graph, feeds: ReadonlyMap<string, TensorData>, opset = 18): Promise<ReadonlyMap<string, TensorData>> {
  expect(verify(graph)).toEqual([]);
  return runModel(writeModel(lower(graph, { opset, provider: "portable" }), { opset }), feeds);
}

/** Expects the same outputs, under the same names, on the same feeds. */
export async function expectSameOutputs(
  before: Graph,
  after: Graph,
  tolerance: Tolerance,
  {
    sizes = {},
    feeds = feedsFor(before, sizes),
  }: { readonly sizes?: Readonly<Record<string, number>>; readonly feeds?: ReadonlyMap<string, TensorData> } = {},
): Promise<void> {
  expect(after.outputs.map((v) => v.name)).toEqual(before.outputs.map((v) => v.name));
  const [expected, actual] = [await run(before, feeds), await run(after, feeds)];
  for (const [name, tensor] of expected) expect(difference(name, actual.get(name), tensor, tolerance)).toBeNull();
}
