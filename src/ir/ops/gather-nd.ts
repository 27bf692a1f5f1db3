/** Taking and putting whole pieces of a tensor by positions along its first axes. */
import type { GraphBuilder } from "../builder.ts";
import type { Dim } from "../dim.ts";
import { formulas, shapeValue } from "../formulas.ts";
import type { Node, Value } from "../graph.ts";
import { type Call, type OpFamily, RuleFault } from "../op-schema.ts";
import { printShape, type Shape } from "../shape.ts";
import { agreedDim, sameAxis } from "./axes.ts";
import { type HasInputs, inputAt, numbersIn } from "./call-inputs.ts";
import { gatherGrad } from "./gather-gradient.ts";
import { flatIndex, knownTensor, stridesOf } from "./index-map.ts";
import { outputAt } from "./outputs.ts";
import { joins, reducedScatter, reductionOf, scatterGrads } from "./scatter-rules.ts";

const spec = (op: string): string => `https://onnx.ai/onnx/operators/onnx__${op}.html`;

/** How many axes of the data a position has. Throws a RuleFault where that is not known or too many; `batch` axes come before them. */
function depthOf(call: HasInputs, batch = 0): number {
  const [data, indices] = [inputAt(call, 0).type.shape, inputAt(call, 1).type.shape];
  const depth = indices.at(-1);
  if (depth === undefined)
    throw new RuleFault("index-rank", "indices are a scalar", "give them an axis with one coordinate per axis of data");
  if (typeof depth !== "number")
    throw new RuleFault(
      "unknown-rank",
      `the rank cannot be known: positions have ${depth} coordinates`,
      "give the last axis of indices a size",
    );
  if (depth < 1 || batch + depth > data.length)
    throw new RuleFault(
      "index-rank",
      `positions have ${depth} coordinates, and data ${printShape(data)} has ${data.length - batch} axes for them`,
    );
  return depth;
}
/** Throws a RuleFault when a known coordinate lies outside its axis. */
function checkPositions(call: HasInputs, depth: number, batch = 0): void {
  const { shape } = inputAt(call, 0).type;
  inputAt(call, 1).elements?.forEach((index, i) => {
    const [axis, size] = [batch + (i % depth), shape[batch + (i % depth)]];
    if (typeof index === "number" && typeof size === "number" && (index < -size || index >= size))
      throw new RuleFault("index-range", `index ${index} is outside axis ${axis} of size ${size}`);
  });
}
/** Where each position's piece begins in flat data of a static shape; null where the positions are not known. */
function offsetsIn(call: HasInputs, shape: readonly number[], depth: number, batch = 0): readonly number[] | null {
  const numbers = numbersIn(inputAt(call, 1));
  if (numbers === null) return null;
  const strides = stridesOf(shape).slice(batch, batch + depth);
  return Array.from({ length: numbers.length / depth }, (_, i) =>
    flatIndex(
      numbers.slice(i * depth, (i + 1) * depth).map((n, k) => (n < 0 ? n + (shape[batch + k] ?? 0) : n)),
      strides,
    ),
  );
}

/** The positions as one number each, of data whose first `depth` axes are one: int64[positions]. */
function linear(b: GraphBuilder, data: Value, indices: Value, depth: number): Value {
  const f = formulas(b);
  const rows = f.reshape(f.cast(indices, "int64"), [-1, depth]);
  const sizes = b.add("Shape", [data], { start: 0, end: depth });
  const fromFront = f.where(f.less(rows, 0), f.add(rows, sizes), rows);
  const column = (i: number): Value => b.add("Gather", [fromFront, b.constant("int64", i)], { axis: 1 });
  const size = (i: number): Value => b.add("Gather", [sizes, b.constant("int64", i)]);
  let index = column(0);
  for (let i = 1; i < depth; i++) index = f.add(f.mul(index, size(i)), column(i));
  return index;
}
/** Positions with those of the batch before them: GatherND with batch_dims as one without. */
function withBatch(b: GraphBuilder, indices: Value, batch: number): Value {
  if (batch === 0) return indices;
  const f = formulas(b);
  const rank = indices.type.shape.length;
  const [zero, one] = [b.constant("int64", 0), b.constant("int64", 1)];
  const form = b.add("Concat", [b.add("Shape", [indices], { start: 0, end: rank - 1 }), b.constant("int64", [1])], { axis: 0 });
  const coordinates = Array.from({ length: batch }, (_, axis) => {
    const size = b.add("Gather", [shapeValue(b, indices), b.constant("int64", axis)]);
    const column = f.reshape(
      b.add("Range", [zero, size, one]),
      Array.from({ length: rank }, (_, i) => (i === axis ? -1 : 1)),
    );
    return b.add("Expand", [column, form]);
  });
  return b.add("Concat", [...coordinates, indices], { axis: rank - 1 });
}

