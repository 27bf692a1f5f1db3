/** Chooses what a step computes a second time: the least work with which its memory stays within a budget. */
import type { Node } from "../../ir/graph.ts";
import { type Simulation, type Splits, type Step, simulate } from "./recompute-plan.ts";
import { leastRest } from "./step-turn.ts";

/** What is wanted of a step. */
export interface Wanted {
  /** Bytes; Infinity for no bound. */
  readonly budget: number;
  /** The segment that a node belongs to whose values are recomputed whatever the budget, all but those that other segments read early; null for none. */
  readonly segmentOf: (node: Node) => string | null;
  /** The nodes whose values are kept whatever the budget. */
  readonly isKept: (node: Node) => boolean;
}
/** A choice, and what it comes to. */
export interface Choice {
  readonly splits: Splits;
  readonly simulation: Simulation;
}

/** A value smaller than this part of the peak is kept: its bookkeeping would cost more than it saves. */
const leastShare = 1 / 4096;

/**
 * The choice of the least work within the budget; where none is, the one of the least memory.
 *
 * Tried are segments between checkpoints where least crosses from one to the next, in many lengths, and the cheapest values first, in many
 * numbers; in what fits, as many values as the budget allows are kept after all, those with the most work per byte first.
 */
export function chooseRecomputation(step: Step, wanted: Wanted): Choice | null {
  const outline = outlineOf(step, wanted);
  if (outline === null) return null;
  const tried = draftsOf(step, outline).flatMap((draft) => choiceOf(step, outline, draft) ?? []);
  const fitting: readonly Tried[] = tried.filter(({ simulation }) => simulation.peak <= wanted.budget);
  if (fitting.length === 0) return lowest(tried, ({ simulation }) => simulation.peak);
  const cheapest = fitting.toSorted((a, b) => a.simulation.extraWork - b.simulation.extraWork).slice(0, refined);
  return lowest(
    cheapest.map((draft) => withMoreKept(step, outline, draft, wanted.budget)),
    ({ simulation }) => simulation.extraWork,
  );
}
/** So many drafts are worked out. */
const refined = 3;
const lowest = <T>(list: readonly T[], key: (entry: T) => number): T | null =>
  list.reduce<T | null>((best, entry) => (best === null || key(entry) < key(best) ? entry : best), null);

/** What is known of a step before anything is chosen. */
interface Outline {
  readonly turn: number;
  /** Values that rest across the turn and are worth letting go, in the order in which they are made. */
  readonly saved: readonly number[];
  /** Where each of those, and each value that is only read early, is let go; -1 for all others. */
  readonly splits: Splits;
  readonly forced: ReadonlySet<number>;
}

function outlineOf(step: Step, { segmentOf, isKept }: Wanted): Outline | null {
  const splits = new Int32Array(step.values.length).fill(-1);
  const base = simulate(step, splits);
  if (base === null) return null;
  const { turn } = step;
  const saved: number[] = [];
  const forced = new Set<number>();
  // In the order of execution, so that what a value is made from is known before it.
  const segments = step.nodes.map(segmentOf);
  step.makes.forEach((made, at) => {
    const node = step.nodes[at];
    if (at > turn || node === undefined || isKept(node)) return;
    const canRun = step.ties[at] !== null || (step.reads[at] ?? []).some((u) => (splits[u] ?? -1) >= 0);
    for (const value of made) {
      const small = (step.bytes[value] ?? 0) < leastShare * base.peak;
      if (!canRun || step.isOutput[value] === true || small) continue;
      const readers = step.readers[value] ?? [];
      const early = readers.findLast((reader) => reader <= turn) ?? at;
      const late = readers.find((reader) => reader > turn);
      // What is read early only is let go as it is; it may be needed again for something else.
      if (late !== undefined && (late - early < leastRest || step.tokens[late] === -1)) continue;
      splits[value] = late === undefined ? (readers.at(-1) ?? at) : early;
      if (late !== undefined) saved.push(value);
      const segment = segments[at] ?? null;
      if (segment !== null && readers.every((reader) => reader > turn || segments[reader] === segment)) forced.add(value);
    }
  });
  return { turn, saved, splits, forced };
}

