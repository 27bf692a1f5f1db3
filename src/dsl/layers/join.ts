/** Joining and splitting tensors. */
import type { Value } from "../../ir/graph.ts";
import type { After, Once } from "../layer.ts";
import { type Axis, type AxisFault, axisFault, axisOf, numeric } from "../shape-rules/axes.ts";
import {
  type Chunk,
  type ChunkFault,
  type ChunkSizes,
  type Piece,
  type Repeated,
  type SizeAt,
  type SplitFault,
  splitFault,
} from "../shape-rules/cut.ts";
import { dtypeFault } from "../shape-rules/dtype.ts";
import {
  type ConcatFault,
  type ConcatShape,
  type First,
  joinFault,
  type NewAxisFault,
  type StackFault,
  type StackShape,
} from "../shape-rules/join.ts";
import { type Positive, positive } from "../shape-rules/window.ts";
import type { Checked, Tensor } from "../tensor.ts";
import { add, addSeveral, type Call, check, enter, listOf, operand, result, within } from "../trace.ts";

/** Joins tensors along an axis; a type error stands at the tensor that does not fit the first. */
export function concat<L extends readonly unknown[], A extends number, Z = ConcatShape<L, A>, Y = Z>(
  tensors: readonly [...{ [K in keyof L]: Checked<Tensor<L[K]>, ConcatFault<L, K, A>> }],
  dim: Checked<A, AxisFault<"concat", First<L>, A>>,
): Tensor<Once<Z, Y>> {
  const call = enter("concat", concat, arguments);
  const values = operands(call, tensors);
  const rank = values[0]?.type.shape.length ?? 0;
  const axis = axisOf(rank, numeric(dim));
  check(
    call,
    values,
    axisFault(rank, numeric(dim)),
    joinFault(
      values.map((v) => v.type.shape),
      axis,
    ),
    dtypeFault(values.map((v) => v.type.dtype)),
  );
  return result(call, add(call, "Concat", values, { axis }));
}
/** Stacks tensors of one shape along a new axis. */
export function stack<L extends readonly unknown[], A extends number = 0, Z = StackShape<L, A>, Y = Z>(
  tensors: readonly [...{ [K in keyof L]: Checked<Tensor<L[K]>, StackFault<L, K>> }],
  dim?: Checked<A, NewAxisFault<"stack", First<L>, A>>,
): Tensor<Once<Z, Y>> {
  const call = enter("stack", stack, arguments);
  const values = operands(call, tensors);
  const rank = (values[0]?.type.shape.length ?? 0) + 1;
  check(
    call,
    values,
    axisFault(rank, numeric(dim ?? 0)),
    joinFault(
      values.map((v) => v.type.shape),
      -1,
    ),
    dtypeFault(values.map((v) => v.type.dtype)),
  );
  const axis = axisOf(rank, numeric(dim ?? 0));
  const rows = within(call, () => values.map((v) => call.builder.add("Unsqueeze", [v, call.builder.constant("int64", [axis])])));
  return result(call, add(call, "Concat", rows, { axis }));
}
function operands(call: Call, tensors: unknown): readonly Value[] {
  const list = listOf<unknown>(call, "the list of tensors is", tensors);
  check(call, [], list.length === 0 ? { code: "no-tensors", text: "the list of tensors is empty" } : null);
  return list.map((x, i) => operand(call, x, `tensor ${i}`));
}

/** Cuts an axis into pieces of the given sizes. */
export function split<S, const L extends readonly number[], A extends number>(
  x: Tensor<S>,
  sizes: Checked<L, SplitFault<S, L, A>>,
  dim: Checked<A, AxisFault<"split", S, A>>,
): Pieces<S, L, A> {
  const call = enter("split", split, arguments);
  const value = operand(call, x);
  const [rank, list] = [value.type.shape.length, listOf<number>(call, "the sizes are", sizes)];
  check(call, [value], axisFault(rank, numeric(dim)));
  const axis = axisOf(rank, numeric(dim));
  check(call, [value], splitFault(value.type.shape[axis], list, numeric(dim)));
  return pieces(call, addSeveral(call, "Split", [value, call.builder.constant("int64", list)], { axis }, list.length).outputs);
}
/** Sound because the op has as many outputs as there are sizes, and T lists the types that the rule gives them. */
const pieces = <T>(call: Call, values: readonly (Value | null)[]): T => values.flatMap((v) => (v === null ? [] : [result(call, v)])) as T;

/** Cuts an axis into at most n pieces of equal size, the last of which may be smaller. */
export function chunk<S, N extends number, A extends number>(
  x: Tensor<S>,
  chunks: Checked<N, Positive<"chunk: chunks", N>>,
  dim: Checked<A, ChunkFault<S, A>>,
): Chunks<S, N, A> {
  const call = enter("chunk", chunk, arguments);
  const value = operand(call, x);
  const rank = value.type.shape.length;
  check(call, [value], axisFault(rank, numeric(dim)), positive("chunks", chunks));
  const axis = axisOf(rank, numeric(dim));
  const size = value.type.shape[axis];
  if (typeof size !== "number") {
    const fault = {
      code: "symbolic-axis",
      text: `axis ${numeric(dim)} has ${size}, but must be a number`,
      help: "trace the model with a fixed size",
    };
    check(call, [value], fault);
    return pieces<Chunks<S, N, A>>(call, []);
  }
  const each = Math.max(1, Math.ceil(size / numeric(chunks)));
  const sizes = Array.from({ length: Math.max(1, Math.ceil(size / each)) }, (_, i) => Math.min(each, size - i * each));
  return pieces<Chunks<S, N, A>>(
    call,
    addSeveral(call, "Split", [value, call.builder.constant("int64", sizes)], { axis }, sizes.length).outputs,
  );
}
/**
 * What chunk gives: a tensor for each piece of an axis of known size. Of an unknown size, and in a generic function, it is as many as are
 * asked for; should there be fewer, the others are messages.
 */
export type Chunks<S, N extends number, A extends number> =
  ChunkSizes<SizeAt<S, Axis<S, A>>, N> extends infer L
    ? L extends readonly [number, ...number[]]
      ? Known<S, L, A>[keyof Known<S, L, A>]
      : Repeated<N> extends infer T extends unknown[]
        ? { -readonly [K in keyof T]: Tensor<After<S, [Chunk<N, K, A>]>> }
        : never
    : never;
// The key keeps this out of what the checker takes a deferred `Chunks` for: a tuple of N tensors, not a list of some.
type Known<S, L, A extends number> = L extends readonly [number, ...number[]] ? { readonly pieces: Pieces<S, L, A> } : never;
/** A tensor for each of the sizes L along axis A. */
type Pieces<S, L, A extends number> = { -readonly [K in keyof L]: Tensor<After<S, [Piece<L[K], A>]>> };
