/** Layers over sequences and volumes, asymmetric padding, norms by group, embedding and pixel shuffling, on onnxruntime against values worked out from PyTorch's definitions. */
import {
  adaptiveAvgPool1d,
  avgPool1d,
  avgPool3d,
  batchNorm1d,
  batchNorm3d,
  chunk,
  concat,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose3d,
  defineModel,
  embedding,
  expectShape,
  groupNorm,
  instanceNorm2d,
  interpolate,
  layers,
  maxPool1d,
  maxPool3d,
  mul,
  pixelShuffle,
  pixelUnshuffle,
  reshape,
  sequential,
  type Tensor,
  trace,
  view,
} from "striate";
import { describe, expect, test } from "vitest";
import { runGraph } from "../support/run-graph.ts";
import { count, expectClose, run, tensor } from "../support/run-layer.ts";

type Sequence = [number, number, number];
type Volume = [number, number, number, number, number];
const sequence = tensor([1, 1, 5], [1, 2, 3, 4, 5]);
const weights = (shape: readonly number[], values: readonly number[]) => ({ "l.weight": tensor(shape, values) });

describe("sequences", () => {
  test("conv1d pads both ends by their own number", async () => {
    const conv = (x: Tensor<Sequence>) => conv1d(x, { outChannels: 1, kernelSize: 2, padding: [1, 0], bias: false, name: "l" });
    // 10 x[i] + x[i - 1].
    expectClose(await run<Sequence>(sequence, conv, weights([1, 1, 2], [1, 10])), [1, 1, 5], [10, 21, 32, 43, 54]);
  });
  test("convTranspose1d spreads its kernel by the stride", async () => {
    const conv = (x: Tensor<Sequence>) => convTranspose1d(x, { outChannels: 1, kernelSize: 2, stride: 2, bias: false, name: "l" });
    const y = await run<Sequence>(tensor([1, 1, 2], [1, 2]), conv, weights([1, 1, 2], [1, 10]));
    expectClose(y, [1, 1, 4], [1, 10, 2, 20]);
  });
  test("pools, ceil mode and adaptive cells", async () => {
    expectClose(await run<Sequence>(sequence, (x) => maxPool1d(x, { kernelSize: 2 })), [1, 1, 2], [2, 4]);
    expectClose(await run<Sequence>(sequence, (x) => maxPool1d(x, { kernelSize: 2, ceilMode: true })), [1, 1, 3], [2, 4, 5]);
    expectClose(await run<Sequence>(sequence, (x) => avgPool1d(x, { kernelSize: 3, stride: 1 })), [1, 1, 3], [2, 3, 4]);
    expectClose(await run<Sequence>(sequence, (x) => adaptiveAvgPool1d(x, 2)), [1, 1, 2], [2, 4]);
    expectClose(await run<Sequence>(sequence, (x) => adaptiveAvgPool1d(x, 1)), [1, 1, 1], [3]);
    expectClose(await run<Sequence>(sequence, (x) => adaptiveAvgPool1d(x, 5)), [1, 1, 5], [1, 2, 3, 4, 5]);
  });
  test("batchNorm1d takes features and sequences", async () => {
    const state = { "l.running_mean": tensor([2], [1, 2]), "l.running_var": tensor([2], [4, 1]) };
    const norm = (x: Tensor<[number, 2]>) => batchNorm1d(x, { eps: 0, name: "l" });
    expectClose(await run<[number, 2]>(tensor([2, 2], [1, 2, 5, 3]), norm, state), [2, 2], [0, 0, 2, 1]);
    const sequenceNorm = (x: Tensor<[number, 2, number]>) => batchNorm1d(x, { eps: 0, name: "l" });
    expectClose(await run<[number, 2, number]>(tensor([1, 2, 2], [1, 5, 2, 3]), sequenceNorm, state), [1, 2, 2], [0, 2, 0, 1]);
  });
});

