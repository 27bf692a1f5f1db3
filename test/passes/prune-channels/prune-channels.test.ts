import { expect, test } from "vitest";
import type { GraphBuilder } from "../../../src/ir/builder.ts";
import type { Graph, Value } from "../../../src/ir/graph.ts";
import { tensorFrom } from "../../../src/ir/tensor-data.ts";
import { cost, optimize, pruneChannels } from "../../../src/passes/index.ts";
import { expectSameOutputs } from "../same-outputs.ts";
import { graphOf, vector, weights } from "./sparse-weights.ts";

/** Constants are added to biases once more, and sums of up to two hundred products leave out zeros. */
const rounding = { rtol: 1e-5, atol: 1e-5 };
/** The shapes of all values that nodes make, in order, without the batch. */
const shapesOf = ({ nodes }: Graph): readonly string[] =>
  nodes.map(({ opType, outputs }) => `${opType} ${outputs.map((v) => v?.type.shape.slice(1).join("x")).join(" ")}`);
const conv = (b: GraphBuilder, x: Value, w: Value, bias: Value | null = null, pad = 1, more: object = {}): Value =>
  b.add("Conv", [x, w, bias], { pads: [pad, pad, pad, pad], ...more });

test.each<readonly [string, Graph, readonly string[]]>([
  [
    "zero filters with a batch norm of zeros, through Relu and a pool into a padded convolution",
    graphOf((b, x) => {
      const first = conv(b, x, weights(b, [6, 3, 3, 3]));
      const gamma = vector(b, [1, 0, 2, 0, 0, -1]);
      const beta = vector(b, [0.5, 0, 0.1, 0, 0, 0.2]);
      const norm = b.add("BatchNormalization", [first, gamma, beta, vector(b, [1, 2, 3, 4, 5, 6]), vector(b, [1, 2, 1, 2, 1, 2])]);
      const pooled = b.add("MaxPool", [b.add("Relu", [norm])], { kernel_shape: [2, 2], strides: [2, 2] });
      return conv(b, pooled, weights(b, [4, 6, 3, 3]), vector(b, [1, 2, 3, 4]));
    }),
    ["Conv 3x8x8", "BatchNormalization 3x8x8", "Relu 3x8x8", "MaxPool 3x4x4", "Conv 4x4x4"],
  ],
  [
    "constants that are not zero, into the bias of a convolution without padding",
    graphOf((b, x) => {
      const first = conv(b, x, weights(b, [5, 3, 3, 3], { outputs: [1, 4] }), vector(b, [1, 0.7, 2, 3, -2]));
      return conv(b, b.add("LeakyRelu", [first], { alpha: 0.1 }), weights(b, [4, 5, 3, 3]), null, 0);
    }),
    ["Conv 3x8x8", "LeakyRelu 3x8x8", "Conv 4x6x6"],
  ],
  [
    "channels that the next convolution has no weights for, and what they alone are computed from",
    graphOf((b, x) => {
      const first = b.add("Sigmoid", [conv(b, x, weights(b, [4, 3, 1, 1]), null, 0)]);
      const second = b.add("Tanh", [
        conv(
          b,
          first,
          weights(b, [5, 4, 3, 3], {
            only: [
              [0, 1],
              [2, 3],
            ],
          }),
        ),
      ]);
      return conv(b, second, weights(b, [2, 5, 3, 3], { inputs: [0, 1, 4] }));
    }),
    // Of the first four channels, two are read by the filters 0 and 1 alone, and those by nobody.
    ["Conv 2x8x8", "Sigmoid 2x8x8", "Conv 2x8x8", "Tanh 2x8x8", "Conv 2x8x8"],
  ],
  [
    "a residual block whose branches are zero in the same channels",
    graphOf((b, x) => {
      const zero = { outputs: [1, 2] };
      const stem = b.add("Relu", [conv(b, x, weights(b, [4, 3, 3, 3], zero))]);
      const branch = conv(
        b,
        b.add("HardSwish", [conv(b, stem, weights(b, [6, 4, 3, 3], { outputs: [0] }))]),
        weights(b, [4, 6, 3, 3], zero),
      );
      return conv(b, b.add("Relu", [b.add("Add", [branch, stem])]), weights(b, [2, 4, 1, 1]), null, 0);
    }),
    ["Conv 2x8x8", "Relu 2x8x8", "Conv 5x8x8", "HardSwish 5x8x8", "Conv 2x8x8", "Add 2x8x8", "Relu 2x8x8", "Conv 2x8x8"],
  ],
  [
    "a depthwise convolution between two of one tap, with a multiplier",
    graphOf((b, x) => {
      const wide = b.add("Clip", [
        conv(b, x, weights(b, [4, 3, 1, 1], { outputs: [0, 3] }), null, 0),
        b.constant("float32", 0),
        b.constant("float32", 6),
      ]);
      const depth = b.add("Relu", [conv(b, wide, weights(b, [8, 1, 3, 3]), vector(b, [0, 0, 1, 2, 3, 4, 0, 0]), 1, { group: 4 })]);
      return conv(b, depth, weights(b, [2, 8, 1, 1]), null, 0);
    }),
    ["Conv 2x8x8", "Clip 2x8x8", "Conv 4x8x8", "Relu 4x8x8", "Conv 2x8x8"],
  ],
  [
    "groups of a convolution: a whole one, and one channel of each other",
    graphOf((b, x) => {
      const stem = conv(b, x, weights(b, [9, 3, 1, 1], { outputs: [0, 1, 2, 4, 8] }), null, 0);
      const grouped = conv(b, b.add("Relu", [stem]), weights(b, [6, 3, 3, 3], { outputs: [0, 1] }), null, 1, { group: 3 });
      return conv(b, grouped, weights(b, [2, 6, 1, 1]), null, 0);
    }),
    ["Conv 4x8x8", "Relu 4x8x8", "Conv 4x8x8", "Conv 2x8x8"],
  ],
  [
    "squeeze and excitation, with hidden units that nobody reads",
    graphOf((b, x) => {
      const stem = b.add("Relu", [conv(b, x, weights(b, [4, 3, 3, 3], { outputs: [2] }))]);
      const squeezed = conv(b, b.add("GlobalAveragePool", [stem]), weights(b, [3, 4, 1, 1]), vector(b, [1, 2, 3]), 0);
      const scale = conv(b, b.add("Relu", [squeezed]), weights(b, [4, 3, 1, 1], { inputs: [1] }), vector(b, [1, 2, 3, 4]), 0);
      return conv(b, b.add("Mul", [stem, b.add("HardSigmoid", [scale])]), weights(b, [2, 4, 3, 3]));
    }),
    [
      ...["Conv 3x8x8", "Relu 3x8x8", "GlobalAveragePool 3x1x1", "Conv 2x1x1", "Relu 2x1x1", "Conv 3x1x1"],
      ...["HardSigmoid 3x1x1", "Mul 3x8x8", "Conv 2x8x8"],
    ],
  ],
  [
    "Concat along channels, scaled by constants per channel",
    graphOf((b, x) => {
      const joined = b.add(
        "Concat",
        [conv(b, x, weights(b, [3, 3, 3, 3], { outputs: [0] })), conv(b, x, weights(b, [4, 3, 1, 1], { outputs: [1, 2] }), null, 0)],
        { axis: 1 },
      );
      const scaled = b.add("Mul", [b.tensor("s", tensorFrom("float32", [1, 7, 1, 1], [1, 2, 3, 4, 5, 6, 0])), joined]);
      return conv(b, scaled, weights(b, [2, 7, 3, 3]));
    }),
    ["Conv 2x8x8", "Conv 1x8x8", "Concat 3x8x8", "Mul 3x8x8", "Conv 2x8x8"],
  ],
  [
    "what a Slice and an unread part of a Split cut off",
    graphOf((b, x) => {
      const stem = conv(b, x, weights(b, [6, 3, 3, 3]));
      const bound = (n: number): Value => b.constant("int64", [n]);
      const cut = b.add("Slice", [stem, bound(1), bound(3), bound(1)]);
      const [part] = b.addMany("Split", [conv(b, x, weights(b, [6, 3, 3, 3])), b.constant("int64", [2, 4])], { axis: 1 }, 2);
      return b.add("Add", [cut, part ?? cut]);
    }),
    // All that the Slice still finds is what it takes: the next pass removes it.
    ["Conv 2x8x8", "Slice 2x8x8", "Conv 2x8x8", "Add 2x8x8"],
  ],
  [
    "channels out of order: a Slice with steps and a Gather",
    graphOf((b, x) => {
      const stem = conv(b, x, weights(b, [8, 3, 3, 3], { outputs: [2] }));
      const bound = (n: number): Value => b.constant("int64", [n]);
      const backwards = b.add("Slice", [stem, bound(-2), bound(-100), bound(1), bound(-2)]);
      const picked = b.add("Gather", [stem, b.constant("int64", [4, 0, 2, -8])], { axis: 1 });
      return conv(b, b.add("Concat", [backwards, picked], { axis: 1 }), weights(b, [2, 8, 1, 1]), null, 0);
    }),
    ["Conv 3x8x8", "Gather 3x8x8", "Gather 3x8x8", "Concat 6x8x8", "Conv 2x8x8"],
  ],
  [
    "Flatten and Reshape into Gemm, in blocks of columns, and hidden units of an MLP",
    graphOf((b, x) => {
      const stem = conv(b, x, weights(b, [3, 3, 8, 8], { outputs: [1] }), vector(b, [1, 0.5, 2]), 1);
      const flat = b.add("Flatten", [stem]);
      const hidden = b.add("Gemm", [flat, weights(b, [5, 27], { outputs: [4] }), vector(b, [1, 2, 3, 4, 0.3])], {
        transB: 1,
        alpha: 0.5,
        beta: 2,
      });
      const again = b.add("Reshape", [b.add("Tanh", [hidden]), b.constant("int64", [-1, 5, 1])]);
      const last = b.add("Reshape", [again, b.constant("int64", [0, -1])]);
      return b.add("Gemm", [last, weights(b, [5, 4], { rows: [0] }), vector(b, [0.1])]);
    }),
    ["Conv 2x3x3", "Flatten 18", "Gemm 3", "Tanh 3", "Reshape 3x1", "Reshape 3", "Gemm 4"],
  ],
  [
    "a Reshape to sizes that are computed, as exporters write a flattening",
    graphOf((b, x) => {
      const stem = b.add("Relu", [conv(b, x, weights(b, [4, 3, 8, 8], { outputs: [1, 3] }), null, 0)]);
      const batch = b.add("Gather", [b.add("Shape", [stem]), b.constant("int64", [0])]);
      const flat = b.add("Reshape", [stem, b.add("Concat", [batch, b.constant("int64", [-1])], { axis: 0 })]);
      return b.add("Gemm", [flat, weights(b, [4, 3])]);
    }),
    ["Conv 2x1x1", "Relu 2x1x1", "Reshape 2", "Gemm 3"],
  ],
  [
    "hidden units of a transformer's MLP, in the last axis",
    graphOf((b, x) => {
      const tokens = b.add("Transpose", [b.add("Reshape", [x, b.constant("int64", [0, 3, 64])])], { perm: [0, 2, 1] });
      const hidden = b.add("Add", [b.add("MatMul", [tokens, weights(b, [3, 6], { columns: [0, 5] })]), vector(b, [0.4, 1, 2, 3, 4, 0])]);
      return b.add("MatMul", [b.add("Softplus", [hidden]), weights(b, [6, 3], { rows: [2] })]);
    }),
    // The units that are constant come back as a bias.
    ["Reshape 3x64", "Transpose 64x3", "MatMul 64x3", "Add 64x3", "Softplus 64x3", "MatMul 64x3", "Add 64x3"],
  ],
  [
    "transposed convolutions, with and without groups",
    graphOf((b, x) => {
      const stem = b.add("Relu", [conv(b, x, weights(b, [4, 3, 3, 3], { outputs: [0] }))]);
      const up = b.add("ConvTranspose", [stem, weights(b, [4, 6, 2, 2], { columns: [1, 5] })], { strides: [2, 2] });
      const twice = b.add("ConvTranspose", [b.add("Elu", [up]), weights(b, [6, 2, 2, 2])], { strides: [2, 2], group: 2 });
      return conv(b, twice, weights(b, [2, 4, 3, 3]));
    }),
    // Channel 5 is in the other group than channel 1.
    ["Conv 3x8x8", "Relu 3x8x8", "ConvTranspose 4x16x16", "Elu 4x16x16", "ConvTranspose 4x32x32", "Conv 2x32x32"],
  ],
  [
    "resizing, padding, spatial means and a channel axis that moves to the end",
    graphOf((b, x) => {
      const stem = conv(b, x, weights(b, [4, 3, 3, 3], { outputs: [1] }));
      const up = b.add("Resize", [stem, null, null, b.constant("int64", [2, 4, 11, 11])], { mode: "linear" });
      const padded = b.add("Pad", [up, b.constant("int64", [0, 0, 1, 0, 0, 0, 0, 2])]);
      const nhwc = b.add("Transpose", [padded], { perm: [0, 2, 3, 1] });
      const mean = b.add("ReduceMean", [nhwc, b.constant("int64", [1, -2])], { keepdims: 0 });
      return b.add("MatMul", [b.add("PRelu", [mean, vector(b, [1, 2, 3, 4])]), weights(b, [4, 3])]);
    }, 2),
    ["Conv 3x8x8", "Resize 3x11x11", "Pad 3x12x13", "Transpose 12x13x3", "ReduceMean 3", "PRelu 3", "MatMul 3"],
  ],
])("pruned: %s", async (_, before, shapes) => {
  const { graph } = pruneChannels(before);
  expect(shapesOf(optimize(graph, "all", { until: "dead-code-elimination" }).graph)).toEqual(shapes);
  expect(graph.outputs.map((v) => v.type)).toEqual(before.outputs.map((v) => v.type));
  expect(pruneChannels(graph).graph).toBe(graph);
  await expectSameOutputs(before, graph, rounding, { sizes: { N: 2 } });
});

