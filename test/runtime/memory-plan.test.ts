/** The plan against onnxruntime's own allocator, which counts what it is asked for. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { resnet50 } from "../../models/resnet.ts";
import { simpleCnn } from "../../models/simple-cnn.ts";
import { vit } from "../../models/vit.ts";
import { buildInference, compileTraining, crossEntropy, sgd } from "../../src/index.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph, Value } from "../../src/ir/graph.ts";
import { type TensorData, tensorFrom } from "../../src/ir/tensor-data.ts";
import { eliminateDeadCode, optimize, substituteShapes } from "../../src/passes/index.ts";
import { executedGraphOf, type MemoryPlan, measuredPeak, planMemory, type SessionOptions } from "../../src/runtime/index.ts";

const opset = 18;
const threads = 1;

/** Without what kernels allocate for themselves: the allocator is asked after each kernel. */
function peakOfBuffers({ buffers }: MemoryPlan): number {
  const moments = new Set(buffers.map(({ from }) => from));
  return Math.max(
    0,
    ...[...moments].map((t) => buffers.filter(({ from, to }) => from <= t && t <= to).reduce((sum, { bytes }) => sum + bytes, 0)),
  );
}
async function both(
  graph: Graph,
  feeds: Readonly<Record<string, TensorData>>,
  session: SessionOptions = {},
): Promise<readonly [number, number]> {
  const options = { ...session, intraOpThreads: threads };
  const { executed } = await executedGraphOf(graph, opset, options);
  const plan = planMemory(executed, { threads });
  expect(plan.unknown).toEqual([]);
  return [peakOfBuffers(plan), await measuredPeak(graph, { opset, feeds, session: options })];
}
/** What it holds does not matter for memory. */
const filled = (shape: readonly number[]): TensorData =>
  tensorFrom("float32", shape, new Array<number>(shape.reduce((a, d) => a * d, 1)).fill(0.5));

const unary = [
  "Abs", "Ceil", "Elu", "Erf", "Exp", "HardSigmoid", "Identity", "LeakyRelu", "LogSoftmax", "Neg", "Reciprocal",
  "Relu", "Sigmoid", "Softmax", "Softplus", "Sqrt", "Tanh",
] as const; // biome-ignore format: one list
const binary = ["Add", "Div", "Max", "Mul", "Sub"] as const;

test.each([...unary, ...binary])("%s takes memory as the plan says", async (op) => {
  const b = new GraphBuilder("one");
  const x = b.input("x", { dtype: "float32", shape: [1, 4, 16, 16] });
  // Inputs that nobody else reads, and that are no graph inputs: the op may write over them. The concatenations may not be written over.
  const [left, right] = [0, 1].map((axis) => b.add("Concat", [x], { axis: axis + 1 }));
  const arguments_ = binary.some((name) => name === op) ? [left ?? x, right ?? x] : [left ?? x];
  b.output(b.add("ReduceMax", [b.add("Concat", [b.add(op, arguments_), x], { axis: 0 })]), "y");
  const [planned, measured] = await both(b.build(), { x: filled([1, 4, 16, 16]) }, { graphOptimization: "none" });
  expect(planned).toBe(measured);
});

