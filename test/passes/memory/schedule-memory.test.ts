import fc from "fast-check";
import { crossEntropy, sgd } from "striate";
import { expect, test } from "vitest";
import { resnet18 } from "../../../models/resnet.ts";
import { compileTraining } from "../../../src/compile/index.ts";
import { verify } from "../../../src/ir/verify.ts";
import { peakMemory, scheduleForMemory } from "../../../src/passes/index.ts";
import { feedsFor, run } from "../same-outputs.ts";
import { program, randomGraph } from "./random-graph.ts";

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
