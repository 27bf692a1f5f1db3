/** Receptive fields: which positions of one value a position of another sees. */
import { InternalError } from "../ir/diagnostic.ts";
import type { Dim } from "../ir/dim.ts";
import type { Graph, Node, Value } from "../ir/graph.ts";
import type { AxisWindow } from "../ir/op-schema.ts";
import type { OpType } from "../ir/op-types.ts";
import { schemaOf } from "../ir/ops/index.ts";
import { addFractions, type Fraction, fraction, fractionOf, isEqual, isLess, mulFractions, subFractions, toNumber } from "./fraction.ts";
import { askRecord } from "./node-fault.ts";

/** What is seen along one axis. */
export type AxisReceptiveField =
  /** The whole axis, wherever one looks from. */
  | { readonly kind: "whole" }
  | {
      readonly kind: "window";
      /** How many positions, the gaps of dilation included. */
      readonly size: number;
      /** By how much the window moves from one position to the next: below 1 after upsampling, 0 where it stays. */
      readonly stride: number;
      /** The first position that position 0 sees; negative where that lies in the padding. */
      readonly start: number;
      /** The effective padding, -start. */
      readonly padding: number;
    };

/** A window along an axis of a value, in terms of a position along `axis` of the target: from `start + stride * i`, `size` positions. */
interface Window {
  /** Null where the window does not move. */
  readonly axis: number | null;
  readonly size: Fraction;
  readonly stride: Fraction;
  readonly start: Fraction;
}
type Field = "all" | Window;
type Fields = readonly Field[];

const zero = fraction(0);
const one = fraction(1);
/** The only position of an axis of size 1. */
const only: Window = { axis: null, size: one, stride: zero, start: zero };

/**
 * What one position of `value` sees of `input`, along each spatial axis (those behind batch and channels) of `input`: the hull of all
 * paths between them. Null where no path leads from `input` to `value`. Paths whose windows move at different speeds see the whole axis.
 */
export function receptiveField(graph: Graph, value: Value, input: Value): readonly AxisReceptiveField[] | null {
  return fieldsOf(graph, value, input)?.slice(2).map(answer) ?? null;
}

/** The fields along all axes of `input`. */
function fieldsOf(graph: Graph, value: Value, input: Value): Fields | null {
  const downstream = dependents(graph, input);
  const seen = new Map<Value, Fields>([[value, value.type.shape.map((_, axis) => ({ axis, size: one, stride: one, start: zero }))]]);
  for (const node of graph.nodes.toReversed()) {
    node.outputs.forEach((output, o) => {
      const fields = output === null ? undefined : seen.get(output);
      if (output === null || fields === undefined || output === input) return;
      node.inputs.forEach((x, i) => {
        if (x === null || !downstream.has(x)) return;
        const windows = windowsOf(node, x, i, output, o);
        if (windows !== null)
          seen.set(
            x,
            hull(
              seen.get(x),
              windows.map((w) => composed(w, fields)),
              x.type.shape,
            ),
          );
      });
    });
  }
  return seen.get(input) ?? null;
}
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

/** The field of an input's axis: the window over the output, each of whose positions sees a window of the input. */
function composed(window: AxisWindow, fields: Fields): Field {
  if (window === "all") return "all";
  if (window === "fixed") return only;
  const outer = fields[window.axis];
  if (outer === undefined) throw new InternalError(`a receptive field names axis ${window.axis} of an output with ${fields.length}`);
  if (outer === "all") return "all";
  const [stride, start] = [fractionOf(window.stride), fractionOf(window.start)];
  const reach = mulFractions(stride, subFractions(outer.size, one));
  const first = addFractions(start, mulFractions(stride, outer.start));
  const backwards = isLess(stride, zero);
  return {
    axis: outer.axis,
    size: addFractions(backwards ? subFractions(zero, reach) : reach, fractionOf(window.size)),
    stride: mulFractions(stride, outer.stride),
    start: backwards ? addFractions(first, reach) : first,
  };
}

/** What is seen along either of two paths. */
function hull(a: Fields | undefined, b: Fields, shape: readonly Dim[]): Fields {
  return a === undefined ? b : b.map((field, k) => joined(a[k] ?? field, field, shape[k]));
}
function joined(a: Field, b: Field, dim: Dim | undefined): Field {
  if (a === "all" || b === "all") return "all";
  if (a.axis !== b.axis || !isEqual(a.stride, b.stride)) return dim === 1 ? only : "all";
  const start = isLess(a.start, b.start) ? a.start : b.start;
  const [endA, endB] = [addFractions(a.start, a.size), addFractions(b.start, b.size)];
  return { ...a, start, size: subFractions(isLess(endA, endB) ? endB : endA, start) };
}

/** A window whose size is no integer holds now more, now fewer positions: the most of them count, around the same centre. */
function answer(field: Field): AxisReceptiveField {
  if (field === "all") return { kind: "whole" };
  const exact = toNumber(field.size);
  const size = Math.ceil(exact);
  const start = toNumber(field.start) - (size - exact) / 2;
  return { kind: "window", size, stride: toNumber(field.stride), start, padding: 0 - start };
}