/** A ScatterND as a ScatterElements: data [places, piece], indices and updates [positions, piece]. */
function flattened(b: GraphBuilder, node: Node<"ScatterND">) {
  const [data, indices, updates] = [inputAt(node, 0), inputAt(node, 1), inputAt(node, 2)];
  const depth = depthOf(node);
  const flatten = (x: Value, axis: number): Value => b.add("Flatten", [x], { axis });
  const pieces = flatten(updates, indices.type.shape.length - 1);
  const column = formulas(b).reshape(linear(b, data, indices, depth), [-1, 1]);
  return {
    data: flatten(data, depth),
    updates: pieces,
    indices: b.add("Expand", [column, shapeValue(b, pieces)]),
    flatten: (x: Value): Value => flatten(x, depth),
    axis: 0,
  };
}
function pieceShape(call: HasInputs, depth: number, batch = 0): Shape {
  const [data, indices] = [inputAt(call, 0).type.shape, inputAt(call, 1).type.shape];
  return [...indices.slice(0, -1), ...data.slice(batch + depth)];
}

/** The records of the ops that take and put pieces by position. */
export const gatherNdOps: OpFamily<"GatherND" | "ScatterND"> = {
  GatherND: {
    infer: (call) => {
      const [data, indices] = [inputAt(call, 0).type, inputAt(call, 1).type];
      const batch = call.attributes.batch_dims;
      if (batch < 0 || batch >= Math.min(data.shape.length, indices.shape.length))
        throw new RuleFault("index-rank", `batch_dims is ${batch}, and has to be below the ranks of data and indices`);
      for (let i = 0; i < batch; i++) agreedDim(data.shape[i] ?? 0, indices.shape[i] ?? 0, [data.shape, indices.shape], i);
      const depth = depthOf(call, batch);
      checkPositions(call, depth, batch);
      return [{ dtype: data.dtype, shape: pieceShape(call, depth, batch) }];
    },
    evaluate: (call) => [gathered(call)],
    grad: (b, node, [dy]) => {
      const [data, indices] = [inputAt(node, 0), inputAt(node, 1)];
      if (dy == null) return [null, null];
      const batch = node.attributes.batch_dims;
      const depth = depthOf(node, batch) + batch;
      const f = formulas(b);
      const places = linear(b, data, withBatch(b, indices, batch), depth);
      const flat = b.add("Flatten", [data], { axis: depth });
      const rows = b.add("Flatten", [dy], { axis: indices.type.shape.length - 1 });
      return [f.reshape(gatherGrad(b, rows, flat, places, 0), shapeValue(b, data)), null];
    },
    lower: "onnx",
    upgrade: "none",
    flops: "zero",
    receptiveField: (node, index) => {
      const [data, indices] = [inputAt(node, 0).type.shape, inputAt(node, 1).type.shape];
      const batch = node.attributes.batch_dims;
      const depth = depthOf(node, batch);
      if (index === 1) return indices.map((_, i) => (i === indices.length - 1 ? "all" : sameAxis(i)));
      const shift = indices.length - 1 - batch - depth;
      return data.map((_, i) => (i < batch ? sameAxis(i) : i < batch + depth ? "all" : sameAxis(i + shift)));
    },
    docs: {
      summary: "Takes pieces of a tensor that lie at positions along its first axes.",
      formula: "y[i..., ...] = x[indices[i..., :], ...]",
      source: spec("GatherND"),
    },
  },
  ScatterND: {
    infer: (call) => {
      const depth = depthOf(call);
      checkPositions(call, depth);
      reductionOf(call.attributes.reduction);
      const [wanted, given] = [pieceShape(call, depth), inputAt(call, 2).type.shape];
      if (wanted.length !== given.length)
        throw new RuleFault("shape-mismatch", `updates are ${printShape(given)}, and the positions take ${printShape(wanted)}`);
      wanted.forEach((d, i) => void agreedDim(d, given[i] ?? d, [wanted, given], i));
      return [inputAt(call, 0).type];
    },
    evaluate: (call) => [scattered(call)],
    grad: (b, node, [dy]) => {
      if (dy == null) return [null, null, null];
      const { flatten, ...parts } = flattened(b, node);
      const rule = scatterGrads[reductionOf(node.attributes.reduction)];
      const [data, updates] = rule(b, { ...parts, y: flatten(outputAt(node.outputs, 0)) }, flatten(dy));
      const f = formulas(b);
      return [f.reshape(data, shapeValue(b, inputAt(node, 0))), null, f.reshape(updates, shapeValue(b, inputAt(node, 2)))];
    },
    lower: (b, node, { opset }) => {
      const reduction = reductionOf(node.attributes.reduction);
      const least = reduction === "none" ? 11 : reduction === "add" || reduction === "mul" ? 16 : 18;
      if (opset >= least || reduction === "none") return "keep";
      const { flatten, ...parts } = flattened(b, node);
      return [formulas(b).reshape(reducedScatter(b, parts, reduction), shapeValue(b, inputAt(node, 0)))];
    },
    upgrade: "none",
    flops: "zero",
    receptiveField: (node, index) => {
      const { shape } = inputAt(node, index).type;
      if (index === 0) return shape.map((_, axis) => sameAxis(axis));
      const lead = inputAt(node, 1).type.shape.length - 1;
      const depth = depthOf(node);
      return shape.map((_, i) => (index === 1 || i < lead ? "all" : sameAxis(i - lead + depth)));
    },
    docs: {
      summary: "Puts pieces into a tensor, at positions along its first axes.",
      formula: "y = x; y[indices[i..., :], ...] (+)= updates[i..., ...]",
      source: spec("ScatterND"),
    },
  },
};

