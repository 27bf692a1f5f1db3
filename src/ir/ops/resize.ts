/** Resizing by interpolation. */
import type { GraphBuilder } from "../builder.ts";
import { type Dim, exactDiv, floorDiv, mulDims, productOf } from "../dim.ts";
import { formulas } from "../formulas.ts";
import { type Node, printType, type Value } from "../graph.ts";
import { type AxisWindow, type Call, type OpFamily, RuleFault } from "../op-schema.ts";
import { type Shape, sameShape } from "../shape.ts";
import { axesOf, sameAxis } from "./axes.ts";
import { inputAt, optionalInput } from "./call-inputs.ts";
import { firstOutput } from "./elementwise.ts";
import { lowerResize, upgradeResize } from "./resize-forms.ts";
import { type Interpolation, interpolationMatrix, repeatsExactly } from "./resize-matrix.ts";
import { resizeWindow } from "./resize-window.ts";

type ResizeCall = Pick<Call<"Resize">, "inputs" | "attributes">;

/** How one axis is resized. */
interface ResizedAxis {
  readonly axis: number;
  readonly size: Dim;
  readonly out: Dim;
  /** out / size as the op was told, or null when it was told sizes. */
  readonly scale: number | null;
}

/** An optional input, or null where it is no vector with elements, which means the same. */
export function givenInput(call: ResizeCall, index: number): Value | null {
  const value = optionalInput(call, index);
  return value === null || value.type.shape.length !== 1 || value.type.shape[0] === 0 ? null : value;
}
/** The axes that scales, sizes and roi speak of. */
export function namedAxes(call: ResizeCall): readonly number[] {
  const rank = inputAt(call, 0).type.shape.length;
  return call.attributes.axes === undefined ? Array.from({ length: rank }, (_, i) => i) : axesOf(call.attributes.axes, rank, "axes entry");
}

/** How each named axis is resized. Throws a RuleFault where scales and sizes do not fit. */
function resizedAxes(call: ResizeCall, unknown: () => Dim): readonly ResizedAxis[] {
  const x = inputAt(call, 0).type;
  const axes = namedAxes(call);
  const [scales, sizes] = [givenInput(call, 2), givenInput(call, 3)];
  if ((scales === null) === (sizes === null)) {
    throw new RuleFault(
      "op-arity",
      scales === null ? "neither scales nor sizes are given" : "both scales and sizes are given",
      "give one of them",
    );
  }
  const given = scales ?? sizes;
  const what = scales === null ? "sizes" : "scales";
  const [length] = given?.type.shape ?? [];
  if (typeof length === "number" && length !== axes.length) {
    throw new RuleFault(
      "shape-mismatch",
      `there are ${length} ${what} for ${axes.length} axes of ${printType(x)}`,
      "name the axes, or give one per axis",
    );
  }
  const elements = given?.elements ?? axes.map(() => null);
  const plain = axes.map((axis, i) => resized(axis, x.shape[axis] ?? 1, elements[i] ?? null, scales !== null, unknown));
  return scales !== null || call.attributes.keep_aspect_ratio_policy === "stretch"
    ? plain
    : proportional(plain, call.attributes.keep_aspect_ratio_policy, unknown);
}
function resized(axis: number, size: Dim, element: Dim | null, isScale: boolean, unknown: () => Dim): ResizedAxis {
  if (!isScale) return { axis, size, out: element ?? unknown(), scale: null };
  if (typeof element !== "number") return { axis, size, out: unknown(), scale: null };
  if (!(element > 0)) throw new RuleFault("op-attribute", `the scale of axis ${axis} is ${element}, wanted more than 0`);
  return { axis, size, out: scaledSize(size, element, unknown), scale: element };
}
/** floor(size * scale), the product rounded to float32 as the runtime does, but where float32 has no such integers. */
function scaledSize(size: Dim, scale: number, unknown: () => Dim): Dim {
  if (typeof size === "number") return Math.floor(size < 2 ** 24 ? Math.fround(size * scale) : size * scale);
  const denominator = Array.from({ length: 64 }, (_, i) => i + 1).find((d) => Math.abs(scale * d - Math.round(scale * d)) < 1e-6 * d);
  return denominator === undefined ? unknown() : floorDiv(mulDims(size, Math.round(scale * denominator)), denominator);
}
/** One scale for all axes: the smallest (not_larger) or largest (not_smaller) that a size asks for. */
function proportional(axes: readonly ResizedAxis[], policy: string, unknown: () => Dim): readonly ResizedAxis[] {
  if (policy !== "not_larger" && policy !== "not_smaller") {
    throw new RuleFault("op-attribute", `"keep_aspect_ratio_policy" is "${policy}", wanted stretch, not_larger or not_smaller`);
  }
  const ratios = axes.map(({ size, out }) => (typeof size === "number" && typeof out === "number" ? out / size : Number.NaN));
  const scale = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  return axes.map((a) => {
    if (Number.isNaN(scale) || typeof a.size !== "number") return { ...a, out: unknown(), scale: null };
    return { ...a, out: Math.floor(a.size * scale + 0.5), scale };
  });
}

/** The interpolation along one axis: its sizes as numbers, its scale and its part of the roi. */
function interpolationOf(call: ResizeCall, a: ResizedAxis): Interpolation | null {
  if (typeof a.size !== "number" || typeof a.out !== "number") return null;
  const position = namedAxes(call).indexOf(a.axis);
  const roi = givenInput(call, 1)?.elements ?? null;
  const count = namedAxes(call).length;
  const [start, end] = [roi?.[position], roi?.[position + count]];
  if (call.attributes.coordinate_transformation_mode === "tf_crop_and_resize" && (typeof start !== "number" || typeof end !== "number"))
    return null;
  return {
    size: a.size,
    out: a.out,
    scale: a.scale ?? a.out / a.size,
    roi: typeof start === "number" && typeof end === "number" ? [start, end] : [0, 1],
    attributes: call.attributes,
  };
}

