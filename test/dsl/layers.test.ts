/** What layers compute, on onnxruntime, against PyTorch's documentation and values worked out by hand. */
import {
  adaptiveAvgPool2d,
  adaptiveMaxPool2d,
  avgPool2d,
  buffer,
  chunk,
  clamp,
  concat,
  conv2d,
  convTranspose2d,
  defineModel,
  div,
  elu,
  expand,
  flatten,
  gelu,
  hardSigmoid,
  hardSwish,
  init,
  interpolate,
  layerNorm,
  layers,
  leakyRelu,
  linear,
  logSoftmax,
  maxPool2d,
  multiHeadAttention,
  pad,
  parameter,
  permute,
  prelu,
  relu6,
  reshape,
  scope,
  sequential,
  sigmoid,
  silu,
  slice,
  softmax,
  softplus,
  split,
  stack,
  sub,
  type Tensor,
  tanh,
  trace,
  unsqueeze,
  upsample,
} from "striate";
import { describe, expect, test } from "vitest";
import { runGraph } from "../support/run-graph.ts";
import { count, expectClose, run, tensor } from "../support/run-layer.ts";

describe("activations", () => {
  // The values of torch.nn.functional at -1, 0, 1 and 7.
  const x = tensor([1, 1, 1, 4], [-1, 0, 1, 7]);
  test.each<[name: string, layer: (x: Tensor<[number, number, number, number]>) => Tensor<unknown>, values: readonly number[]]>([
    ["relu6", relu6, [0, 0, 1, 6]],
    ["leakyRelu", leakyRelu, [-0.01, 0, 1, 7]],
    ["elu", elu, [-0.63212056, 0, 1, 7]],
    ["gelu", gelu, [-0.15865525, 0, 0.84134475, 7]],
    ["gelu with tanh", (y) => gelu(y, { approximate: "tanh" }), [-0.158808, 0, 0.841192, 7]],
    ["silu", silu, [-0.26894142, 0, 0.73105858, 6.9936226]],
    ["sigmoid", sigmoid, [0.26894142, 0.5, 0.73105858, 0.99908895]],
    ["tanh", tanh, [-0.76159416, 0, 0.76159416, 0.99999834]],
    ["softplus", softplus, [0.31326169, Math.LN2, 1.3132617, 7.0009115]],
    ["softplus with beta 2", (y) => softplus(y, { beta: 2 }), [0.063464, Math.LN2 / 2, 1.063464, 7.0000004]],
    ["hardSigmoid", hardSigmoid, [1 / 3, 0.5, 2 / 3, 1]],
    ["hardSwish", hardSwish, [-1 / 3, 0, 2 / 3, 7]],
    ["prelu", prelu, [-0.25, 0, 1, 7]],
    ["clamp", (y) => clamp(y, { min: -0.5, max: 3 }), [-0.5, 0, 1, 3]],
    ["softmax", (y) => softmax(y, -1), [3.3427e-4, 9.0866e-4, 2.47e-3, 0.99628711]],
    ["logSoftmax", (y) => logSoftmax(y, 3), [-8.0037196, -7.0037196, -6.0037196, -0.0037196]],
  ])("%s", async (_, layer, values) => {
    expectClose(await run(x, layer), [1, 1, 1, 4], values);
  });
  test("prelu of a weight for each channel", async () => {
    const y = await run(tensor([1, 2, 1, 2], [-1, 1, -1, 1]), (x) => prelu(x, { numParameters: 2, name: "p" }), {
      "p.weight": tensor([2], [0.5, 2]),
    });
    expectClose(y, [1, 2, 1, 2], [-0.5, 1, -2, 1]);
  });
});

