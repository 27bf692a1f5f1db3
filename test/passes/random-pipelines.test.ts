import fc from "fast-check";
import { expect, test } from "vitest";
import { relativeError } from "../../src/cli/running/verify-passes.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { formulas } from "../../src/ir/formulas.ts";
import type { Graph, Value } from "../../src/ir/graph.ts";
import { printGraph } from "../../src/ir/print.ts";
import { tensorFrom } from "../../src/ir/tensor-data.ts";
import { optimize, pipelines } from "../../src/passes/index.ts";
import { feedsFor, numbersFrom, run } from "./same-outputs.ts";

/** All values have the shape [N, 2, 4, 4]. */
type Step = (b: GraphBuilder, x: Value, y: Value, seed: number) => Value;
const weights = (b: GraphBuilder, seed: number, shape: readonly number[]): Value => {
  const count = shape.reduce((n, d) => n * d, 1);
  return b.tensor(`w${seed}`, tensorFrom("float32", shape, numbersFrom(seed, count)));
};
const ints = (b: GraphBuilder, ...list: readonly number[]): Value => b.constant("int64", list);
const steps: Readonly<Record<string, Step>> = {
  relu: (b, x) => b.add("Relu", [x]),
  tanh: (b, x) => b.add("Tanh", [x]),
  negate: (b, x) => b.add("Neg", [x]),
  add: (b, x, y) => b.add("Add", [x, y]),
  multiply: (b, x, y) => b.add("Mul", [b.add("Tanh", [x]), y]),
  subtractNegative: (b, x, y) => b.add("Sub", [x, b.add("Neg", [y])]),
  one: (b, x) => formulas(b).mul(x, 1),
  scale: (b, x, _, seed) => b.add("Mul", [weights(b, seed, [2, 1, 1]), x]),
  shift: (b, x, _, seed) => b.add("Sub", [x, weights(b, seed, [1, 2, 1, 1])]),
  divide: (b, x) => formulas(b).div(x, 3),
  square: (b, x) => formulas(b).pow(b.add("Tanh", [x]), 2),
  convolve: (b, x, _, seed) => b.add("Conv", [x, weights(b, seed, [2, 2, 3, 3])], { pads: [1, 1, 1, 1] }),
  padConvolve: (b, x, _, seed) => b.add("Conv", [b.add("Pad", [x, ints(b, 0, 0, 1, 0, 0, 0, 1, 2)]), weights(b, seed, [2, 2, 3, 3])]),
  padAverage: (b, x) => b.add("AveragePool", [b.add("Pad", [x, ints(b, 0, 0, 1, 1, 0, 0, 0, 0)])], { kernel_shape: [2, 2] }),
  padMaximum: (b, x) => b.add("MaxPool", [b.add("Pad", [x, ints(b, 0, 0, 1, 1, 0, 0, 0, 0)])], { kernel_shape: [2, 2] }),
  normalize: (b, x, _, seed) =>
    b.add("BatchNormalization", [
      x,
      weights(b, seed, [2]),
      weights(b, seed + 1, [2]),
      weights(b, seed + 2, [2]),
      b.constant("float32", [1, 2]),
    ]),
  pointwise: (b, x, _, seed) => b.add("Conv", [x, weights(b, seed, [2, 2, 1, 1])]),
  branch: (b, x, _, seed) =>
    b.add("Add", [
      b.add("Conv", [x, weights(b, seed, [2, 2, 3, 3])], { pads: [1, 1, 1, 1] }),
      b.add("Conv", [x, weights(b, seed + 1, [2, 2, 1, 1])]),
    ]),
  transpose: (b, x) => b.add("Transpose", [x], { perm: [0, 1, 3, 2] }),
  throughNhwc: (b, x, _, seed) => {
    const nhwc = b.add("Mul", [b.add("Transpose", [x], { perm: [0, 2, 3, 1] }), weights(b, seed, [1, 1, 1, 2])]);
    return b.add("Transpose", [b.add("Tanh", [nhwc])], { perm: [0, 3, 1, 2] });
  },
  flatten: (b, x) => formulas(b).reshape(b.add("Flatten", [x]), [-1, 2, 4, 4]),
  unsqueeze: (b, x) => b.add("Squeeze", [b.add("Unsqueeze", [x, ints(b, 2)]), ints(b, 2)]),
  joinAndCut: (b, x, y) => {
    const [first, second] = b.addMany("Split", [b.add("Concat", [x, y], { axis: 1 }), ints(b, 2, 2)], { axis: 1 }, 2);
    return b.add("Sub", [first ?? x, second ?? y]);
  },
  padAndSlice: (b, x) => b.add("Slice", [b.add("Pad", [x, ints(b, 0, 0, 2, 0, 0, 0, 0, 0)]), ints(b, 0), ints(b, -2), ints(b, 2)]),
  sliceTwice: (b, x) => {
    const wide = b.add("Concat", [x, x, x], { axis: 3 });
    return b.add("Slice", [b.add("Slice", [wide, ints(b, 1), ints(b, 11), ints(b, 3)]), ints(b, 1), ints(b, 9), ints(b, -1), ints(b, 2)]);
  },
  roll: (b, x) => {
    const cut = (from: number, to: number): Value => b.add("Slice", [x, ints(b, from), ints(b, to), ints(b, 3)]);
    return b.add("Concat", [cut(1, 4), cut(0, 1)], { axis: 3 });
  },
  takeApart: (b, x) => {
    const pieces = b.add("Transpose", [b.add("Reshape", [x, ints(b, 0, 0, 2, 2, 4)])], { perm: [2, 0, 1, 3, 4] });
    const piece = (i: number): Value => b.add("Gather", [pieces, b.constant("int64", i)]);
    return b.add("Concat", [piece(1), piece(0)], { axis: 2 });
  },
  throughStack: (b, x) => {
    const stacked = b.add("Transpose", [formulas(b).reshape(x, [-1, 4, 4])], { perm: [1, 0, 2] });
    return b.add("Transpose", [formulas(b).reshape(stacked, [4, -1, 2, 4])], { perm: [1, 2, 0, 3] });
  },
  moveUnit: (b, x) => b.add("Squeeze", [b.add("Transpose", [b.add("Unsqueeze", [x, ints(b, 0)])], { perm: [1, 2, 0, 3, 4] }), ints(b, 2)]),
  unshuffle: (b, x, _, seed) => {
    const deep = b.add("Gather", [b.add("SpaceToDepth", [x], { blocksize: 2 }), ints(b, 0, 2, 4, 6, 1, 3, 5, 7)], { axis: 1 });
    return b.add("DepthToSpace", [b.add("Conv", [deep, weights(b, seed, [8, 8, 1, 1])])], { blocksize: 2 });
  },
  takeFrom: (b, x, _, seed) => b.add("Sub", [weights(b, seed, [2, 1, 1]), x]),
  negateDifference: (b, x, y) => b.add("Neg", [b.add("Sub", [x, y])]),
  negateFactors: (b, x, y) => b.add("Mul", [b.add("Neg", [b.add("Tanh", [x])]), b.add("Neg", [y])]),
  // Filters of zeros, and one that is only a bias.
  sparse: (b, x, _, seed) => {
    const wide = [0, 1, 2, 3].flatMap((filter) => numbersFrom(seed + filter, 18).map((v) => (filter % 3 === 0 ? v : 0)));
    const bias = b.constant("float32", [0.1, 0, 0.3, 0.2]);
    const stem = b.add("Conv", [x, b.tensor("w", tensorFrom("float32", [4, 2, 3, 3], wide)), bias], { pads: [1, 1, 1, 1] });
    return b.add("Conv", [b.add("Relu", [stem]), weights(b, seed, [2, 4, 1, 1])]);
  },
  inARow: (b, x, _, seed) => {
    const wide = b.add("Conv", [x, weights(b, seed, [8, 2, 1, 1])]);
    return b.add("Conv", [wide, weights(b, seed + 1, [2, 8, 3, 3])], { pads: [1, 1, 1, 1] });
  },
  throughDouble: (b, x) => formulas(b).cast(formulas(b).cast(x, "float64"), "float32"),
};

