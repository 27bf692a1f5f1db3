/** Receptive fields: which positions of one value a position of another sees. */
import { InternalError } from "../../ir/diagnostic.ts";
import type { Dim } from "../../ir/dim.ts";
import type { Graph, Node, TensorType, Value } from "../../ir/graph.ts";
import type { AxisWindow } from "../../ir/op-schema.ts";
import type { OpType } from "../../ir/op-types.ts";
import { schemaOf } from "../../ir/ops/index.ts";
import { askRecord } from "../node-fault.ts";
import { addFractions, ceilOf, type Fraction, floorOf, fraction, fractionOf, isEqual, isLess, mulFractions, toNumber } from "./fraction.ts";
import { type MovingWindow, tapsAt } from "./window-taps.ts";

/** What is seen along one axis. */
export type AxisReceptiveField =
  /** The whole axis, wherever one looks from. */
  | { readonly kind: "whole" }
  | {
      readonly kind: "window";
      /** How many positions, the gaps of dilation included; where that varies from position to position (behind upsampling), the most. */
      readonly size: number;
      /** By how much the window moves from one position to the next: below 1 after upsampling, 0 where it stays. */
      readonly stride: number;
      /** The first position that position 0 sees; negative where that lies in the padding. */
      readonly start: number;
      /** The effective padding, -start. */
      readonly padding: number;
    };

/** Windows along an axis of a value, seen from some positions of the target. */
interface Windows {
  /** The target's axis along which they move; null where they do not. */
  readonly axis: number | null;
  readonly stride: Fraction;
  /** First and last position for each position of the target; an empty window is [Infinity, -Infinity]. */
  readonly spans: readonly Span[];
}
type Span = readonly [first: number, last: number];
type Field = "all" | Windows;
type Fields = readonly Field[];

const zero = fraction(0);
const one = fraction(1);
const empty: Span = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
/** No more positions of the target are looked at: windows repeat after as many as the denominators of strides ask for. */
const mostPhases = 512;

/**
 * What one position of `value` sees of `input`, along each spatial axis of `input`: the hull of all
 * paths between them. Null where no path leads from `input` to `value`. Paths whose windows move at different speeds see the whole axis.
 */
export const receptiveField = (graph: Graph, value: Value, input: Value): readonly AxisReceptiveField[] | null =>
  receptiveFields(graph, input)(value);

/** The same question for many values of a graph about one input. */
export function receptiveFields(graph: Graph, input: Value): (value: Value) => readonly AxisReceptiveField[] | null {
  const paths = pathsFrom(graph, input);
  return (value) => {
    // From position 0 first, which tells the strides on the way, and so after how many positions the pattern repeats.
    const first = sweep(paths, value, [0]);
    const phases = Math.min(first.period, mostPhases);
    const all = Array.from({ length: phases }, (_, i) => i);
    const { fields } = phases === 1 ? first : sweep(paths, value, all);
    return fields === null ? null : spatialAxes(input.type).map((axis) => answer(fields[axis] ?? "all"));
  };
}

/** The most channels that an image has. */
const mostChannels = 4;
/**
 * The spatial axes of an input: those behind batch and channels, [N, C, ...spatial]; but those between them where the last axis looks
 * like an image's channels and the second does not, as in the [N, H, W, 3] of TensorFlow's models.
 */
export function spatialAxes({ shape }: TensorType): readonly number[] {
  const isChannels = (dim: Dim | undefined): boolean => typeof dim === "number" && dim <= mostChannels;
  const channelsLast = shape.length > 3 && isChannels(shape.at(-1)) && !isChannels(shape[1]);
  const axes = shape.map((_, axis) => axis);
  return channelsLast ? axes.slice(1, -1) : axes.slice(2);
}

/**
 * The values that lie over an image as maps, and which of their axes are its height and width: those that some way from the input reaches
 * through windows alone, whatever global gates join it.
 */
