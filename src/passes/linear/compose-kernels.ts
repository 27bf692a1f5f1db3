/** A convolution of a convolution as one convolution. */
import type { Node, Value } from "../../ir/graph.ts";
import { shortestFloat32, type TensorData } from "../../ir/tensor-data.ts";
import { type Skip, skip } from "../rewrite.ts";
import { elementsOf } from "../tensor-elements.ts";
import { addRows, type Factors, type Rows } from "./add-rows.ts";

/** A convolution with known weights and padding. */
export interface Kernel {
  /** Outputs, input channels of a group, and the taps along each axis. */
  readonly shape: readonly number[];
  readonly groups: number;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Before each axis, then behind each. */
  readonly pads: readonly number[];
}
interface FilledKernel extends Kernel {
  readonly name: string;
  readonly weight: ArrayLike<number>;
  readonly bias: ArrayLike<number> | null;
}
/** The kernel of a node, or why it is not known. */
export function kernelOf(node: Node<"Conv">, contents: (value: Value) => TensorData | null): FilledKernel | Skip {
  const [, w, c] = node.inputs;
  const [tensor, addend] = [w ? contents(w) : null, c ? contents(c) : null];
  if (tensor === null || (c && addend === null)) return skip(`the weight or bias of Conv "${node.name}" is not constant`);
  const { auto_pad, pads, strides, dilations, group } = node.attributes;
  if (auto_pad.startsWith("SAME")) return skip(`the padding of Conv "${node.name}" is not written out`);
  const axes = tensor.shape.slice(2);
  return {
    ...{
      name: node.name,
      shape: tensor.shape,
      groups: group,
      weight: elementsOf(tensor),
      bias: addend === null ? null : elementsOf(addend),
    },
    strides: strides ?? axes.map(() => 1),
    dilations: dilations ?? axes.map(() => 1),
    pads: auto_pad === "VALID" || pads === undefined ? [...axes, ...axes].map(() => 0) : pads,
  };
}

/** One kernel in place of two; its weights are computed when they are asked for. */
export interface ComposedKernel extends Kernel {
  /** How many multiply-adds `merged` takes. */
  readonly work: number;
  merged(): { readonly weight: Float64Array; readonly bias: readonly number[] | null };
}
/**
 * The convolution b of the convolution a, or why it is none. Along an axis, output position i reads position s_b i + d_b t - p_b of what
 * lies between, and that reads positions s_a (s_b i + d_b t - p_b) + d_a u - p_a of the input: the stride is s_a s_b, and the taps
 * d_a u + s_a d_b t lie on a grid with the greatest common divisor of both steps. What b pads with is zero, which a must not disagree with:
 * it may see nothing but zeros there, and may not add to them.
 */
export function composedKernel(a: FilledKernel, b: FilledKernel): ComposedKernel | Skip {
  const rank = a.shape.length - 2;
  const isPadded = b.pads.some((p) => p !== 0);
  const isOneTap = a.shape.slice(2).every((k) => k === 1) && a.pads.every((p) => p === 0);
  if (isPadded && !isOneTap) return skip(`Conv "${b.name}" pads with zeros what Conv "${a.name}" would compute from a larger window`);
  const shift = a.bias === null ? -1 : Array.from(a.bias).findIndex((v) => v !== 0);
  if (isPadded && shift >= 0)
    return skip(
      `Conv "${b.name}" pads with zeros, where Conv "${a.name}" would give its bias, ${shortestFloat32(a.bias?.[shift] ?? 0)} in channel ${shift}`,
    );
  if (a.pads.some((p) => p < 0) || b.pads.some((p) => p < 0)) return skip("a padding is negative");
  const along = Array.from({ length: rank }, (_, i) => axisOf(a, b, i));
  const groups = greatestDivisor(a.groups, b.groups);
  const [inputs, outputs] = [(a.shape[1] ?? 0) * a.groups, b.shape[0] ?? 0];
  const shape = [outputs, inputs / groups, ...along.map(({ taps }) => taps)];
  return {
    ...{ shape, groups, work: count(b.shape) * count(a.shape.slice(1)) },
    strides: along.map((axis) => axis.stride),
    dilations: along.map((axis) => axis.step),
    pads: isPadded ? b.pads.map((p, i) => p * (a.strides[i % rank] ?? 1)) : a.pads,
    merged: () => ({ weight: composed(a, b, { shape, groups, along }), bias: biasOf(a, b) }),
  };
}
interface Axis {
  readonly stride: number;
  readonly step: number;
  readonly taps: number;
  /** The tap of the composed kernel for tap u of a and t of b. */
  place(u: number, t: number): number;
}
function axisOf(a: Kernel, b: Kernel, i: number): Axis {
  const [ka = 1, kb = 1] = [a.shape[i + 2], b.shape[i + 2]];
  const [sa = 1, sb = 1] = [a.strides[i], b.strides[i]];
  // A kernel of one tap has no step.
  const [fine, coarse] = [ka === 1 ? 0 : (a.dilations[i] ?? 1), kb === 1 ? 0 : sa * (b.dilations[i] ?? 1)];
  const step = greatestDivisor(fine, coarse) || 1;
  const place = (u: number, t: number): number => (fine * u + coarse * t) / step;
  return { stride: sa * sb, step, taps: place(ka - 1, kb - 1) + 1, place };
}
const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));
const count = (sizes: readonly number[]): number => sizes.reduce((n, d) => n * d, 1);

