/** Taking elements by index, putting them by index, and one-hot vectors. */
import { type Dim, neverEqual } from "../dim.ts";
import type { Value } from "../graph.ts";
import { type AxisWindow, type Call, type OpFamily, RuleFault } from "../op-schema.ts";
import { printShape, type Shape } from "../shape.ts";
import { agreedDim, axisOf, sameAxis } from "./axes.ts";
import { inputAt, numbersIn } from "./call-inputs.ts";
import { gatherGrad, oneHotValuesGrad } from "./gather-gradient.ts";
import { flatIndex, type KnownTensor, knownTensor, mapPositions, moved, stridesOf, withCoordinate } from "./index-map.ts";
import { filledLike } from "./reshape-like.ts";
import { joins, reducedScatter, reductionOf, scatterGrads, scatterOf } from "./scatter-rules.ts";

const spec = (op: string): string => `https://onnx.ai/onnx/operators/onnx__${op}.html`;

/** The index counted from the front. */
const fromFront = (index: number, size: number): number => (index < 0 ? index + size : index);
/** Throws a RuleFault when a known index lies outside an axis of known size. */
function checkIndices(indices: Value, size: Dim | undefined, axis: number): void {
  if (typeof size !== "number") return;
  const outside = indices.elements?.find((i) => typeof i === "number" && (i < -size || i >= size));
  if (outside !== undefined) throw new RuleFault("index-range", `index ${outside} is outside axis ${axis} of size ${size}`);
}
function checkSameRank(call: Call<"GatherElements" | "ScatterElements">, index: number, what: string): void {
  const [data, other] = [inputAt(call, 0).type.shape, inputAt(call, index).type.shape];
  if (data.length !== other.length)
    throw new RuleFault("index-rank", `${what} have ${other.length} axes, the data ${data.length}`, "give both the same number of axes");
  if (data.length === 0) throw new RuleFault("index-rank", "a scalar has no axis to index");
}
/** The windows of a tensor whose axes are the output's, but one that is seen whole. */
const allButOne = (shape: Shape, whole: number): readonly AxisWindow[] => shape.map((_, axis) => (axis === whole ? "all" : sameAxis(axis)));

/** Where the new axis of OneHot goes, and how long it is. */
function oneHotShape(call: Call<"OneHot">): { readonly axis: number; readonly shape: Shape } {
  const { shape } = inputAt(call, 0).type;
  const [depth, values] = [inputAt(call, 1), inputAt(call, 2)];
  const scalar = depth.type.shape.length === 0 || (depth.type.shape.length === 1 && !neverEqual(depth.type.shape[0] ?? 1, 1));
  if (!scalar) throw new RuleFault("onehot-depth", `depth has to be one number, got ${printShape(depth.type.shape)}`);
  if (values.type.shape.length !== 1 || neverEqual(values.type.shape[0] ?? 2, 2)) {
    throw new RuleFault("onehot-values", `values has to hold two numbers [off, on], got ${printShape(values.type.shape)}`);
  }
  const axis = axisOf(call.attributes.axis, shape.length + 1);
  const known = depth.elements?.[0];
  const size = typeof known === "number" ? Math.trunc(known) : (known ?? call.unknown());
  if (typeof size === "number" && size < 0) throw new RuleFault("onehot-depth", `the depth ${size} is negative`);
  return { axis, shape: shape.toSpliced(axis, 0, size) };
}

/** For each position before the axis and each place the elements that lie there, in a row. */
function gathered({ shape, elements }: KnownTensor, axis: number, places: readonly number[]): readonly Dim[] {
  const size = shape[axis] ?? 0;
  const inner = shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  const out: Dim[] = [];
  for (let start = 0; start < elements.length; start += size * inner) {
    for (const place of places) {
      const from = start + fromFront(place, size) * inner;
      for (let i = from; i < from + inner; i++) out.push(elements[i] ?? 0);
    }
  }
  return out;
}
function scattered(call: Call<"ScatterElements">): readonly Dim[] | null {
  const [data, indices, updates] = [0, 1, 2].map((i) => knownTensor(inputAt(call, i)));
  const places = numbersIn(inputAt(call, 1));
  if (data == null || indices == null || updates == null || places === null) return null;
  const axis = axisOf(call.attributes.axis, data.shape.length);
  const join = joins[reductionOf(call.attributes.reduction)];
  const strides = stridesOf(data.shape);
  const out = [...data.elements];
  mapPositions(indices.shape, (position) => [...position]).forEach((position, i) => {
    const at = flatIndex(withCoordinate(position, axis, fromFront(places[i] ?? 0, data.shape[axis] ?? 0)), strides);
    out[at] = join(out[at] ?? 0, updates.elements[i] ?? 0);
  });
  return out;
}

