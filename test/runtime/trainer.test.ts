import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { BatchLoader } from "../../src/data/batch-loader.ts";
import { isCompileError } from "../../src/ir/diagnostic.ts";
import type { TensorData } from "../../src/ir/tensor-data.ts";
import { checkpointFile, readCheckpoint } from "../../src/runtime/checkpoint.ts";
import { cosine, stepDecay } from "../../src/runtime/schedule.ts";
import { createTrainerFromArtifacts, type Trainer } from "../../src/runtime/trainer.ts";
import { modelOf, node, regression, regressionLoader, tensorOf, value } from "./tiny-models.ts";

const open = (seed = 3): Promise<Trainer> => createTrainerFromArtifacts({ ...regression(), learningRate: 0.05 }, { seed });
const message = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work();
  } catch (error) {
    if (isCompileError(error)) return error.message;
    throw error;
  }
  return "no error";
};
const newRun = (): string => join(mkdtempSync(join(tmpdir(), "striate-trainer-")), "run");

/** The same regression in float64: the formulas of tiny-models.ts once more, by loops. */
function reference(steps: number, seed: number, learningRate: (step: number) => number): readonly number[] {
  const { state } = regression();
  const w = Array.from(state.get("fc.weight")?.data ?? [], Number);
  const [b, m] = [[0, 0], new Array<number>(8).fill(0)];
  const loader = regressionLoader();
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const [batch] = loader.epoch(Math.floor((step - 1) / 6), (step - 1) % 6);
    const [x, t] = [Array.from(batch?.inputs["x"]?.data ?? [], Number), Array.from(batch?.targets["t"]?.data ?? [], Number)];
    const at = (list: readonly number[], i: number): number => list[i] ?? Number.NaN;
    const d = t.map((target, i) => {
      const [row, column] = [Math.floor(i / 2), i % 2];
      return [0, 1, 2, 3].reduce((sum, k) => sum + at(x, row * 4 + k) * at(w, k * 2 + column), at(b, column)) - target;
    });
    losses.push(d.reduce((sum, e) => sum + e * e, 0) / d.length);
    const noise = (seed % 7) * 0.01;
    const lr = learningRate(step);
    for (let k = 0; k < 4; k++) {
      for (let column = 0; column < 2; column++) {
        const gradient =
          d.reduce((sum, e, i) => (i % 2 === column ? sum + (at(x, Math.floor(i / 2) * 4 + k) * 2 * e) / d.length : sum), 0) + noise;
        m[k * 2 + column] = 0.9 * at(m, k * 2 + column) + gradient;
        w[k * 2 + column] = at(w, k * 2 + column) - lr * at(m, k * 2 + column);
      }
    }
    for (let column = 0; column < 2; column++)
      b[column] = at(b, column) - (lr / step) * d.reduce((sum, e, i) => (i % 2 === column ? sum + (2 * e) / d.length : sum), 0);
  }
  return losses;
}

test("losses are those of the formulas, with the schedule's rates and the seed", async () => {
  const trainer = await open();
  const losses: number[] = [];
  await trainer.fit(regressionLoader(), {
    epochs: 3,
    schedule: stepDecay({ stepSize: 2, gamma: 0.5 }),
    onBatch: ({ loss }) => void losses.push(loss),
  });
  const expected = reference(18, 3, (step) => (step <= 12 ? 0.05 : 0.025));
  // float32 against float64 over 18 steps.
  for (const [i, loss] of losses.entries()) expect(Math.abs(loss / (expected[i] ?? 0) - 1)).toBeLessThan(2e-5);
  expect(losses.length).toBe(18);
  expect(trainer.step).toBe(18);
  await trainer.dispose();
});

test("events and history tell where the run is", async () => {
  const trainer = await open();
  const seen: string[] = [];
  const { history, stopped } = await trainer.fit(regressionLoader(), {
    epochs: 2,
    validate: regressionLoader(2),
    onBatch: (e) =>
      void seen.push(`${e.epoch}/${e.epochs} ${e.batch}/${e.batchesPerEpoch} step ${e.step} size ${e.size} so far ${e.scores.samples}`),
  });
  expect(stopped).toBe(false);
  expect(seen.length).toBe(12);
  expect(seen[11]).toBe("2/2 6/6 step 12 size 5 so far 45");
  expect(history.map(({ epoch, step, train, validation }) => [epoch, step, train.samples, train.targets, validation?.samples])).toEqual([
    [1, 6, 45, 90, 13],
    [2, 12, 45, 90, 13],
  ]);
  expect(history[1]?.train.loss).toBeLessThan(history[0]?.train.loss ?? 0);
  // Another fit goes on where this one ended.
  const more = await trainer.fit(regressionLoader(), { epochs: 1 });
  expect([more.history.length, more.step]).toEqual([3, 18]);
  await trainer.dispose();
});

