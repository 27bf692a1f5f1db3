/** What a loss expects of the data, checked where the prediction's shape is known. */
import { type Dim, isUnknown } from "../ir/dim.ts";
import type { DType } from "../ir/dtype.ts";
import { RuleFault } from "../ir/op-schema.ts";
import { printShape, type Shape } from "../ir/shape.ts";
import type { Clash, Print, Show } from "./dim-types.ts";
import type { Loss, Targets } from "./loss/loss.ts";
import type { Checked, Length, Tensor } from "./tensor.ts";
import { check, enter, type Fault, operand } from "./trace.ts";

/** The element type of the targets of a loss. */
export type TargetDType<T> = T extends "classes" ? "int64" : "float32";
/** The shape of the targets of a prediction of shape S. */
export type TargetShape<S, T> = T extends "classes" ? (S extends readonly [infer N, unknown, ...infer R] ? [N, ...R] : S) : S;
type DTypeFault<Op extends string, T, D> = [Targets] extends [T]
  ? true
  : [D] extends [TargetDType<T>]
    ? true
    : `${Op}: this loss takes ${TargetDType<T>} targets, not ${D & string}`;
type ShapeFault<Op extends string, S, T, E> = S extends string
  ? S
  : [Targets] extends [T]
    ? true
    : Differs<TargetShape<S, T>, E> extends true
      ? `${Op}: this loss takes targets of ${Print<TargetShape<S, T>>}, not ${Print<E>}`
      : true;
type Differs<S, E> = number extends Length<S> | Length<E>
  ? false
  : Length<S> extends Length<E>
    ? true extends { [K in keyof E]: K extends keyof S ? Clash<S[K], E[K]> : true }[number & keyof E]
      ? true
      : false
    : true;
type ClassFault<Op extends string, S, K> = S extends readonly [unknown, infer C, ...unknown[]]
  ? Clash<C, K> extends true
    ? `${Op}: the prediction has ${Show<C>} classes, but the data has ${Show<K>}`
    : true
  : true;

/** What the data gives as targets. What does not fit a prediction of shape S and a loss of targets T turns into the type of its message. */
export interface TargetSpec<Op extends string, S, T, E extends Dim[], D, K> {
  shape: Checked<[...E], ShapeFault<Op, S, T, E>>;
  dtype: Checked<D, DTypeFault<Op, T, D>>;
  /** The classes in the data. */
  classes?: Checked<K, ClassFault<Op, S, K>>;
}

/**
 * Says what the data gives as targets: a type error, and a CompileError when the model is traced, where the loss takes another
 * element type or shape, or the head has another number of classes.
 */
export function expectTarget<S, T extends Targets, const E extends Dim[], D extends DType, K extends number = number>(
  prediction: Tensor<S>,
  loss: Loss<T>,
  target: TargetSpec<"expectTarget", S, T, E, D, K>,
): void {
  const call = enter("expectTarget", expectTarget, arguments);
  const value = operand(call, prediction);
  check(call, [value], targetFault(loss, value.type, target));
}
interface Given {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly classes?: number;
}
/** Sound because a `Checked` property is the property or an error that never runs. */
const given = (target: object): Given => target as Given;

/** What is wrong with targets for a loss on a prediction, or null; `target` is a TargetSpec. */
export function targetFault(loss: Loss, prediction: { readonly dtype: DType; readonly shape: Shape }, spec: object): Fault | null {
  const target = given(spec);
  try {
    const wanted = loss.target(prediction);
    if (wanted.dtype !== target.dtype) {
      const help = wanted.dtype === "int64" ? "give class numbers, one for each row" : "give numbers of the prediction's shape";
      return { code: "target-dtype", text: `this loss takes ${wanted.dtype} targets, not ${target.dtype}`, help };
    }
    const same = (d: Dim, e: Dim | undefined): boolean => d === e || isUnknown(d) || (e !== undefined && isUnknown(e));
    if (wanted.shape.length !== target.shape.length || !wanted.shape.every((d, i) => same(d, target.shape[i]))) {
      return { code: "target-shape", text: `this loss takes targets of ${printShape(wanted.shape)}, not ${printShape(target.shape)}` };
    }
    const c = prediction.shape[1];
    if (target.classes === undefined || typeof c !== "number" || c === target.classes) return null;
    const help = `make the head's outFeatures ${target.classes}`;
    return { code: "class-count", text: `the prediction has ${c} classes, but the data has ${target.classes}`, help };
  } catch (error) {
    if (error instanceof RuleFault) return { code: "target", text: error.message };
    throw error;
  }
}
