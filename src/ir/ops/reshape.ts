/** Ops that give a tensor another shape and leave its elements in their order. */
import type { GraphBuilder } from "../builder.ts";
import { userError } from "../diagnostic.ts";
import { productOf } from "../dim.ts";
import type { Value } from "../graph.ts";
import { type AxisWindow, type Call, type OldNode, type OpFamily, RuleFault } from "../op-schema.ts";
import type { OpType } from "../op-types.ts";
import { printShape, type Shape } from "../shape.ts";
import { axesOf, axisOf, sameAxis } from "./axes.ts";
import { type HasInputs, inputAt, knownLength, numbersIn, optionalInput, sizesIn } from "./call-inputs.ts";
import { reshapeLike } from "./reshape-like.ts";
import { reshapedTo, reshapeWindows } from "./reshape-rules.ts";

const spec = (op: string): string => `https://onnx.ai/onnx/operators/onnx__${op}.html`;

/** An evaluate rule: the first output holds the first input's elements. */
export const sameElements = (call: Call<OpType>) => [inputAt(call, 0).elements];
/** A grad rule: the cotangent, reshaped to the first input. */
const reshapeBack = (b: GraphBuilder, node: HasInputs, [dy]: readonly (Value | null)[]) => [
  dy == null ? null : reshapeLike(b, dy, inputAt(node, 0)),
];
/** The windows of a reshape from the first input to the first output; null for a shape or axes input. */
const reshapedWindows = (node: HasInputs & { readonly outputs: readonly (Value | null)[] }, index: number): readonly AxisWindow[] | null =>
  index === 0 ? reshapeWindows(inputAt(node, 0).type.shape, node.outputs[0]?.type.shape ?? []) : null;

/**
 * The axes that Squeeze removes: those given, or all of size 1; null where they are computed at run time.
 * Throws a RuleFault when it depends on sizes that are not known.
 */
function squeezedAxes(call: HasInputs): readonly number[] | null {
  const { shape } = inputAt(call, 0).type;
  const given = optionalInput(call, 1);
  if (given !== null) return axesIn(given, shape.length);
  const open = shape.findIndex((d) => typeof d !== "number");
  if (open >= 0) {
    throw new RuleFault(
      "unknown-rank",
      `the rank cannot be known: axis ${open} of ${printShape(shape)} goes if its size turns out to be 1`,
      "name the axes to squeeze",
    );
  }
  return shape.flatMap((d, axis) => (d === 1 ? [axis] : []));
}
/** The axes in a vector, or in a scalar; null where they are computed at run time. */
function axesIn(vector: Value, rank: number): readonly number[] | null {
  axisCount(vector);
  const numbers = numbersIn(vector);
  return numbers === null ? null : axesOf(numbers, rank);
}
/** How many axes a vector names, or a scalar, which onnxruntime takes too. */
const axisCount = (axes: Value | null): number => (axes === null ? 0 : axes.type.shape.length === 0 ? 1 : knownLength(axes, "axes"));
/** The output's axes that Unsqueeze adds; null where they are computed at run time. */
const insertedAxes = (call: HasInputs): readonly number[] | null =>
  axesIn(inputAt(call, 1), inputAt(call, 0).type.shape.length + axisCount(inputAt(call, 1)));
function unsqueezed(shape: Shape, axes: readonly number[]): Shape {
  const rest = shape.values();
  return Array.from({ length: shape.length + axes.length }, (_, axis) => (axes.includes(axis) ? 1 : (rest.next().value ?? 1)));
}
/** Axes as an attribute (before opset 13) become an input. */
function upgradeAxes(b: GraphBuilder, old: OldNode): readonly (Value | null)[] | "keep" {
  const { axes } = old.attributes;
  const input = Array.isArray(axes) ? [b.constant("int64", axes.map(Number))] : [];
  return old.opset >= 13 ? "keep" : [b.add(old.opType, [inputAt(old, 0), ...input])];
}

