import fc from "fast-check";
import { crossEntropy, sgd } from "striate";
import { expect, test } from "vitest";
import { resnet18 } from "../../models/resnet.ts";
import { compileTraining } from "../../src/compile/index.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph, Value } from "../../src/ir/graph.ts";
import { verify } from "../../src/ir/verify.ts";
import { peakMemory, scheduleForMemory } from "../../src/passes/index.ts";
import { feedsFor, run } from "./same-outputs.ts";

const program = fc.array(fc.record({ op: fc.constantFrom("Tanh", "Add", "Mul", "Sub"), x: fc.nat(), y: fc.nat() }), {
  minLength: 2,
  maxLength: 25,
});
function randomGraph(list: typeof program extends fc.Arbitrary<infer T> ? T : never, kept: readonly number[]): Graph {
  const b = new GraphBuilder("G");
  const values: Value[] = [b.input("x", { dtype: "float32", shape: ["N", 4] }), b.input("w", { dtype: "float32", shape: [4] })];
  const pick = (i: number): Value => values[i % values.length] ?? b.constant("float32", 1);
  for (const { op, x, y } of list) values.push(op === "Tanh" ? b.add(op, [pick(x)]) : b.add(op, [pick(x), pick(y)]));
  b.output(values.at(-1) ?? pick(0), "last");
  for (const [k, i] of kept.entries()) b.output(pick(i), `out${k}`);
  return b.build();
}

test("a schedule is sound, computes the same, and never needs more memory", async () => {
  const sizes = new Map([["N", 2]]);
  await fc.assert(
    fc.asyncProperty(program, fc.array(fc.nat(), { maxLength: 4 }), async (list, kept) => {
      const before = randomGraph(list, kept);
      const after = scheduleForMemory(before, { memory: { sizes } }).graph;
      expect(verify(after)).toEqual([]);
      expect(new Set(after.nodes)).toEqual(new Set(before.nodes));
      expect(peakMemory(after, sizes)).toBeLessThanOrEqual(peakMemory(before, sizes));
      const feeds = feedsFor(before, { N: 2 });
      expect(await run(after, feeds)).toEqual(await run(before, feeds));
    }),
    { numRuns: 40, seed: 6 },
  );
});

test("ResNet-18's step needs a sixth less at a batch of 8 and 224 x 224", () => {
  const { graph } = compileTraining(resnet18({ numClasses: 10 }), {
    loss: crossEntropy(),
    optimizer: sgd({ momentum: 0.9 }),
    shapes: { input: [8, 3, 224, 224] },
    passes: { without: ["schedule"] },
  });
  const sizes = new Map<string, number>();
  expect(peakMemory(scheduleForMemory(graph).graph, sizes)).toBeLessThan((5 / 6) * 1.01 * peakMemory(graph, sizes));
});
