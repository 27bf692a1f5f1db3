/** Receptive fields: which positions of one value a position of another sees. */
import { InternalError } from "../ir/diagnostic.ts";
import type { Dim } from "../ir/dim.ts";
import type { Graph, Node, Value } from "../ir/graph.ts";
import type { AxisWindow } from "../ir/op-schema.ts";
import type { OpType } from "../ir/op-types.ts";
import { schemaOf } from "../ir/ops/index.ts";
import { addFractions, ceilOf, type Fraction, floorOf, fraction, fractionOf, isEqual, isLess, mulFractions, toNumber } from "./fraction.ts";
import { askRecord } from "./node-fault.ts";

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
 * What one position of `value` sees of `input`, along each spatial axis (those behind batch and channels) of `input`: the hull of all
 * paths between them. Null where no path leads from `input` to `value`. Paths whose windows move at different speeds see the whole axis.
 */
export function receptiveField(graph: Graph, value: Value, input: Value): readonly AxisReceptiveField[] | null {
  const downstream = dependents(graph, input);
  // From position 0 first, which tells the strides on the way, and so after how many positions the pattern repeats.
  const first = sweep(graph, value, input, downstream, [0]);
  const phases = Math.min(first.period, mostPhases);
  const { fields } =
    phases === 1
      ? first
      : sweep(
          graph,
          value,
          input,
          downstream,
          Array.from({ length: phases }, (_, i) => i),
        );
  return fields?.slice(2).map(answer) ?? null;
}

/** The fields along all axes of `input`, seen from some positions, and after how many positions windows look alike again. */
function sweep(graph: Graph, value: Value, input: Value, downstream: ReadonlySet<Value>, positions: readonly number[]) {
  const own = (axis: number): Field => ({ axis, stride: one, spans: positions.map((i) => [i, i]) });
  const seen = new Map<Value, Fields>([[value, value.type.shape.map((_, axis) => own(axis))]]);
  let period = 1;
  for (const node of graph.nodes.toReversed()) {
    node.outputs.forEach((output, o) => {
      const fields = output === null ? undefined : seen.get(output);
      if (output === null || fields === undefined || output === input) return;
      node.inputs.forEach((x, i) => {
        if (x === null || !downstream.has(x)) return;
        const windows = windowsOf(node, x, i, output, o);
        if (windows === null) return;
        const through = windows.map((w) => composed(w, fields, positions));
        for (const field of through) if (field !== "all") period = leastCommonMultiple(period, field.stride.d);
        seen.set(x, hull(seen.get(x), through, x.type.shape, positions));
      });
    });
  }
  return { fields: seen.get(input) ?? null, period };
}
const leastCommonMultiple = (a: number, b: number): number => a * fraction(b, a).n;

/** The values that depend on one. */
function dependents(graph: Graph, input: Value): ReadonlySet<Value> {
  const found = new Set([input]);
  for (const node of graph.nodes) {
    if (!node.inputs.some((v) => v !== null && found.has(v))) continue;
    for (const output of node.outputs) if (output !== null) found.add(output);
  }
  return found;
}

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

/** The only position of an axis of size 1. */
const only = (positions: readonly number[]): Windows => ({ axis: null, stride: zero, spans: positions.map(() => [0, 0]) });

/** The field of an input's axis: every position in a window over the output sees a window of the input. */
function composed(window: AxisWindow, fields: Fields, positions: readonly number[]): Field {
  if (window === "all") return "all";
  if (window === "fixed") return only(positions);
  const outer = fields[window.axis];
  if (outer === undefined) throw new InternalError(`a receptive field names axis ${window.axis} of an output with ${fields.length}`);
  if (outer === "all") return "all";
  const [stride, start, reach] = [fractionOf(window.stride), fractionOf(window.start), fractionOf(window.size - 1)];
  const at = (position: number): Fraction => addFractions(start, mulFractions(stride, fraction(position)));
  const spans = outer.spans.map(([first, last]): Span => {
    if (first > last) return empty;
    const [from, to] = isLess(stride, zero) ? [at(last), at(first)] : [at(first), at(last)];
    const span: Span = [ceilOf(from), floorOf(addFractions(to, reach))];
    return span[0] > span[1] ? empty : span;
  });
  return { axis: outer.axis, stride: mulFractions(stride, outer.stride), spans };
}

/** What is seen along either of two paths. */
function hull(a: Fields | undefined, b: Fields, shape: readonly Dim[], positions: readonly number[]): Fields {
  return a === undefined ? b : b.map((field, k) => joined(a[k] ?? field, field, shape[k], positions));
}
function joined(a: Field, b: Field, dim: Dim | undefined, positions: readonly number[]): Field {
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
