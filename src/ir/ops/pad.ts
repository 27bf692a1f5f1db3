/** Pad: constant, mirrored, repeated or cyclic borders. */
import type { GraphBuilder } from "../builder.ts";
import { userError } from "../diagnostic.ts";
import { addDims, type Dim } from "../dim.ts";
import { formulas } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import { type AxisWindow, type Call, type OldNode, type OpFamily, type OutsidePosition, RuleFault } from "../op-schema.ts";
import { printShape, type Shape } from "../shape.ts";
import { sameAxis } from "./axes.ts";
import { inputAt, optionalInput } from "./call-inputs.ts";
import { knownTensor, moved } from "./index-map.ts";
import { constantPadGrad, padAsConcat, repeatedPadGrad } from "./pad-gradient.ts";
import { knownPads, padModeOf, padsOf, sourceOf } from "./pad-rules.ts";

function paddedShape(call: Call<"Pad">): Shape {
  padModeOf(call.attributes.mode);
  const { shape } = inputAt(call, 0).type;
  const pads = padsOf(call);
  if (pads === null) return shape.map(call.unknown);
  return pads.reduce<readonly Dim[]>((sizes, { axis, begin, end }) => {
    const huge = [begin, end].find((pad) => typeof pad === "number" && !Number.isSafeInteger(pad));
    if (huge !== undefined) throw new RuleFault("size-overflow", `a pad of axis ${axis} is past 2^53, a size that no tensor has`);
    const size = begin === null || end === null ? call.unknown() : addDims(addDims(shape[axis] ?? 0, begin), end);
    if (typeof size === "number" && size < 0)
      throw new RuleFault("pad-size", `pads ${begin} and ${end} leave ${size} of axis ${axis} of ${printShape(shape)}`);
    return sizes.with(axis, size);
  }, shape);
}

/** The pads of some axes (since opset 18) as the pads of all axes. */
function padsOfAllAxes(b: GraphBuilder, node: Node<"Pad">, axes: Value): Value {
  const f = formulas(b);
  const rank = inputAt(node, 0).type.shape.length;
  const none = Array.from({ length: 2 * rank }, () => 0);
  const known = knownPads(node);
  if (known !== null)
    return b.constant(
      "int64",
      known.reduce((all, { axis, begin, end }) => all.with(axis, begin).with(axis + rank, end), none),
    );
  const given = f.cast(axes, "int64");
  const fromFront = f.where(f.less(given, 0), f.add(given, rank), given);
  const places = b.add("Concat", [fromFront, f.add(fromFront, rank)], { axis: 0 });
  return b.add("ScatterElements", [b.constant("int64", none), places, inputAt(node, 1)]);
}

/** Pads and value as attributes (before opset 11) become inputs. */
function upgradePad(b: GraphBuilder, old: OldNode): readonly (Value | null)[] | "keep" {
  if (old.opset >= 11) return "keep";
  const x = inputAt(old, 0);
  const { mode, value } = old.attributes;
  const pads = old.attributes[old.opset < 2 ? "paddings" : "pads"];
  const vector = Array.isArray(pads) ? b.constant("int64", pads.map(Number)) : null;
  const fill = typeof value === "number" && value !== 0 ? b.constant(x.type.dtype, value) : null;
  return [b.add("Pad", [x, vector, fill], typeof mode === "string" ? { mode } : {})];
}

/** What lies outside the input in each mode; nothing of it in constant mode. */
const outsideIn: Readonly<Record<string, OutsidePosition>> = { edge: "nearest", reflect: "mirrored", wrap: "wrapped" };
function paddedAxis(axis: number, begin: number, mode: string): AxisWindow {
  const outside = outsideIn[mode];
  return { axis, size: 1, stride: 1, start: 0 - begin, ...(outside === undefined ? {} : { outside }) };
}

/** The record of Pad. */
export const padOps: OpFamily<"Pad"> = {
  Pad: {
    infer: (call) => [{ dtype: inputAt(call, 0).type.dtype, shape: paddedShape(call) }],
    evaluate: (call) => {
      const x = knownTensor(inputAt(call, 0));
      const pads = knownPads(call);
      const shape = paddedShape(call);
      const fill = optionalInput(call, 2);
      const filling = fill === null ? 0 : fill.elements?.[0];
      if (x === null || pads === null || filling === undefined || !shape.every((d) => typeof d === "number")) return [null];
      const mode = padModeOf(call.attributes.mode);
      const padOf = x.shape.map((_, axis) => pads.find((pad) => pad.axis === axis) ?? { begin: 0, end: 0 });
      const source = (position: readonly number[]): readonly number[] | null => {
        const from = position.flatMap((p, axis) => sourceOf(mode, p, x.shape[axis] ?? 0, padOf[axis] ?? { begin: 0, end: 0 }) ?? []);
        return from.length < position.length ? null : from;
      };
      return [moved(x, shape, source, filling)];
    },
    grad: (b, node, [dy], wanted) => {
      if (dy == null) return node.inputs.map(() => null);
      const mode = padModeOf(node.attributes.mode);
      if (mode === "constant") return constantPadGrad(b, node, dy, wanted);
      return node.inputs.map((_, i) => (i === 0 ? repeatedPadGrad(b, node, mode, dy) : null));
    },
    lower: (b, node, { opset }) => {
      const mode = padModeOf(node.attributes.mode);
      if (opset < 19 && mode === "wrap") {
        if (knownPads(node) === null) {
          throw userError(
            "opset-form",
            `Pad "${node.name}": mode "wrap" needs opset 19, the target is opset ${opset}, and its pads are not known`,
            node.location,
            { help: "target opset 19 or newer" },
          );
        }
        return [padAsConcat(b, node, mode)];
      }
      const axes = optionalInput(node, 3);
      if (opset >= 18 || axes === null) return "keep";
      return [b.add("Pad", [inputAt(node, 0), padsOfAllAxes(b, node, axes), optionalInput(node, 2)], { mode })];
    },
    upgrade: upgradePad,
    flops: "zero",
    receptiveField: (node, index) => {
      const { shape } = inputAt(node, index).type;
      if (index === 2) return shape.map(() => "fixed");
      if (index > 0) return null;
      const pads = padsOf(node);
      if (pads === null) return shape.map(() => "all");
      const windows = new Map<number, AxisWindow>(
        pads.map(({ axis, begin }) => [axis, typeof begin === "number" ? paddedAxis(axis, begin, node.attributes.mode) : "all"]),
      );
      return shape.map((_, axis) => windows.get(axis) ?? sameAxis(axis));
    },
    docs: {
      summary: "Adds borders to a tensor; negative pads crop.",
      formula:
        "y[i] = x[i - begin] inside; outside the constant (constant), the mirror image (reflect), the nearest (edge) or the far end (wrap)",
      source: "https://onnx.ai/onnx/operators/onnx__Pad.html",
    },
  },
};