test("evaluation uses the state as it stands, weights the loss by rows, and shows outputs", async () => {
  const trainer = await open();
  await trainer.fit(regressionLoader(), { epochs: 1 });
  const shapes: string[] = [];
  const scores = await trainer.evaluate(regressionLoader(), {
    outputs: ["y"],
    onBatch: ({ outputs }) => void shapes.push(String(outputs["y"]?.shape)),
  });
  expect(shapes).toEqual(["8,2", "8,2", "8,2", "8,2", "8,2", "5,2"]);
  expect(scores.samples).toBe(45);
  const weights = await trainer.weights();
  expect([...weights.keys()]).toEqual(["fc.weight", "fc.bias", "ballast"]);
  let [sum, close] = [0, 0];
  for (const { inputs, targets } of regressionLoader().epoch(0)) {
    const [x, w, b] = [inputs["x"], weights.get("fc.weight"), weights.get("fc.bias")].map((tensor) =>
      Array.from(tensor?.data ?? [], Number),
    );
    Array.from(targets["t"]?.data ?? [], Number).forEach((target, i) => {
      const y = [0, 1, 2, 3].reduce(
        (total, k) => total + (x?.[Math.floor(i / 2) * 4 + k] ?? 0) * (w?.[k * 2 + (i % 2)] ?? 0),
        b?.[i % 2] ?? 0,
      );
      sum += (y - target) ** 2;
      if (Math.abs(y - target) < 0.5) close++;
    });
  }
  // float32 means of batches against one float64 sum.
  expect(Math.abs(scores.loss / (sum / 90) - 1)).toBeLessThan(1e-6);
  expect(scores.metrics).toEqual({ close });
  await trainer.dispose();
});

test("an evaluation graph can be made anew of the present state", async () => {
  const { evaluation, ...rest } = regression();
  const asked: number[] = [];
  const trainer = await createTrainerFromArtifacts({
    ...rest,
    learningRate: 0.05,
    evaluation: (state) => {
      asked.push(state.size);
      return evaluation;
    },
  });
  const first = await trainer.evaluate(regressionLoader());
  await trainer.fit(regressionLoader(), { epochs: 1 });
  expect((await trainer.evaluate(regressionLoader())).loss).toBeLessThan(first.loss);
  expect(asked).toEqual([4, 4]);
  await trainer.dispose();
});

test("a signal ends the run after the batch under way, with a checkpoint from which it goes on bit for bit", async () => {
  const options = { epochs: 4, schedule: cosine(), validate: regressionLoader(2) };
  const log: string[] = [];
  const whole = await open();
  const reference = await whole.fit(regressionLoader(), {
    ...options,
    onBatch: ({ step, loss, scores }) => void log.push(`${step} ${loss} ${scores.loss}`),
  });
  for (const at of [1, 6, 9, 23, 24]) {
    const run = newRun();
    const stopper = new AbortController();
    const resumed: string[] = [];
    const onBatch = ({ step, loss, scores }: { step: number; loss: number; scores: { loss: number } }): void => {
      resumed.push(`${step} ${loss} ${scores.loss}`);
      if (step === at) stopper.abort();
    };
    const first = await open();
    expect(await first.fit(regressionLoader(), { ...options, run, signal: stopper.signal, onBatch })).toMatchObject({
      stopped: true,
      step: at,
    });
    const second = await open();
    const result = await second.fit(regressionLoader(), { ...options, run, resume: true, onBatch });
    expect(resumed).toEqual(log);
    expect(result).toEqual(reference);
    expect(await second.state()).toEqual(await whole.state());
    await Promise.all([first.dispose(), second.dispose()]);
  }
  await whole.dispose();
});

test("a signal during validation ends the run before the epoch is noted", async () => {
  const run = newRun();
  const stopper = new AbortController();
  const first = await open();
  const options = { epochs: 1, validate: regressionLoader(4), run };
  const { stopped, history } = await first.fit(regressionLoader(), {
    ...options,
    signal: stopper.signal,
    onValidationBatch: () => stopper.abort(),
  });
  expect([stopped, history.length]).toEqual([true, 0]);
  const second = await open();
  const resumed = await second.fit(regressionLoader(), { ...options, resume: true });
  const whole = await open();
  expect(resumed).toEqual(await whole.fit(regressionLoader(), { epochs: 1, validate: regressionLoader(4) }));
  await Promise.all([first.dispose(), second.dispose(), whole.dispose()]);
});

