import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import ort from "onnxruntime-node";
import { adam, add, batchNorm2d, conv2d, crossEntropy, defineModel, dropout, flatten, linear, maxPool2d, relu, scope, sgd } from "striate";
import { expect, test } from "vitest";
import { simpleCnn } from "../../../models/simple-cnn.ts";
import { parseModel, writeModel } from "../../../src/codegen/index.ts";
import { type CompiledTraining, compileTraining, type TrainingOptions } from "../../../src/compile/index.ts";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { isCompileError } from "../../../src/ir/diagnostic.ts";
import type { Graph, Value } from "../../../src/ir/graph.ts";
import { verify } from "../../../src/ir/verify.ts";
import { differentiate, executionOrder, lower, peakMemory, recomputeWithin } from "../../../src/passes/index.ts";
import { runTraining } from "../../support/run-training.ts";
import { expectSameOutputs, numbersFrom } from "../same-outputs.ts";

/** Residual blocks with batch norm, and a dropout: what a recomputation has to get right. */
const net = defineModel({
  name: "Net",
  inputs: { input: ["N", 3, 16, 16] },
  forward: ({ input }) => {
    const conv = (name: string) => ({ outChannels: 16, kernelSize: 3, padding: 1, name }) as const;
    const stem = relu(conv2d(input, conv("stem")));
    const first = scope("block1", () => relu(add(batchNorm2d(conv2d(stem, conv("conv")), { name: "bn" }), stem)));
    const second = scope("block2", () => relu(add(batchNorm2d(conv2d(dropout(first, 0.3), conv("conv")), { name: "bn" }), first)));
    const third = scope("block3", () => relu(batchNorm2d(conv2d(second, conv("conv")), { name: "bn" })));
    return { logits: linear(flatten(maxPool2d(third, { kernelSize: 8 })), { outFeatures: 3, name: "fc" }) };
  },
});
const options: TrainingOptions = { loss: crossEntropy(), optimizer: sgd({ lr: 0.1, momentum: 0.9 }), seed: 3 };
const at = (n: number) => ({ shapes: { input: [n, 3, 16, 16] } }) as const;
const noSizes = new Map<string, number>();
const batches = [1, 2, 3].map((seed) => ({
  input: { dtype: "float32", shape: [8, 3, 16, 16], data: Float32Array.from(numbersFrom(seed, 8 * 3 * 256)) } as const,
  target: { dtype: "int64", shape: [8], data: BigInt64Array.from([0n, 2n, 1n, 2n, 0n, 1n, 2n, 0n]) } as const,
}));
const again = (graph: Graph) => graph.nodes.filter(({ name }) => name.endsWith("/again"));
/** The least that a net can be brought to, from the error that says so. */
function leastOf(compile: (budget: number) => CompiledTraining): number {
  try {
    compile(1);
  } catch (error) {
    const help = isCompileError(error) ? error.diagnostics[0]?.help : undefined;
    return Number(/raise the budget to (\d+) bytes/.exec(help ?? "")?.[1]);
  }
  throw new Error("a budget of one byte was met");
}

test("a step within a budget trains bit by bit like one without, and needs no more than the budget", async () => {
  const plain = compileTraining(net, { ...options, ...at(8) });
  const peak = peakMemory(plain.graph, noSizes);
  const within = (budget: number) => compileTraining(net, { ...options, ...at(8), memory: { budget } });
  const least = leastOf(within);
  expect(least).toBeLessThan(0.9 * peak);
  const expected = await runTraining(plain, 0.1, batches);
  for (const budget of [Math.ceil(0.95 * peak), least]) {
    const compiled = within(budget);
    expect(peakMemory(compiled.graph, noSizes)).toBeLessThanOrEqual(budget);
    expect(verify(compiled.graph)).toEqual([]);
    expect(compiled.report.find(({ pass }) => pass === "recompute")?.applied.length).toBe(again(compiled.graph).length);
    // Three steps with dropout; onnxruntime optimises as it likes.
    expect(await runTraining(compiled, 0.1, batches)).toEqual(expected);
  }
});

test("a budget that is met already changes nothing", () => {
  const plain = compileTraining(net, { ...options, ...at(8) });
  const { graph } = compileTraining(net, { ...options, ...at(8), memory: { budget: peakMemory(plain.graph, noSizes) } });
  expect(again(graph)).toEqual([]);
});

