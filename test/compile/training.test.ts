import {
  adam,
  type CompiledTraining,
  compileTraining,
  conv2d,
  createTrainer,
  crossEntropy,
  defineModel,
  dropout,
  flatten,
  linear,
  relu,
  sgd,
  type TrainingOptions,
} from "striate";
import { expect, test } from "vitest";
import { runTraining, type StepBatch } from "../support/run-training.ts";

const net = defineModel({
  name: "Net",
  inputs: { input: ["N", 1, 6, 6] },
  forward: ({ input }) => ({
    logits: linear(flatten(relu(conv2d(input, { outChannels: 2, kernelSize: 3, name: "conv" }))), { outFeatures: 3, name: "fc" }),
  }),
});
const batch: StepBatch = {
  input: { dtype: "float32", shape: [4, 1, 6, 6], data: Float32Array.from({ length: 144 }, (_, i) => Math.sin(i)) },
  target: { dtype: "int64", shape: [4], data: BigInt64Array.of(0n, 2n, 1n, 2n) },
};
const compiled = (options: Partial<TrainingOptions> = {}): CompiledTraining =>
  compileTraining(net, { loss: crossEntropy(), optimizer: sgd({ lr: 0.1 }), seed: 1, emitGradients: true, ...options });
const gradients = async (options: Partial<TrainingOptions>): Promise<ReadonlyMap<string, Float32Array>> => {
  const { firstGradients } = await runTraining(compiled(options), 0.1, [batch]);
  return new Map([...firstGradients].map(([name, { data }]) => [name, data as Float32Array]));
};
const normOf = (all: Iterable<Float32Array>): number => Math.sqrt([...all].reduce((sum, g) => g.reduce((s, v) => s + v * v, sum), 0));
const furthest = (a: Float32Array, b: Float32Array, factor: number): number =>
  a.reduce((m, v, i) => Math.max(m, Math.abs(v - factor * (b[i] ?? Number.NaN))), 0);

test("a manifest names the batch, the targets, the scalars that are read, and every piece of state", () => {
  const { manifest } = compiled({ optimizer: adam() });
  const row = (name: string, shape: readonly number[]) => ({
    name,
    role: "parameter",
    input: name,
    output: `${name}.next`,
    dtype: "float32",
    shape,
  });
  const slot = (kind: string, of: string, shape: readonly number[]) => ({ ...row(`adam.${kind}.${of}`, shape), role: "optimizer", of });
  const shapes = [
    ["conv.weight", [2, 1, 3, 3]],
    ["conv.bias", [2]],
    ["fc.weight", [3, 32]],
    ["fc.bias", [3]],
  ] as const;
  expect(manifest).toEqual({
    version: 1,
    batch: ["input"],
    targets: ["target"],
    scalars: { learning_rate: "float32", step: "int64" },
    loss: "loss",
    metrics: { correct: "correct" },
    state: [
      ...shapes.map(([name, s]) => row(name, s)),
      ...shapes.flatMap(([name, s]) => [slot("exp_avg", name, s), slot("exp_avg_sq", name, s)]),
    ],
  });
});

test("dropout reads the seed and the step", () => {
  const model = defineModel({
    name: "Drop",
    inputs: { input: ["N", 8] },
    forward: ({ input }) => linear(dropout(input, 0.5), { outFeatures: 2, name: "fc" }),
  });
  expect(compileTraining(model, { loss: crossEntropy(), optimizer: sgd() }).manifest.scalars).toEqual({
    learning_rate: "float32",
    seed: "int64",
    step: "int64",
  });
});

test("gradients are clipped by the norm of all of them together", async () => {
  const [free, held] = [await gradients({}), await gradients({ clipGradients: { norm: 0.5 } })];
  const norm = normOf(free.values());
  expect(norm).toBeGreaterThan(0.5);
  // torch.nn.utils.clip_grad_norm_ divides by the norm + 1e-6; float32 rounding beyond that.
  for (const [name, g] of held) expect(furthest(g, free.get(name) ?? g, 0.5 / (norm + 1e-6))).toBeLessThan(1e-6);
  const wide = await gradients({ clipGradients: { norm: 1e3 } });
  for (const [name, g] of wide) expect(furthest(g, free.get(name) ?? g, 1)).toBe(0);
});

