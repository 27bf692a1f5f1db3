/** Which positions of an input one unit of a value sees: exact sets per axis, with and without what lies in the padding. */
import type { Dim } from "../../ir/dim.ts";
import type { Graph, Value } from "../../ir/graph.ts";
import type { AxisWindow } from "../../ir/op-schema.ts";
import { type Paths, pathsFrom, spatialAxes } from "./receptive-field.ts";
import { tapsAt } from "./window-taps.ts";

/** The extent of what is seen along one axis, the last position included. */
export type AxisExtent =
  /** The whole axis; `size` is null where it is a symbol. */
  { readonly kind: "whole"; readonly size: number | null } | { readonly kind: "range"; readonly first: number; readonly last: number };
/** What one unit sees of an input. */
export interface UnitView {
  /**
   * The smallest box around the positions that it would see if no value had a border, axis by spatial axis; null where it sees none, as
   * between the taps of a transposed convolution.
   */
  readonly unclipped: readonly AxisExtent[] | null;
  /** The smallest box around the positions that it does see, which no padding hides anywhere on the way; null where it sees none. */
  readonly clipped: readonly AxisExtent[] | null;
}

/** Positions along an axis. */
type Positions = "all" | ReadonlySet<number>;
/** Where a unit is: a position for some axes of a value; along the others it is every position. */
export type UnitPosition = ReadonlyMap<number, number>;

/**
 * What the unit at a position of `value` sees of `input`, along each spatial axis of `input`, dilation's gaps and the borders of all
 * values between them taken into account. Null where no path leads from `input` to `value`.
 */
export function unitView(graph: Graph, value: Value, input: Value, position: UnitPosition): UnitView | null {
  const paths = pathsFrom(graph, input);
  if (value !== input && !paths.starts.has(value)) return null;
  const axes = spatialAxes(input.type);
  const extents = (sets: readonly Positions[] | null): readonly AxisExtent[] | null =>
    sets === null ? null : axes.map((axis) => extentOf(sets[axis] ?? "all", input.type.shape[axis] ?? 1));
  return {
    unclipped: extents(positionsSeen(paths, value, position, false)),
    clipped: extents(positionsSeen(paths, value, position, true)),
  };
}

function extentOf(set: Positions, size: Dim): AxisExtent {
  if (set === "all") return { kind: "whole", size: typeof size === "number" ? size : null };
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const p of set) [first, last] = [Math.min(first, p), Math.max(last, p)];
  return { kind: "range", first, last };
}

/** The positions along each axis of the input; null where there are none. */
function positionsSeen(
  { input, steps, starts }: Paths,
  value: Value,
  position: UnitPosition,
  clipped: boolean,
): readonly Positions[] | null {
  const seen = new Map<Value, readonly Positions[]>();
  seen.set(
    value,
    value.type.shape.map((_, axis) => {
      const at = position.get(axis);
      return at === undefined ? "all" : new Set([at]);
    }),
  );
  for (const { x, output, windows: windowsThrough } of steps.slice(starts.get(value) ?? steps.length)) {
    const sets = seen.get(output);
    const windows = sets === undefined ? null : windowsThrough();
    if (sets === undefined || windows === null) continue;
    const through = windows.map((window, axis) => positionsThrough(window, sets, clipped ? (x.type.shape[axis] ?? 1) : null));
    // A path that ends in padding along one axis ends there.
    if (through.some((set) => set !== "all" && set.size === 0)) continue;
    const before = seen.get(x);
    seen.set(x, before === undefined ? through : through.map((set, axis) => union(set, before[axis] ?? set)));
  }
  return seen.get(input) ?? null;
}

function union(a: Positions, b: Positions): Positions {
  if (a === "all" || b === "all") return "all";
  return new Set([...a, ...b]);
}

/** The positions of an input's axis that those of the output see; those inside the axis where its size is given. */
function positionsThrough(window: AxisWindow, sets: readonly Positions[], size: Dim | null): Positions {
  if (window === "all") return "all";
  if (window === "fixed") return new Set([0]);
  const outer = sets[window.axis] ?? "all";
  if (outer === "all") return "all";
  const found = new Set<number>();
  for (const at of outer) {
    for (const p of tapsAt(window, at)) {
      const inside = size === null ? p : positionInside(p, size, window.outside);
      if (inside !== null) found.add(inside);
    }
  }
  return found;
}

/** The position that one inside or outside an axis stands for; null for nothing. */
function positionInside(p: number, size: Dim, outside: Exclude<AxisWindow, string>["outside"]): number | null {
  if (p >= 0 && (typeof size !== "number" || p < size)) return p;
  if (outside === undefined) return null;
  if (outside === "nearest" && p < 0) return 0;
  if (typeof size !== "number") return outside === "mirrored" ? -p : null;
  if (outside === "nearest") return size - 1;
  if (outside === "wrapped") return ((p % size) + size) % size;
  const period = Math.max(1, 2 * (size - 1));
  const folded = ((p % period) + period) % period;
  return Math.min(folded, period - folded);
}