describe("volumes", () => {
  const volume = tensor([1, 1, 2, 2, 2], count(8));
  test("conv3d sums over depth, height and width", async () => {
    const conv = (x: Tensor<Volume>) => conv3d(x, { outChannels: 1, kernelSize: [2, 1, 2], bias: false, name: "l" });
    // x[0, h, 0] + 10 x[0, h, 1] + 100 x[1, h, 0] + 1000 x[1, h, 1].
    expectClose(await run<Volume>(volume, conv, weights([1, 1, 2, 1, 2], [1, 10, 100, 1000])), [1, 1, 1, 2, 1], [5410, 7632], 1e-3);
  });
  test("convTranspose3d repeats a voxel by its kernel", async () => {
    const conv = (x: Tensor<Volume>) =>
      convTranspose3d(x, { outChannels: 1, kernelSize: [1, 1, 2], stride: [1, 1, 2], bias: false, name: "l" });
    const y = await run<Volume>(tensor([1, 1, 1, 1, 2], [3, 4]), conv, weights([1, 1, 1, 1, 2], [1, 2]));
    expectClose(y, [1, 1, 1, 1, 4], [3, 6, 4, 8]);
  });
  test("pools and batch normalisation", async () => {
    expectClose(await run<Volume>(volume, (x) => maxPool3d(x, { kernelSize: [2, 1, 2] })), [1, 1, 1, 2, 1], [5, 7]);
    expectClose(await run<Volume>(volume, (x) => avgPool3d(x, { kernelSize: 2 })), [1, 1, 1, 1, 1], [3.5]);
    const state = { "l.running_mean": tensor([1], [1]), "l.running_var": tensor([1], [4]) };
    const norm = (x: Tensor<[number, 1, number, number, number]>) => batchNorm3d(x, { eps: 0, name: "l" });
    const y = await run<[number, 1, number, number, number]>(volume, norm, state);
    expectClose(y, [1, 1, 2, 2, 2], [-0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3]);
  });
});

