import fc from "fast-check";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Graph, Value } from "../../../src/ir/graph.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { pruneChannels } from "../../../src/passes/index.ts";
import { difference } from "../../support/compare.ts";
import { feedsFor, numbersFrom, run } from "../same-outputs.ts";

/** How a step's weights are: which positions are zero, by a seed, and whether what is added is. */
interface Sparsity {
  readonly seed: number;
  readonly filters: number;
  readonly inputs: number;
  readonly bias: boolean;
}
/** Weights of which about `filters` of ten positions along the first axis are zero, and `inputs` of ten along the second. */
function sparse(b: GraphBuilder, shape: readonly number[], { seed, filters, inputs }: Sparsity): Value {
  const [first = 1, second = 1, ...kernel] = shape;
  const taps = kernel.reduce((n, d) => n * d, 1);
  const chance = numbersFrom(seed, first + second).map((v) => 5 * (v + 1));
  const values = numbersFrom(seed + 1, first * second * taps).map((v, i) => {
    const [p, q] = [Math.floor(i / (second * taps)), Math.floor(i / taps) % second];
    return (chance[p] ?? 0) < filters || (chance[first + q] ?? 0) < inputs ? 0 : v;
  });
  return b.tensor("w", tensorFrom("float32", shape, values));
}
function perChannel(b: GraphBuilder, count: number, { seed, filters, bias }: Sparsity): Value {
  const chance = numbersFrom(seed, count).map((v) => 5 * (v + 1));
  const values = numbersFrom(seed + 2, count).map((v, c) => ((chance[c] ?? 0) < filters && !bias ? 0 : v));
  return b.tensor("v", tensorFrom("float32", [count], values));
}
const positive = (b: GraphBuilder, count: number, seed: number): Value =>
  b.tensor(
    "p",
    tensorFrom(
      "float32",
      [count],
      numbersFrom(seed, count).map((v) => Math.abs(v) + 0.5),
    ),
  );
const channelsOf = (x: Value): number => Number(x.type.shape[1]);

/** Steps from [2, C, 5, 5] to [2, C', 5, 5]; y is another such value. */
type Step = (b: GraphBuilder, x: Value, y: Value, s: Sparsity) => Value;
const convolve =
  (kernel: number, pad: number, outputs: number): Step =>
  (b, x, _, s) => {
    const inputs = [x, sparse(b, [outputs, channelsOf(x), kernel, kernel], s), perChannel(b, outputs, s)];
    return b.add("Conv", inputs, { pads: [pad, pad, pad, pad] });
  };
