/** Joining tensors along an axis, and cutting them apart. */
import type { GraphBuilder } from "../builder.ts";
import { InternalError } from "../diagnostic.ts";
import { ceilDiv, type Dim, exactDiv, mulDims, neverEqual, subDims, totalOf } from "../dim.ts";
import { formulas } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import { type Call, type OpFamily, RuleFault } from "../op-schema.ts";
import { printShape, type Shape } from "../shape.ts";
import { affineAxis, agreedDim, axisOf, sameAxis } from "./axes.ts";
import { inputAt, optionalInput, vectorLength } from "./call-inputs.ts";
import { type KnownTensor, knownTensor, moved, withCoordinate } from "./index-map.ts";
import { filledLike } from "./reshape-like.ts";

/** The size of x along an axis as a vector of one int64. */
function sizeAlong(b: GraphBuilder, x: Value, axis: number): Value {
  const size = x.type.shape[axis];
  return typeof size === "number" ? b.constant("int64", [size]) : b.add("Shape", [x], { start: axis, end: axis + 1 });
}

const present = (node: { readonly inputs: readonly (Value | null)[] }): readonly Value[] => node.inputs.filter((v) => v !== null);

function concatenated(call: Call<"Concat">): Shape {
  const shapes = present(call).map((v) => v.type.shape);
  const [first = [], ...others] = shapes;
  const axis = axisOf(call.attributes.axis, first.length);
  const odd = others.find((shape) => shape.length !== first.length);
  if (odd !== undefined) throw new RuleFault("concat-rank", `the inputs' ranks differ: ${shapes.map(printShape).join(", ")}`);
  const joined = others.reduce((a, b) => a.map((d, i) => (i === axis ? d : agreedDim(d, b[i] ?? d, [a, b], i))), first);
  const total = totalOf(shapes.map((shape) => shape[axis] ?? 0));
  if (typeof total === "number" && total > Number.MAX_SAFE_INTEGER)
    throw new RuleFault("size-overflow", `the sizes along axis ${axis} add up to ${total}, which no tensor has`);
  return joined.with(axis, total);
}

/** Where each piece begins along an axis, and where the last one ends. */
const offsetsOf = (sizes: readonly Dim[]): readonly Dim[] => [0, ...sizes].map((_, i) => totalOf(sizes.slice(0, i)));

/** The slice of x from start to start + size along an axis. */
const piece = (b: GraphBuilder, x: Value, axis: number, start: number, size: number): Value =>
  b.add("Slice", [x, b.constant("int64", [start]), b.constant("int64", [start + size]), b.constant("int64", [axis])]);

/** A tensor cut along an axis into pieces as wide as `parts` are; null where the piece is not wanted. */
function cutLike(b: GraphBuilder, x: Value, parts: readonly Value[], axis: number, wanted: readonly boolean[]): readonly (Value | null)[] {
  const sizes = parts.map((part) => part.type.shape[axis] ?? 0);
  const offsets = offsetsOf(sizes);
  const few = wanted.filter(Boolean).length < parts.length;
  if (few) {
    const slices = parts.map((_, i) => {
      const [start, size] = [offsets[i], sizes[i]];
      return typeof start === "number" && typeof size === "number" && wanted[i] === true ? piece(b, x, axis, start, size) : null;
    });
    if (slices.every((slice, i) => (slice !== null) === (wanted[i] === true))) return slices;
  }
  const lengths = sizes.every((d) => typeof d === "number")
    ? b.constant("int64", sizes)
    : b.add(
        "Concat",
        parts.map((part) => sizeAlong(b, part, axis)),
        { axis: 0 },
      );
  return b.addMany("Split", [x, lengths], { axis }, parts.length);
}

