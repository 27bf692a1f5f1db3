import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Graph, Value } from "../../../src/ir/graph.ts";
import { parseGraph } from "../../../src/ir/parse-text.ts";
import { numbersOf, type TensorData, tensorFrom } from "../../../src/ir/tensor-data.ts";
import { copyGraph, freeInitializers, mapped, type TrainingGraph, toTraining } from "../../../src/passes/index.ts";
import { run } from "../same-outputs.ts";

const numbers = (tensor: TensorData | undefined): readonly number[] => (tensor === undefined ? [] : (numbersOf(tensor) ?? []));

/** The training graph with its updates as outputs `<name>.next`. */
function withUpdates({ graph, updates }: TrainingGraph): Graph {
  const b = new GraphBuilder(graph.name);
  const map = copyGraph(b, graph);
  for (const output of graph.outputs) b.output(mapped(map, output), output.name);
  for (const [running, next] of updates) b.output(mapped(map, next), `${running.name}.next`);
  return b.build();
}

const normalized = (shape: string): Graph =>
  parseGraph(`
    G(x: float32${shape}, mean: float32[2], variance: float32[2]) -> (y: float32${shape}) {
      scale = float32[2] {2, 1}
      bias = float32[2] {0, 10}
      %y = BatchNormalization(x, scale, bias, mean, variance) {epsilon = 0, momentum = 0.75} : float32${shape}
    }`);
const batch = new Map([
  ["x", tensorFrom("float32", [3, 2, 1, 1], [1, 0, 2, 0, 6, 3])],
  ["mean", tensorFrom("float32", [2], [4, 8])],
  ["variance", tensorFrom("float32", [2], [1, 1])],
]);

test.each([
  ["numbers", "[3, 2, 1, 1]"],
  ["symbols", "[N, 2, H, W]"],
])("batch norm uses the batch and follows it with the unbiased variance, sizes being %s", async (_, shape) => {
  const training = toTraining(normalized(shape));
  expect(training.usesSeed).toBe(false);
  expect([...training.updates.keys()].map((v) => v.name)).toEqual(["mean", "variance"]);
  const results = await run(withUpdates(training), batch);
  // Channel 0 holds 1, 2, 6: mean 3, variance 14/3, unbiased 7. Channel 1 holds 0, 0, 3: mean 1, variance 2, unbiased 3.
  const deviation = [Math.sqrt(14 / 3), Math.sqrt(2)] as const;
  const expected = [-2 / deviation[0], -1 / deviation[1], -1 / deviation[0], -1 / deviation[1], 3 / deviation[0], 2 / deviation[1]];
  numbers(results.get("y")).forEach((y, i) => {
    expect(y).toBeCloseTo(i % 2 === 0 ? 2 * (expected[i] ?? 0) : 10 + (expected[i] ?? 0), 5);
  });
  expect(numbers(results.get("mean.next"))).toEqual([3.75, 6.25]);
  expect(numbers(results.get("variance.next"))).toEqual([2.5, 1.5]);
});

test("a batch of one value per channel has no unbiased variance, and the running one shrinks towards 0", async () => {
  const one = new Map([...batch, ["x", tensorFrom("float32", [1, 2, 1, 1], [5, 6])]]);
  const results = await run(withUpdates(toTraining(normalized("[N, 2, H, W]"))), one);
  expect(numbers(results.get("variance.next"))).toEqual([0.75, 0.75]);
});

test("a batch norm that two places share is updated by both, in order", async () => {
  const graph = parseGraph(`
    G(x: float32[2, 1], mean: float32[1], variance: float32[1]) -> (y: float32[2, 1]) {
      one = float32[1] {1}
      ten = float32[] {10}
      %a = BatchNormalization(x, one, one, mean, variance) {momentum = 0.5} : float32[2, 1]
      %x2 = Add(x, ten) : float32[2, 1]
      %b = BatchNormalization(%x2, one, one, mean, variance) {momentum = 0.5} : float32[2, 1]
      %y = Add(%a, %b) : float32[2, 1]
    }`);
  const results = await run(
    withUpdates(toTraining(graph)),
    new Map([
      ["x", tensorFrom("float32", [2, 1], [1, 3])],
      ["mean", tensorFrom("float32", [1], [0])],
      ["variance", tensorFrom("float32", [1], [1])],
    ]),
  );
  // 0 -> (0 + 2) / 2 = 1 -> (1 + 12) / 2 = 6.5
  expect(numbers(results.get("mean.next"))).toEqual([6.5]);
});

test("statistics of a graph from a file are updated once its initializers are inputs, and a frozen one stays", () => {
  const graph = parseGraph(`
    G(x: float32[N, 1]) -> (y: float32[N, 1]) {
      one = float32[1] {1}
      mean = float32[1] {1}
      variance = float32[1] {1}
      %bn1 = BatchNormalization(x, one, one, mean, variance) : float32[N, 1]
      %y = Dropout "drop"(%bn1) : float32[N, 1]
    }`);
  const freed = freeInitializers(graph, new Set(["mean", "variance"]));
  expect([...toTraining(freed).updates.keys()].map((v: Value) => v.name)).toEqual(["mean", "variance"]);
  expect(toTraining(freed, { keepInference: (node) => node.name === "bn1" }).updates.size).toBe(0);
  expect(toTraining(graph, { keepInference: () => true }).graph).toBe(graph);
});

const dropped = parseGraph(`
  G(x: float32[N, 1000]) -> (y: float32[N, 1000], z: float32[N, 1000]) {
    ratio = float32[] {0.25}
    %y = Dropout "d1"(x, ratio) : float32[N, 1000]
    %z = Dropout "d2"(x, ratio) : float32[N, 1000]
  }`);
const drawn = (seed: number, step: number): Promise<ReadonlyMap<string, TensorData>> =>
  run(
    toTraining(dropped).graph,
    new Map([
      [
        "x",
        tensorFrom(
          "float32",
          [2, 1000],
          Array.from({ length: 2000 }, () => 3),
        ),
      ],
      ["seed", tensorFrom("int64", [], [seed])],
      ["step", tensorFrom("int64", [], [step])],
    ]),
  );

test("dropout drops its share, scales the rest, and draws the same for the same seed and step alone", async () => {
  expect(toTraining(dropped).usesSeed).toBe(true);
  const first = await drawn(1, 1);
  const y = numbers(first.get("y"));
  expect(new Set(y)).toEqual(new Set([0, 4]));
  // 2000 draws of probability 1/4: four standard deviations are 77.
  expect(Math.abs(y.filter((v) => v === 0).length - 500)).toBeLessThan(77);
  expect(numbers((await drawn(1, 1)).get("y"))).toEqual(y);
  expect(numbers(first.get("z"))).not.toEqual(y);
  expect(numbers((await drawn(1, 2)).get("y"))).not.toEqual(y);
  expect(numbers((await drawn(2, 1)).get("y"))).not.toEqual(y);
});
