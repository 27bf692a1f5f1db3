import { expect, test } from "vitest";
import { simpleCnn } from "../../models/simple-cnn.ts";
import { compileTraining, type TrainingOptions } from "../../src/compile/index.ts";
import { adam, crossEntropy, sgd } from "../../src/dsl/index.ts";
import { tensorFrom } from "../../src/ir/tensor-data.ts";
import { pipelines } from "../../src/passes/index.ts";
import { numbersFrom } from "../passes/same-outputs.ts";
import { difference } from "../support/compare.ts";
import { runModel } from "../support/onnxruntime.ts";

const options: TrainingOptions = { loss: crossEntropy(), optimizer: sgd({ lr: 0.1 }), seed: 3 };

test("every level of optimisation trains alike, and none leaves the step as it was written", async () => {
  const levels = (["none", "exact", "all"] as const).map((optimize) => compileTraining(simpleCnn(), { ...options, optimize }));
  const [none, exact, all] = levels;
  if (none === undefined || exact === undefined || all === undefined) throw new Error("there are three levels");
  expect(none.report).toEqual([]);
  expect(none.graph.nodes.length).toBeGreaterThan(exact.graph.nodes.length);
  // The activations before the pools, which other levels compute behind them.
  expect(none.graph.nodes.findIndex((n) => n.opType === "Relu")).toBeLessThan(none.graph.nodes.findIndex((n) => n.opType === "MaxPool"));
  expect(all.graph.nodes.findIndex((n) => n.opType === "Relu")).toBeGreaterThan(all.graph.nodes.findIndex((n) => n.opType === "MaxPool"));

  const feeds = new Map([
    ...none.state,
    [none.manifest.batch[0] ?? "", tensorFrom("float32", [2, 1, 28, 28], numbersFrom(1, 2 * 28 * 28))],
    [none.manifest.targets[0] ?? "", tensorFrom("int64", [2], [3, 7])],
    ["learning_rate", tensorFrom("float32", [], [0.1])],
  ]);
  const expected = await runModel(none.bytes, feeds);
  for (const { bytes } of [exact, all]) {
    const outputs = await runModel(bytes, feeds);
    // Gradients are sums of up to some thousand products, in another order where activations have moved.
    for (const [name, tensor] of expected) expect(difference(name, outputs.get(name), tensor, { rtol: 1e-5, atol: 1e-6 })).toBeNull();
  }
});

test("every pass over a training graph has a name, is reported, and can be left out", () => {
  const names = (more: Partial<TrainingOptions> = {}) =>
    compileTraining(simpleCnn(), { ...options, ...more }).report.map(({ pass }) => pass);
  expect(names()).toEqual(pipelines.training.all.map(([name]) => name).filter((name, i, all) => all.indexOf(name) === i));
  expect(names()).toEqual(expect.arrayContaining(["sink-activation", "convolution-to-product", "schedule", "recompute"]));
  expect(names({ passes: { until: "unused-outputs" } })).toEqual(["sink-activation", "dead-code-elimination", "unused-outputs"]);
  expect(names({ passes: { without: ["sink-activation", "schedule"] } })).not.toEqual(expect.arrayContaining(["sink-activation"]));
  expect(names({ provider: "onnxruntime-cuda" })).not.toContain("convolution-to-product");
  const { report } = compileTraining(simpleCnn(), options);
  expect(report.find(({ pass }) => pass === "sink-activation")?.applied.length).toBe(2);
});

test("what all parameters' updates have in common is computed once", () => {
  const { graph } = compileTraining(simpleCnn(), { ...options, optimizer: adam({ weightDecay: 0.1 }) });
  // The bias corrections of Adam's two moments, whatever the number of parameters.
  expect(graph.nodes.filter(({ opType }) => opType === "Pow").length).toBe(2);
  const groups = [{ match: "*.bias", lr: 0.2 }];
  const grouped = compileTraining(simpleCnn(), { ...options, optimizer: sgd({ lr: 0.1, groups }) }).graph;
  const rates = grouped.nodes.filter(
    ({ inputs }) => inputs.some((v) => v?.name === "learning_rate") && inputs.every((v) => v?.type.shape.length === 0),
  );
  // One product for the three biases of the group.
  expect(rates.length).toBe(1);
});