test("a budget holds for the size that an open batch is taken as", async () => {
  const plain = compileTraining(net, options);
  const sizes = { N: 8 };
  const peak = peakMemory(plain.graph, new Map(Object.entries(sizes)));
  const held = compileTraining(net, { ...options, memory: { budget: Math.ceil(0.8 * peak), sizes } });
  expect(peakMemory(held.graph, new Map(Object.entries(sizes)))).toBeLessThanOrEqual(0.8 * peak);
  expect(held.graph.inputs[0]?.type.shape).toEqual(["N", 3, 16, 16]);
  expect(await runTraining(held, 0.1, batches)).toEqual(await runTraining(plain, 0.1, batches));
});

test("a scope that is marked keeps its inputs and outputs only, and trains alike", async () => {
  const plain = compileTraining(net, { ...options, ...at(8) });
  const marked = compileTraining(net, { ...options, ...at(8), memory: { recompute: ["block*"] } });
  expect(again(marked.graph).map(({ name }) => name)).toEqual(expect.arrayContaining(["block1.conv/again", "block2.conv/again"]));
  expect(again(marked.graph).filter(({ name }) => !name.startsWith("block"))).toEqual([]);
  // What other scopes read is kept: block2 reads the end of block1.
  expect(again(marked.graph).map(({ name }) => name)).not.toContain("block1.relu/again");
  expect(await runTraining(marked, 0.1, batches)).toEqual(await runTraining(plain, 0.1, batches));
});

test("Adam's step of a net without norms trains alike within a budget", async () => {
  const own = { ...options, optimizer: adam(), shapes: { input: [8, 1, 28, 28] } } as const;
  const images = batches.map(({ target }, i) => ({
    input: { dtype: "float32", shape: [8, 1, 28, 28], data: Float32Array.from(numbersFrom(i + 9, 8 * 784)) } as const,
    target,
  }));
  const plain = compileTraining(simpleCnn(), own);
  const least = leastOf((budget) => compileTraining(simpleCnn(), { ...own, memory: { budget } }));
  expect(least).toBeLessThanOrEqual(peakMemory(plain.graph, noSizes));
  const held = compileTraining(simpleCnn(), { ...own, memory: { budget: least } });
  expect(await runTraining(held, 1e-3, images)).toEqual(await runTraining(plain, 1e-3, images));
});