interface Composed {
  readonly shape: readonly number[];
  readonly groups: number;
  readonly along: readonly Axis[];
}
/** Sums over the channels between, of products of every tap of a with every tap of b. */
function composed(a: FilledKernel, b: FilledKernel, { shape, groups, along }: Composed): Float64Array {
  const [outputs = 0, perGroup = 0, ...kernel] = shape;
  const [between = 0, ins = 0, ...kernelA] = a.shape;
  const [, mids = 0, ...kernelB] = b.shape;
  const [tapsA, tapsB, taps] = [count(kernelA), count(kernelB), count(kernel)];
  const places = Int32Array.from({ length: tapsA * tapsB }, (_, n) =>
    placeOf(Math.floor(n / tapsB), n % tapsB, kernelA, kernelB, kernel, along),
  );
  const values = new Float64Array(outputs * perGroup * taps);
  const [size, perGroupOfA] = [ins * tapsA, between / a.groups];
  for (let m = 0; m < outputs; m++) {
    const firstMid = Math.floor(m / (outputs / b.groups)) * mids;
    const firstInput = Math.floor(m / (outputs / groups)) * perGroup;
    for (let j = 0, next = 0; j < mids; j = next) {
      const mid = firstMid + j;
      const groupOfA = Math.floor(mid / perGroupOfA);
      next = Math.min(mids, (groupOfA + 1) * perGroupOfA - firstMid);
      const to = (m * perGroup + groupOfA * ins - firstInput) * taps;
      const rows = { numbers: a.weight, first: mid * size, columns: size };
      const factors = { numbers: b.weight, first: (m * mids + j) * tapsB, count: next - j };
      // A kernel of one tap leaves the taps of the other one where they are.
      if (tapsB === 1) addRows(values, to, rows, factors);
      else addTaps(values, to, rows, factors, { places, tapsA, tapsB, taps });
    }
  }
  return values;
}
/** Adds the products of every tap of some of a's kernels, in rows of input channels, with every tap of b's kernels for them. */
function addTaps(values: Float64Array, to: number, a: Rows, b: Factors, { places, tapsA, tapsB, taps }: Taps): void {
  for (let k = 0; k < b.count; k++) {
    const fromB = b.first + k * tapsB;
    let fromA = a.first + k * a.columns;
    for (let base = to; fromA < a.first + (k + 1) * a.columns; base += taps, fromA += tapsA) {
      for (let u = 0, n = 0; u < tapsA; u++) {
        const factor = a.numbers[fromA + u] ?? 0;
        for (let t = 0; t < tapsB; t++, n++) {
          const at = base + (places[n] ?? 0);
          values[at] = (values[at] ?? 0) + factor * (b.numbers[fromB + t] ?? 0);
        }
      }
    }
  }
}
interface Taps {
  /** The tap of the composed kernel for each tap of a and each of b. */
  readonly places: Int32Array;
  readonly tapsA: number;
  readonly tapsB: number;
  /** How many the composed kernel has. */
  readonly taps: number;
}
/** The flat tap of the composed kernel for flat taps of both. */
function placeOf(
  flatA: number,
  flatB: number,
  kernelA: readonly number[],
  kernelB: readonly number[],
  kernel: readonly number[],
  along: readonly Axis[],
): number {
  let [restA, restB, place, step] = [flatA, flatB, 0, 1];
  for (let i = kernel.length - 1; i >= 0; i--) {
    const [ka, kb] = [kernelA[i] ?? 1, kernelB[i] ?? 1];
    place += (along[i]?.place(restA % ka, restB % kb) ?? 0) * step;
    [restA, restB] = [Math.floor(restA / ka), Math.floor(restB / kb)];
    step *= kernel[i] ?? 1;
  }
  return place;
}
/** The bias of b, and what it makes of the bias of a. */
function biasOf(a: FilledKernel, b: FilledKernel): readonly number[] | null {
  if (a.bias === null) return b.bias === null ? null : Array.from(b.bias);
  const [outputs = 0, mids = 0, ...kernel] = b.shape;
  const taps = count(kernel);
  return Array.from({ length: outputs }, (_, m) => {
    const first = Math.floor(m / (outputs / b.groups)) * mids;
    let sum = b.bias?.[m] ?? 0;
    for (let j = 0; j < mids; j++) {
      for (let t = 0; t < taps; t++) sum += (a.bias?.[first + j] ?? 0) * (b.weight[(m * mids + j) * taps + t] ?? 0);
    }
    return sum;
  });
}
