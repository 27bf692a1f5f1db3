/** Learning rates over the steps of a run, as torch.optim.lr_scheduler defines them. */

/** Where a run stands before a step. */
export interface ScheduleStep {
  /** Steps done so far: 0 before the first. */
  readonly step: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  /** The optimizer's own learning rate. */
  readonly learningRate: number;
}
/** The learning rate of a step. A pure function of where the run stands, so that a resumed run goes on with the same rates. */
export type Schedule = (at: ScheduleStep) => number;

/** What a schedule's lengths count. */
export type ScheduleUnit = "epoch" | "step";
interface Per {
  /** What the lengths count, and how often the rate changes; "epoch" when absent. */
  readonly per?: ScheduleUnit;
}
/** Whole units gone by. */
const elapsed = ({ step, stepsPerEpoch }: ScheduleStep, per: ScheduleUnit): number =>
  per === "step" ? step : Math.floor(step / stepsPerEpoch);
const whole = ({ totalSteps, stepsPerEpoch }: ScheduleStep, per: ScheduleUnit): number =>
  per === "step" ? totalSteps : totalSteps / stepsPerEpoch;

/** The optimizer's learning rate, or another one, at every step. */
export const constant =
  (learningRate?: number): Schedule =>
  (at) =>
    learningRate ?? at.learningRate;

/** lr * gamma^floor(t / stepSize) (StepLR). */
export const stepDecay =
  ({ stepSize, gamma = 0.1, per = "epoch" }: { readonly stepSize: number; readonly gamma?: number } & Per): Schedule =>
  (at) =>
    at.learningRate * gamma ** Math.floor(elapsed(at, per) / stepSize);

/** lr * gamma^(milestones gone by) (MultiStepLR). */
export const multiStep =
  ({ milestones, gamma = 0.1, per = "epoch" }: { readonly milestones: readonly number[]; readonly gamma?: number } & Per): Schedule =>
  (at) =>
    at.learningRate * gamma ** milestones.filter((milestone) => elapsed(at, per) >= milestone).length;

/** lr * gamma^t (ExponentialLR). */
export const exponential =
  ({ gamma, per = "epoch" }: { readonly gamma: number } & Per): Schedule =>
  (at) =>
    at.learningRate * gamma ** elapsed(at, per);

/** min + (lr - min) (1 + cos(pi t / tMax)) / 2 (CosineAnnealingLR); tMax is the run's length when absent. */
export const cosine =
  ({ minLr = 0, tMax, per = "step" }: { readonly minLr?: number; readonly tMax?: number } & Per = {}): Schedule =>
  (at) =>
    minLr + ((at.learningRate - minLr) * (1 + Math.cos((Math.PI * elapsed(at, per)) / (tMax ?? whole(at, per))))) / 2;

/** lr (1 - min(t, total) / total)^power (PolynomialLR); total is the run's length when absent. */
export const polynomial =
  ({ power = 1, totalIters, per = "step" }: { readonly power?: number; readonly totalIters?: number } & Per = {}): Schedule =>
  (at) => {
    const total = totalIters ?? whole(at, per);
    return at.learningRate * (1 - Math.min(elapsed(at, per), total) / total) ** power;
  };

/** The shape of a one-cycle schedule. */
export interface OneCycleOptions {
  readonly maxLr: number;
  /** The part of the run in which the rate rises; 0.3 when absent. */
  readonly pctStart?: number;
  /** maxLr / the first rate; 25 when absent. */
  readonly divFactor?: number;
  /** The first rate / the last one; 10,000 when absent. */
  readonly finalDivFactor?: number;
  readonly annealStrategy?: "cos" | "linear";
  /** Falls back to the first rate as it rose, then to the last one. */
  readonly threePhase?: boolean;
}
/** From maxLr / divFactor up to maxLr and down again within the run (OneCycleLR; Smith and Topin 2019, arXiv 1708.07120). */
export function oneCycle(options: OneCycleOptions): Schedule {
  const { maxLr, pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4, annealStrategy = "cos", threePhase = false } = options;
  const initial = maxLr / divFactor;
  const last = initial / finalDivFactor;
  return ({ step, totalSteps }) => {
    const up = pctStart * totalSteps - 1;
    const phases: readonly Phase[] = threePhase
      ? [
          [up, initial, maxLr],
          [2 * pctStart * totalSteps - 2, maxLr, initial],
          [totalSteps - 1, initial, last],
        ]
      : [
          [up, initial, maxLr],
          [totalSteps - 1, maxLr, last],
        ];
    return alongPhases(phases, step, annealStrategy === "cos" ? cosineBetween : linearBetween);
  };
}
/** The step at which a phase ends, and the rates at its ends. */
type Phase = readonly [end: number, from: number, to: number];
function alongPhases(phases: readonly Phase[], step: number, between: (from: number, to: number, part: number) => number): number {
  let start = 0;
  for (const [end, from, to] of phases) {
    if (step <= end) return between(from, to, (step - start) / (end - start));
    start = end;
  }
  return phases.at(-1)?.[2] ?? 0;
}
const cosineBetween = (from: number, to: number, part: number): number => to + ((from - to) / 2) * (1 + Math.cos(Math.PI * part));
const linearBetween = (from: number, to: number, part: number): number => from + (to - from) * part;

/** Rises linearly from startFactor to all of the next schedule's first rate in `steps` steps, then goes on with it (LinearLR, then SequentialLR). */
export const warmup =
  ({ steps, startFactor = 1 / 3 }: { readonly steps: number; readonly startFactor?: number }, next: Schedule = constant()): Schedule =>
  (at) => {
    const after = { ...at, totalSteps: Math.max(1, at.totalSteps - steps) };
    if (at.step >= steps) return next({ ...after, step: at.step - steps });
    return next({ ...after, step: 0 }) * (startFactor + ((1 - startFactor) * at.step) / steps);
  };