export function featureMaps(graph: Graph, input: Value): ReadonlyMap<Value, readonly number[]> {
  const maps = new Map([[input, spatialAxes(input.type)]]);
  for (const { x, output, windows: windowsThrough } of pathsFrom(graph, input).steps.toReversed()) {
    const axes = maps.get(x);
    if (axes === undefined || axes.length === 0 || maps.has(output)) continue;
    const windows = windowsThrough();
    const moving = axes.flatMap((axis) => {
      const window = windows?.[axis] ?? "all";
      return typeof window === "string" || window.stride === 0 ? [] : [window.axis];
    });
    if (moving.length === axes.length) maps.set(output, moving);
  }
  return maps;
}

/** One way through a node, from an output back to an input that depends on the input looked at. */
export interface Step {
  readonly x: Value;
  readonly output: Value;
  /** The windows along the axes of x; null where the output's contents do not depend on it. */
  readonly windows: () => readonly AxisWindow[] | null;
}
/** All ways from a graph's values back to one input, the last nodes first. */
export interface Paths {
  readonly input: Value;
  readonly steps: readonly Step[];
  /** Where in `steps` the ways back from a value begin; absent where there are none. */
  readonly starts: ReadonlyMap<Value, number>;
}
/** The ways back to an input. Windows are worked out when they are first asked for, and once. */
export function pathsFrom(graph: Graph, input: Value): Paths {
  const found = new Set([input]);
  const steps: Step[] = [];
  for (const node of graph.nodes) {
    if (!node.inputs.some((v) => v !== null && found.has(v))) continue;
    // The steps of one node that lead to different inputs need no order.
    node.outputs.forEach((output, o) => {
      if (output === null || output === input) return;
      node.inputs.forEach((x, i) => {
        if (x !== null && found.has(x)) steps.push({ x, output, windows: once(() => windowsOf(node, x, i, output, o)) });
      });
    });
    for (const output of node.outputs) if (output !== null) found.add(output);
  }
  steps.reverse();
  const starts = new Map<Value, number>();
  steps.forEach(({ output }, i) => {
    if (!starts.has(output)) starts.set(output, i);
  });
  return { input, steps, starts };
}
function once<T>(work: () => T): () => T {
  let kept: { readonly result: T } | null = null;
  return () => {
    kept ??= { result: work() };
    return kept.result;
  };
}

/** The fields along all axes of the input, seen from some positions, and after how many positions windows look alike again. */
function sweep({ input, steps, starts }: Paths, value: Value, positions: readonly number[]) {
  const own = (axis: number): Field => ({ axis, stride: one, spans: positions.map((i) => [i, i]) });
  const seen = new Map<Value, Fields>([[value, value.type.shape.map((_, axis) => own(axis))]]);
  let period = 1;
  for (let i = starts.get(value) ?? steps.length; i < steps.length; i++) {
    const step = steps[i];
    const fields = step === undefined ? undefined : seen.get(step.output);
    const windows = fields === undefined ? null : (step?.windows() ?? null);
    if (step === undefined || fields === undefined || windows === null) continue;
    const { x } = step;
    const through =
      windows.every(isSamePosition) && windows.length === fields.length ? fields : windows.map((w) => composed(w, fields, positions));
    if (through !== fields) for (const field of through) if (field !== "all") period = leastCommonMultiple(period, field.stride.d);
    seen.set(x, hull(seen.get(x), through, x.type.shape, positions));
  }
  return { fields: seen.get(input) ?? null, period };
}
const leastCommonMultiple = (a: number, b: number): number => a * fraction(b, a).n;

function windowsOf<T extends OpType>(
  node: Node<T>,
  x: Value,
  index: number,
  output: Value,
  outputIndex: number,
): readonly AxisWindow[] | null {
  const { receptiveField: rule } = schemaOf(node.opType);
  if (rule === "global") return x.type.shape.map(() => "all");
  if (rule !== "pointwise") return askRecord(node, "receptive field", () => rule(node, index, outputIndex));
  // Element by element, where axes are counted from the end and those of size 1 are stretched.
  const lead = output.type.shape.length - x.type.shape.length;
  return x.type.shape.map((dim, k) =>
    dim === 1 && output.type.shape[lead + k] !== 1 ? "fixed" : { axis: lead + k, size: 1, stride: 1, start: 0 },
  );
}