/** The records of the gathering and scattering ops. */
export const gatherOps: OpFamily<"Gather" | "GatherElements" | "ScatterElements" | "OneHot"> = {
  Gather: {
    infer: (call) => {
      const [data, indices] = [inputAt(call, 0), inputAt(call, 1)];
      const { dtype, shape } = data.type;
      const axis = axisOf(call.attributes.axis, shape.length);
      checkIndices(indices, shape[axis], axis);
      return [{ dtype, shape: shape.toSpliced(axis, 1, ...indices.type.shape) }];
    },
    evaluate: (call) => {
      const data = knownTensor(inputAt(call, 0));
      const places = numbersIn(inputAt(call, 1));
      if (data === null || places === null) return [null];
      return [gathered(data, axisOf(call.attributes.axis, data.shape.length), places)];
    },
    grad: (b, node, [dy]) => {
      const [data, indices] = [inputAt(node, 0), inputAt(node, 1)];
      return [dy == null ? null : gatherGrad(b, dy, data, indices, axisOf(node.attributes.axis, data.type.shape.length)), null];
    },
    lower: "onnx",
    upgrade: "none",
    flops: "zero",
    receptiveField: (node, index) => {
      const [data, indices] = [inputAt(node, 0), inputAt(node, 1)];
      const axis = axisOf(node.attributes.axis, data.type.shape.length);
      const rank = indices.type.shape.length;
      if (index === 1) return indices.type.shape.map((_, i) => sameAxis(axis + i));
      const single = rank === 0 ? "fixed" : "all";
      return data.type.shape.map((_, i) => (i === axis ? single : sameAxis(i < axis ? i : i + rank - 1)));
    },
    docs: {
      summary: "Takes the slices of a tensor that lie at some indices of an axis.",
      formula: "y[..., i..., ...] = x[..., indices[i...], ...]",
      source: spec("Gather"),
    },
  },
  GatherElements: {
    infer: (call) => {
      const [data, indices] = [inputAt(call, 0), inputAt(call, 1)];
      checkSameRank(call, 1, "indices");
      const axis = axisOf(call.attributes.axis, data.type.shape.length);
      checkIndices(indices, data.type.shape[axis], axis);
      return [{ dtype: data.type.dtype, shape: indices.type.shape }];
    },
    evaluate: (call) => {
      const [data, indices] = [knownTensor(inputAt(call, 0)), knownTensor(inputAt(call, 1))];
      const places = numbersIn(inputAt(call, 1));
      if (data === null || indices === null || places === null) return [null];
      const axis = axisOf(call.attributes.axis, data.shape.length);
      const strides = stridesOf(indices.shape);
      return [
        moved(data, indices.shape, (p) => withCoordinate(p, axis, fromFront(places[flatIndex(p, strides)] ?? 0, data.shape[axis] ?? 0))),
      ];
    },
    grad: (b, node, [dy]) => {
      const [data, indices] = [inputAt(node, 0), inputAt(node, 1)];
      const { axis } = node.attributes;
      return [dy == null ? null : b.add("ScatterElements", [filledLike(b, data, 0), indices, dy], { axis, reduction: "add" }), null];
    },
    lower: "onnx",
    upgrade: "none",
    flops: "zero",
    receptiveField: (node, index) => {
      const { shape } = inputAt(node, 0).type;
      return index === 1 ? shape.map((_, axis) => sameAxis(axis)) : allButOne(shape, axisOf(node.attributes.axis, shape.length));
    },
    docs: {
      summary: "Takes one element per index, along an axis.",
      formula: "y[i][j][k] = x[indices[i][j][k]][j][k] for axis 0",
      source: spec("GatherElements"),
    },
  },
  ScatterElements: {
    infer: (call) => {
      const [data, indices, updates] = [inputAt(call, 0), inputAt(call, 1), inputAt(call, 2)];
      checkSameRank(call, 1, "indices");
      checkSameRank(call, 2, "updates");
      reductionOf(call.attributes.reduction);
      const axis = axisOf(call.attributes.axis, data.type.shape.length);
      checkIndices(indices, data.type.shape[axis], axis);
      indices.type.shape.forEach((d, i) => void agreedDim(d, updates.type.shape[i] ?? d, [indices.type.shape, updates.type.shape], i));
      return [data.type];
    },
    evaluate: (call) => [scattered(call)],
    grad: (b, node, [dy]) => {
      const parts = scatterOf(node);
      if (dy == null || parts === null) return [null, null, null];
      const [data, updates] = scatterGrads[reductionOf(node.attributes.reduction)](b, parts, dy);
      return [data, null, updates];
    },
    lower: (b, node, { opset }) => {
      const reduction = reductionOf(node.attributes.reduction);
      const parts = scatterOf(node);
      const least = reduction === "none" ? 11 : reduction === "add" || reduction === "mul" ? 16 : 18;
      return opset >= least || reduction === "none" || parts === null ? "keep" : [reducedScatter(b, parts, reduction)];
    },
    upgrade: "none",
    flops: "zero",
    receptiveField: (node, index) => {
      const { shape } = inputAt(node, index).type;
      return index === 0 ? shape.map((_, axis) => sameAxis(axis)) : allButOne(shape, axisOf(node.attributes.axis, shape.length));
    },
    docs: {
      summary: "Puts updates into a tensor, one per index, along an axis.",
      formula: "y = x; y[indices[i][j][k]][j][k] (+)= updates[i][j][k] for axis 0",
      source: spec("ScatterElements"),
    },
  },
  OneHot: {
    infer: (call) => [{ dtype: inputAt(call, 2).type.dtype, shape: oneHotShape(call).shape }],
    evaluate: (call) => {
      const indices = knownTensor(inputAt(call, 0));
      const [places, values] = [numbersIn(inputAt(call, 0)), inputAt(call, 2).elements];
      const { axis, shape } = oneHotShape(call);
      const [off, on] = values ?? [];
      if (indices === null || places === null || off === undefined || on === undefined || !shape.every((d) => typeof d === "number"))
        return [null];
      const strides = stridesOf(indices.shape);
      const size = shape[axis] ?? 0;
      return [mapPositions(shape, (p) => (fromFront(places[flatIndex(p.toSpliced(axis, 1), strides)] ?? 0, size) === p[axis] ? on : off))];
    },
    grad: (b, node, [dy]) => [
      null,
      null,
      dy == null ? null : oneHotValuesGrad(b, dy, inputAt(node, 0), inputAt(node, 1), node.attributes.axis),
    ],
    lower: "onnx",
    upgrade: (_, old) => {
      const negative = old.opset < 11 ? inputAt(old, 0).elements?.find((i) => typeof i === "number" && i < 0) : undefined;
      if (negative === undefined) return "keep";
      throw new RuleFault(
        "index-range",
        `index ${negative} is negative, and opset ${old.opset} counts from the front only`,
        "use opset 11 or newer",
      );
    },
    flops: "zero",
    receptiveField: (node, index) => {
      const { shape } = inputAt(node, 0).type;
      const axis = axisOf(node.attributes.axis, shape.length + 1);
      if (index === 1) return null;
      return index === 2 ? ["all"] : shape.map((_, i) => sameAxis(i < axis ? i : i + 1));
    },
    docs: {
      summary: "Makes vectors that are `on` at an index and `off` elsewhere.",
      formula: "y[..., k, ...] = on where k = indices[...], else off",
      source: spec("OneHot"),
    },
  },
};