const held = (b: GraphBuilder, x: Value, pad = 1): Value =>
  conv(b, x, weights(b, [4, 3, 3, 3], { outputs: [2] }), vector(b, [1, 2, 0.5, 3]), pad);
test.each<readonly [string, Graph]>([
  [
    'channel 2 is constant (0.5), but Conv "next" pads with zeros, and takes no constant but zero',
    graphOf((b, x) => b.add("Conv", [held(b, x), weights(b, [2, 4, 3, 3])], { pads: [0, 0, 1, 0] }, { name: "next" })),
  ],
  [
    'channel 2 is constant (0.5), but ConvTranspose "next" has outputs that see unlike numbers of inputs, and takes no constant but zero',
    graphOf((b, x) => b.add("ConvTranspose", [held(b, x), weights(b, [4, 2, 3, 3])], {}, { name: "next" })),
  ],
  [
    'channel 2 is constant (0.5), but Add "sum" joins constant channels with others',
    graphOf((b, x) =>
      conv(
        b,
        b.add("Add", [held(b, x), conv(b, x, weights(b, [4, 3, 1, 1]), null, 0)], {}, { name: "sum" }),
        weights(b, [2, 4, 1, 1]),
        null,
        0,
      ),
    ),
  ],
  [
    'channel 2 is constant (0.5), but Conv "next" reads what is no longer constant there',
    graphOf((b, x) => {
      const pooled = b.add("AveragePool", [held(b, x)], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 });
      return b.add("Conv", [pooled, weights(b, [2, 4, 1, 1])], {}, { name: "next" });
    }),
  ],
  [
    'channel 2 is constant (0), but Conv "next" reads what is no longer constant there',
    graphOf((b, x) => {
      const stem = conv(b, x, weights(b, [4, 3, 3, 3], { outputs: [2] }));
      return b.add("Conv", [b.add("Log", [b.add("Abs", [stem])]), weights(b, [2, 4, 1, 1])], {}, { name: "next" });
    }),
  ],
  ['channel 2 is constant (0.5), but "y" is an output of the graph', graphOf((b, x) => held(b, x))],
  [
    'channel 2 is constant (0.5), but Softmax "s" takes its input as it is: it is no op of single channels',
    graphOf((b, x) => conv(b, b.add("Softmax", [held(b, x)], { axis: 1 }, { name: "s" }), weights(b, [2, 4, 1, 1]), null, 0)),
  ],
  [
    'channel 2 is constant (0.5), but the groups of Conv "g" have to be of one size',
    graphOf((b, x) =>
      conv(b, b.add("Conv", [held(b, x), weights(b, [4, 2, 1, 1])], { group: 2 }, { name: "g" }), weights(b, [2, 4, 1, 1]), null, 0),
    ),
  ],
  [
    'channel 0 is constant (0.5), but "Conv" cannot be left without channels',
    graphOf((b, x) =>
      conv(
        b,
        b.add("Relu", [conv(b, x, weights(b, [1, 3, 1, 1], { outputs: [0] }), vector(b, [0.5]), 0)], {}, { name: "Relu" }),
        weights(b, [2, 1, 1, 1]),
        null,
        0,
      ),
    ),
  ],
])("refused: %s", (reason, before) => {
  const { graph, skipped } = pruneChannels(before);
  expect(graph).toBe(before);
  expect(skipped.map((skip) => skip.reason)).toContain(reason);
});