const program = fc.array(fc.record({ op: fc.constantFrom(...Object.keys(steps)), x: fc.nat(), y: fc.nat() }), {
  minLength: 2,
  maxLength: 9,
});
function randomGraph(list: typeof program extends fc.Arbitrary<infer T> ? T : never, kept: readonly number[]): Graph {
  const b = new GraphBuilder("G");
  const x = b.input("x", { dtype: "float32", shape: ["N", 2, 4, 4] });
  const values: Value[] = [x];
  // The newest value more often than the others, so that chains grow.
  const pick = (i: number): Value => values[Math.max(0, values.length - 1 - (i % (2 * values.length)))] ?? x;
  list.forEach(({ op, x: first, y }, i) => {
    const made = steps[op]?.(b, pick(first), pick(y), 10 * i + 1);
    if (made !== undefined) values.push(made);
  });
  b.output(values.at(-1) ?? x, "last");
  kept.forEach((i, k) => {
    b.output(pick(i), `out${k}`);
  });
  return b.build();
}

const passes = pipelines.inference.all;
/** How many graphs are tried: more by STRIATE_RUNS, a factor. */
const runs = (few: number): number => few * Number(process.env["STRIATE_RUNS"] ?? 1);

test("random networks keep their outputs through any passes in any order", async () => {
  await fc.assert(
    fc.asyncProperty(
      program,
      fc.array(fc.nat(), { maxLength: 2 }),
      fc.shuffledSubarray([...passes, ...passes]),
      async (list, kept, chosen) => {
        const before = randomGraph(list, kept);
        const after = chosen.reduce((graph, [, pass]) => pass(graph).graph, before);
        await expectAlike(before, after);
      },
    ),
    { numRuns: runs(150), seed: 7 },
  );
});

