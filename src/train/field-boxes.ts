/** The receptive fields of a model's feature maps, for a picture. */

import { findValue } from "../inspect/index.ts";
import { type Dim, substitute, symbolsOf } from "../ir/dim.ts";
import { type Graph, printType, type Value } from "../ir/graph.ts";
import { type AxisReceptiveField, featureMaps, receptiveFields, spatialAxes } from "../passes/index.ts";
import type { FieldBox, ShownFields } from "../report/index.ts";
import { fieldText } from "./summarize.ts";

/** The size of images where a model leaves it open. */
const openSize = 224;
/** How many values are shown when none are named. */
const mostValues = 8;

/**
 * What the middle of some values sees of the first input with a height and a width; null where there is none. The values named, by their
 * own names or those of the nodes that make them, or the last map of each stride. Throws a CompileError on a name that is none.
 */
export function fieldBoxes(graph: Graph, inputs: readonly Value[], names: readonly string[]): Omit<ShownFields, "picture"> | null {
  const input = inputs.find(({ type }) => spatialAxes(type).length === 2);
  if (input === undefined) return null;
  const sizes = new Map<string, Dim>(
    inputs.flatMap(({ type }) => type.shape.flatMap((dim) => [...symbolsOf(dim)])).map((s) => [s, openSize]),
  );
  const sized = (value: Value, axis: number | undefined): number => Number(substitute(value.type.shape[axis ?? -1] ?? Number.NaN, sizes));
  const [height = 0, width = 0] = spatialAxes(input.type).map((axis) => sized(input, axis));
  if (!(height > 0 && width > 0)) return null;
  const [fieldsOf, maps] = [receptiveFields(graph, input), featureMaps(graph, input)];
  const boxOf = (value: Value): FieldBox | null => {
    const [axes, own = []] = [fieldsOf(value), maps.get(value)];
    const [rows, columns] = [span(axes?.[0], sized(value, own[0]), height), span(axes?.[1], sized(value, own[1]), width)];
    if (axes === null || rows === null || columns === null) return null;
    return {
      value: value.name,
      type: printType(value.type),
      field: fieldText(axes),
      left: columns.start,
      top: rows.start,
      width: columns.size,
      height: rows.size,
      isWhole: axes.every((axis) => axis.kind === "whole"),
    };
  };
  const values = names.length > 0 ? names.map((name) => findValue(graph, name)) : lastOfEachStride([...maps.keys()], fieldsOf);
  const boxes = values.flatMap((value) => boxOf(value) ?? []).sort((a, b) => a.width * a.height - b.width * b.height);
  return { input: input.name, width, height, boxes };
}

/** What the middle position sees along an axis. */
function span(axis: AxisReceptiveField | undefined, size: number, whole: number): { readonly start: number; readonly size: number } | null {
  if (axis === undefined) return null;
  if (axis.kind === "whole") return { start: 0, size: whole };
  const middle = size > 0 ? Math.floor((size - 1) / 2) : 0;
  return { start: axis.start + Math.floor(axis.stride * middle), size: axis.size };
}

/** The last map of each stride: the ends of a network's stages. */
function lastOfEachStride(maps: readonly Value[], fieldsOf: (value: Value) => readonly AxisReceptiveField[] | null): readonly Value[] {
  const last = new Map<string, Value>();
  for (const value of maps) {
    const axes = fieldsOf(value);
    if (value.producer === null || value.elements !== null || axes === null || axes.some((axis) => axis.kind === "whole")) continue;
    const strides = axes.map((axis) => (axis.kind === "window" ? axis.stride : 0)).join();
    last.delete(strides);
    last.set(strides, value);
  }
  return [...last.values()].slice(-mostValues);
}