test("a finished run that is resumed is finished at once", async () => {
  const run = newRun();
  const first = await open();
  const done = await first.fit(regressionLoader(), { epochs: 2, run });
  expect(readdirSync(run)).toEqual(["checkpoint.safetensors"]);
  const second = await open();
  expect(await second.fit(regressionLoader(), { epochs: 2, run, resume: true, onBatch: () => expect.unreachable() })).toEqual(done);
  // With more epochs it goes on.
  expect((await second.fit(regressionLoader(), { epochs: 3, run, resume: true })).step).toBe(18);
  const { counters, state } = await readCheckpoint(checkpointFile(run));
  expect([counters.step, counters.epoch, counters.batch, counters.history.length]).toEqual([18, 3, 0, 3]);
  expect([...state.keys()].sort()).toEqual(["ballast", "fc.bias", "fc.weight", "sgd.momentum.fc.weight"]);
  await Promise.all([first.dispose(), second.dispose()]);
});

test("a checkpoint of another run is refused", async () => {
  const run = newRun();
  const [first, other, third] = await Promise.all([
    open(),
    open(4),
    createTrainerFromArtifacts({ ...regression(2), learningRate: 0.1 }, { seed: 3 }),
  ]);
  await first.fit(regressionLoader(), { epochs: 1, run });
  const path = checkpointFile(run);
  expect(await message(() => other.fit(regressionLoader(), { epochs: 2, run, resume: true }))).toBe(
    `error[checkpoint]: ${path} is of a run with seed 3, this one has seed 4\n  help: create the trainer with seed: 3`,
  );
  expect(await message(() => first.fit(regressionLoader(6, 4), { epochs: 2, run, resume: true }))).toBe(
    `error[checkpoint]: ${path} is of a loader with 6 batches of 8, this one has 6 of 4`,
  );
  expect(await message(() => third.fit(regressionLoader(), { epochs: 2, run, resume: true }))).toBe(
    `error[weights-mismatch]: ${path} does not fit the model: 1 of another type or shape\n  note: does not fit: "ballast" is float32[1], wanted float32[2]`,
  );
  expect(await message(() => first.fit(regressionLoader(), { epochs: 0 }))).toBe(
    "error[fit-option]: fit: epochs is 0, wanted a whole number from 1 on",
  );
  expect(await message(() => first.fit(regressionLoader(), { epochs: 1, resume: true }))).toBe(
    "error[fit-option]: fit: checkpointEvery and resume need `run`, the folder that checkpoints are in",
  );
  await Promise.all([first.dispose(), other.dispose(), third.dispose()]);
});

test("a loader that does not fit is told by names and counts", async () => {
  const trainer = await open();
  const loader = regressionLoader();
  const changed = (change: Partial<BatchLoader>): BatchLoader => ({ ...loader, ...change });
  expect(await message(() => trainer.fit(changed({ batchesPerEpoch: 7 }), { epochs: 1 }))).toBe(
    "error[loader]: epoch 1 ended after 6 batches, the loader promised 7",
  );
  expect(
    await message(() =>
      trainer.trainStep({ size: 8, inputs: { image: { dtype: "float32", shape: [8, 4], data: new Float32Array(32) } }, targets: {} }),
    ),
  ).toBe('error[batch]: the batch has no input "x": it has "image"\n  help: renameFields changes a data set\'s names');
  await trainer.dispose();
});

const state = (w: number): Map<string, TensorData> => new Map([["w", { dtype: "float32", shape: [2], data: Float32Array.of(w, 1) }]]);
const scalarModel = (nodes: Parameters<typeof modelOf>[0]["node"]): Uint8Array =>
  modelOf({
    input: [value("x", 1, [2]), value("t", 1, [2]), value("learning_rate", 1, []), value("w", 1, [2])],
    output: [value("loss", 1, []), value("w.next", 1, [2])],
    initializer: [tensorOf("one", "float32", [], Float32Array.of(1)), tensorOf("axes", "int64", [1], BigInt64Array.of(0n))],
    node: nodes,
  });