/** The records of the reshaping ops. */
export const reshapeOps: OpFamily<"Reshape" | "Flatten" | "Squeeze" | "Unsqueeze"> = {
  Reshape: {
    infer: (call) => {
      const { dtype, shape } = inputAt(call, 0).type;
      const target = inputAt(call, 1);
      const sizes = sizesIn(target, "the target shape", call.unknown);
      return [{ dtype, shape: target.elements === null ? sizes : reshapedTo(shape, sizes, call.attributes.allowzero === 1, call.unknown) }];
    },
    evaluate: sameElements,
    grad: reshapeBack,
    lower: (b, node, { opset }) => {
      if (opset >= 14 || node.attributes.allowzero === 0) return "keep";
      const target = inputAt(node, 1);
      if (target.elements === null || target.elements.includes(0)) {
        throw userError("opset-form", `Reshape "${node.name}": allowzero needs opset 14, the target is opset ${opset}`, node.location, {
          help: "target opset 14 or newer",
        });
      }
      // A symbol that turns out to be 0 would copy a size here; without allowzero nothing can say otherwise.
      return [b.add("Reshape", [inputAt(node, 0), target])];
    },
    upgrade: (b, old) => {
      const { shape } = old.attributes;
      return old.opset >= 5 || !Array.isArray(shape)
        ? "keep"
        : [b.add("Reshape", [inputAt(old, 0), b.constant("int64", shape.map(Number))])];
    },
    flops: "zero",
    receptiveField: reshapedWindows,
    docs: {
      summary: "Gives a tensor another shape.",
      formula: "y.flat[i] = x.flat[i]; a size 0 copies the input's, -1 takes what is left",
      source: spec("Reshape"),
    },
  },
  Flatten: {
    infer: (call) => {
      const { dtype, shape } = inputAt(call, 0).type;
      const { axis } = call.attributes;
      const at = axis === shape.length ? axis : axisOf(axis, shape.length);
      return [{ dtype, shape: [productOf(shape.slice(0, at)), productOf(shape.slice(at))] }];
    },
    evaluate: sameElements,
    grad: reshapeBack,
    lower: "onnx",
    upgrade: "none",
    flops: "zero",
    receptiveField: reshapedWindows,
    docs: {
      summary: "Makes a matrix of a tensor: the axes before `axis` become its rows.",
      formula: "y = reshape(x, [d0 * ... * d(axis-1), d(axis) * ...])",
      source: spec("Flatten"),
    },
  },
  Squeeze: {
    infer: (call) => {
      const { dtype, shape } = inputAt(call, 0).type;
      const axes = squeezedAxes(call);
      if (axes === null) {
        const rank = shape.length - axisCount(optionalInput(call, 1));
        if (rank < 0) throw new RuleFault("squeeze-size", `there are more axes to remove than the ${shape.length} of ${printShape(shape)}`);
        return [{ dtype, shape: Array.from({ length: rank }, call.unknown) }];
      }
      const wide = axes.find((axis) => typeof shape[axis] === "number" && shape[axis] !== 1);
      if (wide !== undefined)
        throw new RuleFault("squeeze-size", `axis ${wide} of ${printShape(shape)} has size ${shape[wide]}, and only size 1 can go`);
      return [{ dtype, shape: shape.filter((_, axis) => !axes.includes(axis)) }];
    },
    evaluate: sameElements,
    grad: (b, node, [dy]) => {
      const axes = squeezedAxes(node);
      if (dy == null) return [null, null];
      return [axes === null ? reshapeLike(b, dy, inputAt(node, 0)) : b.add("Unsqueeze", [dy, b.constant("int64", axes)]), null];
    },
    lower: "onnx",
    upgrade: upgradeAxes,
    flops: "zero",
    receptiveField: (node, index) => {
      if (index > 0) return null;
      const axes = squeezedAxes(node);
      let next = 0;
      return inputAt(node, 0).type.shape.map((_, axis) => (axes === null ? "all" : axes.includes(axis) ? "fixed" : sameAxis(next++)));
    },
    docs: { summary: "Removes axes of size 1.", formula: "y.flat[i] = x.flat[i]", source: spec("Squeeze") },
  },
  Unsqueeze: {
    infer: (call) => {
      const { dtype, shape } = inputAt(call, 0).type;
      const axes = insertedAxes(call);
      const length = shape.length + axisCount(inputAt(call, 1));
      return [{ dtype, shape: axes === null ? Array.from({ length }, call.unknown) : unsqueezed(shape, axes) }];
    },
    evaluate: sameElements,
    grad: (b, node, [dy]) => {
      const axes = insertedAxes(node);
      if (dy == null) return [null, null];
      return [axes === null ? reshapeLike(b, dy, inputAt(node, 0)) : b.add("Squeeze", [dy, b.constant("int64", axes)]), null];
    },
    lower: "onnx",
    upgrade: upgradeAxes,
    flops: "zero",
    receptiveField: (node, index) => {
      if (index > 0) return null;
      const axes = insertedAxes(node);
      const { shape } = inputAt(node, 0).type;
      if (axes === null) return shape.map(() => "all");
      return Array.from({ length: shape.length + axes.length }, (_, axis) => axis)
        .filter((axis) => !axes.includes(axis))
        .map(sameAxis);
    },
    docs: { summary: "Inserts axes of size 1.", formula: "y.flat[i] = x.flat[i]", source: spec("Unsqueeze") },
  },
};
