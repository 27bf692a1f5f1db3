import { expect, test } from "vitest";
import {
  constant,
  cosine,
  exponential,
  multiStep,
  oneCycle,
  polynomial,
  type Schedule,
  stepDecay,
  warmup,
} from "../../src/runtime/schedule.ts";

/** The rates at some steps of a run of 100 steps in 10 epochs. */
const rates = (schedule: Schedule, learningRate: number, ...steps: readonly number[]): readonly number[] =>
  steps.map((step) => schedule({ step, totalSteps: 100, stepsPerEpoch: 10, learningRate }));
const close = (got: readonly number[], wanted: readonly number[]): void => {
  expect(got.length).toBe(wanted.length);
  // Both sides are float64 arithmetic in another order of operations.
  for (const [i, rate] of got.entries()) expect(rate).toBeCloseTo(wanted[i] ?? Number.NaN, 12);
};

// Step decay, multi step, warm-up and the first line of polynomial are the examples of PyTorch's documentation.
test("step decay multiplies by gamma every stepSize epochs", () => {
  const schedule = stepDecay({ stepSize: 30, gamma: 0.1, per: "step" });
  close(rates(schedule, 0.05, 0, 29, 30, 59, 60, 89), [0.05, 0.05, 0.005, 0.005, 0.0005, 0.0005]);
  close(rates(stepDecay({ stepSize: 2 }), 0.05, 0, 19, 20, 40), [0.05, 0.05, 0.005, 0.0005]);
});
test("multi step multiplies by gamma at each milestone", () => {
  close(rates(multiStep({ milestones: [30, 80], gamma: 0.1, per: "step" }), 0.05, 29, 30, 79, 80), [0.05, 0.005, 0.005, 0.0005]);
});
test("warm-up rises linearly from its start factor", () => {
  close(rates(warmup({ steps: 4, startFactor: 0.5 }), 0.05, 0, 1, 2, 3, 4, 5), [0.025, 0.03125, 0.0375, 0.04375, 0.05, 0.05]);
});
test("after the warm-up the next schedule has the rest of the run", () => {
  close(rates(warmup({ steps: 20, startFactor: 0.1 }, cosine()), 1, 0, 10, 20, 60, 100), [0.1, 0.55, 1, 0.5, 0]);
});
test("constant is the optimizer's rate, or another", () => {
  close([...rates(constant(), 0.3, 0, 99), ...rates(constant(0.1), 0.3, 50)], [0.3, 0.3, 0.1]);
});
test("exponential multiplies by gamma every epoch", () => {
  close(rates(exponential({ gamma: 0.5 }), 1, 0, 9, 10, 35), [1, 1, 0.5, 0.125]);
});
test("polynomial reaches 0 at its end and stays there", () => {
  close(rates(polynomial({ totalIters: 4, per: "step" }), 0.05, 0, 1, 2, 3, 4, 90), [0.05, 0.0375, 0.025, 0.0125, 0, 0]);
  close(rates(polynomial({ power: 2 }), 1, 0, 50, 100), [1, 0.25, 0]);
});
test("cosine falls from the rate to its minimum", () => {
  close(rates(cosine({ minLr: 0.1 }), 1.1, 0, 25, 50, 100), [1.1, 0.1 + (1 + Math.SQRT1_2) / 2, 0.6, 0.1]);
  close(rates(cosine({ per: "epoch" }), 1, 0, 9, 50), [1, 1, 0.5]);
});
test("one cycle rises to its maximum and falls to its end", () => {
  const schedule = oneCycle({ maxLr: 0.1 });
  close(rates(schedule, 1, 0, 14.5, 29, 64, 99), [0.004, 0.052, 0.1, 0.0500002, 4e-7]);
  close(rates(oneCycle({ maxLr: 0.1, annealStrategy: "linear" }), 1, 0, 14.5, 29, 64, 99), [0.004, 0.052, 0.1, 0.0500002, 4e-7]);
  close(rates(oneCycle({ maxLr: 0.1, threePhase: true }), 1, 0, 29, 58, 99), [0.004, 0.1, 0.004, 4e-7]);
});
