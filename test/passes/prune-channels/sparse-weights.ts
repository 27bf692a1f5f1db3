/** Graphs with weights of which whole channels are zero. */
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Dim } from "../../../src/ir/dim.ts";
import type { Graph, Value } from "../../../src/ir/graph.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { numbersFrom } from "../same-outputs.ts";

/** Which weights are zero: positions along the first axis (outputs of a Conv, rows), and along the second one. */
export interface Zeros {
  readonly outputs?: readonly number[];
  readonly rows?: readonly number[];
  readonly inputs?: readonly number[];
  readonly columns?: readonly number[];
  /** Along the first axis, the positions that alone have weights for each of some positions of the second. */
  readonly only?: readonly [first: readonly number[], second: readonly number[]];
}
/** A weight without a zero but those that are asked for. */
export function weights(
  b: GraphBuilder,
  shape: readonly number[],
  { outputs = [], rows = [], inputs = [], columns = [], only }: Zeros = {},
): Value {
  const [, second = 1, ...kernel] = shape;
  const taps = kernel.reduce((n, d) => n * d, 1);
  const count = shape.reduce((n, d) => n * d, 1);
  const values = numbersFrom(b.nodes.length * 31 + count, count).map((v, i) => {
    const [p, q] = [Math.floor(i / (second * taps)), Math.floor(i / taps) % second];
    const isAlone = only?.[1].includes(q) === true && !only[0].includes(p);
    return [...outputs, ...rows].includes(p) || [...inputs, ...columns].includes(q) || isAlone ? 0 : v || 0.1;
  });
  return b.tensor("w", tensorFrom("float32", shape, values));
}
/** One number per channel. */
export const vector = (b: GraphBuilder, values: readonly number[]): Value => b.tensor("v", tensorFrom("float32", [values.length], values));
/** A graph from float32[N, 3, 8, 8] to what is built. */
export function graphOf(body: (b: GraphBuilder, x: Value) => Value, batch: Dim = "N"): Graph {
  const b = new GraphBuilder("G");
  b.output(body(b, b.input("x", { dtype: "float32", shape: [batch, 3, 8, 8] })), "y");
  return b.build();
}