/** True where each position sees just itself. */
const isSamePosition = (w: AxisWindow, axis: number): boolean =>
  w !== "all" && w !== "fixed" && w.axis === axis && w.size === 1 && w.stride === 1 && w.start === 0;

/** The only position of an axis of size 1. */
const only = (positions: readonly number[]): Windows => ({ axis: null, stride: zero, spans: positions.map(() => [0, 0]) });

/** The field of an input's axis: every position in a window over the output sees a window of the input. */
function composed(window: AxisWindow, fields: Fields, positions: readonly number[]): Field {
  if (window === "all") return "all";
  if (window === "fixed") return only(positions);
  const outer = fields[window.axis];
  if (outer === undefined) throw new InternalError(`a receptive field names axis ${window.axis} of an output with ${fields.length}`);
  if (outer === "all") return "all";
  if (isSamePosition(window, window.axis)) return outer;
  const whole = fractionOf(window.stride);
  // Behind a stride, taps with gaps between them may all fall between positions: only counting tells.
  if (window.step !== undefined && !Number.isInteger(window.step))
    return { axis: outer.axis, stride: mulFractions(whole, outer.stride), spans: outer.spans.map((span) => spanOfTaps(window, span)) };
  const [stride, start, reach] = [whole, fractionOf(window.start), fractionOf(window.size - 1)];
  const at = (position: number): Fraction => addFractions(start, mulFractions(stride, fraction(position)));
  const spans = outer.spans.map(([first, last]): Span => {
    if (first > last) return empty;
    const [from, to] = isLess(stride, zero) ? [at(last), at(first)] : [at(first), at(last)];
    const span: Span = [ceilOf(from), floorOf(addFractions(to, reach))];
    return span[0] > span[1] ? empty : span;
  });
  return { axis: outer.axis, stride: mulFractions(stride, outer.stride), spans };
}

/** The first and the last position that the window touches from any position of a span. */
function spanOfTaps(window: MovingWindow, [first, last]: Span): Span {
  let span = empty;
  for (let at = first; at <= last; at++) for (const tap of tapsAt(window, at)) span = [Math.min(span[0], tap), Math.max(span[1], tap)];
  return span;
}

/** What is seen along either of two paths. */
function hull(a: Fields | undefined, b: Fields, shape: readonly Dim[], positions: readonly number[]): Fields {
  return a === undefined || a === b ? b : b.map((field, k) => joined(a[k] ?? field, field, shape[k], positions));
}
function joined(a: Field, b: Field, dim: Dim | undefined, positions: readonly number[]): Field {
  if (a === b) return a;
  if (a === "all" || b === "all") return "all";
  if (a.axis !== b.axis || !isEqual(a.stride, b.stride)) return dim === 1 ? only(positions) : "all";
  const spans = a.spans.map(([first, last], i): Span => {
    const [otherFirst, otherLast] = b.spans[i] ?? empty;
    return [Math.min(first, otherFirst), Math.max(last, otherLast)];
  });
  return { ...a, spans };
}

function answer(field: Field): AxisReceptiveField {
  if (field === "all") return { kind: "whole" };
  const sizes = field.spans.map(([first, last]) => Math.max(0, last - first + 1));
  const stride = toNumber(field.stride);
  // Position 0 itself may fall between the taps of a transposed convolution; then the next one stands for it.
  const start = field.spans.flatMap(([first], i) => (Number.isFinite(first) ? [first - Math.floor(stride * i)] : []))[0] ?? 0;
  return { kind: "window", size: Math.max(...sizes), stride, start, padding: 0 - start };
}