const shape = [1, 8, 8, 8] as const;
const steps = fc.array(fc.tuple(fc.nat(8), fc.nat(100), fc.nat(100)), { minLength: 3, maxLength: 18 });
function graphOf(steps: readonly (readonly [kind: number, left: number, right: number])[]): Graph {
  const b = new GraphBuilder("random");
  const values: Value[] = [b.input("x", { dtype: "float32", shape: [...shape] })];
  const weight = b.initializer("w", filled([8, 8, 3, 3]));
  const pick = (i: number): Value => values[i % values.length] ?? b.constant("float32", 0);
  const made: readonly ((x: Value, y: Value) => Value)[] = [
    (x) => b.add("Conv", [x, weight], { pads: [1, 1, 1, 1] }),
    (x, y) => b.add("Add", [x, y]),
    (x) => b.add("Relu", [x]),
    (x) => b.add("Sigmoid", [x]),
    (x) => b.add("MaxPool", [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    (x) => b.add("Reshape", [b.add("Reshape", [x, b.constant("int64", [8, 64])]), b.constant("int64", [1, 8, 8, 8])]),
    (x) => b.add("Transpose", [x], { perm: [0, 1, 3, 2] }),
    (x, y) =>
      b.add("Slice", [b.add("Concat", [x, y], { axis: 1 }), b.constant("int64", [4]), b.constant("int64", [12]), b.constant("int64", [1])]),
    (x) => b.add("Softmax", [x], { axis: -1 }),
  ];
  for (const [kind, i, j] of steps) values.push(made[kind % made.length]?.(pick(i), pick(j)) ?? pick(i));
  b.output(values.at(-1) ?? pick(0), "y");
  // The passes leave no dead node to onnxruntime, which would run it.
  return eliminateDeadCode(b.build()).graph;
}

/** Two transposes that onnxruntime takes out around a slice of the channels, which is then an op of its own making. */
const sliceOfChannels: readonly (readonly [number, number, number])[] = [
  [6, 0, 0],
  [7, 1, 1],
  [6, 2, 0],
  [1, 0, 3],
];
test("random graphs take memory as the plan says, as they are and as onnxruntime rewrites them", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom("none" as const, "basic" as const, "all" as const), async (made, graphOptimization) => {
      const [planned, measured] = await both(graphOf(made), { x: filled(shape) }, { graphOptimization });
      expect(planned).toBe(measured);
    }),
    { numRuns: 40, examples: [[sliceOfChannels, "all"]] },
  );
}, 60_000);

test("a training step takes memory as the plan says", async () => {
  const batch = 4;
  const { graph, state } = compileTraining(simpleCnn(), {
    shapes: { input: [batch, 1, 28, 28] },
    loss: crossEntropy(),
    optimizer: sgd({ lr: 0.1, momentum: 0.9 }),
  });
  const feeds = {
    ...Object.fromEntries(state),
    input: filled([batch, 1, 28, 28]),
    target: tensorFrom("int64", [batch], [0, 1, 2, 3]),
    learning_rate: tensorFrom("float32", [], [0.1]),
  };
  const [planned, measured] = await both(
    graph,
    Object.fromEntries(
      graph.inputs.map(({ name }) => [name, Object.entries(feeds).find(([key]) => key === name)?.[1] ?? expect.fail(name)]),
    ),
  );
  expect(planned).toBe(measured);
});

test("a small vision transformer takes memory as the plan says, with products and sums that onnxruntime makes into others", async () => {
  const { graph } = buildInference(vit({ imageSize: 32, hiddenDim: 64, numHeads: 4, numLayers: 2, mlpDim: 256 }));
  const sized = optimize(substituteShapes(graph, new Map([["input", [2, 3, 32, 32]]]))).graph;
  const [planned, measured] = await both(sized, { input: filled([2, 3, 32, 32]) });
  expect(planned).toBe(measured);
});

test("ResNet-50 takes memory as the plan says, as onnxruntime fuses and blocks it", async () => {
  const { graph } = buildInference(resnet50(), { shapes: { input: [1, 3, 224, 224] } });
  const options = { intraOpThreads: threads };
  const { executed } = await executedGraphOf(graph, opset, options);
  const { peakBytes, patternBytes } = planMemory(executed, { threads });
  const measured = await measuredPeak(graph, { opset, feeds: { input: filled([1, 3, 224, 224]) }, session: options });
  // 20 % is what is promised. Where this was written they are equal; kernels of other machines work in other blocks.
  expect(Math.abs(peakBytes / measured - 1)).toBeLessThan(0.2);
  expect(patternBytes).toBeGreaterThanOrEqual(peakBytes);
}, 60_000);

test("im2col counts for convolutions that are not pointwise, for each thread that takes an image", async () => {
  const b = new GraphBuilder("conv");
  const x = b.input("x", { dtype: "float32", shape: [4, 8, 16, 16] });
  const w = b.input("w", { dtype: "float32", shape: [16, 8, 3, 3] });
  b.output(b.add("Conv", [x, w], { pads: [1, 1, 1, 1] }), "y");
  const { executed } = await executedGraphOf(b.build(), opset);
  const scratch = (n: number): number => planMemory(executed, { threads: n }).scratchBytes;
  // 16 x 16 positions of 8 x 3 x 3 floats each, as MLAS sizes its working buffer.
  expect([scratch(1), scratch(2), scratch(64)]).toEqual([1, 2, 4].map((calls) => calls * 256 * 72 * 4));
});