/** Which values are let go, or that are read early only are kept for what is computed anew. */
interface Draft {
  readonly dropped: ReadonlySet<number>;
  readonly checkpoints: ReadonlySet<number>;
}
interface Tried extends Choice, Draft {}
function choiceOf(step: Step, { saved, splits, forced }: Outline, { dropped, checkpoints }: Draft): Tried | null {
  const chosen = splits.slice();
  for (const value of saved) if (!dropped.has(value)) chosen[value] = -1;
  for (const value of checkpoints) chosen[value] = -1;
  for (const value of forced) chosen[value] = splits[value] ?? -1;
  const simulation = simulate(step, chosen);
  return simulation === null ? null : { splits: chosen, simulation, dropped, checkpoints };
}

function draftsOf(step: Step, outline: Outline): readonly Draft[] {
  const { saved } = outline;
  const total = saved.reduce((sum, value) => sum + (step.bytes[value] ?? 0), 0);
  const cheapest = byWorkPerByte(step, saved);
  const fractions = Array.from({ length: 12 }, (_, i) => (i + 1) / 12);
  const lengths = Array.from({ length: 14 }, (_, i) => total * 0.7 ** i);
  const checkpoints = new Set<number>();
  return [
    { dropped: new Set<number>(), checkpoints },
    ...fractions.map((part) => ({ dropped: new Set(cheapest.slice(0, Math.ceil(part * cheapest.length))), checkpoints })),
    ...lengths.map((length) => withoutCheckpoints(step, outline, length)),
  ];
}
const workPerByte = (step: Step, value: number): number =>
  (step.work[step.producer[value] ?? 0] ?? 0) / Math.max(step.bytes[value] ?? 0, 1);
const byWorkPerByte = (step: Step, values: Iterable<number>): readonly number[] =>
  [...values].sort((a, b) => workPerByte(step, a) - workPerByte(step, b));

/** All saved values but those that cross from one segment to the next; a segment saves `length` bytes or up to half as much again. */
function withoutCheckpoints(step: Step, { turn, saved, splits }: Outline, length: number): Draft {
  const isSaved = new Set(saved);
  const kept = new Set<number>();
  const ends = (value: number): number => (step.readers[value] ?? []).findLast((reader) => reader <= turn) ?? -1;
  // The values that cross from each place to a later early one.
  let crossing: number[] = [];
  let least: readonly number[] = [];
  let [bytes, best] = [0, Number.POSITIVE_INFINITY];
  for (let at = 0; at <= turn; at++) {
    for (const value of step.makes[at] ?? []) {
      if ((splits[value] ?? -1) >= 0) crossing.push(value);
      if (isSaved.has(value)) bytes += step.bytes[value] ?? 0;
    }
    crossing = crossing.filter((value) => ends(value) > at);
    if (bytes < length) continue;
    const size = crossing.reduce((sum, value) => sum + (step.bytes[value] ?? 0), 0);
    if (crossing.length > 0 && size < best) [best, least] = [size, crossing];
    if (bytes < 1.5 * length) continue;
    for (const value of least) kept.add(value);
    [bytes, best, least] = [0, Number.POSITIVE_INFINITY, []];
  }
  return { dropped: new Set(saved.filter((value) => !kept.has(value))), checkpoints: kept };
}

/** The draft with as many values kept as the budget allows. */
function withMoreKept(step: Step, outline: Outline, draft: Tried, budget: number): Choice {
  let best = draft;
  const dropped = new Set(draft.dropped);
  for (const value of byWorkPerByte(step, draft.dropped).toReversed()) {
    if (outline.forced.has(value)) continue;
    dropped.delete(value);
    const choice = choiceOf(step, outline, { dropped, checkpoints: draft.checkpoints });
    if (choice !== null && choice.simulation.peak <= budget && choice.simulation.extraWork <= best.simulation.extraWork) best = choice;
    else dropped.add(value);
  }
  return best;
}