/** The sizes of Split's outputs along its axis. */
function splitSizes(call: Call<"Split">): readonly Dim[] {
  const { shape } = inputAt(call, 0).type;
  const size = shape[axisOf(call.attributes.axis, shape.length)] ?? 0;
  const split = optionalInput(call, 1);
  const { num_outputs: count } = call.attributes;
  if ((split === null) === (count === undefined)) throw new RuleFault("split-form", "Split takes either the sizes or num_outputs");
  if (split === null) return evenSizes(size, count ?? 1, call.outputCount);
  const length = vectorLength(split, "split");
  if (typeof length === "number" && length !== call.outputCount)
    throw new RuleFault("split-count", `there are ${length} sizes for ${call.outputCount} outputs`);
  const sizes = split.elements ?? Array.from({ length: call.outputCount }, call.unknown);
  const negative = sizes.find((d) => typeof d === "number" && d < 0);
  if (negative !== undefined) throw new RuleFault("split-size", `the size ${negative} is negative`);
  if (neverEqual(totalOf(sizes), size)) throw new RuleFault("split-sum", `the sizes ${sizes.join(" + ")} do not add up to ${size}`);
  return sizes;
}
/** ceil(size / count) each; the last one takes what is left. */
function evenSizes(size: Dim, count: number, outputs: number): readonly Dim[] {
  if (count !== outputs || count < 1) throw new RuleFault("split-count", `num_outputs is ${count}, and there are ${outputs} outputs`);
  const each = exactDiv(size, count) ?? ceilDiv(size, count);
  const last = subDims(size, mulDims(each, count - 1));
  if (typeof last === "number" && last < 0)
    throw new RuleFault("split-count", `${size} elements are too few for ${count} outputs of ${each}`);
  return Array.from({ length: count }, (_, i) => (i < count - 1 ? each : last));
}
/** The sizes of evenly split outputs as an int64 vector. */
function evenSizesValue(b: GraphBuilder, node: Node<"Split">, axis: number): Value {
  const x = inputAt(node, 0);
  const count = node.outputs.length;
  const sizes = node.outputs.map((y) => y?.type.shape[axis]);
  if (sizes.every((d) => typeof d === "number")) return b.constant("int64", sizes);
  const f = formulas(b);
  const size = sizeAlong(b, x, axis);
  const each = f.div(f.add(size, b.constant("int64", count - 1)), b.constant("int64", count));
  return b.add("Concat", [...Array.from({ length: count - 1 }, () => each), f.sub(size, f.mul(each, b.constant("int64", count - 1)))], {
    axis: 0,
  });
}

/** A Split as opsets before 18 have it: the parts are equal, which num_outputs says only where the size is known to be a multiple. */
function equalParts(b: GraphBuilder, x: Value, axis: number, count: number): readonly Value[] {
  const at = axisOf(axis, x.type.shape.length);
  const size = x.type.shape[at] ?? 0;
  if (exactDiv(size, count) !== null) return b.addMany("Split", [x], { axis, num_outputs: count }, count);
  if (typeof size === "number")
    throw new RuleFault("split-count", `${size} elements along axis ${at} cannot be cut into ${count} equal parts`, "give the sizes");
  const each = formulas(b).div(sizeAlong(b, x, at), b.constant("int64", count));
  return b.addMany(
    "Split",
    [
      x,
      b.add(
        "Concat",
        Array.from({ length: count }, () => each),
        { axis: 0 },
      ),
    ],
    { axis },
    count,
  );
}