const steps: Readonly<Record<string, Step>> = {
  pointwise: convolve(1, 0, 6),
  narrow: convolve(1, 0, 4),
  padded: convolve(3, 1, 6),
  unpadded: (b, x, y, s) => b.add("Pad", [convolve(3, 0, 6)(b, x, y, s), b.constant("int64", [0, 0, 1, 1, 0, 0, 1, 1])]),
  grouped: (b, x, _, s) => b.add("Conv", [x, sparse(b, [4, channelsOf(x) / 2, 1, 1], s), perChannel(b, 4, s)], { group: 2 }),
  depthwise: (b, x, _, s) => {
    const c = channelsOf(x);
    return b.add("Conv", [x, sparse(b, [2 * c, 1, 3, 3], s), perChannel(b, 2 * c, s)], { group: c, pads: [1, 1, 1, 1] });
  },
  transposed: (b, x, _, s) =>
    b.add("ConvTranspose", [x, sparse(b, [channelsOf(x), 6, 3, 3], s), perChannel(b, 6, s)], { pads: [1, 1, 1, 1] }),
  relu: (b, x) => b.add("Relu", [x]),
  sigmoid: (b, x) => b.add("Sigmoid", [x]),
  hardSwish: (b, x) => b.add("HardSwish", [x]),
  normalize: (b, x, _, s) => {
    const c = channelsOf(x);
    const [gamma, beta] = [perChannel(b, c, { ...s, bias: false }), perChannel(b, c, s)];
    return b.add("BatchNormalization", [x, gamma, beta, perChannel(b, c, s), positive(b, c, s.seed + 3)]);
  },
  scale: (b, x, _, s) => b.add("Mul", [x, b.add("Unsqueeze", [perChannel(b, channelsOf(x), s), b.constant("int64", [1, 2])])]),
  add: (b, x, y) => (channelsOf(x) === channelsOf(y) ? b.add("Add", [x, y]) : x),
  gate: (b, x, y) => b.add("Mul", [x, channelsOf(x) === channelsOf(y) ? b.add("GlobalAveragePool", [y]) : b.constant("float32", 2)]),
  join: (b, x, y) => (channelsOf(x) + channelsOf(y) > 16 ? x : b.add("Concat", [x, y], { axis: 1 })),
  average: (b, x, _, s) => b.add("AveragePool", [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: s.seed % 2 }),
  maximum: (b, x) => b.add("MaxPool", [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
  slice: (b, x) => b.add("Slice", [x, b.constant("int64", [1]), b.constant("int64", [-1]), b.constant("int64", [1])]),
  split: (b, x, _, s) => b.addMany("Split", [x], { axis: 1, num_outputs: 2 }, 2)[s.seed % 2] ?? x,
  shuffle: (b, x) => {
    const c = channelsOf(x);
    const groups = b.add("Transpose", [b.add("Reshape", [x, b.constant("int64", [0, 2, c / 2, 5, 5])])], { perm: [0, 2, 1, 3, 4] });
    return b.add("Reshape", [groups, b.constant("int64", [0, c, 5, 5])]);
  },
};
const program = fc.array(
  fc.record({
    op: fc.constantFrom(...Object.keys(steps)),
    y: fc.nat(),
    sparsity: fc.record({ seed: fc.nat(1e6), filters: fc.constantFrom(0, 3, 5, 10), inputs: fc.constantFrom(0, 3, 5), bias: fc.boolean() }),
  }),
  { minLength: 3, maxLength: 10 },
);
function randomGraph(list: typeof program extends fc.Arbitrary<infer T> ? T : never): Graph {
  const b = new GraphBuilder("G");
  const x = b.input("x", { dtype: "float32", shape: ["N", 4, 5, 5] });
  const dense: Sparsity = { seed: 5, filters: 3, inputs: 0, bias: true };
  const values: Value[] = [b.add("Conv", [x, sparse(b, [6, 4, 3, 3], dense)], { pads: [1, 1, 1, 1] })];
  for (const { op, y, sparsity } of list) {
    const [newest = x, other = x] = [values.at(-1), values[y % values.length]];
    // Two channels at least, and an even number for groups.
    const made =
      channelsOf(newest) % 2 === 0 || !["grouped", "split", "shuffle"].includes(op) ? steps[op]?.(b, newest, other, sparsity) : undefined;
    if (made !== undefined && channelsOf(made) > 2 && channelsOf(made) <= 24) values.push(made);
  }
  const last = values.at(-1) ?? x;
  const flat = b.add("Gemm", [
    b.add("Flatten", [last]),
    sparse(b, [25 * channelsOf(last), 5], { ...dense, seed: 9 }),
    perChannel(b, 5, dense),
  ]);
  b.output(b.add("Gemm", [b.add("Tanh", [flat]), sparse(b, [5, 3], { ...dense, seed: 8 })]), "y");
  return b.build();
}

test("random networks with random channels of zeros keep their outputs, and what is left is not pruned again", async () => {
  let changed = 0;
  await fc.assert(
    fc.asyncProperty(program, async (list) => {
      const before = randomGraph(list);
      const { graph } = pruneChannels(before);
      if (graph === before) return;
      changed++;
      expect(pruneChannels(graph).graph).toBe(graph);
      const feeds = feedsFor(before, { N: 2 });
      const [expected, actual] = [(await run(before, feeds)).get("y"), (await run(graph, feeds)).get("y")];
      if (expected === undefined) throw new Error("there is an output y");
      const largest = Math.max(...Array.from(expected.data as Float32Array, Math.abs));
      // Sums of up to 600 products in another order, through up to ten layers: parts of the largest element.
      expect(difference("y", actual, expected, { rtol: 0, atol: 2e-5 * largest })).toBeNull();
    }),
    { numRuns: 150 * Number(process.env["STRIATE_RUNS"] ?? 1), seed: 5 },
  );
  expect(changed).toBeGreaterThan(75);
});
