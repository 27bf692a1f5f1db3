/** Moving and cutting axes. */
import type { After, Once } from "../layer.ts";
import { type AxisFault, axisFault, axisOf, numeric } from "../shape-rules/axes.ts";
import type { IndexFault, Select, Slice } from "../shape-rules/cut.ts";
import { type Permute, type PermuteFault, permuteFault, type Transpose } from "../shape-rules/movement.ts";
import { type Pad, type PadFault, padFault, padsByAxis } from "../shape-rules/pad.ts";
import { show, shown } from "../shape-rules/show.ts";
import { type Positive, positive } from "../shape-rules/window.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, check, enter, listOf, operand, result, within } from "../trace.ts";
import { optionsFault, settings } from "./options.ts";

/** Swaps two axes. */
export function transpose<S, A extends number, B extends number>(
  x: Tensor<S>,
  dim0: Checked<A, AxisFault<"transpose", S, A>>,
  dim1: Checked<B, AxisFault<"transpose", S, B>>,
): Tensor<After<S, [Transpose<A, B>]>> {
  const call = enter("transpose", transpose, arguments);
  const value = operand(call, x);
  const rank = value.type.shape.length;
  check(call, [value], axisFault(rank, numeric(dim0)), axisFault(rank, numeric(dim1)));
  const [a, b] = [axisOf(rank, numeric(dim0)), axisOf(rank, numeric(dim1))];
  const perm = Array.from({ length: rank }, (_, i) => (i === a ? b : i === b ? a : i));
  return result(call, add(call, "Transpose", [value], { perm }));
}
/** Reorders all axes: axis i of the result is axis dims[i] of x. */
export function permute<S, const D extends readonly number[], Z = After<S, [Permute<D>]>, Y = Z>(
  x: Tensor<S>,
  dims: Checked<readonly [...D], PermuteFault<S, D>>,
): Tensor<Once<Z, Y>> {
  const call = enter("permute", permute, arguments);
  const value = operand(call, x);
  const rank = value.type.shape.length;
  const given = listOf<unknown>(call, "the dims are", dims).map(numeric);
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
  const call = enter("select", select, arguments);
  const value = operand(call, x);
  const rank = value.type.shape.length;
  check(call, [value], axisFault(rank, numeric(dim)));
  const axis = axisOf(rank, numeric(dim));
  const size = value.type.shape[axis];
  const at = numeric(index);
  const outside = !Number.isSafeInteger(at) || (typeof size === "number" && (at < -size || at >= size));
  check(
    call,
    [value],
    outside ? { code: "index-range", text: `index ${shown(index)} is outside axis ${numeric(dim)}, which has ${show(size)}` } : null,
  );
  return result(call, add(call, "Gather", [value, call.builder.constant("int64", at)], { axis }));
}
/** The positions of an axis from start (0) to before end (its size), both negative from the end, in steps. */
export function slice<S, A extends number, const F extends number = 0, const E extends number | null = null, const St extends number = 1>(
  x: Tensor<S>,
  dim: Checked<A, AxisFault<"slice", S, A>>,
  options?: { start?: F; end?: E; step?: Checked<St, Positive<"slice: step", St>> },
): Tensor<After<S, [Slice<A, F, E, St>]>> {
  const call = enter("slice", slice, arguments);
  const value = operand(call, x);
  const rank = value.type.shape.length;
  const o = settings<{ start: number; end: number | null; step: number }>(options, { start: 0, end: null, step: 1 });
  const axis = axisOf(rank, numeric(dim));
  check(call, [value], optionsFault(options, o));
  check(call, [value], axisFault(rank, numeric(dim)), positive("step", o.step));
  const { builder } = call;
  const whole = (n: number): boolean => Number.isSafeInteger(n);
  check(
    call,
    [value],
    whole(o.start) && (o.end === null || whole(o.end))
      ? null
      : { code: "option-range", text: `start ${shown(o.start)} and end ${shown(o.end)} must be integers` },
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
  options?: PadOptions,
): Tensor<After<S, [Pad<L>]>> {
  const call = enter("pad", pad, arguments);
  const pads = listOf<number>(call, "the pads are", sides);
  const value = operand(call, x);
  const rank = value.type.shape.length;
  const wrong = pads.length % 2 !== 0 || pads.length > 2 * rank || pads.some((n) => !Number.isSafeInteger(n));
  check(
    call,
    [value],
    wrong ? { code: "pad", text: `pads are ${shown(pads)}, but must be an even number of integers, at most ${2 * rank}` } : null,
  );
  const o = settings<{ mode: keyof typeof modes; value: number }>(options, { mode: "constant", value: 0 });
  const { mode: name, value: filling } = o;
  const known = Object.hasOwn(modes, name)
    ? null
    : { code: "option-range", text: `mode is ${shown(name)}, but must be ${Object.keys(modes).join(", ")}` };
  check(call, [value], optionsFault(options, o));
  check(call, [value], known, padFault(value.type.shape, pads, name));
  const mode = modes[name];
  const both = padsByAxis(rank, pads);
  const { builder } = call;
  const list = builder.constant("int64", [...both.map(([begin]) => begin), ...both.map(([, end]) => end)]);
  const fill = mode === "constant" ? within(call, () => builder.constant(value.type.dtype, filling)) : null;
  return result(call, add(call, "Pad", [value, list, fill], { mode }));
}
