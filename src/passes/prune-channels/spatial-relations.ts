/** Pools, reductions, resizing and padding over the other axes: each channel for itself. */
import type { Node, Value } from "../../ir/graph.ts";
import { outputAt } from "../../ir/ops/outputs.ts";
import type { Reduction } from "../../ir/ops/reduction-axes.ts";
import { axisIndex } from "../../ir/shape.ts";
import { numbersOf } from "../../ir/tensor-data.ts";
import { isOneOf, type RewriteContext, skip } from "../rewrite.ts";
import type { RelationRule } from "./channel-relation.ts";
import { carried } from "./pointwise-relations.ts";

/** The pools with a rule here. */
export const poolOps = ["MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"] as const;
/** The relation of a pool. */
export const pooling: RelationRule<Node<(typeof poolOps)[number]>> = (node, table) => {
  const channels = table.of(node.inputs[0]);
  if (channels === null) return null;
  if (channels.axis !== 1) return skip("its channels lie along another axis");
  if (node.outputs.slice(1).some((v) => v !== null)) return skip("the positions of its maxima are read");
  return carried(node, outputAt(node.outputs, 0), channels, {
    constant: (c) => {
      const content = table.constant(channels.first + c);
      return content === 0 || !seesZeros(node) ? content : Number.NaN;
    },
  });
};
/** True for a mean that counts zeros around the image. */
function seesZeros(node: Node<(typeof poolOps)[number]>): boolean {
  if (!isOneOf(node, ["AveragePool"])) return false;
  const { count_include_pad, pads, auto_pad, ceil_mode } = node.attributes;
  return count_include_pad !== 0 && (auto_pad.startsWith("SAME") || ceil_mode !== 0 || (pads?.some((p) => p !== 0) ?? false));
}

/** The relation of a reduction over axes other than the channels'. */
export const reduction: RelationRule<Node<Reduction>> = (node, table, context) => {
  const [x, listed] = node.inputs;
  const channels = table.of(x);
  if (channels === null || !x) return null;
  const axes = axesOf(listed, x, context);
  if (axes === null || axes.length === 0) return skip("its axes are not known");
  if (axes.includes(channels.axis)) return skip("it reduces over the channels");
  const axis = node.attributes.keepdims === 0 ? channels.axis - axes.filter((a) => a < channels.axis).length : channels.axis;
  const keeps = isOneOf(node, ["ReduceMean", "ReduceMax", "ReduceMin"]);
  const zeroStays = keeps || isOneOf(node, ["ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare"]);
  return carried(node, outputAt(node.outputs, 0), channels, {
    axis,
    constant: (c) => {
      const content = table.constant(channels.first + c);
      return keeps || (zeroStays && content === 0) ? content : Number.NaN;
    },
  });
};
/** Axes that a constant lists, counted from the front; null where they are not known. */
export function axesOf(listed: Value | null | undefined, x: Value, context: RewriteContext): readonly number[] | null {
  const tensor = listed ? context.contents(listed) : null;
  const axes = tensor === null ? null : (numbersOf(tensor)?.map((axis) => axisIndex(axis, x.type.shape.length)) ?? null);
  return axes?.every((axis) => axis !== null) ? axes : null;
}

/** The relation of a Resize that leaves the number of channels as it is. */
export const resizing: RelationRule<Node<"Resize">> = (node, table, context) => {
  const [x, , , sizes] = node.inputs;
  const channels = table.of(x);
  const y = outputAt(node.outputs, 0);
  if (channels === null || !x) return null;
  const { axes, coordinate_transformation_mode: mode } = node.attributes;
  if (y.type.shape[channels.axis] !== channels.count || mode === "tf_crop_and_resize") return skip("it resizes the channels, or crops");
  const listed = sizes ? context.contents(sizes) : null;
  if (sizes && listed === null) return skip("its sizes are not known");
  const place = axes === undefined ? channels.axis : axes.findIndex((a) => axisIndex(a, x.type.shape.length) === channels.axis);
  const numbers = listed === null ? [] : (numbersOf(listed) ?? []);
  return carried(node, y, channels, {
    // The weights of every interpolation have the sum 1.
    constant: (c) => table.constant(channels.first + c),
    replaced: (b, kept) =>
      sizes && place >= 0
        ? new Map([
            [
              3,
              b.constant(
                "int64",
                numbers.map((n, i) => (i === place ? kept.length : n)),
              ),
            ],
          ])
        : new Map<number, Value>(),
  });
};

/** The relation of a Pad that adds no channels. */
export const padding: RelationRule<Node<"Pad">> = (node, table, context) => {
  const [x, pads, filling, listed] = node.inputs;
  const channels = table.of(x);
  if (channels === null || !x) return null;
  const tensor = pads ? context.contents(pads) : null;
  const axes = listed ? axesOf(listed, x, context) : x.type.shape.map((_, i) => i);
  const amounts = tensor === null ? null : numbersOf(tensor);
  if (amounts === null || axes === null) return skip("its pads are not known");
  const place = axes.indexOf(channels.axis);
  if (place >= 0 && (amounts[place] !== 0 || amounts[axes.length + place] !== 0)) return skip("it pads the channels");
  const held = filling ? context.contents(filling) : null;
  const around = filling ? (held === null ? Number.NaN : (numbersOf(held)?.[0] ?? Number.NaN)) : 0;
  return carried(node, outputAt(node.outputs, 0), channels, {
    constant: (c) => {
      const content = table.constant(channels.first + c);
      return node.attributes.mode !== "constant" || content === around ? content : Number.NaN;
    },
  });
};