/** The records of Concat and Split. */
export const concatSplitOps: OpFamily<"Concat" | "Split"> = {
  Concat: {
    infer: (call) => [{ dtype: inputAt(call, 0).type.dtype, shape: concatenated(call) }],
    evaluate: (call) => {
      const tensors = present(call).map(knownTensor);
      const known = tensors.filter((t) => t !== null);
      if (known.length < tensors.length) return [null];
      return [joinedElements(known, axisOf(call.attributes.axis, known[0]?.shape.length ?? 0))];
    },
    grad: (b, node, [dy], wanted) => {
      const parts = present(node);
      if (dy == null) return parts.map(() => null);
      return cutLike(b, dy, parts, axisOf(node.attributes.axis, dy.type.shape.length), wanted);
    },
    lower: "onnx",
    // Before opset 4 the axis had a default.
    upgrade: (b, old) => (old.opset >= 4 || old.attributes["axis"] !== undefined ? "keep" : [b.add("Concat", old.inputs, { axis: 1 })]),
    flops: "zero",
    receptiveField: (node, index) => {
      const shapes = present(node).map((v) => v.type.shape);
      const axis = axisOf(node.attributes.axis, shapes[0]?.length ?? 0);
      const offset = totalOf(shapes.slice(0, index).map((shape) => shape[axis] ?? 0));
      return (shapes[index] ?? []).map((_, i) => (i !== axis ? sameAxis(i) : typeof offset === "number" ? affineAxis(i, -offset) : "all"));
    },
    docs: {
      summary: "Joins tensors along an axis.",
      formula: "y = [x0; x1; ...] along `axis`",
      source: "https://onnx.ai/onnx/operators/onnx__Concat.html",
    },
  },
  Split: {
    infer: (call) => {
      const { dtype, shape } = inputAt(call, 0).type;
      const axis = axisOf(call.attributes.axis, shape.length);
      return splitSizes(call).map((size) => ({ dtype, shape: shape.with(axis, size) }));
    },
    evaluate: (call) => {
      const x = knownTensor(inputAt(call, 0));
      const sizes = splitSizes(call);
      if (x === null || !sizes.every((d) => typeof d === "number")) return sizes.map(() => null);
      const axis = axisOf(call.attributes.axis, x.shape.length);
      const offsets = offsetsOf(sizes).map(Number);
      return sizes.map((size, i) => moved(x, x.shape.with(axis, size), (p) => withCoordinate(p, axis, (p[axis] ?? 0) + (offsets[i] ?? 0))));
    },
    grad: (b, node, dys) => {
      const x = inputAt(node, 0);
      if (dys.every((dy) => dy === null)) return [null, null];
      const parts = node.outputs.map((y, i) => dys[i] ?? (y === null ? null : filledLike(b, y, 0)));
      const whole = parts.filter((part) => part !== null);
      if (whole.length < parts.length) throw new InternalError("Split has an output that is not asked for");
      return [b.add("Concat", whole, { axis: axisOf(node.attributes.axis, x.type.shape.length) }), null];
    },
    lower: (b, node, { opset }) => {
      if (opset >= 18 || node.attributes.num_outputs === undefined) return "keep";
      const x = inputAt(node, 0);
      const axis = axisOf(node.attributes.axis, x.type.shape.length);
      return b.addMany("Split", [x, evenSizesValue(b, node, axis)], { axis }, node.outputs.length);
    },
    upgrade: (b, old) => {
      if (old.opset >= 18) return "keep";
      const { axis, split } = old.attributes;
      const sizes = Array.isArray(split) ? b.constant("int64", split.map(Number)) : optionalInput(old, 1);
      const integers = sizes !== null && old.opset < 2 ? formulas(b).cast(sizes, "int64") : sizes;
      const at = { axis: typeof axis === "number" ? axis : 0 };
      const count = old.outputCount;
      if (integers === null) return equalParts(b, inputAt(old, 0), at.axis, count);
      return b.addMany("Split", [inputAt(old, 0), integers], at, count);
    },
    flops: "zero",
    receptiveField: (node, index, output) => {
      if (index > 0) return null;
      const axis = axisOf(node.attributes.axis, inputAt(node, 0).type.shape.length);
      const start = totalOf(node.outputs.slice(0, output).map((y) => y?.type.shape[axis] ?? "?"));
      return inputAt(node, 0).type.shape.map((_, i) =>
        i !== axis ? sameAxis(i) : typeof start === "number" ? affineAxis(i, start) : "all",
      );
    },
    docs: {
      summary: "Cuts a tensor into pieces along an axis.",
      formula: "[y0; y1; ...] = x along `axis`",
      source: "https://onnx.ai/onnx/operators/onnx__Split.html",
    },
  },
};

function joinedElements(tensors: readonly KnownTensor[], axis: number): readonly Dim[] {
  const [first] = tensors;
  if (first === undefined) return [];
  // Rows of all tensors in turn: a row is what lies at one position of the axes before `axis`.
  const rows = first.shape.slice(0, axis).reduce((n, d) => n * d, 1);
  return Array.from({ length: rows }, (_, row) =>
    tensors.flatMap(({ elements }) => elements.slice((row * elements.length) / rows, ((row + 1) * elements.length) / rows)),
  ).flat();
}