test("the whole pipeline comes to rest, has no more nodes, and makes the same text of the same graph", async () => {
  await fc.assert(
    fc.asyncProperty(program, fc.array(fc.nat(), { maxLength: 2 }), async (list, kept) => {
      const before = randomGraph(list, kept);
      const { graph } = optimize(before);
      expect(graph.nodes.length).toBeLessThanOrEqual(before.nodes.length);
      expect(optimize(graph).graph).toBe(graph);
      expect(printGraph(optimize(randomGraph(list, kept)).graph)).toBe(printGraph(graph));
      await expectAlike(before, graph);
    }),
    { numRuns: runs(100), seed: 3 },
  );
});

async function expectAlike(before: Graph, after: Graph): Promise<void> {
  expect(after.outputs.map((v) => v.name)).toEqual(before.outputs.map((v) => v.name));
  const feeds = feedsFor(before, { N: 2 });
  const [expected, actual] = [await run(before, feeds), await run(after, feeds)];
  // Weights rounded once more in each of up to nine layers.
  for (const [name, tensor] of expected) expect(relativeError(actual.get(name), tensor)).toBeLessThan(1e-5);
}

/** Passes of which one rule makes what another one, or itself, takes up: the pipeline runs them again until nothing changes. */
const takeSeveralTurns: readonly string[] = ["merge-branches", "merge-linear", "merge-movement", "reduce-strength"];

test("every pass leaves its own result as it is, but those that are known to take several turns", () => {
  const found = new Set<string>();
  fc.assert(
    fc.property(program, fc.array(fc.nat(), { maxLength: 2 }), (list, kept) => {
      const before = randomGraph(list, kept);
      for (const [name, pass] of passes) {
        const once = pass(before).graph;
        if (pass(once).graph !== once) found.add(name);
      }
    }),
    { numRuns: runs(200), seed: 11 },
  );
  expect([...found].filter((name) => !takeSeveralTurns.includes(name))).toEqual([]);
});
