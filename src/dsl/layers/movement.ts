/** Moving and cutting axes. */
import type { After } from "../layer.ts";
import { type AxisFault, axisFault, axisOf } from "../shape-rules/axes.ts";
import type { IndexFault, Select, Slice } from "../shape-rules/cut.ts";
import { type Permute, type PermuteFault, permuteFault, type Transpose } from "../shape-rules/movement.ts";
import { type Pad, type PadFault, padFault, padsByAxis } from "../shape-rules/pad.ts";
import { show } from "../shape-rules/show.ts";
import { type Positive, positive } from "../shape-rules/window.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, check, enter, listOf, operand, result, within } from "../trace.ts";
import { settings, unknownFault } from "./options.ts";

/** Swaps two axes. */
export function transpose<S, A extends number, B extends number>(
  x: Tensor<S>,
  dim0: Checked<A, AxisFault<"transpose", S, A>>,
  dim1: Checked<B, AxisFault<"transpose", S, B>>,
): Tensor<After<S, [Transpose<A, B>]>> {
  const call = enter("transpose", transpose);
  const value = operand(call, x);
  const rank = value.type.shape.length;
  check(call, [value], axisFault(rank, Number(dim0)), axisFault(rank, Number(dim1)));
  const [a, b] = [axisOf(rank, Number(dim0)), axisOf(rank, Number(dim1))];
  const perm = Array.from({ length: rank }, (_, i) => (i === a ? b : i === b ? a : i));
  return result(call, add(call, "Transpose", [value], { perm }));
}
/** Reorders all axes: axis i of the result is axis dims[i] of x. */
export function permute<S, const D extends readonly number[]>(
  x: Tensor<S>,
  dims: Checked<readonly [...D], PermuteFault<S, D>>,
): Tensor<After<S, [Permute<D>]>> {
  const call = enter("permute", permute);
  const value = operand(call, x);
  const rank = value.type.shape.length;
  const given = listOf<number>(call, "the dims are", dims);
  const axes = given.map((d) => axisOf(rank, d));
  const range = given.map((d) => axisFault(rank, d)).find((f) => f !== null) ?? null;
  check(call, [value], given.length === rank ? range : null, permuteFault(rank, axes, given));
  return result(call, add(call, "Transpose", [value], { perm: axes }));
}

/** One position of an axis, which goes away. */
export function select<S, A extends number, I extends number>(
  x: Tensor<S>,
  dim: Checked<A, AxisFault<"select", S, A>>,
  index: Checked<I, IndexFault<S, A, I>>,
): Tensor<After<S, [Select<A>]>> {
  const call = enter("select", select);
  const value = operand(call, x);
  const rank = value.type.shape.length;
  check(call, [value], axisFault(rank, Number(dim)));
  const axis = axisOf(rank, Number(dim));
  const size = value.type.shape[axis];
  const at = Number(index);
  const outside = !Number.isSafeInteger(at) || (typeof size === "number" && (at < -size || at >= size));
  check(
    call,
    [value],
    outside ? { code: "index-range", text: `index ${at} is outside axis ${Number(dim)}, which has ${show(size)}` } : null,
  );
  return result(call, add(call, "Gather", [value, call.builder.constant("int64", at)], { axis }));
}
/** The positions of an axis from start (0) to before end (its size), both negative from the end, in steps. */
export function slice<S, A extends number, const F extends number = 0, const E extends number | null = null, const St extends number = 1>(
  x: Tensor<S>,
  dim: Checked<A, AxisFault<"slice", S, A>>,
  options: { start?: F; end?: E; step?: Checked<St, Positive<"slice: step", St>> } = {},
): Tensor<After<S, [Slice<A, F, E, St>]>> {
  const call = enter("slice", slice);
  const value = operand(call, x);
  const rank = value.type.shape.length;
  const o = settings<{ start: number; end: number | null; step: number }>(options, { start: 0, end: null, step: 1 });
  const axis = axisOf(rank, Number(dim));
  check(call, [value], unknownFault(options, o), axisFault(rank, Number(dim)), positive("step", o.step));
  const { builder } = call;
  const whole = (n: number): boolean => Number.isSafeInteger(n);
  check(
    call,
    [value],
    whole(o.start) && (o.end === null || whole(o.end))
      ? null
      : { code: "option-range", text: `start ${o.start} and end ${o.end} must be integers` },
  );
  const list = (n: number) => builder.constant("int64", [n]);
  return result(call, add(call, "Slice", [value, list(o.start), list(o.end ?? Number.POSITIVE_INFINITY), list(axis), list(o.step)]));
}

/** How pad fills. */
export interface PadOptions {
  mode?: "constant" | "reflect" | "replicate" | "circular";
  /** What constant padding is made of. */
  value?: number;
}
const modes = { constant: "constant", reflect: "reflect", replicate: "edge", circular: "wrap" } as const;

/** Adds to the last axes, [left, right, top, bottom, ...] as torch.nn.functional.pad; negative numbers cut. */
export function pad<S, const L extends readonly number[]>(
  x: Tensor<S>,
  sides: Checked<L, PadFault<S, L>>,
  options: PadOptions = {},
): Tensor<After<S, [Pad<L>]>> {
  const call = enter("pad", pad);
  const pads = listOf<number>(call, "the pads are", sides);
  const value = operand(call, x);
  const rank = value.type.shape.length;
  const wrong = pads.length % 2 !== 0 || pads.length > 2 * rank || pads.some((n) => !Number.isSafeInteger(n));
  check(
    call,
    [value],
    wrong ? { code: "pad", text: `pads are [${pads.join(", ")}], but must be an even number of integers, at most ${2 * rank}` } : null,
  );
  const { mode: name = "constant", value: filling = 0 } = options;
  const known = Object.hasOwn(modes, name)
    ? null
    : { code: "option-range", text: `mode is "${name}", but must be ${Object.keys(modes).join(", ")}` };
  check(call, [value], unknownFault(options, { mode: name, value: filling }), known, padFault(value.type.shape, pads, name));
  const mode = modes[name];
  const both = padsByAxis(rank, pads);
  const { builder } = call;
  const list = builder.constant("int64", [...both.map(([begin]) => begin), ...both.map(([, end]) => end)]);
  const fill = mode === "constant" ? within(call, () => builder.constant(value.type.dtype, filling)) : null;
  return result(call, add(call, "Pad", [value, list, fill], { mode }));
}
