/** A tensor carries its shape in its type; what goes wrong carries a message in its type. */
import type { DType } from "../ir/dtype.ts";
import type { Value } from "../ir/graph.ts";

/**
 * A float32 value of shape S in the graph that is being traced: a tuple of dims, `Dim[]` when the rank is unknown, or the
 * message of the rule that failed. S has no constraint on purpose: a shape that is still deferred inside a generic function
 * then needs no proof. At run time an unknown size is a text that starts with "?".
 */
export interface Tensor<S> {
  readonly shape: S;
  readonly dtype: "float32";
  readonly value: Value;
}
/** What flatten makes: a tensor that also knows how its last size came about, "32 * 7 * 7", for the message of a linear layer. */
export interface FlatTensor<S, J> extends Tensor<S> {
  /** Only in the type. */
  readonly joins?: J;
}
/** A value of another element type. */
export interface TypedTensor<S, D extends DType> {
  readonly shape: S;
  readonly dtype: D;
  readonly value: Value;
}
/** The tensor of a shape and an element type: `Tensor<S>` for float32. */
export type TensorOf<S, D extends DType> = D extends "float32" ? Tensor<S> : TypedTensor<S, D>;
/** A tensor of any shape and element type. */
export interface AnyTensor {
  readonly shape: unknown;
  readonly dtype: DType;
  readonly value: Value;
}

/**
 * T, or the message V when the rule V failed, so that the error stands on this very argument.
 *
 * Inside a generic function V is deferred, and T must still be accepted. The checker looks into a deferred conditional
 * with every type parameter replaced by a wildcard and skips the branch that cannot be taken even then. The second pair
 * is there for that: a wildcard V is a symbol too, so `1` meets `0` and the message branch is skipped. The message is inferred
 * anew, as M: type parameters are not inferred out of the rule then, and what the checker knows of an argument before it knows V, such as
 * that a list is a tuple, is read from T and `string` alone, not from the whole rule.
 */
export type Checked<T, V> = [V, 1] extends [string, [V] extends [symbol] ? 0 : 1] ? Told<V> : T;
type Told<V> = [V] extends [infer M extends string] ? M : never;

/** The number of axes of S; `number` when unknown. */
export type Length<S> = S extends { readonly length: infer L extends number } ? L : number;

/** What S is when a rule's tuple pattern does not match it: a message passed on, an unknown rank, or the wrong rank. */
export type Mismatch<Op extends string, S, Wanted extends string, Unranked> = S extends string
  ? S
  : number extends Length<S>
    ? Unranked
    : `${Op}: input has ${Length<S>} axes, but ${Wanted} are needed`;

/** The tensor of a value. Sound when S is the type-level twin of the rule that inferred the value's type. */
export function tensorOf<S>(value: Value): Tensor<S> {
  return { shape: value.type.shape, dtype: value.type.dtype, value } as unknown as Tensor<S>;
}
/** True for what `tensorOf` makes, in this copy of the package or another. */
export const isTensor = (x: unknown): x is AnyTensor =>
  typeof x === "object" &&
  x !== null &&
  "value" in x &&
  "shape" in x &&
  "dtype" in x &&
  typeof x.value === "object" &&
  x.value !== null &&
  "type" in x.value;
