/** Receptive fields as text: what `striate receptive-field` prints. */

import type { EffectiveField, RowsColumns } from "../../inspect/index.ts";
import { printType, type Value } from "../../ir/graph.ts";
import type { AxisExtent, AxisReceptiveField, UnitView } from "../../passes/index.ts";
import { type Column, table } from "./table.ts";

/** What a value sees of an input, wherever one looks from. */
export interface FieldRow {
  readonly value: Value;
  readonly input: Value;
  readonly axes: readonly AxisReceptiveField[] | null;
}
/** What one unit of a value sees of an input. */
export interface UnitRow {
  readonly value: Value;
  readonly input: Value;
  readonly unit: readonly number[];
  readonly view: UnitView;
}

const left = (titles: readonly string[]): readonly Column[] => titles.map((title) => ({ title, align: "left" }));

const joined = (axes: FieldRow["axes"], pick: (axis: Extract<AxisReceptiveField, { kind: "window" }>) => number): string => {
  const texts = (axes ?? []).map((axis) => (axis.kind === "whole" ? "whole" : String(pick(axis))));
  return texts.every((t) => t === "whole") && texts.length > 0 ? "whole" : texts.join(" x ");
};

/** The table of sizes, strides and offsets. */
export function fieldsText(rows: readonly FieldRow[]): string {
  return table(
    left(["value", "type", "input", "size", "stride", "start", "padding"]),
    rows.map(({ value, input, axes }) => {
      const moving = axes?.some((a) => a.kind === "window") === true;
      return [
        value.name,
        printType(value.type),
        input.name,
        axes === null ? "does not depend on it" : joined(axes, (a) => a.size),
        ...(moving ? [joined(axes, (a) => a.stride), joined(axes, (a) => a.start), joined(axes, (a) => a.padding)] : ["", "", ""]),
      ];
    }),
  );
}

const sizeOf = (extent: AxisExtent): string =>
  extent.kind === "whole" ? String(extent.size ?? "whole") : String(extent.last - extent.first + 1);
const rangeOf = (extent: AxisExtent): string => (extent.kind === "whole" ? "whole" : `${extent.first}..${extent.last}`);
const sizes = (box: readonly AxisExtent[] | null): string => (box === null ? "nothing" : box.map(sizeOf).join(" x "));
const ranges = (box: readonly AxisExtent[] | null): string => (box === null ? "" : box.map(rangeOf).join(" x "));

/** The table of boxes. */
export function unitsText(rows: readonly UnitRow[]): string {
  return table(
    left(["value", "type", "unit", "input", "size", "positions", "of the image"]),
    rows.map(({ value, input, unit, view }) => [
      value.name,
      printType(value.type),
      unit.join(","),
      input.name,
      sizes(view.unclipped),
      ranges(view.unclipped),
      view.clipped === null ? "nothing" : ranges(view.clipped),
    ]),
  );
}

/** The sizes of an effective field beside the theoretical ones. */
export function effectiveText(field: EffectiveField, source: string): string {
  const { value, input, unit, theoretical, gaussian, halfMass, aboveThreshold, measure } = field;
  const around = (i: 0 | 1): string =>
    [gaussian.mean[i] - gaussian.size[i] / 2, gaussian.mean[i] + gaussian.size[i] / 2].map((p) => p.toFixed(1)).join("..");
  const pair = (numbers: RowsColumns): string => numbers.map((n) => n.toFixed(1)).join(" x ");
  const { first, last } = halfMass.box;
  const rows = [
    ["theoretical", sizes(theoretical.unclipped), ranges(theoretical.unclipped)],
    ["of the image", sizes(theoretical.clipped), ranges(theoretical.clipped)],
    ["-2 to 2 sigma", pair(gaussian.size), `${around(0)} x ${around(1)}`],
    ["half of the gradient", `${halfMass.size} x ${halfMass.size}`, `${first[0]}..${last[0]} x ${first[1]}..${last[1]}`],
    ["over 4.55 % of the most", aboveThreshold.size.toFixed(1), `${aboveThreshold.pixels} pixels`],
  ];
  const title = `unit ${unit.join(",")} of "${value.name}", ${printType(value.type)}, in "${input.name}": ${measure} gradient over ${source}\n`;
  return title + table(left(["field", "size", "positions"]), rows);
}

/** What the boxes of the picture are. */
export const pictureLegend = "white: the theoretical field, cyan: -2 to 2 sigma, green: half of the gradient";
