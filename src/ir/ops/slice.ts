/** Slice: a range of positions along some axes, with steps of either sign. */
import type { GraphBuilder } from "../builder.ts";
import { formulas } from "../formulas.ts";
import type { Value } from "../graph.ts";
import type { AxisWindow, Call, OldNode, OpFamily } from "../op-schema.ts";
import { RuleFault } from "../op-schema.ts";
import type { Shape } from "../shape.ts";
import { affineAxis, sameAxis } from "./axes.ts";
import { inputAt, numbersIn } from "./call-inputs.ts";
import { knownTensor, moved } from "./index-map.ts";
import { unslice } from "./slice-gradient.ts";
import { firstPosition, slicedSize, slicesOf } from "./slice-rules.ts";

function slicedShape(call: Call<"Slice">): Shape {
  const { shape } = inputAt(call, 0).type;
  const slices = slicesOf(call);
  if (slices === null) return shape.map(call.unknown);
  const sizes = new Map(slices.map((slice) => [slice.axis, slicedSize(shape[slice.axis] ?? 1, slice) ?? call.unknown()]));
  return shape.map((d, axis) => sizes.get(axis) ?? d);
}

/** Starts, ends and axes as attributes (before opset 10) become inputs. */
function upgradeSlice(b: GraphBuilder, old: OldNode): readonly (Value | null)[] | "keep" {
  if (old.opset >= 10) return "keep";
  const { starts, ends, axes } = old.attributes;
  const vector = (values: unknown): Value | null => (Array.isArray(values) ? b.constant("int64", values.map(Number)) : null);
  return [b.add("Slice", [inputAt(old, 0), vector(starts), vector(ends), vector(axes)])];
}

/** The record of Slice. */
export const sliceOps: OpFamily<"Slice"> = {
  Slice: {
    infer: (call) => [{ dtype: inputAt(call, 0).type.dtype, shape: slicedShape(call) }],
    evaluate: (call) => {
      const x = knownTensor(inputAt(call, 0));
      const shape = slicedShape(call);
      if (x === null || !shape.every((d) => typeof d === "number")) return [null];
      const slices = (slicesOf(call) ?? []).map((slice) => ({ ...slice, first: firstPosition(x.shape[slice.axis] ?? 1, slice) }));
      if (slices.some(({ first, step }) => first === null || step === null)) return [null];
      const places = new Map(slices.map(({ axis, first, step }) => [axis, { first: first ?? 0, step: step ?? 1 }]));
      const at = (p: number, axis: number): number => {
        const place = places.get(axis);
        return place === undefined || p === 0 ? (place?.first ?? p) : place.first + p * place.step;
      };
      return [moved(x, shape, (position) => position.map(at))];
    },
    grad: (b, node, [dy]) => {
      if (dy == null) return node.inputs.map(() => null);
      const x = inputAt(node, 0);
      const slices = slicesOf(node);
      if (slices === null)
        throw new RuleFault(
          "unknown-contents",
          "the gradient of Slice needs axes that are known when the graph is built",
          "make them a constant",
        );
      const steps = slices.map(({ step }) => step ?? Number.NaN);
      const numbers = numbersIn(inputAt(node, 1));
      const starts = numbers === null ? formulas(b).cast(inputAt(node, 1), "int64") : b.constant("int64", numbers);
      const dx = unslice(b, dy, x, { axes: slices.map(({ axis }) => axis), starts, steps });
      return node.inputs.map((_, i) => (i === 0 ? dx : null));
    },
    lower: "onnx",
    upgrade: upgradeSlice,
    flops: "zero",
    receptiveField: (node, index) => {
      if (index > 0) return null;
      const { shape } = inputAt(node, 0).type;
      const slices = slicesOf(node);
      if (slices === null) return shape.map(() => "all");
      const windows = new Map<number, AxisWindow>(
        slices.map((slice) => {
          const first = firstPosition(shape[slice.axis] ?? 1, slice);
          return [slice.axis, first === null || slice.step === null ? "all" : affineAxis(slice.axis, first, slice.step)];
        }),
      );
      return shape.map((_, axis) => windows.get(axis) ?? sameAxis(axis));
    },
    docs: {
      summary: "Takes a range of positions along some axes.",
      formula: "y[i] = x[start + i * step] for start + i * step before end",
      source: "https://onnx.ai/onnx/operators/onnx__Slice.html",
    },
  },
};