test("onnxruntime neither merges second runs with the first nor runs them before the values they wait for", async () => {
  const compiled = compileTraining(net, { ...options, ...at(8), memory: { recompute: ["block*"] } });
  const folder = mkdtempSync(join(tmpdir(), "striate-"));
  try {
    for (const level of ["disabled", "basic"] as const) {
      const path = join(folder, `${level}.onnx`);
      const session = await ort.InferenceSession.create(compiled.bytes, { graphOptimizationLevel: level, optimizedModelFilePath: path });
      await session.release();
      const { graph } = parseModel(readFileSync(path));
      const order = executionOrder(graph);
      const convolutions = order.flatMap(({ outputs }, i) => (/^block\d\.conv\/again$/.test(outputs[0]?.name ?? "") ? [i] : []));
      const forwardEnd = order.findIndex(({ opType }) => opType === "LogSoftmax");
      expect(forwardEnd).toBeGreaterThan(0);
      expect(convolutions.length).toBe(3);
      for (const convolution of convolutions) expect(convolution).toBeGreaterThan(forwardEnd);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("scopes of names that other tools give are found too", async () => {
  const b = new GraphBuilder("G");
  let x = b.input("x", { dtype: "float32", shape: [4, 64] });
  for (const name of ["/block1/a/Tanh", "/block1/b/Tanh", "/block2/a/Tanh", "/block2/b/Tanh"]) x = b.add("Tanh", [x], {}, { name });
  b.output(b.add("ReduceSum", [x], { keepdims: 0 }), "y");
  const before = lower(differentiate(b.build()), { opset: 18, provider: "portable" });
  const after = recomputeWithin(before, { memory: { recompute: (scope) => scope === "/block1" } }).graph;
  expect(again(after).map(({ name }) => name)).toContain("/block1/a/Tanh/again");
  expect(again(after).filter(({ name }) => !name.startsWith("/block1/"))).toEqual([]);
  await expectSameOutputs(before, after, { rtol: 0, atol: 0 });
});

const program = fc.array(fc.record({ op: fc.constantFrom("relu", "tanh", "conv", "add", "mul", "pool"), x: fc.nat(), y: fc.nat() }), {
  minLength: 6,
  maxLength: 24,
});
/** A random net of [2, 4, 8, 8] tensors, with its gradient. */
function randomStep(list: typeof program extends fc.Arbitrary<infer T> ? T : never): Graph {
  const b = new GraphBuilder("G");
  const w = b.input("w", { dtype: "float32", shape: [4, 4, 3, 3] });
  const values: Value[] = [b.input("x", { dtype: "float32", shape: [2, 4, 8, 8] })];
  const pick = (i: number): Value => values[Math.max(0, values.length - 1 - (i % (2 * values.length)))] ?? w;
  for (const { op, x, y } of list) {
    const [a, c] = [pick(x), pick(y)];
    if (op === "conv") values.push(b.add("Conv", [a, w], { pads: [1, 1, 1, 1] }));
    else if (op === "pool") values.push(b.add("MaxPool", [a], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }));
    else if (op === "add" || op === "mul") values.push(b.add(op === "add" ? "Add" : "Mul", [b.add("Tanh", [a]), c]));
    else values.push(b.add(op === "relu" ? "Relu" : "Tanh", [a]));
  }
  b.output(b.add("Tanh", [values.at(-1) ?? w]), "y");
  return lower(differentiate(b.build()), { opset: 18, provider: "portable" });
}

test("random graphs keep every bit of their outputs under any budget, and their peak falls or stays", async () => {
  await fc.assert(
    fc.asyncProperty(program, fc.double({ min: 0.3, max: 1, noNaN: true }), async (list, part) => {
      const before = randomStep(list);
      const peak = peakMemory(before, noSizes);
      let after = before;
      try {
        after = recomputeWithin(before, { memory: { budget: part * peak } }).graph;
        expect(peakMemory(after, noSizes)).toBeLessThanOrEqual(part * peak);
      } catch (error) {
        const least = isCompileError(error) ? Number(/to (\d+) bytes/.exec(error.diagnostics[0]?.help ?? "")?.[1]) : Number.NaN;
        expect(least).toBeLessThanOrEqual(peak);
        expect(least).toBeGreaterThan(part * peak);
        after = recomputeWithin(before, { memory: { budget: least } }).graph;
        expect(peakMemory(after, noSizes)).toBeLessThanOrEqual(least);
      }
      await expectSameOutputs(before, after, { rtol: 0, atol: 0 });
      // The file's own text says the same: types are inferred anew as it is read.
      expect(parseModel(writeModel(after, { opset: 18 })).graph.nodes.length).toBe(after.nodes.length);
    }),
    { numRuns: 20, seed: 11 },
  );
});

const failure = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    if (!isCompileError(error)) throw error;
    return error.diagnostics.map(({ code, message, help }) => `${code}: ${message}\n${help}`).join("\n");
  }
  throw new Error("nothing was thrown");
};

test("what cannot be met, or judged, is told with what can", () => {
  expect(failure(() => compileTraining(net, { ...options, memory: { budget: 1e6 } }))).toBe(
    `memory-budget: memory budget: how much memory the step needs depends on the size of N
fix it with --shape, as in --shape input=32,3,224,224, or judge by one with --assume N=32 (in the API: memory.sizes)`,
  );
  expect(failure(() => compileTraining(net, { ...options, ...at(8), memory: { budget: 1e4 } }))).toMatch(
    /^memory-budget: memory budget: the step needs at least \d\.\d MB, with all the recomputation that helps \(\d\.\d MB without\), but the budget is 0\.0 MB\nraise the budget to \d+ bytes, or make the batch smaller$/,
  );
  expect(failure(() => compileTraining(net, { ...options, ...at(8), memory: { recompute: ["layer1.*"] } }))).toBe(
    `unknown-name: recompute: the patterns fit no scope of the model
scopes are block1, block2, block3, fc, flatten, loss, maxPool2d, relu, sgd, stem, and those within them`,
  );
  expect(failure(() => compileTraining(net, { ...options, ...at(8), memory: { budget: 1e9 }, optimize: "none" }))).toBe(
    `memory-budget: memory: recomputation is an optimisation, and the level is none
optimise at the level "exact", which keeps every bit`,
  );
  expect(failure(() => compileTraining(net, { ...options, memory: { budget: Number.NaN } }))).toBe(
    `memory-budget: memory: the budget is NaN, wanted bytes above 0
undefined`,
  );
});
