/** Random graphs whose nodes could run in many orders. */
import fc from "fast-check";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Graph, Value } from "../../../src/ir/graph.ts";

/** Random chains of elementwise nodes: which op reads which of the values so far. */
export const program = fc.array(fc.record({ op: fc.constantFrom("Tanh", "Add", "Mul", "Sub"), x: fc.nat(), y: fc.nat() }), {
  minLength: 2,
  maxLength: 25,
});
/** The graph of a program, with some of its values as further outputs. */
export function randomGraph(list: typeof program extends fc.Arbitrary<infer T> ? T : never, kept: readonly number[]): Graph {
  const b = new GraphBuilder("G");
  const values: Value[] = [b.input("x", { dtype: "float32", shape: ["N", 4] }), b.input("w", { dtype: "float32", shape: [4] })];
  const pick = (i: number): Value => values[i % values.length] ?? b.constant("float32", 1);
  for (const { op, x, y } of list) values.push(op === "Tanh" ? b.add(op, [pick(x)]) : b.add(op, [pick(x), pick(y)]));
  b.output(values.at(-1) ?? pick(0), "last");
  for (const [k, i] of kept.entries()) b.output(pick(i), `out${k}`);
  return b.build();
}