test("gradients are clipped element by element", async () => {
  const [free, held] = [await gradients({}), await gradients({ clipGradients: { value: 0.01 } })];
  for (const [name, g] of held) {
    expect([...g]).toEqual([...(free.get(name) ?? [])].map((v) => Math.min(Math.max(v, Math.fround(-0.01)), Math.fround(0.01))));
  }
});

test("frozen parameters stay and get no gradient", async () => {
  const training = compiled({ freeze: ["*", "!fc.*"] });
  const run = await runTraining(training, 0.1, [batch, batch]);
  expect([...run.firstGradients.keys()]).toEqual(["fc.weight", "fc.bias"]);
  expect(run.state.get("conv.weight")).toEqual(training.state.get("conv.weight"));
  expect(run.state.get("fc.weight")).not.toEqual(training.state.get("fc.weight"));
});

test("a group of parameters has its own learning rate and weight decay", async () => {
  const groups = [{ match: "*.bias", lr: 0.2 }];
  const [own, plain] = [compiled({ optimizer: sgd({ lr: 0.1, groups }) }), compiled()];
  const [a, b] = [await runTraining(own, 0.1, [batch]), await runTraining(plain, 0.1, [batch])];
  const moved = (run: typeof a, name: string): Float32Array => {
    const [before, after] = [own.state.get(name)?.data, run.state.get(name)?.data].map((data) => data as Float32Array);
    return Float32Array.from(after ?? [], (v, i) => v - (before?.[i] ?? 0));
  };
  // Differences of float32 values near 1.
  expect(furthest(moved(a, "fc.bias"), moved(b, "fc.bias"), 2)).toBeLessThan(1e-6);
  expect(furthest(moved(a, "fc.weight"), moved(b, "fc.weight"), 1)).toBe(0);
});

test("freezing everything is an error", () => {
  expect(() => compiled({ freeze: ["*"] })).toThrow(
    'error[nothing-to-train]: every parameter is frozen\n  help: leave some out of freeze, e.g. with "!fc.*"',
  );
});

test("a loss that does not fit names the output and the user's line", () => {
  const scalar = defineModel({ name: "Scalar", inputs: { input: ["N"] }, forward: ({ input }) => relu(input) });
  expect(() => compileTraining(scalar, { loss: crossEntropy(), optimizer: sgd() })).toThrow(
    /^test\/compile\/training\.test\.ts:\d+:\d+ error\[loss-rank\]: loss "cross-entropy" on "output", float32\[N\]: the prediction is \[N\], but \[N, classes, \.\.\.\] is needed$/,
  );
});

test("a model without parameters cannot be trained", () => {
  const fixed = defineModel({ name: "Fixed", inputs: { input: ["N", 3] }, forward: ({ input }) => relu(input) });
  expect(() => compileTraining(fixed, { loss: crossEntropy(), optimizer: sgd() })).toThrow(
    "error[nothing-to-train]: the model has no parameters",
  );
});

test("a class number that the model has no output for is an error, an ignored one is none", async () => {
  const trainer = await createTrainer(net, { loss: crossEntropy({ ignoreIndex: 255 }), optimizer: sgd() });
  const labelled = (...labels: readonly bigint[]) => ({
    inputs: { input: batch.input },
    targets: { target: { dtype: "int64", shape: [4], data: BigInt64Array.from(labels) } as const },
    size: 4,
  });
  await trainer.trainStep(labelled(0n, 1n, 2n, 255n));
  await expect(trainer.trainStep(labelled(0n, 1n, 3n, 2n))).rejects.toThrow(
    'error[label-range]: target "target" has class 3 at position 2, but the model has 3 classes, 0 to 2\n  help: give the model as many classes as the data has, or number the classes from 0',
  );
  await expect(trainer.trainStep(labelled(0n, -1n, 1n, 2n))).rejects.toThrow("has class -1 at position 1");
  await expect(trainer.trainStep(labelled(0n, 1n, 2n, 2n ** 40n))).rejects.toThrow("has class 1099511627776 at position 3");
  await trainer.dispose();
});
