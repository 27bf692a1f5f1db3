/** What a padded axis is made of: runs of the input's positions, for each of Pad's modes. */
import type { Dim } from "../dim.ts";
import { RuleFault } from "../op-schema.ts";
import { axesOf } from "./axes.ts";
import { type HasInputs, inputAt, numbersIn, optionalInput, vectorLength } from "./call-inputs.ts";

/** How Pad fills the places outside. */
export type PadMode = "constant" | "reflect" | "edge" | "wrap";
const modes: readonly string[] = ["constant", "reflect", "edge", "wrap"] satisfies readonly PadMode[];
const isPadMode = (mode: string): mode is PadMode => modes.includes(mode);
/** The mode of a Pad. Throws a RuleFault on another text. */
export function padModeOf(mode: string): PadMode {
  if (isPadMode(mode)) return mode;
  throw new RuleFault("pad-mode", `the mode "${mode}" is not one of ${modes.join(", ")}`);
}

/** The padding of one axis; negative numbers crop. Null where it is not known. */
export interface AxisPad {
  readonly axis: number;
  readonly begin: Dim | null;
  readonly end: Dim | null;
}
/** The padding of one axis, known. */
export interface KnownPad {
  readonly axis: number;
  readonly begin: number;
  readonly end: number;
}

/** The axes that a Pad pads, in the order of its vector; null where they are computed at run time. */
function paddedAxes(call: HasInputs): readonly number[] | null {
  const rank = inputAt(call, 0).type.shape.length;
  const axes = optionalInput(call, 3);
  if (axes === null) return Array.from({ length: rank }, (_, i) => i);
  const numbers = numbersIn(axes);
  return numbers === null ? null : axesOf(numbers, rank);
}
/** The paddings of a Pad; null where the axes are computed at run time. Throws a RuleFault when the vector's length does not fit the axes. */
export function padsOf(call: HasInputs): readonly AxisPad[] | null {
  const axes = paddedAxes(call);
  const pads = inputAt(call, 1);
  const length = vectorLength(pads, "pads");
  if (axes === null) return null;
  if (typeof length === "number" && length !== 2 * axes.length) {
    throw new RuleFault(
      "pad-length",
      `pads has ${length} numbers, and ${axes.length} axes need ${2 * axes.length}`,
      "give the begin of every axis, then the end of every axis",
    );
  }
  return axes.map((axis, i) => ({ axis, begin: pads.elements?.[i] ?? null, end: pads.elements?.[i + axes.length] ?? null }));
}
/** The paddings as numbers, or null when one is not known. */
export function knownPads(call: HasInputs): readonly KnownPad[] | null {
  const axes = paddedAxes(call);
  const pads = numbersIn(inputAt(call, 1));
  return pads === null || axes === null ? null : axes.map((axis, i) => ({ axis, begin: pads[i] ?? 0, end: pads[i + axes.length] ?? 0 }));
}

/** The input's position at place i of a padded axis of n positions; null where the fill goes. Cropping comes before padding, as onnxruntime has it. */
export function sourceOf(mode: PadMode, i: number, n: number, { begin, end }: Omit<KnownPad, "axis">): number | null {
  const crop = Math.max(-begin, 0);
  const source = repeated(mode, i - Math.max(begin, 0), n - crop - Math.max(-end, 0));
  return source === null ? null : source + crop;
}
/** The position among n that place i repeats, places before the first being negative. */
function repeated(mode: PadMode, i: number, n: number): number | null {
  if (i >= 0 && i < n) return i;
  if (mode === "constant" || n <= 0) return null;
  if (mode === "edge") return i < 0 ? 0 : n - 1;
  if (mode === "wrap") return ((i % n) + n) % n;
  const period = Math.max(2 * (n - 1), 1);
  const folded = ((i % period) + period) % period;
  return folded < n ? folded : period - folded;
}

/** Positions of an axis in a row: start, start + step, ... A negative start counts from the end; the count null means the whole axis. */
export interface Run {
  readonly start: number;
  readonly step: -1 | 0 | 1;
  readonly count: number | null;
}
/** The runs that an axis consists of that is padded, not cropped, in a mode other than constant; a symbolic size is taken to be larger than the pads. */
export function padRuns(mode: Exclude<PadMode, "constant">, n: Dim, { begin, end }: KnownPad): readonly Run[] {
  if (typeof n === "number") return runsOf(Array.from({ length: begin + n + end }, (_, i) => sourceOf(mode, i, n, { begin, end }) ?? 0));
  const sides: Readonly<Record<typeof mode, readonly [Run, Run]>> = {
    reflect: [
      { start: begin, step: -1, count: begin },
      { start: -2, step: -1, count: end },
    ],
    edge: [
      { start: 0, step: 0, count: begin },
      { start: -1, step: 0, count: end },
    ],
    wrap: [
      { start: -begin, step: 1, count: begin },
      { start: 0, step: 1, count: end },
    ],
  };
  const [before, after] = sides[mode];
  return [before, { start: 0, step: 1, count: null } as const, after].filter((run) => run.count !== 0);
}
/** Positions cut into the longest runs. */
function runsOf(positions: readonly number[]): readonly Run[] {
  const runs: Run[] = [];
  for (const p of positions) {
    const run = runs.at(-1);
    const step = run === undefined ? null : stepTo(run, p);
    if (run === undefined || step === null) runs.push({ start: p, step: 1, count: 1 });
    else runs[runs.length - 1] = { start: run.start, step, count: (run.count ?? 0) + 1 };
  }
  return runs;
}
/** The step with which a run goes on to a position, or null. */
function stepTo({ start, step, count }: Run, p: number): Run["step"] | null {
  const length = count ?? 0;
  if (length === 1) return p === start + 1 ? 1 : p === start - 1 ? -1 : p === start ? 0 : null;
  return p === start + step * length ? step : null;
}