describe("convolutions and pools", () => {
  test("padding same puts the odd zero behind, as PyTorch does", async () => {
    const y = await run(
      tensor([1, 1, 1, 4], [1, 2, 3, 4]),
      (x) => conv2d(x, { outChannels: 1, kernelSize: [1, 2], padding: "same", bias: false, name: "c" }),
      {
        "c.weight": tensor([1, 1, 1, 2], [1, 10]),
      },
    );
    expectClose(y, [1, 1, 1, 4], [21, 32, 43, 4]);
  });
  test("a transposed convolution of stride 2 spreads its kernel", async () => {
    const y = await run(
      tensor([1, 1, 1, 2], [1, 2]),
      (x) => convTranspose2d(x, { outChannels: 1, kernelSize: [1, 2], stride: [1, 2], bias: false, name: "c" }),
      {
        "c.weight": tensor([1, 1, 1, 2], [1, 10]),
      },
    );
    expectClose(y, [1, 1, 1, 4], [1, 10, 2, 20]);
  });
  const row = tensor([1, 1, 1, 5], [1, 2, 3, 4, 5]);
  test("ceil mode counts a last window that starts inside the input", async () => {
    expectClose(await run(row, (x) => maxPool2d(x, { kernelSize: [1, 2], stride: [1, 2], ceilMode: true })), [1, 1, 1, 3], [2, 4, 5]);
    expectClose(await run(row, (x) => maxPool2d(x, { kernelSize: [1, 2], stride: [1, 2] })), [1, 1, 1, 2], [2, 4]);
  });
  test("the padding of an average counts unless it is told not to", async () => {
    expectClose(
      await run(row, (x) => avgPool2d(x, { kernelSize: [1, 2], stride: [1, 2], padding: [0, 1] })),
      [1, 1, 1, 3],
      [0.5, 2.5, 4.5],
    );
    const y = await run(row, (x) => avgPool2d(x, { kernelSize: [1, 2], stride: [1, 2], padding: [0, 1], countIncludePad: false }));
    expectClose(y, [1, 1, 1, 3], [1, 2.5, 4.5]);
  });
  test("adaptive cells of a size that is not divided overlap, as PyTorch's do", async () => {
    // Cells of 7: 0-2, 2-4, 4-6.
    expectClose(await run(tensor([1, 1, 1, 7], [1, 2, 3, 4, 5, 6, 7]), (x) => adaptiveAvgPool2d(x, [1, 3])), [1, 1, 1, 3], [2, 4, 6]);
    // Rows 0-1 and 1-2, columns 0-1 and 1-2 of 3x3.
    expectClose(await run(tensor([1, 1, 3, 3], count(9)), (x) => adaptiveAvgPool2d(x, 2)), [1, 1, 2, 2], [2, 3, 5, 6]);
  });
  test("adaptive cells of a size that is divided are plain windows", async () => {
    const x = tensor([1, 1, 4, 4], count(16));
    expectClose(await run(x, (y) => adaptiveAvgPool2d(y, 2)), [1, 1, 2, 2], [2.5, 4.5, 10.5, 12.5]);
    expectClose(await run(x, (y) => adaptiveMaxPool2d(y, 2)), [1, 1, 2, 2], [5, 7, 13, 15]);
    expectClose(await run(x, (y) => adaptiveAvgPool2d(y, 1)), [1, 1, 1, 1], [7.5]);
    expectClose(await run(x, (y) => adaptiveMaxPool2d(y, 1)), [1, 1, 1, 1], [15]);
    expectClose(await run(x, (y) => adaptiveAvgPool2d(y, [4, 1])), [1, 1, 4, 1], [1.5, 5.5, 9.5, 13.5]);
  });
});

