/** Arithmetic per channel, axis 1 of [N, C, ...spatial]. */
import type { GraphBuilder } from "../builder.ts";
import { formulas } from "../formulas.ts";
import type { Value } from "../graph.ts";

/** All axes but the channels': 0, 2, 3, ... */
export const allButChannels = (rank: number): readonly number[] => [0, ...Array.from({ length: Math.max(rank - 2, 0) }, (_, i) => i + 2)];

/** The sum over all axes but the channels': T[N, C, ...] -> T[C]. */
export const sumPerChannel = (b: GraphBuilder, x: Value): Value => formulas(b).reduceSum(x, allButChannels(x.type.shape.length));

/** A vector per channel in a form that broadcasts over [N, C, ...spatial]: T[C] -> T[C, 1, 1]. */
export function alongChannels(b: GraphBuilder, vector: Value, rank: number): Value {
  return rank <= 2 ? vector : formulas(b).reshape(vector, [-1, ...Array.from({ length: rank - 2 }, () => 1)]);
}
