import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Optimizer, optimizerTable, settingsFor, sgd } from "../../src/dsl/optimizer/index.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { TensorData } from "../../src/ir/tensor-data.ts";
import { runGraph } from "../support/run-graph.ts";

interface Recorded {
  readonly optimizer: string;
  readonly options: Readonly<Record<string, number | boolean | readonly number[]>>;
  readonly start: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly steps: readonly (readonly number[])[];
}
const recorded = JSON.parse(readFileSync(new URL("../fixtures/torch.json", import.meta.url), "utf8")) as {
  readonly optimizers: readonly Recorded[];
};
const vector = (values: readonly number[]): TensorData => ({ dtype: "float32", shape: [values.length], data: Float32Array.from(values) });

/** One update as a graph over parameter, gradient, slots, learning rate and step. */
function updateGraph(optimizer: Optimizer, n: number) {
  const b = new GraphBuilder("update");
  const type = { dtype: "float32", shape: [n] } as const;
  const [parameter, gradient] = [b.input("parameter", type), b.input("gradient", type)];
  const learningRate = b.input("learning_rate", { dtype: "float32", shape: [] });
  const step = b.input("step", { dtype: "int64", shape: [] });
  const slots = Object.fromEntries(optimizer.slots.map((name) => [name, b.input(name, type)]));
  const next = optimizer.update(b, {
    parameter,
    gradient,
    slots,
    learningRate,
    step: () => step,
    weightDecay: optimizer.defaults.weightDecay,
  });
  b.output(next.parameter, "parameter.next");
  for (const [name, value] of Object.entries(next.slots)) b.output(value, `${name}.next`);
  return b.build();
}

describe("optimizers are PyTorch's, step by step", () => {
  test.each(recorded.optimizers.map((r) => [`${r.optimizer} ${JSON.stringify(r.options)}`, r] as const))("%s", async (_name, r) => {
    const optimizer = optimizerTable[r.optimizer]?.create(r.options);
    if (optimizer === undefined) throw new Error(`no optimizer ${r.optimizer}`);
    const graph = updateGraph(optimizer, r.start.length);
    let state: Record<string, TensorData> = {
      parameter: vector(r.start),
      ...Object.fromEntries(optimizer.slots.map((s) => [s, vector(r.start.map(() => 0))])),
    };
    for (const [i, gradient] of r.gradients.entries()) {
      const results = await runGraph(graph, {
        ...state,
        gradient: vector(gradient),
        learning_rate: { dtype: "float32", shape: [], data: Float32Array.of(optimizer.defaults.lr) },
        step: { dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(i + 1)) },
      });
      state = Object.fromEntries(Object.entries(results).map(([name, data]) => [name.replace(/\.next$/, ""), data]));
      const after = state["parameter"]?.data as Float32Array;
      r.steps[i]?.forEach((wanted, k) => {
        // A few float32 roundings a step.
        expect(Math.abs((after[k] ?? Number.NaN) - wanted), `step ${i}, element ${k}: ${after[k]} against ${wanted}`).toBeLessThanOrEqual(
          2e-6 * Math.max(1, Math.abs(wanted)),
        );
      });
    }
  });
});

test("the last group whose pattern fits decides a parameter's settings", () => {
  const optimizer = sgd({
    lr: 0.1,
    weightDecay: 0.01,
    groups: [
      { match: "*.bias", weightDecay: 0 },
      { match: "fc.*", lr: 0.5 },
    ],
  });
  expect(settingsFor(optimizer, "conv1.weight")).toEqual({ lr: 0.1, weightDecay: 0.01 });
  expect(settingsFor(optimizer, "conv1.bias")).toEqual({ lr: 0.1, weightDecay: 0 });
  expect(settingsFor(optimizer, "fc.bias")).toEqual({ lr: 0.5, weightDecay: 0.01 });
});

test("nesterov without momentum is refused", () => {
  expect(() => sgd({ nesterov: true })).toThrow(/sgd: nesterov needs a momentum above 0 and no dampening/);
});
