/** Windows that slide along spatial axes: what Conv, ConvTranspose and the pools share. */
import { addDims, ceilDiv, type Dim, floorDiv, maxDims, mulDims, subDims } from "../dim.ts";
import { RuleFault } from "../op-schema.ts";
import { printShape, type Shape } from "../shape.ts";

/** The attributes of a sliding window as ONNX has them; lists have one entry per spatial axis, `pads` two. */
export interface WindowAttributes {
  readonly auto_pad: string;
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  readonly pads?: readonly number[];
  readonly ceil_mode?: number;
}

/** A window along one axis: output i sees the positions i * stride - begin + j * dilation, 0 <= j < kernel. */
export interface Slide {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before and after; symbolic where SAME_UPPER or SAME_LOWER meets a symbolic size. */
  readonly begin: Dim;
  readonly end: Dim;
  /** The size of the axis, and the number of windows. */
  readonly size: Dim;
  readonly out: Dim;
}

/** The attributes of the internal ops: everything spelled out. */
export interface ResolvedWindow {
  readonly kernel_shape: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

/** Positions from the first to the last that a window of `kernel` taps touches, both included. */
export const extentOf = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

/** The step of a receptive field's window behind a dilation. */
export const gaps = (dilation: number): { readonly step?: number } => (dilation === 1 ? {} : { step: dilation });

/** The windows of a convolution or pool over axes of the given sizes. Throws a RuleFault when one does not fit. */
export function slidesOf(sizes: Shape, kernel: readonly number[], attributes: WindowAttributes): readonly Slide[] {
  const { strides, dilations } = checkedWindow(sizes.length, kernel, attributes);
  return sizes.map((size, i) => {
    const [k, stride, dilation] = [kernel[i] ?? 1, strides[i] ?? 1, dilations[i] ?? 1];
    const { begin, end, out } = placement(size, extentOf(k, dilation), stride, attributes, i, sizes.length);
    if (typeof out === "number" && out < 1) throw tooLarge(i, sizes, k, dilation, begin, end);
    return { kernel: k, stride, dilation, begin, end, size, out };
  });
}

/** Strides and dilations with their defaults. Throws a RuleFault on lists of the wrong length and on values out of range. */
export function checkedWindow(
  rank: number,
  kernel: readonly number[],
  attributes: WindowAttributes,
): { readonly strides: readonly number[]; readonly dilations: readonly number[] } {
  if (rank < 1) throw new RuleFault("rank-mismatch", "the input has no spatial axes", "give it the shape [N, C, ...spatial]");
  const ones = Array.from({ length: rank }, () => 1);
  const list = (name: string, values: readonly number[], length: number, least: number): readonly number[] => {
    if (values.length !== length)
      throw new RuleFault("op-attribute", `"${name}" has ${values.length} entries, wanted ${length} for ${rank} spatial axes`);
    const bad = values.find((v) => v < least);
    if (bad !== undefined) throw new RuleFault("op-attribute", `"${name}" holds ${bad}, wanted ${least} or more`);
    return values;
  };
  list("kernel_shape", kernel, rank, 1);
  if (attributes.pads !== undefined) list("pads", attributes.pads, 2 * rank, 0);
  if (!autoPads.includes(attributes.auto_pad)) {
    throw new RuleFault("op-attribute", `"auto_pad" is "${attributes.auto_pad}", wanted one of ${autoPads.join(", ")}`);
  }
  return {
    strides: list("strides", attributes.strides ?? ones, rank, 1),
    dilations: list("dilations", attributes.dilations ?? ones, rank, 1),
  };
}
const autoPads = ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"];

/** Padding and number of windows along one axis. SAME_* pads such that there are ceil(size / stride), an odd one more at the named end. */
function placement(
  size: Dim,
  extent: number,
  stride: number,
  { auto_pad, pads, ceil_mode }: WindowAttributes,
  axis: number,
  rank: number,
): Pick<Slide, "begin" | "end" | "out"> {
  if (auto_pad.startsWith("SAME")) {
    const out = ceilDiv(size, stride);
    const total = maxDims(0, subDims(addDims(mulDims(subDims(out, 1), stride), extent), size));
    const [begin, end] = halves(total, auto_pad === "SAME_UPPER");
    return { begin, end, out };
  }
  const [begin, end] = auto_pad === "VALID" ? [0, 0] : [pads?.[axis] ?? 0, pads?.[axis + rank] ?? 0];
  return { begin, end, out: windowCount(addDims(size, begin), extent, stride, end, ceil_mode === 1) };
}
/**
 * The number of windows over `size` positions and `end` more of padding. With `ceil` a last window may hang over the end, but has
 * to start before the padding: min(ceil((size + end - extent) / stride) + 1, ceil(size / stride)), and ceil is monotonic.
 */
function windowCount(size: Dim, extent: number, stride: number, end: number, ceil: boolean): Dim {
  const room = addDims(size, end - extent);
  if (typeof room === "number" && room < 0) return 0;
  return ceil ? ceilDiv(addDims(size, Math.min(end - extent + stride, 0)), stride) : addDims(floorDiv(room, stride), 1);
}
/** A total cut in two; the second half takes an odd one when `upper`. */
export function halves(total: Dim, upper: boolean): readonly [Dim, Dim] {
  const small = floorDiv(total, 2);
  const large = subDims(total, small);
  return upper ? [small, large] : [large, small];
}

function tooLarge(axis: number, sizes: Shape, kernel: number, dilation: number, begin: Dim, end: Dim): RuleFault {
  const reach = extentOf(kernel, dilation);
  const spread = dilation === 1 ? "" : ` (dilated by ${dilation}: ${reach})`;
  const padded = addDims(sizes[axis] ?? 0, addDims(begin, end));
  return new RuleFault(
    "kernel-too-large",
    `a kernel of ${kernel}${spread} does not fit spatial axis ${axis} of ${printShape(sizes)}, which is ${padded} with its padding`,
    "use a smaller kernel, more padding, or a larger input",
  );
}

/** The windows' attributes as numbers. Throws a RuleFault where padding depends on a size that is not known. */
export function resolvedWindow(slides: readonly Slide[]): ResolvedWindow {
  const pads = [...slides.map((s) => s.begin), ...slides.map((s) => s.end)].map((pad) => {
    if (typeof pad === "number") return pad;
    throw new RuleFault(
      "unknown-padding",
      `the padding ${pad} of auto_pad depends on a size that is not known`,
      "fix the input's height and width, or give the padding as numbers",
    );
  });
  return {
    kernel_shape: slides.map((s) => s.kernel),
    strides: slides.map((s) => s.stride),
    dilations: slides.map((s) => s.dilation),
    pads,
  };
}

/**
 * The pads of a window whose auto_pad onnxruntime reads otherwise than ONNX, else null: with dilation it refuses SAME_* or pads
 * for the kernel without its gaps, and with strides larger than the kernel it finds negative padding.
 */
export function spelledOutPads(slides: readonly Slide[], { auto_pad }: WindowAttributes): readonly number[] | null {
  if (!auto_pad.startsWith("SAME")) return null;
  const unusual = slides.some((s) => s.dilation > 1 || s.stride > extentOf(s.kernel, s.dilation));
  const known = slides.every((s) => typeof s.begin === "number" && typeof s.end === "number");
  return unusual && known ? resolvedWindow(slides).pads : null;
}

/** The window on one spatial axis of an internal op. */
export interface AxisAttributes {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
  readonly end: number;
  /** (kernel - 1) * dilation + 1. */
  readonly extent: number;
}
/** The windows of an internal op, axis by axis. */
export function axesOf(window: ResolvedWindow): readonly AxisAttributes[] {
  const rank = window.kernel_shape.length;
  return window.kernel_shape.map((kernel, i) => {
    const dilation = window.dilations[i] ?? 1;
    return {
      kernel,
      stride: window.strides[i] ?? 1,
      dilation,
      begin: window.pads[i] ?? 0,
      end: window.pads[i + rank] ?? 0,
      extent: extentOf(kernel, dilation),
    };
  });
}

/** The taps of a kernel, the last axis fastest: [0, 0], [0, 1], ... */
export function tapsOf(kernel: readonly number[]): readonly (readonly number[])[] {
  return kernel.reduce<readonly (readonly number[])[]>(
    (taps, k) => taps.flatMap((tap) => Array.from({ length: k }, (_, j) => [...tap, j])),
    [[]],
  );
}
/** The number of taps. */
export const volumeOf = (kernel: readonly number[]): number => kernel.reduce((n, k) => n * k, 1);
