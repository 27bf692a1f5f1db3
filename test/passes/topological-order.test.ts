import fc from "fast-check";
import { expect, test } from "vitest";
import { topologicalOrder } from "../../src/passes/topological-order.ts";

test("the least rank comes first, behind what it depends on", () => {
  expect(topologicalOrder([[], [0], [], [1, 2]], [3, 0, 1, 2])).toEqual([2, 0, 1, 3]);
  expect(topologicalOrder([[1], [0], []], [0, 0, 0])).toEqual([2]);
});

test("any order keeps dependencies, and is the greedy one", () => {
  const graphs = fc.array(fc.tuple(fc.array(fc.nat(), { maxLength: 3 }), fc.nat({ max: 9 })), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(graphs, (entries) => {
      const dependencies = entries.map(([list], i) => (i === 0 ? [] : [...new Set(list.map((n) => n % i))]));
      const ranks = entries.map(([, rank]) => rank);
      const done = new Set<number>();
      for (const next of topologicalOrder(dependencies, ranks)) {
        const open = dependencies.flatMap((list, i) => (!done.has(i) && list.every((d) => done.has(d)) ? [i] : []));
        const [least] = open.toSorted((a, b) => (ranks[a] ?? 0) - (ranks[b] ?? 0) || a - b);
        expect(next).toBe(least);
        done.add(next);
      }
      expect(done.size).toBe(entries.length);
    }),
  );
});