function grad(b: GraphBuilder, node: Node<"Resize">, dy: Value): Value {
  const x = inputAt(node, 0);
  const y = firstOutput(node).type;
  // onnxruntime copies where no size changes, and along an axis whose scale is 1, whatever the roi says.
  if (sameShape(x.type.shape, y.shape)) return dy;
  const axes = resizedAxes(node, () => "?").map((a) => ({ ...a, out: y.shape[a.axis] ?? a.out }));
  const changed = axes.filter((a) => a.out !== a.size || (a.scale ?? 1) !== 1);
  const factors = repetitions(node, changed, x.type.shape.length);
  return factors === null ? changed.reduce((g, a) => contracted(b, node, g, a), dy) : summedBlocks(b, dy, factors);
}
/** The factors of a nearest resize that repeats each element a whole number of times along the spatial axes, else null. */
function repetitions(node: Node<"Resize">, axes: readonly ResizedAxis[], rank: number): readonly number[] | null {
  if (rank < 3 || node.attributes.mode !== "nearest") return null;
  const factors = Array.from({ length: rank - 2 }, () => 1);
  for (const a of axes) {
    const factor = exactDiv(a.out, a.size);
    if (a.axis < 2 || typeof factor !== "number" || !repeatsExactly(factor, a.scale ?? factor, node.attributes)) return null;
    factors[a.axis - 2] = factor;
  }
  return factors;
}
/** Sums over the blocks that one element was repeated to: their mean times their size. */
function summedBlocks(b: GraphBuilder, dy: Value, factors: readonly number[]): Value {
  const block = factors.reduce((n, k) => n * k, 1);
  return block === 1 ? dy : formulas(b).mul(b.add("AveragePool", [dy], { kernel_shape: factors, strides: factors }), block);
}
/** dy times the interpolation matrix along one axis. */
function contracted(b: GraphBuilder, node: Node<"Resize">, dy: Value, a: ResizedAxis): Value {
  const interpolation = interpolationOf(node, a);
  if (interpolation === null) {
    throw new RuleFault(
      "unknown-size",
      `the gradient along axis ${a.axis}, from ${a.size} to ${a.out}, needs numbers`,
      "fix the input's sizes, or scale by a whole number with mode nearest",
    );
  }
  const f = formulas(b);
  const rank = dy.type.shape.length;
  const { rows, columns, weights } = interpolationMatrix(interpolation);
  if (a.axis === rank - 1) return f.matmul(dy, b.constant(dy.type.dtype, weights, [rows, columns]));
  const transposed = Array.from({ length: columns * rows }, (_, i) => weights[(i % rows) * columns + Math.floor(i / rows)] ?? 0);
  if (a.axis === rank - 2) return f.matmul(b.constant(dy.type.dtype, transposed, [columns, rows]), dy);
  const perm = Array.from({ length: rank }, (_, i) => (i === a.axis ? rank - 1 : i === rank - 1 ? a.axis : i));
  return f.transpose(f.matmul(f.transpose(dy, perm), b.constant(dy.type.dtype, weights, [rows, columns])), perm);
}

const taps: Readonly<Record<string, number>> = { nearest: 1, linear: 2, cubic: 4 };
function windows(node: Node<"Resize">, index: number): readonly AxisWindow[] | null {
  if (index > 0) return null;
  const x = inputAt(node, 0).type.shape;
  const axes = new Map(resizedAxes(node, () => "?").map((a) => [a.axis, a]));
  return x.map((_, axis) => {
    const a = axes.get(axis);
    const out = firstOutput(node).type.shape[axis] ?? 1;
    return a === undefined || a.size === out ? sameAxis(axis) : resizeWindow({ ...a, out }, node.attributes);
  });
}

/** Resizing. */
export const resizeOps: OpFamily<"Resize"> = {
  Resize: {
    infer: (call) => {
      const x = inputAt(call, 0).type;
      const outs = new Map(resizedAxes(call, () => call.unknown()).map((a) => [a.axis, a.out]));
      const shape: Shape = x.shape.map((d, i) => outs.get(i) ?? d);
      const empty = shape.indexOf(0);
      if (empty >= 0 && x.shape[empty] !== 0)
        throw new RuleFault("empty-output", `axis ${empty} of ${printType(x)} would have no elements`, "use a larger scale");
      return [{ dtype: x.dtype, shape }];
    },
    evaluate: "none",
    // Resizing is linear and separable: along each axis, dX = dY times the matrix that interpolates.
    grad: (b, node, [dy]) => [dy === null || dy === undefined ? null : grad(b, node, dy), null, null, null],
    lower: lowerResize,
    upgrade: upgradeResize,
    flops: (node) => ({ macs: 0, other: productOf([...firstOutput(node).type.shape, taps[node.attributes.mode] ?? 1]) }),
    receptiveField: windows,
    docs: {
      summary: "Resizes axes by nearest, linear or cubic interpolation.",
      formula: "Y[o] = sum over i of weight(x(o) - i) * X[i] along each axis, x(o) by coordinate_transformation_mode",
      source: "https://onnx.ai/onnx/operators/onnx__Resize.html; Keys, IEEE Trans. ASSP 29(6), 1981, for cubic",
    },
  },
};