const manifest = {
  version: 1,
  batch: ["x"],
  targets: ["t"],
  scalars: { learning_rate: "float32" },
  loss: "loss",
  metrics: {},
  state: [{ name: "w", role: "parameter", input: "w", output: "w.next", dtype: "float32", shape: [2] }],
} as const;
const rows = (...x: readonly number[]): Parameters<Trainer["trainStep"]>[0] => ({
  size: 1,
  inputs: { x: { dtype: "float32", shape: [2], data: Float32Array.from(x) } },
  targets: { t: { dtype: "float32", shape: [2], data: Float32Array.of(0, 0) } },
});
const sum = (from: string, to: string): ReturnType<typeof node> =>
  node("ReduceSum", [from, "axes"], to, [{ name: "keepdims", i: 0, type: 2 }]);

test("a loss that is not finite names the first value that went bad, and its line", async () => {
  const model = scalarModel([
    node("Mul", ["x", "w"], "xw", [], 10),
    node("Log", ["xw"], "log", [], 11),
    node("Sub", ["log", "t"], "d", [], 12),
    sum("d", "loss"),
    node("Sub", ["w", "learning_rate"], "w.next"),
  ]);
  const trainer = await createTrainerFromArtifacts({ model, manifest, state: state(2), learningRate: 0.5 });
  await trainer.trainStep(rows(1, 1));
  expect(await message(() => trainer.trainStep(rows(-1, 3)))).toBe(
    `/models/net.ts:11:5 error[not-finite]: the loss of step 2 is NaN: in step 2 the first value that went bad is "log" (Log): 1 of 2 elements are NaN
  note: "xw" is between -1.500 and 1.500
  help: the learning rate is 0.5: lower it, clip gradients, or keep logarithms, roots and quotients away from 0`,
  );
  await trainer.dispose();
});

test("a NaN that an update made is traced to the step and the node that made it", async () => {
  // The loss of the first step is finite; its "gradient" x / x is 0 / 0.
  const model = scalarModel([
    node("Mul", ["x", "w"], "xw"),
    sum("xw", "loss"),
    node("Div", ["x", "x"], "quotient", [], 20),
    node("Mul", ["quotient", "learning_rate"], "update"),
    node("Sub", ["w", "update"], "w.next"),
  ]);
  const trainer = await createTrainerFromArtifacts({ model, manifest, state: state(2), learningRate: 0.5 });
  expect((await trainer.trainStep(rows(0, 1))).loss).toBe(1);
  expect(await message(() => trainer.trainStep(rows(1, 1)))).toMatch(
    /^\/models\/net\.ts:20:5 error\[not-finite\]: the loss of step 2 is NaN: in step 1 the first value that went bad is "quotient" \(Div\): 1 of 2 elements are NaN/,
  );
  await trainer.dispose();
});

test("state that is not finite is not written over a good checkpoint", async () => {
  const model = scalarModel([
    node("Mul", ["x", "w"], "xw"),
    sum("xw", "loss"),
    node("Div", ["x", "x"], "quotient"),
    node("Sub", ["w", "quotient"], "w.next"),
  ]);
  const trainer = await createTrainerFromArtifacts({ model, manifest, state: state(2), learningRate: 0.5 });
  const path = join(mkdtempSync(join(tmpdir(), "striate-trainer-")), "c.safetensors");
  await trainer.save(path);
  await trainer.trainStep(rows(0, 1));
  expect(await message(() => trainer.save(path))).toMatch(
    /^error\[not-finite\]: "w" is not finite after step 1: in step 1 the first value that went bad is "quotient" \(Div\)/,
  );
  expect((await readCheckpoint(path)).counters.step).toBe(0);
  await trainer.dispose();
});

test("an infinity that becomes a NaN is told with both, and a bad batch as such", async () => {
  const model = scalarModel([
    node("Exp", ["x"], "exp", [], 30),
    node("Div", ["exp", "exp"], "softmax", [], 31),
    sum("softmax", "loss"),
    node("Sub", ["w", "learning_rate"], "w.next"),
  ]);
  const trainer = await createTrainerFromArtifacts({ model, manifest, state: state(2), learningRate: 0.5 });
  const text = await message(() => trainer.trainStep(rows(100, 1)));
  expect(text).toMatch(
    /^\/models\/net\.ts:30:5 error\[not-finite\]: the loss of step 1 is NaN: in step 1 the first value that went bad is "exp" \(Exp\): 1 of 2 elements are infinite/,
  );
  expect(text).toContain('note: /models/net.ts:31:5 the first that is NaN is "softmax" (Div), which reads "exp", "exp"');
  expect(await message(() => trainer.trainStep(rows(Number.NaN, 1)))).toMatch(
    /^error\[not-finite\]: the loss of step 2 is NaN: the batch of step 2 is not finite in "x"/,
  );
  await trainer.dispose();
});