test("a tensor of constants keeps one channel, with the reason", async () => {
  const before = graphOf((b, x) => {
    const stem = conv(b, x, weights(b, [4, 3, 3, 3], { outputs: [0, 1, 2, 3] }), null, 1);
    return conv(b, b.add("Relu", [stem]), weights(b, [2, 4, 3, 3]), vector(b, [1, 2]));
  });
  const { graph, skipped } = pruneChannels(before);
  expect(shapesOf(graph)).toEqual(["Conv 1x8x8", "Relu 1x8x8", "Conv 2x8x8"]);
  expect(skipped.map(({ reason }) => reason)).toContain('channel 0 is constant (0), but "Conv" cannot be left without channels');
  await expectSameOutputs(before, graph, rounding, { sizes: { N: 2 } });
});

test("a change that is not accepted is not made, and the others are", async () => {
  const before = graphOf((b, x) => {
    const first = b.add("Conv", [x, weights(b, [4, 3, 1, 1], { outputs: [0] })], {}, { name: "first" });
    const second = b.add("Conv", [first, weights(b, [4, 4, 1, 1], { outputs: [1] })], {}, { name: "second" });
    return b.add("Conv", [second, weights(b, [2, 4, 1, 1])], {}, { name: "third" });
  });
  const { graph, applied } = pruneChannels(before, { accept: ({ node }) => node !== "first" });
  expect(applied.map(({ node }) => node)).toEqual(["second"]);
  expect(shapesOf(graph)).toEqual(["Conv 4x8x8", "Conv 3x8x8", "Conv 2x8x8"]);
  await expectSameOutputs(before, graph, rounding, { sizes: { N: 2 } });
});

test("the work that is left is counted", () => {
  const before = graphOf((b, x) => conv(b, conv(b, x, weights(b, [4, 3, 3, 3], { outputs: [0, 1] })), weights(b, [2, 4, 3, 3])));
  // 64 places, 9 taps: 3 by 4 and 4 by 2 channels become 3 by 2 and 2 by 2.
  expect([before, pruneChannels(before).graph].map((graph) => cost(graph).macs)).toEqual([`${64 * 9 * 20}*N`, `${64 * 9 * 10}*N`]);
});