function gathered(call: Call<"GatherND">): readonly Dim[] | null {
  const [data, indices] = [knownTensor(inputAt(call, 0)), knownTensor(inputAt(call, 1))];
  const batch = call.attributes.batch_dims;
  if (data === null || indices === null) return null;
  const depth = depthOf(call, batch);
  const offsets = offsetsIn(call, data.shape, depth, batch);
  if (offsets === null) return null;
  const size = data.shape.slice(batch + depth).reduce((n, d) => n * d, 1);
  const perBatch = data.shape.slice(batch).reduce((n, d) => n * d, 1);
  const positions = indices.shape.slice(batch, -1).reduce((n, d) => n * d, 1);
  return offsets.flatMap((offset, i) => {
    const start = Math.floor(i / positions) * perBatch + offset;
    return data.elements.slice(start, start + size);
  });
}
function scattered(call: Call<"ScatterND">): readonly Dim[] | null {
  const [data, updates] = [knownTensor(inputAt(call, 0)), knownTensor(inputAt(call, 2))];
  const depth = depthOf(call);
  const offsets = data === null ? null : offsetsIn(call, data.shape, depth);
  if (data === null || updates === null || offsets === null) return null;
  const join = joins[reductionOf(call.attributes.reduction)];
  const size = data.shape.slice(depth).reduce((n, d) => n * d, 1);
  const out = [...data.elements];
  offsets.forEach((offset, i) => {
    for (let k = 0; k < size; k++) out[offset + k] = join(out[offset + k] ?? 0, updates.elements[i * size + k] ?? 0);
  });
  return out;
}
