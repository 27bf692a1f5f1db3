/** NumPy's broadcasting: types and known contents of elementwise ops. */
import type { Dim } from "../dim.ts";
import type { DType } from "../dtype.ts";
import type { Value } from "../graph.ts";
import { type Call, RuleFault } from "../op-schema.ts";
import type { OpType } from "../op-types.ts";
import { broadcastDim, type Shape, staticShape } from "../shape.ts";
import { inputAt } from "./call-inputs.ts";
import { settlerOf } from "./element-arithmetic.ts";

/** The shape that all shapes broadcast to, aligned at their last axes. Throws a RuleFault when two sizes clash. */
export function broadcastShapes(shapes: readonly Shape[], unknown: () => Dim): Shape {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.flatMap((s) => s[s.length - rank + axis] ?? []);
    return sizes.reduce((a, b) => {
      const size = broadcastDim(a, b);
      if (size === null)
        throw new RuleFault(
          "broadcast-mismatch",
          `axis ${axis}: ${a} and ${b} cannot be broadcast`,
          "make the sizes equal, or one of them 1",
        );
      return size === "unknown" ? unknown() : size;
    });
  });
}

/** True when one shape broadcasts to another, which stays as it is. */
export function broadcastsTo(from: Shape, to: Shape): boolean {
  const lead = to.length - from.length;
  const fits = (d: Dim, size: Dim): boolean => d === 1 || (size !== 1 && broadcastDim(d, size) !== null);
  return lead >= 0 && from.every((d, i) => fits(d, to[lead + i] ?? 1));
}

/** The inputs that are there. */
export const presentInputs = (call: { readonly inputs: readonly (Value | null)[] }): readonly Value[] =>
  call.inputs.filter((v) => v !== null);

/** An infer rule: all inputs broadcast; the element type is the one given, or the first input's. */
export const inferBroadcast =
  (dtype?: DType) =>
  (call: Call<OpType>): readonly [{ readonly dtype: DType; readonly shape: Shape }] => [
    {
      dtype: dtype ?? inputAt(call, 0).type.dtype,
      shape: broadcastShapes(
        presentInputs(call).map((v) => v.type.shape),
        call.unknown,
      ),
    },
  ];
/** An infer rule: the first input's type, or its shape with the element type given. */
export const inferLike =
  (dtype?: DType) =>
  (call: Call<OpType>): readonly [{ readonly dtype: DType; readonly shape: Shape }] => {
    const { type } = inputAt(call, 0);
    return [{ dtype: dtype ?? type.dtype, shape: type.shape }];
  };

/** The elements of broadcast inputs, combined position by position, in a list that is used again; null when one is not known. */
export function broadcastElements(inputs: readonly Value[], compute: (elements: readonly Dim[]) => Dim | null): readonly Dim[] | null {
  const operands: { readonly shape: readonly number[]; readonly elements: readonly Dim[] }[] = [];
  for (const { type, elements } of inputs) {
    const shape = staticShape(type.shape);
    if (elements === null || shape === null) return null;
    operands.push({ shape, elements });
  }
  const shapes = operands.map((operand) => operand.shape);
  const shape = staticShape(broadcastShapes(shapes, () => "?"));
  if (shape === null) return null;
  const offsets = shapes.map((s) => offsetsOf(s, shape));
  const out: Dim[] = [];
  const count = shape.reduce((n, d) => n * d, 1);
  // One list for all positions, since there may be millions.
  const taken: Dim[] = operands.map(() => Number.NaN);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < operands.length; k++) taken[k] = operands[k]?.elements[offsets[k]?.[i] ?? 0] ?? Number.NaN;
    const result = compute(taken);
    if (result === null) return null;
    out.push(result);
  }
  return out;
}
/** For each position of `target`, row-major, the flat position in a tensor that was broadcast to it. */
export function offsetsOf(shape: readonly number[], target: readonly number[]): Uint32Array {
  const lead = target.length - shape.length;
  const strides = target.map((_, axis) => ((shape[axis - lead] ?? 1) === 1 ? 0 : shape.slice(axis - lead + 1).reduce((n, d) => n * d, 1)));
  const offsets = new Uint32Array(target.reduce((n, d) => n * d, 1));
  let filled = 1;
  // From the last axis on: the offsets of the axes behind, repeated for each position of this one.
  for (let axis = target.length - 1; axis >= 0; axis--) {
    const [size, stride] = [target[axis] ?? 1, strides[axis] ?? 0];
    for (let p = 1, i = filled; p < size; p++) for (let j = 0; j < filled; j++, i++) offsets[i] = (offsets[j] ?? 0) + p * stride;
    filled *= size;
  }
  return offsets;
}

/** An evaluate rule that computes over broadcast inputs; the element type is the one given, or the first input's. */
export const evaluateBroadcast =
  (compute: (elements: readonly Dim[], inputs: DType) => Dim | null, dtype?: DType) =>
  (call: Call<OpType>): readonly (readonly Dim[] | null)[] => {
    const own = inputAt(call, 0).type.dtype;
    const settle = settlerOf(dtype ?? own);
    return [broadcastElements(presentInputs(call), (elements) => settle(compute(elements, own)))];
  };
/** An evaluate rule that picks one of the broadcast inputs' elements, as it is. */
export const evaluateChoice =
  (choose: (elements: readonly Dim[]) => Dim | null) =>
  (call: Call<OpType>): readonly (readonly Dim[] | null)[] => [broadcastElements(presentInputs(call), choose)];
/** An evaluate rule over two broadcast inputs. */
export const evaluateBinary = (compute: (a: Dim, b: Dim, inputs: DType) => Dim | null, dtype?: DType) =>
  evaluateBroadcast(([a, b], own) => (a === undefined || b === undefined ? null : compute(a, b, own)), dtype);
/** An evaluate rule over the first input. */
export const evaluateUnary = (compute: (a: Dim) => Dim | null, dtype?: DType) =>
  evaluateBroadcast(([a]) => (a === undefined ? null : compute(a)), dtype);