describe("resizing", () => {
  // The examples of torch.nn.Upsample's documentation.
  const x = tensor([1, 1, 2, 2], [1, 2, 3, 4]);
  test("nearest", async () => {
    expectClose(await run(x, (y) => upsample(y, { scaleFactor: 2 })), [1, 1, 4, 4], [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
  });
  test("bilinear", async () => {
    const wanted = [1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4];
    expectClose(await run(x, (y) => upsample(y, { scaleFactor: 2, mode: "bilinear" })), [1, 1, 4, 4], wanted);
    expectClose(await run(x, (y) => interpolate(y, { size: 4, mode: "bilinear" })), [1, 1, 4, 4], wanted);
  });
  test("bilinear with aligned corners", async () => {
    const thirds = [3, 4, 5, 6, 5, 6, 7, 8, 7, 8, 9, 10, 9, 10, 11, 12];
    expectClose(
      await run(x, (y) => upsample(y, { scaleFactor: 2, mode: "bilinear", alignCorners: true })),
      [1, 1, 4, 4],
      thirds.map((v) => v / 3),
    );
  });
});

describe("movement", () => {
  const x = tensor([1, 2, 1, 3], count(6));
  test("pad begins at the last axis, as torch.nn.functional.pad", async () => {
    expectClose(await run(x, (y) => pad(y, [1, 0], { value: 9 })), [1, 2, 1, 4], [9, 0, 1, 2, 9, 3, 4, 5]);
    expectClose(await run(x, (y) => pad(y, [1, 1], { mode: "reflect" })), [1, 2, 1, 5], [1, 0, 1, 2, 1, 4, 3, 4, 5, 4]);
    expectClose(await run(x, (y) => pad(y, [-1, 0])), [1, 2, 1, 2], [1, 2, 4, 5]);
  });
  test("slices and pieces", async () => {
    expectClose(await run(x, (y) => slice(y, 3, { start: 1 })), [1, 2, 1, 2], [1, 2, 4, 5]);
    expectClose(await run(x, (y) => slice(y, -1, { step: 2 })), [1, 2, 1, 2], [0, 2, 3, 5]);
    expectClose(await run(x, (y) => concat(split(y, [1, 2], 3).toReversed() as never, 3)), [1, 2, 1, 3], [1, 2, 0, 4, 5, 3]);
    expectClose(await run(x, (y) => chunk(y, 2, 3)[1] ?? y), [1, 2, 1, 1], [2, 5]);
  });
  test("reordered, stacked, expanded and reshaped", async () => {
    expectClose(await run(x, (y) => permute(y, [0, 3, 1, 2])), [1, 3, 2, 1], [0, 3, 1, 4, 2, 5]);
    expectClose(await run(x, (y) => stack([y, sub(y, 1)], 1)), [1, 2, 2, 1, 3], [...count(6), -1, 0, 1, 2, 3, 4]);
    expectClose(await run(tensor([1, 1, 1, 2], [1, 2]), (y) => expand(y, [2, -1, 1, 2])), [2, 1, 1, 2], [1, 2, 1, 2]);
    expectClose(await run(x, (y) => reshape(y, [3, -1])), [3, 2], count(6));
    expectClose(await run(x, (y) => unsqueeze(flatten(y, 0), 0)), [1, 6], count(6));
  });
  test("a reshape keeps a symbolic batch and reads symbolic sizes from the axes that have them", async () => {
    const model = trace(
      defineModel({ name: "m", inputs: { x: ["N", "H", 4] }, forward: ({ x: y }) => ({ y: reshape(y, ["H", 2, "N", 2]) }) }),
    );
    const { y } = await runGraph(model.graph, { x: tensor([2, 3, 4], count(24)) });
    expect(y?.shape).toEqual([3, 2, 2, 2]);
  });
});

describe("layers with parameters", () => {
  test("layer normalisation over the last two axes", async () => {
    const y = await run(tensor([1, 2, 1, 2], [0, 2, 5, 5]), (x) => layerNorm(x, { normalizedShape: [1, 2], eps: 0 }));
    expect(y.values.slice(0, 2)).toEqual([-1, 1]);
  });
  test("attention gives equal tokens back through the identity", async () => {
    // Every token is the same, so whatever the weights, attention mixes equal values.
    const identity = tensor([2, 2], [1, 0, 0, 1]);
    const state = {
      "a.in_proj_weight": tensor([6, 2], [1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1]),
      "a.in_proj_bias": tensor([6], [0, 0, 0, 0, 0, 0]),
      "a.out_proj.weight": identity,
      "a.out_proj.bias": tensor([2], [0, 1]),
    };
    const tokens = tensor([1, 1, 3, 2], [1, 2, 1, 2, 1, 2]);
    const body = (x: Tensor<[number, number, number, number]>) => reshape(x, [1, 3, 2]);
    expectClose(
      await run(tokens, (x) => multiHeadAttention(body(x), body(x), body(x), { numHeads: 2, name: "a" }), state),
      [1, 3, 2],
      [1, 3, 1, 3, 1, 3],
    );
  });
  test("attention of one tensor is that of three equal ones", async () => {
    const tokens = tensor(
      [1, 1, 4, 6],
      count(24).map((i) => Math.sin(i)),
    );
    const shared = await run(tokens, (x) => {
      const y = reshape(x, [1, 4, 6]);
      return multiHeadAttention(y, y, y, { numHeads: 3, name: "a" });
    });
    const cross = await run(tokens, (x) =>
      multiHeadAttention(reshape(x, [1, 4, 6]), reshape(x, [1, 4, 6]), reshape(x, [1, 4, 6]), { numHeads: 3, name: "a" }),
    );
    expectClose(cross, [1, 4, 6], shared.values);
  });
  test("sequential names its layers by their place, and scopes nest", () => {
    const block = sequential(
      layers.conv2d({ outChannels: 2, kernelSize: 1 }),
      layers.relu(),
      sequential(layers.batchNorm2d(), layers.linear({ outFeatures: 3 })),
    );
    const model = defineModel({ name: "m", inputs: { x: ["N", 3, 4, 4] }, forward: ({ x }) => scope("features", () => block(x)) });
    expect(trace(model).parameters.map((p) => p.name)).toEqual([
      "features.0.weight",
      "features.0.bias",
      "features.2.0.weight",
      "features.2.0.bias",
      "features.2.0.running_mean",
      "features.2.0.running_var",
      "features.2.1.weight",
      "features.2.1.bias",
    ]);
  });
  test("layers without a name are called like their function", () => {
    const model = defineModel({
      name: "m",
      inputs: { x: ["N", 4] },
      forward: ({ x }) => div(linear(linear(x, { outFeatures: 4 }), { outFeatures: 4, bias: false }), 2),
    });
    expect(trace(model).parameters.map((p) => p.name)).toEqual(["linear.weight", "linear.bias", "linear_1.weight"]);
  });
  test("parameters and buffers of one's own", () => {
    const model = defineModel({
      name: "m",
      inputs: { x: ["N", 4] },
      forward: ({ x }) =>
        scope("head", () =>
          concat([x, expand(parameter("token", [1, 4], { init: init.ones() }), ["N", 4]), expand(buffer("mean", [1, 4]), ["N", 4])], 1),
        ),
    });
    const { parameters, outputs } = trace(model);
    expect(parameters.map(({ name, role }) => [name, role])).toEqual([
      ["head.token", "parameter"],
      ["head.mean", "buffer"],
    ]);
    expect(outputs[0]?.value.type.shape).toEqual(["N", 12]);
  });
});