describe("images", () => {
  test("conv2d pads the four sides by their own numbers", async () => {
    const conv = (x: Tensor<[number, number, number, number]>) =>
      conv2d(x, {
        outChannels: 1,
        kernelSize: 2,
        padding: [
          [1, 0],
          [0, 1],
        ],
        bias: false,
        name: "l",
      });
    const y = await run(tensor([1, 1, 2, 2], [1, 2, 3, 4]), conv, weights([1, 1, 2, 2], [1000, 100, 10, 1]));
    // A row of zeros above, a column of zeros to the right.
    expectClose(y, [1, 1, 2, 2], [12, 20, 1234, 2040], 1e-3);
  });
  test("groupNorm standardises each group, instanceNorm2d each channel", async () => {
    const x = tensor([1, 4, 1, 2], [0, 2, 4, 6, 10, 10, 20, 20]);
    const grouped = await run(x, (y) => groupNorm(y, { numGroups: 2, eps: 0 }));
    // Groups 0 2 4 6 (mean 3, variance 5) and 10 10 20 20 (mean 15, variance 25).
    const s = Math.sqrt(5);
    expectClose(grouped, [1, 4, 1, 2], [-3 / s, -1 / s, 1 / s, 3 / s, -1, -1, 1, 1]);
    const single = await run(tensor([1, 2, 1, 2], [0, 2, 10, 30]), (y) => instanceNorm2d(y, { eps: 0 }));
    expectClose(single, [1, 2, 1, 2], [-1, 1, -1, 1]);
    const state = { "l.weight": tensor([2], [2, 3]), "l.bias": tensor([2], [0, 1]) };
    const affine = await run(tensor([1, 2, 1, 2], [0, 2, 10, 30]), (y) => instanceNorm2d(y, { eps: 0, affine: true, name: "l" }), state);
    expectClose(affine, [1, 2, 1, 2], [-2, 2, -2, 4]);
  });
  test("groupNorm works at sizes that only run time knows", async () => {
    const forward = ({ x }: { x: Tensor<["N", 4, "H", "W"]> }) => ({ y: groupNorm(x, { numGroups: 2, name: "l" }) });
    const { graph } = trace(defineModel({ name: "m", inputs: { x: ["N", 4, "H", "W"] }, forward }));
    const feeds = { "l.weight": tensor([4], [1, 1, 1, 1]), "l.bias": tensor([4], [0, 0, 0, 0]), x: tensor([2, 4, 3, 5], count(120)) };
    expect((await runGraph(graph, feeds))["y"]?.shape).toEqual([2, 4, 3, 5]);
  });
  test("pixelShuffle deals channels out to squares of pixels, and pixelUnshuffle takes them back", async () => {
    const x = tensor([1, 4, 1, 2], count(8));
    expectClose(await run(x, (y) => pixelShuffle(y, 2)), [1, 1, 2, 4], [0, 2, 1, 3, 4, 6, 5, 7]);
    expectClose(await run(x, (y) => pixelUnshuffle(pixelShuffle(y, 2), 2)), [1, 4, 1, 2], count(8));
    const forward = ({ y }: { y: Tensor<["N", 8, "2*H", "2*W"]> }) => ({ z: pixelUnshuffle(mul(pixelShuffle(y, 2), 1), 4) });
    const { graph } = trace(defineModel({ name: "m", inputs: { y: ["N", 8, "2*H", "2*W"] }, forward }));
    expect((await runGraph(graph, { y: tensor([2, 8, 4, 6], count(384)) }))["z"]?.shape).toEqual([2, 32, 2, 3]);
  });
  test("interpolate by a half takes every second pixel", async () => {
    expectClose(await run(tensor([1, 1, 1, 5], [1, 2, 3, 4, 5]), (x) => interpolate(x, { scaleFactor: [1, 0.5] })), [1, 1, 1, 2], [1, 3]);
  });
  test("view is reshape, and chunk gives exact pieces", async () => {
    const x = tensor([1, 5, 1, 2], count(10));
    expectClose(await run(x, (y) => view(y, [2, -1])), [2, 5], count(10));
    const pieces = (y: Tensor<[1, 5, 1, 2]>) => {
      const [first, second] = chunk(y, 2, 1);
      return concat([reshape(second, [4]), reshape(first, [6])], 0);
    };
    expectClose(await run<[1, 5, 1, 2]>(x, pieces), [10], [6, 7, 8, 9, 0, 1, 2, 3, 4, 5]);
  });
});

test("the layer values of these layers compose, with exact types", () => {
  const decoder = sequential(
    layers.convTranspose2d({ outChannels: 16, kernelSize: 4, stride: 2, padding: 1 }),
    layers.groupNorm({ numGroups: 4 }),
    layers.relu(),
    layers.pixelShuffle(2),
    layers.instanceNorm2d(),
    layers.upsample({ scaleFactor: 2 }),
  );
  const model = defineModel({
    name: "m",
    inputs: { x: ["N", 8, "H", 6] },
    forward({ x }) {
      const y = decoder(x);
      expectShape(y, ["N", 4, "8*H", 48]);
      return { y };
    },
  });
  expect(trace(model).parameters.map(({ name }) => name)).toEqual(["0.weight", "0.bias", "1.weight", "1.bias"]);
});

test("embedding gives a row of its table for each index", async () => {
  const model = defineModel({
    name: "m",
    inputs: { ids: { shape: ["N", 2], dtype: "int64" } },
    forward: ({ ids }) => ({ y: embedding(ids, { numEmbeddings: 3, embeddingDim: 2, name: "table" }) }),
  });
  const ids = { dtype: "int64", shape: [1, 2], data: BigInt64Array.from([2n, 0n]) } as const;
  const { y } = await runGraph(trace(model).graph, { ids, "table.weight": tensor([3, 2], [0, 1, 2, 3, 4, 5]) });
  expect(y?.shape).toEqual([1, 2, 2]);
  expect(Array.from((y?.data ?? []) as Float32Array)).toEqual([4, 5, 0, 1]);
});
